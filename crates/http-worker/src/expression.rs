//! FEEL over an answer: evaluates the expressions that a model's headers hold.

use feel::{Environment, ValueContext};
use serde_json::{Map, Value};

/// Evaluates an expression, with or without its leading `=`; says in words why it has no value.
pub(crate) fn evaluate(text: &str, context: &Map<String, Value>) -> Result<Value, String> {
    let text = text.trim();
    let text = text.strip_prefix('=').unwrap_or(text);
    let expression = feel::parse_expression(text).map_err(|error| error.to_string())?;
    let mut variables = ValueContext::new();
    for (name, value) in context {
        let value =
            feel::Value::from_json(&value.to_string()).map_err(|error| error.to_string())?;
        variables.insert(name.clone(), value);
    }
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let evaluation = expression.evaluate(&variables, &Environment::utc(now_ms));
    let value = evaluation.result.map_err(|failure| failure.to_string())?;
    serde_json::from_str(&value.to_json()).map_err(|error| error.to_string())
}
