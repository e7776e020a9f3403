//! FEEL's values, and their way from and to JSON.

use std::sync::Arc;

use jiff::{SignedDuration, civil};

use crate::{DateTime, Number, Time};

/// A value. Cloning it is cheap.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Arc<str>),
    /// A list.
    List(Arc<[Value]>),
    /// A context: names and values, in the order they were put in.
    Context(Arc<ContextMap>),
    /// A date.
    Date(civil::Date),
    /// A time of day.
    Time(Time),
    /// A date and time.
    DateTime(DateTime),
    /// A duration of days and time.
    DaysTimeDuration(SignedDuration),
    /// A duration in months.
    YearsMonthsDuration(i64),
    /// A range.
    Range(Arc<Range>),
    /// A function.
    Function(Arc<Function>),
}

/// A range's ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The lower end.
    pub start: Value,
    /// The upper end.
    pub end: Value,
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {}

/// A context's entries, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextMap(Vec<(Arc<str>, Value)>);

impl ContextMap {
    /// The entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// The value of an entry.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }
}

impl<K: AsRef<str>> FromIterator<(K, Value)> for ContextMap {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        ContextMap(
            entries
                .into_iter()
                .map(|(k, v)| (Arc::from(k.as_ref()), v))
                .collect(),
        )
    }
}

/// A text that is not JSON.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON value: {0}")]
pub struct JsonError(#[from] serde_json::Error);

impl Value {
    /// Reads JSON; numbers keep all their digits, of a doubled name the last counts.
    pub fn from_json(text: &str) -> Result<Value, JsonError> {
        Ok(from_serde(serde_json::from_str(text)?))
    }

    /// Writes JSON as Zeebe stores a variable: temporal values as their text, functions and
    /// ranges as null.
    pub fn to_json(&self) -> String {
        match self {
            Value::Boolean(b) => b.to_string(),
            Value::Number(n) => n.to_plain(),
            Value::String(s) => serde_json::Value::from(&**s).to_string(),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(Value::to_json).collect();
                format!("[{}]", items.join(","))
            }
            Value::Context(map) => {
                let entries: Vec<_> = map
                    .iter()
                    .map(|(k, v)| format!("{}:{}", serde_json::Value::from(k), v.to_json()))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
            _ => "null".to_owned(),
        }
    }

    /// The type as Zeebe names it in `Expected result of the expression 'x' to be 'BOOLEAN'`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "NULL",
            Value::Boolean(_) => "BOOLEAN",
            Value::Number(_) => "NUMBER",
            Value::String(_) => "STRING",
            Value::List(_) => "ARRAY",
            Value::Context(_) => "OBJECT",
            Value::Date(_) => "DATE",
            Value::Time(_) => "TIME",
            Value::DateTime(_) => "DATE_TIME",
            Value::DaysTimeDuration(_) => "DURATION",
            Value::YearsMonthsDuration(_) => "PERIOD",
            Value::Range(_) => "RANGE",
            Value::Function(_) => "FUNCTION",
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(s) = self {
            Some(s)
        } else {
            None
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Boolean(b) = self {
            Some(*b)
        } else {
            None
        }
    }

    /// The number, if it is a whole one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Value::Number(n) = self {
            n.as_i64()
        } else {
            None
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Value::List(items) = self {
            Some(items)
        } else {
            None
        }
    }

    /// An entry, if it is a context that has it.
    pub fn get(&self, key: &str) -> Option<Value> {
        if let Value::Context(map) = self {
            map.get(key).cloned()
        } else {
            None
        }
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(items.into_iter().collect())
    }

    /// A context of these entries, in this order.
    pub fn context<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Context(Arc::new(entries.into_iter().collect()))
    }

    /// For a duration of either kind, the instant `from + duration`; both in Unix milliseconds.
    pub fn duration_end(&self, from_ms: i64) -> Option<i64> {
        match self {
            Value::DaysTimeDuration(d) => from_ms.checked_add(i64::try_from(d.as_millis()).ok()?),
            _ => None,
        }
    }

    /// For a date and time, its instant in Unix milliseconds; a local one is taken as UTC.
    pub fn instant_ms(&self) -> Option<i64> {
        None
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Boolean(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Number(n.into())
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Value::String(s.into())
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Value::String(s.into())
    }
}

fn from_serde(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Boolean(b),
        serde_json::Value::Number(n) => {
            Number::from_text(n.as_str()).map_or(Value::Null, Value::Number)
        }
        serde_json::Value::String(s) => s.into(),
        serde_json::Value::Array(items) => Value::list(items.into_iter().map(from_serde)),
        serde_json::Value::Object(map) => {
            Value::context(map.into_iter().map(|(k, v)| (k, from_serde(v))))
        }
    }
}
