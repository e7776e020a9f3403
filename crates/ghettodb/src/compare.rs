//! Two records side by side: which fields differ. It knows neither git nor tables; history, diffs,
//! commit messages and watchers all take their word from here.
//!
//! Values are compared as they are written, so `1.10` and `1.1` differ; the order of fields does not
//! count. `_id` never differs, and `_updated` says only that something else does: both are left out.

use crate::Record;
use serde_json::{Map, Value};

/// One field that differs between two records.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Names from the top, joined with dots; a dot or backslash within a name has a backslash before
    /// it. A field is gone into only where both sides hold an object; lists are taken as a whole.
    pub path: String,
    /// The value before; none where the field was not there.
    pub before: Option<Value>,
    /// The value after; none where the field is not there.
    pub after: Option<Value>,
}

/// The fields that differ, in the order of `after`, those that are gone last.
pub fn compare(before: &Record, after: &Record) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    objects("", before, after, &mut changes);
    changes
}

/// `{path: {"before", "after"}}`; a side on which the field is absent is left out, so that it is
/// told from `null`.
pub fn fields_json(changes: &[FieldChange]) -> Value {
    let sides = |change: &FieldChange| {
        let sides = [("before", &change.before), ("after", &change.after)];
        let sides = sides.into_iter();
        sides
            .filter_map(|(side, value)| Some((side.to_owned(), value.clone()?)))
            .collect::<Map<_, _>>()
    };
    changes
        .iter()
        .map(|change| (change.path.clone(), Value::Object(sides(change))))
        .collect::<Map<_, _>>()
        .into()
}

fn objects(parent: &str, before: &Record, after: &Record, changes: &mut Vec<FieldChange>) {
    let is_frame = |name: &str| parent.is_empty() && matches!(name, "_id" | "_updated");
    for (name, new) in after.iter().filter(|(name, _)| !is_frame(name)) {
        let path = join(parent, name);
        match (before.get(name), new) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => objects(&path, old, new, changes),
            (old, new) => changes.push(FieldChange {
                path,
                before: old.cloned(),
                after: Some(new.clone()),
            }),
        }
    }
    for (name, old) in before.iter().filter(|(name, _)| !is_frame(name)) {
        if !after.contains_key(name) {
            changes.push(FieldChange {
                path: join(parent, name),
                before: Some(old.clone()),
                after: None,
            });
        }
    }
}

fn join(parent: &str, name: &str) -> String {
    let name = name.replace('\\', "\\\\").replace('.', "\\.");
    match parent.is_empty() {
        true => name,
        false => format!("{parent}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse_json, record_from};

    #[track_caller]
    fn check(before: &str, after: &str, expected: &str) {
        let record = |text| record_from(parse_json(text).unwrap()).unwrap();
        let changes = compare(&record(before), &record(after));
        assert_eq!(fields_json(&changes).to_string(), expected);
    }

    #[test]
    fn fields_that_differ() {
        check(r#"{"a": 1}"#, r#"{"a": 1}"#, "{}");
        check(
            r#"{"a": 5, "b": 1}"#,
            r#"{"b": 1, "a": 3}"#,
            r#"{"a":{"before":5,"after":3}}"#,
        );
        check(
            r#"{"old": "x"}"#,
            r#"{"new": null}"#,
            r#"{"new":{"after":null},"old":{"before":"x"}}"#,
        );
        check(
            r#"{"a": 1.10}"#,
            r#"{"a": 1.1}"#,
            r#"{"a":{"before":1.10,"after":1.1}}"#,
        );
    }

    #[test]
    fn objects_are_gone_into_and_lists_are_not() {
        check(
            r#"{"address": {"city": "Ulm", "zip": "1", "x": {"y": 1}}}"#,
            r#"{"address": {"city": "Bonn", "zip": "1", "x": {"y": 2}}}"#,
            r#"{"address.city":{"before":"Ulm","after":"Bonn"},"address.x.y":{"before":1,"after":2}}"#,
        );
        check(
            r#"{"a": {"b": 1}, "c": [1, {"d": 1}]}"#,
            r#"{"a": 1, "c": [1, {"d": 2}]}"#,
            r#"{"a":{"before":{"b":1},"after":1},"c":{"before":[1,{"d":1}],"after":[1,{"d":2}]}}"#,
        );
    }

    #[test]
    fn the_frame_is_left_out_at_the_top_alone() {
        check(
            r#"{"_id": "x", "_updated": "1", "a": {"_updated": "1"}}"#,
            r#"{"_id": "x", "_updated": "2", "a": {"_updated": "2"}}"#,
            r#"{"a._updated":{"before":"1","after":"2"}}"#,
        );
    }

    #[test]
    fn a_name_with_a_dot_is_not_taken_for_a_path() {
        check(
            r#"{"a.b": 1, "a": {"b": 1}, "c\\": 1}"#,
            r#"{"a.b": 2, "a": {"b": 2}, "c\\": 2}"#,
            r#"{"a\\.b":{"before":1,"after":2},"a.b":{"before":1,"after":2},"c\\\\":{"before":1,"after":2}}"#,
        );
    }
}
