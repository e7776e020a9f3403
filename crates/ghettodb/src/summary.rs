//! What a commit did, in lines for `git log`: one a record, a few words each.
//!
//! A message is read by more people than the data is, and cannot be taken back. So values are shown
//! only where they are numbers, `true`, `false` or `null`; anything else appears by its field's name,
//! and a name that looks like data itself not even so.

use crate::Error;
use crate::compare::{FieldChange, compare};
use crate::once::OPERATIONS;
use crate::transaction::{Base, Changes};
use serde_json::Value;

/// How many lines a summary has at most, beside the one that counts the others.
const LINES_MAX: usize = 20;
/// How many fields a line names at most.
const FIELDS_MAX: usize = 8;
/// Longest name of a field that is shown, in bytes.
const NAME_BYTES_MAX: usize = 40;
/// Longest number that is shown, in bytes.
const NUMBER_BYTES_MAX: usize = 24;

/// The lines for a transaction's changes to its base, each with its line feed; empty where only the journal of
/// idempotency keys changed, which is left out.
pub(crate) fn summary(changes: &Changes, base: &dyn Base) -> Result<String, Error> {
    let mut lines = Vec::new();
    let dropped = changes.dropped.iter().filter(|table| is_told(table));
    for table in dropped.clone().take(LINES_MAX) {
        let count = base.ids(table)?.len();
        lines.push(format!("{table}/: dropped, {}", records(count)));
    }
    let changed = || {
        let records = changes.records.iter();
        records.filter(|((table, _), _)| is_told(table))
    };
    for ((table, id), after) in changed().take(LINES_MAX - lines.len()) {
        // What stood in a dropped table is gone with it: this is a new record.
        let before = || match changes.dropped.contains(table) {
            true => Ok(None),
            false => base.get(table, id),
        };
        let what = match after {
            None => "deleted".to_owned(),
            Some(after) => match before() {
                Ok(None) => "new".to_owned(),
                Ok(Some(before)) => fields(&compare(&before, after)),
                Err(Error::BadRecord { .. }) => "mended".to_owned(),
                Err(error) => return Err(error),
            },
        };
        lines.push(format!("{table}/{id}: {what}"));
    }
    let more = dropped.count() + changed().count() - lines.len();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

/// `1 record`, `12 records`.
pub(crate) fn records(count: usize) -> String {
    match count {
        1 => "1 record".to_owned(),
        _ => format!("{count} records"),
    }
}

fn is_told(table: &str) -> bool {
    table != OPERATIONS
}

/// `stock_level 5 -> 3; address, name changed; note added`.
fn fields(changes: &[FieldChange]) -> String {
    let mut parts = Vec::new();
    let mut names: [(&str, Vec<&str>); 3] = [
        ("changed", Vec::new()),
        ("added", Vec::new()),
        ("removed", Vec::new()),
    ];
    for change in changes.iter().take(FIELDS_MAX) {
        let (name, is_whole) = public_name(&change.path);
        let shown = |value: &Option<Value>| value.as_ref().and_then(public_value);
        let verb = match (&change.before, &change.after) {
            _ if !is_whole => 0,
            (None, _) => 1,
            (_, None) => 2,
            (before, after) => {
                if let (Some(before), Some(after)) = (shown(before), shown(after)) {
                    parts.push(format!("{name} {before} -> {after}"));
                    continue;
                }
                0
            }
        };
        if !names[verb].1.contains(&name) {
            names[verb].1.push(name);
        }
    }
    let names = names.iter().filter(|(_, list)| !list.is_empty());
    parts.extend(names.map(|(verb, list)| format!("{} {verb}", list.join(", "))));
    if changes.len() > FIELDS_MAX {
        parts.push(format!("{} more", changes.len() - FIELDS_MAX));
    }
    match parts.is_empty() {
        true => "written anew".to_owned(),
        false => parts.join("; "),
    }
}

/// The part of a path that reads like names of fields, and whether that is all of it: keys of an
/// object may be data, such as e-mail addresses.
fn public_name(path: &str) -> (&str, bool) {
    let is_name = |name: &&str| {
        name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.len() <= NAME_BYTES_MAX
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    };
    let names = path.split('.').take_while(is_name);
    let length: usize = names.map(|name| name.len() + 1).sum();
    match length {
        0 => ("a field", false),
        _ => (&path[..length - 1], length > path.len()),
    }
}

fn public_value(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(_) => Some(value.to_string()),
        Value::Number(number) => {
            let text = number.to_string();
            (text.len() <= NUMBER_BYTES_MAX).then_some(text)
        }
        Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, Record, parse_json, record_from};

    fn record(text: &str) -> Record {
        record_from(parse_json(text).unwrap()).unwrap()
    }

    #[track_caller]
    fn check_fields(before: &str, after: &str, expected: &str) {
        let changes = compare(&record(before), &record(after));
        assert_eq!(fields(&changes), expected);
    }

    #[test]
    fn values_that_are_no_texts_are_shown() {
        check_fields(
            r#"{"n": 5, "ok": false, "x": null}"#,
            r#"{"n": 3.50, "ok": true, "x": 1}"#,
            "n 5 -> 3.50; ok false -> true; x null -> 1",
        );
        check_fields(
            r#"{"name": "Ann", "n": 1, "address": {"city": "Ulm"}, "list": [1]}"#,
            r#"{"name": "Bob", "n": 2, "address": {"city": "Bonn"}, "list": [2]}"#,
            "n 1 -> 2; name, address.city, list changed",
        );
        check_fields(
            r#"{"a": 1, "b": 1, "c": "x"}"#,
            r#"{"a": "secret", "d": 1, "c": 1}"#,
            "a, c changed; d added; b removed",
        );
        check_fields("{}", "{}", "written anew");
    }

    #[test]
    fn a_name_that_may_be_data_is_not_shown() {
        check_fields(
            r#"{"votes": {"ann@example.org": 1, "+49 1": 1, "ok": 1}}"#,
            r#"{"votes": {"ann@example.org": 2, "ok": 2}}"#,
            "votes.ok 1 -> 2; votes changed",
        );
        check_fields("{}", r#"{"ann@example.org": 1}"#, "a field changed");
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        check_fields("{}", &format!("{{\"{long}\": 1}}"), "a field changed");
        let digits = "9".repeat(NUMBER_BYTES_MAX + 1);
        check_fields(r#"{"n": 1}"#, &format!("{{\"n\": {digits}}}"), "n changed");
    }

    #[test]
    fn a_line_names_some_fields_and_counts_the_others() {
        let wide = |value: u32| {
            let fields = (0..10).map(|field| format!("\"f{field}\": \"{value}\""));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        };
        check_fields(
            &wide(1),
            &wide(2),
            "f0, f1, f2, f3, f4, f5, f6, f7 changed; 2 more",
        );
    }

    #[test]
    fn one_line_a_record_without_the_journal() {
        let mut before = Memory::new();
        let mut changes = Changes::default();
        let key = |table: &str, id: &str| (table.to_owned(), id.to_owned());
        before
            .transact("now", |tx| {
                tx.insert("stock", record(r#"{"_id": "a", "n": 1}"#))?;
                tx.insert("stock", record(r#"{"_id": "b"}"#))?;
                tx.insert("old", record(r#"{"_id": "x"}"#))
            })
            .unwrap();
        changes
            .records
            .insert(key("operations", "k"), Some(record("{}")));
        assert_eq!(summary(&changes, &before).unwrap(), "");
        changes
            .records
            .insert(key("stock", "a"), Some(record(r#"{"n": 2}"#)));
        changes.records.insert(key("stock", "b"), None);
        changes
            .records
            .insert(key("stock", "c"), Some(record("{}")));
        changes.dropped.insert("old".to_owned());
        changes.records.insert(key("old", "x"), Some(record("{}")));
        assert_eq!(
            summary(&changes, &before).unwrap(),
            "old/: dropped, 1 record\nold/x: new\nstock/a: n 1 -> 2\nstock/b: deleted\nstock/c: new\n"
        );
        for number in 0..20 {
            let id = format!("d{number:02}");
            changes
                .records
                .insert(key("stock", &id), Some(record("{}")));
        }
        let lines = summary(&changes, &before).unwrap();
        assert_eq!(lines.lines().count(), LINES_MAX + 1);
        assert!(lines.ends_with("stock/d14: new\nand 5 more\n"), "{lines}");
    }
}
