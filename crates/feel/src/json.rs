//! Values from and to JSON, as Zeebe reads and stores variables.

use std::fmt::Write;

use crate::{Number, Value};

/// A text that is not JSON, or holds what can't be a value.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON.
    #[error("not a JSON value: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A number whose exponent is out of range.
    #[error("the number '{0}' is out of range: its exponent must have at most nine digits")]
    Number(String),
}

impl Value {
    /// Reads JSON; numbers keep all their digits, of a doubled name the last counts.
    ///
    /// # Errors
    /// If it is not JSON, nests deeper than 127 levels, or holds a number out of range.
    pub fn from_json(text: &str) -> Result<Value, JsonError> {
        from_serde(serde_json::from_str(text)?)
    }

    /// Writes JSON as Zeebe stores a variable: dates, times and durations as their text (a zone
    /// in brackets after the offset), numbers without exponent or zeros at the end (`1.1` for
    /// 1.10), functions and ranges as null.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        write_value(self, &mut text);
        text
    }
}

fn from_serde(json: serde_json::Value) -> Result<Value, JsonError> {
    Ok(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Boolean(b),
        serde_json::Value::Number(n) => match Number::parse(n.as_str()) {
            Some(number) => Value::Number(number),
            None => return Err(JsonError::Number(n.to_string())),
        },
        serde_json::Value::String(s) => s.into(),
        serde_json::Value::Array(items) => {
            let items: Vec<Value> = items
                .into_iter()
                .map(from_serde)
                .collect::<Result<_, _>>()?;
            Value::list(items)
        }
        serde_json::Value::Object(map) => {
            let entry = |(key, value)| Ok((key, from_serde(value)?));
            let entries: Vec<(String, Value)> = map
                .into_iter()
                .map(entry)
                .collect::<Result<_, JsonError>>()?;
            Value::context(entries)
        }
    })
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Range(_) | Value::Function(_) => text.push_str("null"),
        Value::Boolean(b) => text.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => text.push_str(&n.to_json()),
        Value::String(s) => write_string(s, text),
        Value::List(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write_value(item, text);
            }
            text.push(']');
        }
        Value::Context(map) => {
            text.push('{');
            for (i, (key, value)) in map.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write_string(key, text);
                text.push(':');
                write_value(value, text);
            }
            text.push('}');
        }
        Value::DateTime(at) => write_string(&at.to_iso(), text),
        Value::Date(_)
        | Value::Time(_)
        | Value::DaysTimeDuration(_)
        | Value::YearsMonthsDuration(_) => write_string(&value.to_string(), text),
    }
}

fn write_string(s: &str, text: &mut String) {
    text.push('"');
    for c in s.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            c if c < ' ' => {
                write!(text, "\\u{:04x}", u32::from(c)).expect("a string takes all");
            }
            c => text.push(c),
        }
    }
    text.push('"');
}
