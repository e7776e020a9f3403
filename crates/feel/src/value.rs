//! FEEL's values: what they are, when they are equal, how they are written.
//!
//! Their way from and to JSON is in `json.rs`; what operators make of them in `operators.rs`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::function::Function;
use crate::temporal::{self, DateText};
use crate::{DateTime, Number, Time};

/// A value. Cloning it is cheap. Two are equal if they have the same type and content; numbers
/// by value (`1 = 1.0`), contexts regardless of order.
#[derive(Clone, Debug)]
pub enum Value {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Arc<str>),
    /// A list; it derefs to a slice.
    List(Arc<List>),
    /// A context: names and values, in the order they were put in.
    Context(Arc<ContextMap>),
    /// A date.
    Date(Date),
    /// A time of day.
    Time(Arc<Time>),
    /// A date and time.
    DateTime(Arc<DateTime>),
    /// A duration of days and time.
    DaysTimeDuration(SignedDuration),
    /// A duration of years and months, in months.
    YearsMonthsDuration(i64),
    /// A range.
    Range(Arc<Range>),
    /// A function.
    Function(Arc<Function>),
}

/// How much a value holds. Lists share their items, so a short expression can describe more
/// than fits anywhere; an evaluation checks this before it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// How deep lists and contexts are nested.
    pub(crate) depth: u32,
    /// The values in it, and its text in units of 16 bytes.
    pub(crate) size: u64,
}

impl Extent {
    fn around<'a>(items: impl Iterator<Item = &'a Value>) -> Extent {
        let mut around = Extent { depth: 1, size: 1 };
        for item in items {
            let inner = item.extent();
            around.depth = around.depth.max(inner.depth.saturating_add(1));
            around.size = around.size.saturating_add(inner.size);
        }
        around
    }
}

/// The items of a list.
#[derive(Clone, Debug)]
pub struct List {
    items: Box<[Value]>,
    extent: Extent,
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        let items: Box<[Value]> = items.into_iter().collect();
        let extent = Extent::around(items.iter());
        List { items, extent }
    }
}

/// The entries of a context, in order. A function in it can be called, but is no variable of it.
#[derive(Clone, Debug, Default)]
pub struct ContextMap {
    entries: Vec<(Arc<str>, Value)>,
    extent: Extent,
}

impl ContextMap {
    /// The entries without the functions, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let is_function = |value: &Value| matches!(value, Value::Function(_));
        (self
            .entries
            .iter()
            .filter(move |(_, value)| !is_function(value)))
        .map(|(key, value)| (&**key, value))
    }

    /// The value of an entry that is no function.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// All entries, functions too.
    pub(crate) fn entries(&self) -> &[(Arc<str>, Value)] {
        &self.entries
    }
}

/// Of several entries of one name the last counts, at the place of the first.
impl<K: Into<Arc<str>>> FromIterator<(K, Value)> for ContextMap {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect();
        let entries = without_doubles(entries);
        let extent = Extent::around(entries.iter().map(|(_, value)| value));
        ContextMap { entries, extent }
    }
}

fn without_doubles(entries: Vec<(Arc<str>, Value)>) -> Vec<(Arc<str>, Value)> {
    let mut first_of: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut kept: Vec<(Arc<str>, Value)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match first_of.entry(key.clone()) {
            Entry::Occupied(first) => kept[*first.get()].1 = value,
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push((key, value));
            }
        }
    }
    kept
}

/// A range between two values of one type.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    pub(crate) start: Value,
    pub(crate) start_included: bool,
    pub(crate) end: Value,
    pub(crate) end_included: bool,
}

impl Value {
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

    /// A list of these items.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(Arc::new(items.into_iter().collect()))
    }

    /// A context of these entries, in this order; of a doubled name the last counts.
    pub fn context<K: Into<Arc<str>>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Context(Arc::new(entries.into_iter().collect()))
    }

    /// For a duration of either kind, the instant `from + duration`; both in Unix milliseconds,
    /// months counted in UTC. `None` for another value, and if the end is beyond the year 9999.
    pub fn duration_end(&self, from_ms: i64) -> Option<i64> {
        let from = Timestamp::from_millisecond(from_ms).ok()?;
        let end = match self {
            Value::DaysTimeDuration(duration) => from.checked_add(*duration).ok()?,
            Value::YearsMonthsDuration(months) => DateTime::at_offset(from, jiff::tz::Offset::UTC)
                .plus_months(*months)?
                .timestamp()?,
            _ => return None,
        };
        Some(end.as_millisecond())
    }

    /// For a date and time, its instant in Unix milliseconds; a local one is taken as UTC.
    pub fn instant_ms(&self) -> Option<i64> {
        if let Value::DateTime(at) = self {
            Some(at.timestamp()?.as_millisecond())
        } else {
            None
        }
    }

    pub(crate) fn extent(&self) -> Extent {
        match self {
            Value::List(list) => list.extent,
            Value::Context(map) => map.extent,
            Value::Function(function) => function.extent(),
            Value::String(text) => Extent {
                depth: 0,
                size: 1 + text.len() as u64 / 16,
            },
            _ => Extent { depth: 0, size: 1 },
        }
    }
}

/// As FEEL writes it, strings in quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Boolean(b) => b.fmt(f),
            Value::Number(n) => n.fmt(f),
            Value::String(s) => write!(f, "\"{s}\""),
            Value::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Value::Context(map) => {
                f.write_str("{")?;
                for (i, (key, value)) in map.iter().enumerate() {
                    write!(f, "{}{key}:{value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            Value::Date(date) => DateText(*date).fmt(f),
            Value::Time(time) => time.fmt(f),
            Value::DateTime(at) => at.fmt(f),
            Value::DaysTimeDuration(duration) => f.write_str(&temporal::duration_text(*duration)),
            Value::YearsMonthsDuration(months) => f.write_str(&temporal::months_text(*months)),
            Value::Range(range) => {
                let open = if range.start_included { "[" } else { "(" };
                let close = if range.end_included { "]" } else { ")" };
                write!(f, "{open}{}..{}{close}", range.start, range.end)
            }
            Value::Function(function) => {
                write!(f, "function({})", function.parameters().join(", "))
            }
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::List(a), Value::List(b)) => a.items == b.items,
            (Value::Context(a), Value::Context(b)) => {
                a.iter().count() == b.iter().count()
                    && a.iter().all(|(key, value)| b.get(key) == Some(value))
            }
            (Value::Date(a), Value::Date(b)) => a == b,
            (Value::Time(a), Value::Time(b)) => a == b,
            (Value::DateTime(a), Value::DateTime(b)) => a == b,
            (Value::DaysTimeDuration(a), Value::DaysTimeDuration(b)) => a == b,
            (Value::YearsMonthsDuration(a), Value::YearsMonthsDuration(b)) => a == b,
            (Value::Range(a), Value::Range(b)) => a == b,
            (Value::Function(a), Value::Function(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
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

impl From<Number> for Value {
    fn from(n: Number) -> Self {
        Value::Number(n)
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

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Value::Time(Arc::new(time))
    }
}

impl From<DateTime> for Value {
    fn from(at: DateTime) -> Self {
        Value::DateTime(Arc::new(at))
    }
}
