//! The recorded answers of the engine that Zeebe uses: `feel-cases.jsonl`.

use std::collections::BTreeMap;

use feel::{Environment, Evaluation, TimeZone, Value};
use serde_json::Value as Json;

const CASES: &str = include_str!("../feel-cases.jsonl");
const KNOWN_DIFFERENCES: &str = include_str!("../known-differences.txt");

#[test]
fn answers_are_as_recorded() {
    let known: BTreeMap<&str, &str> = KNOWN_DIFFERENCES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("an id and a reason"))
        .collect();
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in CASES.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        count += 1;
        match (difference(&case), known.contains_key(id)) {
            (Some(difference), false) => {
                wrong.push(format!("{id}: {}\n    {difference}", case["expression"]));
            }
            (None, true) => wrong.push(format!("{id}: as recorded, so it is no known difference")),
            _ => {}
        }
    }
    assert_eq!(count, 823, "the cases are all there");
    assert!(
        known.len() * 100 < count,
        "more than one in a hundred differs"
    );
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// How the answer differs from the recorded one: in its value, its type, the kinds of its
/// warnings, or the kind of its failure.
fn difference(case: &Json) -> Option<String> {
    let expect = &case["expect"];
    let answered = match answer(case) {
        Err(error) => {
            let refused = expect["kind"] == "parse" && expect["error"] == error.as_str();
            return (!refused).then(|| format!("recorded {expect}\n    answered {error}"));
        }
        Ok(evaluation) => evaluation,
    };
    let warnings: Vec<String> = answered
        .warnings
        .iter()
        .map(|w| w.kind.to_string())
        .collect();
    let same = match &answered.result {
        Ok(value) => {
            expect["ok"] == true
                && expect["type"] == type_of(value)
                && plain(value) == Value::from_json(&expect["value"].to_string()).unwrap()
                && case["warnings"] == Json::from(warnings)
        }
        Err(_) => expect["kind"] == "evaluation",
    };
    (!same).then(|| {
        format!(
            "recorded {expect} {}\n    answered {answered:?}",
            case["warnings"]
        )
    })
}

fn answer(case: &Json) -> Result<Evaluation, String> {
    let expression = case["expression"].as_str().unwrap();
    let context = super::context(&case["context"].to_string());
    let env = environment(&case["now"]);
    if case["op"] == "unary" {
        let input = Value::from_json(&case["input"].to_string()).unwrap();
        let tests = feel::parse_unary_tests(expression).map_err(|e| e.to_string())?;
        return Ok(tests.evaluate(&input, &context, &env));
    }
    let expression = feel::parse_expression(expression).map_err(|e| e.to_string())?;
    Ok(expression.evaluate(&context, &env))
}

/// All recorded clocks have a zone in brackets.
fn environment(now: &Json) -> Environment {
    let Some(now) = now.as_str() else {
        return Environment::utc(0);
    };
    let instant = feel::parse_date_time(now).unwrap().instant_ms().unwrap();
    let (_, zone) = now.split_once('[').unwrap();
    let time_zone = TimeZone::named(zone.trim_end_matches(']')).unwrap();
    Environment {
        time_zone,
        ..Environment::utc(instant)
    }
}

/// Temporal values as their text, as they are recorded.
fn plain(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::list(items.iter().map(plain)),
        Value::Context(map) => Value::context(map.iter().map(|(key, value)| (key, plain(value)))),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::String(_) => value.clone(),
        Value::Function(_) => Value::Null,
        other => other.to_string().into(),
    }
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
