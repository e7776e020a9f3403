//! Fields whose value stands in one record of a table at most. Values are compared as everywhere,
//! numbers by value; an absent field and `null` are no values.

use super::{After, shown};
use crate::error::RuleFault;
use crate::transaction::id_of;
use crate::{Error, Record, canonical_json, json, path};
use serde_json::Value;
use std::collections::HashMap;

/// Up to so many values are looked for one by one; for more, the table is read once.
const FINDS_MAX: usize = 4;

/// The value of a unique field, where it counts.
fn value<'r>(record: &'r Record, path: &str) -> Option<&'r Value> {
    path::field(record, path).filter(|value| !value.is_null())
}

fn fault(record: &Record, path: &str, other: &str) -> RuleFault {
    let found = value(record, path).map(shown).unwrap_or_default();
    RuleFault {
        field: pointer(record, path),
        expected: format!("{found} must be unique, and record {other:?} has it"),
        other: Some(other.to_owned()),
    }
}

/// The JSON pointer of the field that a path names in this record.
fn pointer(mut record: &Record, mut path: &str) -> String {
    let mut pointer = String::new();
    let mut push = |name: &str| {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    };
    while !record.contains_key(path)
        && let Some((first, rest)) = path.split_once('.')
        && let Some(Value::Object(inner)) = record.get(first)
    {
        push(first);
        (record, path) = (inner, rest);
    }
    push(path);
    pointer
}

/// The values of a whole table's unique fields, as far as it was read.
pub(crate) struct Seen {
    paths: Vec<String>,
    /// For each path: the value's canonical text -> the record that has it.
    values: Vec<HashMap<String, String>>,
}

impl Seen {
    pub(crate) fn new(paths: Vec<String>) -> Self {
        Seen {
            values: vec![HashMap::new(); paths.len()],
            paths,
        }
    }

    /// Adds a record; what it has in common with one before it.
    pub(crate) fn add(&mut self, id: &str, record: &Record) -> Vec<RuleFault> {
        let mut faults = Vec::new();
        for (path, values) in self.paths.iter().zip(&mut self.values) {
            let Some(value) = value(record, path) else {
                continue;
            };
            match values.get(&canonical_json(value)) {
                // A record that stands twice is another fault.
                Some(other) if other == id => {}
                Some(other) => faults.push(fault(record, path, other)),
                None => {
                    values.insert(canonical_json(value), id.to_owned());
                }
            }
        }
        faults
    }
}

/// Checks the changed records of a table against each other and against the untouched ones.
pub(super) fn check(after: &After<'_>, table: &str, path: &str) -> Result<(), Error> {
    let mut own: HashMap<String, &str> = HashMap::new();
    // What a record had already is not looked for again: nobody else can have it now.
    let mut new: Vec<(&str, &Record, &Value)> = Vec::new();
    for (id, record) in after.changed(table) {
        let Some(record) = record else { continue };
        let Some(found) = value(record, path) else {
            continue;
        };
        if let Some(other) = own.insert(canonical_json(found), id) {
            return Err(Error::rule(table, id, vec![fault(record, path, other)]));
        }
        let before = after.before(table, id).unwrap_or_default();
        let before = before.as_ref().and_then(|before| value(before, path));
        if before.is_none_or(|before| !json::same(before, found)) {
            new.push((id, record, found));
        }
    }
    // A name that begins like an operator can stand in no query.
    if new.len() <= FINDS_MAX && !path.starts_with('$') {
        for (id, record, found) in new {
            let equal = Record::from_iter([("$eq".to_owned(), found.clone())]);
            let query = Record::from_iter([(path.to_owned(), equal.into())]);
            if let Some(other) = after.untouched(table, &query, Some(1))?.first() {
                let fault = fault(record, path, &id_of(other));
                return Err(Error::rule(table, id, vec![fault]));
            }
        }
        return Ok(());
    }
    for other in after.untouched(table, &Record::new(), None)? {
        let id = value(&other, path).and_then(|found| own.get(&canonical_json(found)));
        let clash = id.and_then(|id| new.iter().find(|(new, ..)| new == id));
        if let Some((id, record, _)) = clash {
            return Err(Error::rule(
                table,
                id,
                vec![fault(record, path, &id_of(&other))],
            ));
        }
    }
    Ok(())
}
