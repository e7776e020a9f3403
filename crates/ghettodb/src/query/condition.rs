//! What a query means: a condition that holds for a value or not. It knows nothing of files.

use crate::{Record, json, path};
use regex::Regex;
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// A condition on a record, or on the value of a field.
pub(super) enum Condition<'q> {
    /// All of these hold.
    All(Vec<Condition<'q>>),
    /// One of these holds.
    Any(Vec<Condition<'q>>),
    /// This does not hold.
    Not(Box<Condition<'q>>),
    /// It is an object whose fields meet these conditions.
    Fields(Vec<(&'q str, Condition<'q>)>),
    /// It is there and the same.
    Equal(&'q Value),
    /// It is there and one of these, which are sorted.
    In(Vec<&'q Value>),
    /// It is there, of the operand's type, and this far from it.
    Compare(Operator, Operand<'q>),
    /// It is there, or not.
    Exists(bool),
    /// It is a text in which the pattern is found.
    Matches(Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What has an order that people expect.
pub(super) enum Operand<'q> {
    Number(&'q Number),
    Text(&'q str),
}

/// What a condition is asked of.
#[derive(Clone, Copy)]
pub(super) enum Subject<'r> {
    Absent,
    Record(&'r Record),
    Value(&'r Value),
    Text(&'r str),
}

impl<'r> Subject<'r> {
    fn object(self) -> Option<&'r Record> {
        match self {
            Subject::Record(record) | Subject::Value(Value::Object(record)) => Some(record),
            _ => None,
        }
    }

    fn text(self) -> Option<&'r str> {
        match self {
            Subject::Text(text) => Some(text),
            Subject::Value(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn is(self, wanted: &Value) -> bool {
        match self {
            Subject::Value(value) => json::same(value, wanted),
            Subject::Text(text) => wanted.as_str() == Some(text),
            Subject::Absent | Subject::Record(_) => false,
        }
    }
}

impl<'q> Condition<'q> {
    pub(super) fn holds(&self, subject: Subject<'_>) -> bool {
        match self {
            Condition::All(conditions) => conditions.iter().all(|part| part.holds(subject)),
            Condition::Any(conditions) => conditions.iter().any(|part| part.holds(subject)),
            Condition::Not(condition) => !condition.holds(subject),
            Condition::Fields(fields) => subject.object().is_some_and(|object| {
                fields.iter().all(|(path, condition)| {
                    let value = path::field(object, path);
                    condition.holds(value.map_or(Subject::Absent, Subject::Value))
                })
            }),
            Condition::Equal(wanted) => subject.is(wanted),
            Condition::In(wanted) => match subject {
                Subject::Value(value) => wanted
                    .binary_search_by(|wanted| json::compare(wanted, value))
                    .is_ok(),
                _ => wanted.iter().any(|wanted| subject.is(wanted)),
            },
            Condition::Compare(operator, operand) => {
                let order = match (subject, operand) {
                    (Subject::Value(Value::Number(number)), Operand::Number(operand)) => {
                        Some(json::compare_numbers(number, operand))
                    }
                    // The bytes of UTF-8 are in the order of the code points.
                    (_, Operand::Text(operand)) => subject.text().map(|text| text.cmp(operand)),
                    _ => None,
                };
                order.is_some_and(|order| operator.takes(order))
            }
            Condition::Exists(wanted) => !matches!(subject, Subject::Absent) == *wanted,
            Condition::Matches(pattern) => {
                subject.text().is_some_and(|text| pattern.is_match(text))
            }
        }
    }

    /// The only values that it holds for, where it lists them.
    pub(super) fn values(&self) -> Option<Vec<&'q Value>> {
        match self {
            Condition::Equal(value) => Some(vec![value]),
            Condition::In(values) => Some(values.clone()),
            Condition::All(conditions) => conditions.iter().find_map(Condition::values),
            _ => None,
        }
    }

    /// Visits the conditions on fields that must all hold, with the paths of the fields. A path is
    /// joined by dots on the way into an object, so it may have more than one meaning.
    pub(super) fn each_required<'c>(&'c self, visit: &mut dyn FnMut(&str, &'c Condition<'q>)) {
        self.each_required_under(None, visit);
    }

    fn each_required_under<'c>(
        &'c self,
        parent: Option<&str>,
        visit: &mut dyn FnMut(&str, &'c Condition<'q>),
    ) {
        match self {
            Condition::All(conditions) => conditions
                .iter()
                .for_each(|part| part.each_required_under(parent, visit)),
            Condition::Fields(fields) => {
                for (path, condition) in fields {
                    let path = match parent {
                        None => (*path).to_owned(),
                        Some(parent) => format!("{parent}.{path}"),
                    };
                    visit(&path, condition);
                    condition.each_required_under(Some(&path), visit);
                }
            }
            _ => {}
        }
    }
}

impl Operator {
    fn takes(self, order: Ordering) -> bool {
        match self {
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
        }
    }
}
