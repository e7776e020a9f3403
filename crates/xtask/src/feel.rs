//! `xtask feel`: answers FEEL questions, one JSON line each, with this project's engine.
//!
//! The lines are those of a judge that compares FEEL engines: `{"op": "feel", "expression": ..,
//! "context": {..}, "now": ..}` or `{"op": "unary", "input": .., ..}`. It knows nothing of FEEL
//! itself.

use std::io::{BufRead, Write};

use anyhow::{Context as _, Result, bail};
use feel::{Environment, Evaluation, TimeZone, Value, ValueContext};
use serde_json::{Map, Value as Json, json, value::RawValue};

/// Reads questions line by line and writes an answer for each, in order.
///
/// # Errors
/// If reading or writing fails; a line that is no question is answered with `"kind": "oracle"`.
pub(crate) fn run(input: impl BufRead, mut output: impl Write) -> Result<()> {
    for (number, line) in input.lines().enumerate() {
        let line = line.with_context(|| format!("reading line {} of the questions", number + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let question: Result<Json, _> = serde_json::from_str(&line);
        let mut answer = match question.as_ref().map_err(ToString::to_string) {
            Ok(question) => {
                answer(question).unwrap_or_else(|error| refusal("oracle", &format!("{error:#}")))
            }
            Err(error) => refusal("oracle", &error),
        };
        if let Ok(question) = question
            && let Some(id) = question.get("id")
        {
            answer.insert("id".to_owned(), id.clone());
        }
        serde_json::to_writer(&mut output, &answer).context("writing an answer")?;
        output.write_all(b"\n").context("writing an answer")?;
    }
    output.flush().context("writing the answers")
}

fn answer(question: &Json) -> Result<Map<String, Json>> {
    let text = |name: &str| {
        question[name]
            .as_str()
            .with_context(|| format!("'{name}' must be a string"))
    };
    let expression = text("expression")?;
    let context = variables(&question["context"])?;
    let env = environment(&question["now"])?;
    let evaluation = match question["op"].as_str() {
        None | Some("feel") => {
            feel::parse_expression(expression).map(|e| e.evaluate(&context, &env))
        }
        Some("unary") => {
            let input = value(&question["input"])?;
            feel::parse_unary_tests(expression).map(|tests| tests.evaluate(&input, &context, &env))
        }
        Some(other) => bail!("unknown op '{other}': only 'feel' and 'unary' are answered"),
    };
    match evaluation {
        Ok(evaluation) => described(&evaluation),
        Err(error) => Ok(refusal("parse", &error.to_string())),
    }
}

fn refusal(kind: &str, error: &str) -> Map<String, Json> {
    fields([
        ("ok", false.into()),
        ("kind", kind.into()),
        ("error", error.into()),
    ])
}

fn fields<const N: usize>(fields: [(&str, Json); N]) -> Map<String, Json> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn value(json: &Json) -> Result<Value> {
    Ok(Value::from_json(&json.to_string())?)
}

fn variables(context: &Json) -> Result<ValueContext> {
    match context {
        Json::Null => Ok(ValueContext::new()),
        Json::Object(variables) => variables
            .iter()
            .map(|(name, json)| Ok((name.clone(), value(json)?)))
            .collect(),
        _ => bail!("'context' must be an object"),
    }
}

/// The clock stands at `now`, a date and time with an offset, and a zone in brackets if it is
/// to be seen from there; else at the epoch.
fn environment(now: &Json) -> Result<Environment> {
    let Some(now) = now.as_str() else {
        return Ok(Environment::utc(0));
    };
    let instant = feel::parse_date_time(now).and_then(|at| at.instant_ms());
    let instant = instant.with_context(|| format!("'now' is not a date and time: '{now}'"))?;
    let zone = match now.split_once('[') {
        Some((_, zone)) => zone.trim_end_matches(']'),
        None if now.ends_with('Z') => "Z",
        None => now.get(now.len().saturating_sub(6)..).unwrap_or(now),
    };
    let time_zone = TimeZone::named(zone).with_context(|| format!("unknown time zone '{zone}'"))?;
    Ok(Environment {
        time_zone,
        ..Environment::utc(instant)
    })
}

fn described(evaluation: &Evaluation) -> Result<Map<String, Json>> {
    let warnings = evaluation.warnings.iter();
    let warnings: Json = warnings
        .map(|w| json!({"type": w.kind.to_string(), "message": w.message}))
        .collect();
    let mut answer = match &evaluation.result {
        Ok(value) => {
            let mut answer = fields([
                ("ok", true.into()),
                ("value", plain(value)?),
                ("type", type_of(value).into()),
            ]);
            if matches!(
                value,
                Value::Number(_) | Value::Range(_) | Value::Function(_)
            ) {
                answer.insert("text".to_owned(), value.to_string().into());
            }
            answer
        }
        Err(failure) => refusal("evaluation", &failure.message),
    };
    answer.insert("warnings".to_owned(), warnings);
    Ok(answer)
}

/// Numbers with all their digits, everything that JSON doesn't have as its text.
fn plain(value: &Value) -> Result<Json> {
    Ok(match value {
        Value::Null | Value::Function(_) => Json::Null,
        Value::Boolean(b) => (*b).into(),
        Value::Number(n) => serde_json::to_value(RawValue::from_string(n.to_plain())?)?,
        Value::String(s) => (&**s).into(),
        Value::List(items) => items.iter().map(plain).collect::<Result<_>>()?,
        Value::Context(map) => {
            let entry = |(key, value): (&str, &Value)| Ok((key.to_owned(), plain(value)?));
            Json::Object(map.iter().map(entry).collect::<Result<_>>()?)
        }
        other => other.to_string().into(),
    })
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "list",
        Value::Context(_) => "context",
        Value::Date(_) => "date",
        Value::Time(_) => "time",
        Value::DateTime(_) => "date-time",
        Value::DaysTimeDuration(_) => "days-time-duration",
        Value::YearsMonthsDuration(_) => "years-months-duration",
        Value::Range(_) => "range",
        Value::Function(_) => "function",
    }
}
