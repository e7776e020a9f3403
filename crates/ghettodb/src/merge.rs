//! Three-way merge of one record, field by field, for people who work with branches of their own:
//! what git's merge driver does with a record's file. The database itself never merges; its writers
//! run their operation again on a new tip.
//!
//! A field that one side changed is taken from that side, nested objects likewise, a list as a whole.
//! A field that both changed is a conflict unless both made it the same; numbers are no exception,
//! since nobody here knows which of them are counted and which are set. Of `_updated` the later one
//! counts. The text of a conflict is left to [`conflict`].

mod conflict;
mod driver;

pub use driver::{DriverInstalled, MergeOutcome, install_merge_driver, merge_files};

use crate::json::{self, same};
use crate::{Error, Record, record_json};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What became of a three-way merge of a record's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The file's new text; with git's conflict markers around the conflicting fields' lines.
    pub text: String,
    /// The fields that both sides changed, with dots for nested ones; empty where the merge is clean.
    pub conflicts: Vec<String>,
}

/// Merges the three versions of the file at `path`. An empty `base` stands for a record that both
/// sides created.
///
/// The result has the order of `ours`, with the new fields of `theirs` after the ones that they
/// follow there; numbers keep their spelling, and what only the spelling tells apart is as in `ours`.
///
/// # Errors
/// [`Error::BadRecord`] if a version is not one strict JSON object; it names the version.
pub fn merge_records(path: &str, base: &[u8], ours: &[u8], theirs: &[u8]) -> Result<Merge, Error> {
    let base = match base.trim_ascii().is_empty() {
        true => Record::new(),
        false => read(path, "base", base)?,
    };
    let ours = read(path, "ours", ours)?;
    let theirs = read(path, "theirs", theirs)?;
    let mut fields = merge_objects(&base, &ours, &theirs);
    let updated = fields.iter_mut().find(|(name, _)| name == "_updated");
    if let Some((_, field @ Field::Conflict { .. })) = updated {
        *field = Field::Value(later(ours.get("_updated"), theirs.get("_updated")));
    }
    // As in every file that the database writes.
    fields.sort_by_key(|(name, _)| match name.as_str() {
        "_id" => 0,
        "_updated" => 2,
        _ => 1,
    });
    let mut conflicts = Vec::new();
    name_conflicts("", &fields, &mut conflicts);
    let text = match conflicts.is_empty() {
        true => record_json(&side(&fields, Side::Ours)),
        false => conflict::text(&fields),
    };
    Ok(Merge { text, conflicts })
}

fn read(path: &str, version: &str, bytes: &[u8]) -> Result<Record, Error> {
    let bad = |line, column, reason: String| Error::BadRecord {
        path: format!("{path} ({version})"),
        line,
        column,
        reason,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text =
        std::str::from_utf8(bytes).map_err(|_| bad(0, 0, "the file is not UTF-8".to_owned()))?;
    match json::parse(text) {
        Ok(Value::Object(record)) => Ok(record),
        Ok(_) => Err(bad(1, 1, "the file holds no JSON object".to_owned())),
        Err(fault) => Err(bad(fault.line, fault.column, fault.reason)),
    }
}

/// A field of the merged object.
#[derive(Debug)]
enum Field {
    /// Both sides agree, or only one changed it.
    Value(Value),
    /// Both sides changed the object; its fields were merged one by one.
    Object(Vec<(String, Field)>),
    /// Both sides changed it, each in its own way; none = removed, and not both are.
    Conflict {
        ours: Option<Value>,
        theirs: Option<Value>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

impl Field {
    /// The field as one side has it, with what was merged cleanly.
    fn on(&self, by: Side) -> Option<Value> {
        match self {
            Field::Value(value) => Some(value.clone()),
            Field::Object(fields) => Some(Value::Object(side(fields, by))),
            Field::Conflict { ours, theirs } => match by {
                Side::Ours => ours.clone(),
                Side::Theirs => theirs.clone(),
            },
        }
    }

    fn is_on(&self, by: Side) -> bool {
        match self {
            Field::Value(_) | Field::Object(_) => true,
            Field::Conflict { ours, theirs } => match by {
                Side::Ours => ours.is_some(),
                Side::Theirs => theirs.is_some(),
            },
        }
    }
}

fn side(fields: &[(String, Field)], by: Side) -> Map<String, Value> {
    fields
        .iter()
        .filter_map(|(name, field)| Some((name.clone(), field.on(by)?)))
        .collect()
}

fn merge_objects(
    base: &Map<String, Value>,
    ours: &Map<String, Value>,
    theirs: &Map<String, Value>,
) -> Vec<(String, Field)> {
    names(ours, theirs)
        .into_iter()
        .filter_map(|name| {
            let field = merge_field(base.get(name), ours.get(name), theirs.get(name))?;
            Some((name.clone(), field))
        })
        .collect()
}

/// All names: those of `ours`, each followed by the ones that only `theirs` has after it.
fn names<'a>(ours: &'a Map<String, Value>, theirs: &'a Map<String, Value>) -> Vec<&'a String> {
    // The name of `ours` that they follow, none at the start -> those that only `theirs` has.
    let mut new: HashMap<Option<&String>, Vec<&String>> = HashMap::new();
    let mut previous = None;
    for name in theirs.keys() {
        match ours.contains_key(name) {
            true => previous = Some(name),
            false => new.entry(previous).or_default().push(name),
        }
    }
    let mut names = new.remove(&None).unwrap_or_default();
    for name in ours.keys() {
        names.push(name);
        names.extend(new.remove(&Some(name)).unwrap_or_default());
    }
    names
}

/// None where the field is gone.
fn merge_field(
    base: Option<&Value>,
    ours: Option<&Value>,
    theirs: Option<&Value>,
) -> Option<Field> {
    let take = |value: Option<&Value>| value.cloned().map(Field::Value);
    // As written first, so that a number that one side spelled anew is as that side spelled it.
    if ours == theirs || theirs == base {
        return take(ours);
    }
    if ours == base {
        return take(theirs);
    }
    if let (Some(Value::Object(ours)), Some(Value::Object(theirs))) = (ours, theirs) {
        let empty = Map::new();
        let base = base.and_then(Value::as_object).unwrap_or(&empty);
        return Some(Field::Object(merge_objects(base, ours, theirs)));
    }
    let equal = |one: Option<&Value>, other: Option<&Value>| {
        one.zip(other).is_some_and(|(one, other)| same(one, other))
    };
    if equal(ours, theirs) || equal(theirs, base) {
        return take(ours);
    }
    if equal(ours, base) {
        return take(theirs);
    }
    Some(Field::Conflict {
        ours: ours.cloned(),
        theirs: theirs.cloned(),
    })
}

/// The later of two times; one that is no time, or is missing, is never the later one.
fn later(ours: Option<&Value>, theirs: Option<&Value>) -> Value {
    let time = |value: Option<&Value>| value?.as_str()?.parse::<jiff::Timestamp>().ok();
    let chosen = match time(theirs) > time(ours) {
        true => theirs,
        false => ours.or(theirs),
    };
    chosen.cloned().unwrap_or(Value::Null)
}

fn name_conflicts(parent: &str, fields: &[(String, Field)], conflicts: &mut Vec<String>) {
    for (name, field) in fields {
        let path = format!("{parent}{name}");
        match field {
            Field::Value(_) => {}
            Field::Object(fields) => name_conflicts(&format!("{path}."), fields, conflicts),
            Field::Conflict { .. } => conflicts.push(path),
        }
    }
}
