//! Everything that FEEL is tested by, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod json;
mod limits;
mod numbers;
mod parsing;
mod temporal;
mod values;

use std::collections::BTreeMap;

use feel::{Environment, Evaluation, Value, ValueContext};

/// Evaluates an expression with variables from a JSON object.
#[track_caller]
fn evaluate(expression: &str, variables: &str) -> Evaluation {
    let expression = feel::parse_expression(expression).unwrap();
    expression.evaluate(&context(variables), &Environment::utc(0))
}

#[track_caller]
fn context(variables: &str) -> ValueContext {
    let Value::Context(map) = Value::from_json(variables).unwrap() else {
        panic!("not an object: {variables}");
    };
    let owned = |(name, value): (&str, &Value)| (name.to_owned(), value.clone());
    BTreeMap::from_iter(map.iter().map(owned))
}

/// The value as FEEL writes it, and the warnings as `KIND message`.
#[track_caller]
fn check(expression: &str, variables: &str, value: &str, warnings: &[&str]) {
    let evaluation = evaluate(expression, variables);
    let shown = match &evaluation.result {
        Ok(value) => value.to_string(),
        Err(failure) => failure.message.clone(),
    };
    assert_eq!(shown, value, "{expression}");
    let given: Vec<String> = evaluation
        .warnings
        .iter()
        .map(|w| format!("{} {}", w.kind, w.message))
        .collect();
    assert_eq!(given, warnings, "{expression}");
}
