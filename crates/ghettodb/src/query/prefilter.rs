//! What the bytes of a file tell about a match before they are parsed: texts that must be in it,
//! spelt as JSON spells them. It may only rule out what cannot match.
//!
//! A clause is a list of literals of which one must be there. Clauses come from what must hold;
//! what must not hold says nothing about what is in a file.

use super::condition::{Condition, Subject};
use gix::bstr::Finder;
use serde_json::Value;

/// Most literals of one clause: to look for more costs more than to parse.
const LITERALS_MAX: usize = 16;

type Clause = Vec<Vec<u8>>;

/// Compiled clauses, all of which must be met.
pub(super) struct Prefilter {
    clauses: Vec<Vec<Finder<'static>>>,
}

impl Prefilter {
    pub(super) fn new(condition: &Condition<'_>) -> Self {
        let mut clauses = clauses(condition);
        // The rarest first: nothing says it better than the length.
        clauses.sort_by_key(|clause| std::cmp::Reverse(shortest(clause)));
        clauses.dedup();
        let compile = |literal: Vec<u8>| Finder::new(&literal).into_owned();
        Prefilter {
            clauses: clauses
                .into_iter()
                .map(|clause| clause.into_iter().map(compile).collect())
                .collect(),
        }
    }

    /// An escape may spell any text, so a file with a backslash always may match.
    pub(super) fn may_match(&self, text: &[u8]) -> bool {
        self.clauses
            .iter()
            .all(|clause| clause.iter().any(|literal| literal.find(text).is_some()))
            || text.contains(&b'\\')
    }
}

fn shortest(clause: &Clause) -> usize {
    clause.iter().map(Vec::len).min().unwrap_or(usize::MAX)
}

/// Clauses that every file meets in which the condition holds for some value.
fn clauses(condition: &Condition<'_>) -> Vec<Clause> {
    match condition {
        Condition::All(conditions) => conditions.iter().flat_map(clauses).collect(),
        Condition::Any(conditions) => any(conditions.iter().map(clauses)),
        Condition::Fields(fields) => fields
            .iter()
            .flat_map(|(path, condition)| field_clauses(path, condition))
            .collect(),
        Condition::Equal(value) => value_clauses(value),
        Condition::In(values) => any(values.iter().map(|value| value_clauses(value))),
        Condition::Not(_)
        | Condition::Compare(..)
        | Condition::Exists(_)
        | Condition::Matches(_) => Vec::new(),
    }
}

/// One clause for several alternatives, each with clauses of its own; none where an alternative
/// has none.
fn any(alternatives: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
    let mut joined = Clause::new();
    for clauses in alternatives {
        match clauses.into_iter().max_by_key(shortest) {
            Some(clause) if joined.len() + clause.len() <= LITERALS_MAX => joined.extend(clause),
            _ => return Vec::new(),
        }
    }
    vec![joined]
}

fn field_clauses(path: &str, condition: &Condition<'_>) -> Vec<Clause> {
    if path == "_id" {
        // A file may leave it to its name.
        return Vec::new();
    }
    let clauses = clauses(condition);
    if !clauses.is_empty() || condition.holds(Subject::Absent) {
        return clauses;
    }
    // The field must be there; its name ends like the path, whichever dots are part of it.
    let name = path.rsplit('.').next().unwrap_or(path);
    let spelt = Value::from(name).to_string();
    let end = spelt.strip_prefix('"').unwrap_or(&spelt);
    vec![vec![end.as_bytes().to_vec()]]
}

fn value_clauses(value: &Value) -> Vec<Clause> {
    match value {
        Value::String(_) => vec![vec![value.to_string().into_bytes()]],
        Value::Array(items) => items.iter().flat_map(value_clauses).collect(),
        Value::Object(fields) => fields.values().flat_map(value_clauses).collect(),
        // A number has many spellings; the rest is in most files.
        Value::Number(_) | Value::Bool(_) | Value::Null => Vec::new(),
    }
}
