//! Evaluating the model's expressions in a scope, and saying what was wrong in Zeebe's words.

use super::incident::Fault;
use crate::command::Variables;
use crate::context::Context;
use crate::event::ErrorType;
use crate::key::{Key, Timestamp};
use crate::state::ElementInstances;
use bpmn::process::Text;
use feel::{Environment, Evaluation, Expression, Value, Warning};
use std::fmt::Write as _;
use std::sync::Arc;

/// The variables that a scope sees, and a few that only this evaluation has.
struct Scope<'a> {
    instances: &'a ElementInstances,
    key: Key,
    extra: &'a [(&'static str, Value)],
}

impl feel::Context for Scope<'_> {
    fn variable(&self, name: &str) -> Option<Value> {
        if let Some((_, value)) = self.extra.iter().find(|(extra, _)| *extra == name) {
            return Some(value.clone());
        }
        let local = self.instances.variable(self.key, name)?;
        // A stored variable was JSON when it came in; if not, it is as good as absent.
        Value::from_json(&local.value).ok()
    }
}

/// Evaluates in the scope of an element instance.
pub(crate) fn evaluate(ctx: &Context<'_>, scope: Key, expression: &Expression) -> Evaluation {
    evaluate_with(ctx, scope, expression, &[])
}

/// Evaluates with variables that only this evaluation has.
pub(crate) fn evaluate_with(
    ctx: &Context<'_>,
    scope: Key,
    expression: &Expression,
    extra: &[(&'static str, Value)],
) -> Evaluation {
    let scope = Scope {
        instances: ctx.state().element_instances(),
        key: scope,
        extra,
    };
    let mut environment = Environment::utc(ctx.now().0);
    environment.seed = ctx.state().last_position().0;
    expression.evaluate(&scope, &environment)
}

/// The value, or a fault of this type when the evaluation itself failed.
pub(crate) fn value(evaluation: Evaluation, error_type: ErrorType) -> Result<Value, Fault> {
    let warnings = with_warnings(&evaluation.warnings);
    evaluation
        .result
        .map_err(|failure| Fault::new(error_type, format!("{}{warnings}", failure.message)))
}

/// A condition: true or false, and nothing else.
pub(crate) fn condition(
    ctx: &Context<'_>,
    scope: Key,
    expression: &Expression,
    extra: &[(&'static str, Value)],
) -> Result<bool, Fault> {
    let evaluation = evaluate_with(ctx, scope, expression, extra);
    if let Ok(Value::Boolean(value)) = evaluation.result {
        return Ok(value);
    }
    Err(unexpected(evaluation, expression, "BOOLEAN"))
}

/// A text: as it stands, or an expression that gives a string.
pub(crate) fn string(ctx: &Context<'_>, scope: Key, text: &Text) -> Result<Arc<str>, Fault> {
    match text {
        Text::Static(text) => Ok(Arc::clone(text)),
        Text::Expression(expression) => {
            let evaluation = evaluate(ctx, scope, expression);
            match evaluation.result {
                Ok(Value::String(text)) => Ok(text),
                _ => Err(unexpected(evaluation, expression, "STRING")),
            }
        }
    }
}

/// A number of retries.
pub(crate) fn retries(ctx: &Context<'_>, scope: Key, text: &Text) -> Result<i32, Fault> {
    match text {
        Text::Static(text) => text.trim().parse().map_err(|_| {
            Fault::extract(format!("Expected a number of retries, but was '{text}'."))
        }),
        Text::Expression(expression) => {
            let evaluation = evaluate(ctx, scope, expression);
            let number = match &evaluation.result {
                Ok(value) => value.as_i64().and_then(|number| i32::try_from(number).ok()),
                Err(_) => None,
            };
            number.ok_or_else(|| unexpected(evaluation, expression, "NUMBER"))
        }
    }
}

/// A list.
pub(crate) fn list(
    ctx: &Context<'_>,
    scope: Key,
    expression: &Expression,
) -> Result<Vec<Value>, Fault> {
    let evaluation = evaluate(ctx, scope, expression);
    if let Ok(value) = &evaluation.result
        && let Some(items) = value.as_list()
    {
        return Ok(items.to_vec());
    }
    Err(unexpected(evaluation, expression, "ARRAY"))
}

/// A correlation key: a string, or a number as text.
pub(crate) fn correlation_key(
    ctx: &Context<'_>,
    scope: Key,
    expression: &Expression,
) -> Result<Arc<str>, Fault> {
    let evaluation = evaluate(ctx, scope, expression);
    match &evaluation.result {
        Ok(Value::String(text)) => Ok(Arc::clone(text)),
        Ok(number @ Value::Number(_)) => Ok(Arc::from(number.to_json())),
        Ok(other) => Err(Fault::extract(format!(
            "Failed to extract the correlation key for '{}': The value must be either a string or a number, but was '{}'.{}",
            expression.text(),
            other.type_name(),
            with_warnings(&evaluation.warnings)
        ))),
        Err(_) => Err(unexpected(evaluation, expression, "STRING")),
    }
}

/// A context's entries, each value as JSON text.
pub(crate) fn mapping(
    ctx: &Context<'_>,
    scope: Key,
    expression: &Expression,
) -> Result<Variables, Fault> {
    let evaluation = evaluate(ctx, scope, expression);
    if let Ok(Value::Context(context)) = &evaluation.result {
        return Ok(context
            .iter()
            .map(|(name, value)| (Arc::from(name), Arc::from(value.to_json())))
            .collect());
    }
    value(evaluation, ErrorType::IoMappingError).map(|_| Vec::new())
}

/// When a duration from now ends.
pub(crate) fn duration_end(ctx: &Context<'_>, scope: Key, text: &Text) -> Result<Timestamp, Fault> {
    let given = text_or_value(ctx, scope, text)?;
    let duration = match &given.value {
        Value::String(text) => feel::parse_duration(text),
        other => Some(other.clone()),
    };
    duration
        .and_then(|duration| duration.duration_end(ctx.now().0))
        .map(Timestamp)
        .ok_or_else(|| given.fault("duration", "DURATION, PERIOD, STRING"))
}

/// A point in time.
pub(crate) fn date(ctx: &Context<'_>, scope: Key, text: &Text) -> Result<Timestamp, Fault> {
    let given = text_or_value(ctx, scope, text)?;
    let date = match &given.value {
        Value::String(text) => feel::parse_date_time(text),
        other => Some(other.clone()),
    };
    date.and_then(|date| date.instant_ms())
        .map(Timestamp)
        .ok_or_else(|| given.fault("date-time", "DATE_TIME, STRING"))
}

/// A repeating interval: when it is first due, and how often.
pub(crate) fn cycle(ctx: &Context<'_>, scope: Key, text: &Text) -> Result<(Timestamp, i32), Fault> {
    let given = text_or_value(ctx, scope, text)?;
    let cycle = given
        .value
        .as_str()
        .and_then(|text| bpmn::timer::parse_cycle(text).ok());
    cycle
        .and_then(|cycle| {
            let start = cycle.start.and_then(|start| start.instant_ms());
            let due = match start {
                // Its first time is the start itself; after it, one interval from the last.
                Some(start) if start > ctx.now().0 => start,
                Some(_) | None => cycle.interval.duration_end(ctx.now().0)?,
            };
            Some((Timestamp(due), cycle.repetitions))
        })
        .ok_or_else(|| given.fault("cycle", "STRING"))
}

/// What a timer's text gave, for a message when it is of no use.
struct Given {
    value: Value,
    text: String,
    warnings: String,
}

impl Given {
    fn fault(&self, what: &str, types: &str) -> Fault {
        Fault::extract(match &self.value {
            Value::String(value) => format!(
                "Invalid {what} format '{value}' for expression '{}'.{}",
                self.text, self.warnings
            ),
            other => format!(
                "Expected result of the expression '{}' to be one of '[{types}]', but was '{}'.{}",
                self.text,
                other.type_name(),
                self.warnings
            ),
        })
    }
}

fn text_or_value(ctx: &Context<'_>, scope: Key, text: &Text) -> Result<Given, Fault> {
    match text {
        Text::Static(text) => Ok(Given {
            value: Value::String(Arc::clone(text)),
            text: text.to_string(),
            warnings: String::new(),
        }),
        Text::Expression(expression) => {
            let evaluation = evaluate(ctx, scope, expression);
            let warnings = with_warnings(&evaluation.warnings);
            Ok(Given {
                value: value(evaluation, ErrorType::ExtractValueError)?,
                text: expression.text().to_owned(),
                warnings,
            })
        }
    }
}

/// The fault of an expression that gave something of another type than the model needs.
pub(crate) fn unexpected(evaluation: Evaluation, expression: &Expression, expected: &str) -> Fault {
    let warnings = with_warnings(&evaluation.warnings);
    Fault::extract(match evaluation.result {
        Ok(value) => format!(
            "Expected result of the expression '{}' to be '{expected}', but was '{}'.{warnings}",
            expression.text(),
            value.type_name(),
        ),
        Err(failure) => format!("{}{warnings}", failure.message),
    })
}

fn with_warnings(warnings: &[Warning]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let mut text = String::from(" The evaluation reported the following warnings:");
    for warning in warnings {
        write!(text, "\n[{}] {}", warning.kind, warning.message)
            .expect("writing to a String cannot fail");
    }
    text
}
