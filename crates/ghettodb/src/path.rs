//! Field paths, `customer.email`: how sorting, projection, queries and indexes name a field. A field
//! that is literally named so comes first; else each dot walks into an object.

use crate::Record;
use serde_json::Value;

/// The field that a path names.
pub(crate) fn field<'r>(mut record: &'r Record, mut path: &str) -> Option<&'r Value> {
    loop {
        if let Some(value) = record.get(path) {
            return Some(value);
        }
        let (first, rest) = path.split_once('.')?;
        record = record.get(first)?.as_object()?;
        path = rest;
    }
}

/// A record of the named fields alone, nested as they are, in the order of the paths.
pub(crate) fn project<'p>(record: &Record, paths: impl Iterator<Item = &'p str>) -> Record {
    let mut projected = Record::new();
    for path in paths {
        if field(record, path).is_some() {
            copy(record, path, &mut projected);
        }
    }
    projected
}

/// Copies a field that is there.
fn copy(from: &Record, path: &str, to: &mut Record) {
    if let Some(value) = from.get(path) {
        to.insert(path.to_owned(), value.clone());
    } else if let Some((first, rest)) = path.split_once('.')
        && let Some(Value::Object(from)) = from.get(first)
        && let Value::Object(to) = to
            .entry(first)
            .or_insert_with(|| Value::Object(Record::new()))
    {
        copy(from, rest, to);
    }
}

/// Sets a field, with the objects on the way to it; false where something else is in the way or
/// the field has another value.
pub(crate) fn set(record: &mut Record, path: &str, value: Value) -> bool {
    match path.split_once('.') {
        None => match record.get_mut(path) {
            Some(Value::Object(before)) if value.is_object() => {
                let Value::Object(fields) = value else {
                    return false;
                };
                fields
                    .into_iter()
                    .all(|(name, value)| set_one(before, name, value))
            }
            _ => set_one(record, path.to_owned(), value),
        },
        Some((first, rest)) => {
            let inner = record
                .entry(first)
                .or_insert_with(|| Value::Object(Record::new()));
            match inner {
                Value::Object(inner) => set(inner, rest, value),
                _ => false,
            }
        }
    }
}

fn set_one(record: &mut Record, name: String, value: Value) -> bool {
    match record.get(&name) {
        Some(before) => crate::json::same(before, &value),
        None => {
            record.insert(name, value);
            true
        }
    }
}

/// Visits every field that a path could mean, whichever dots are part of a name.
#[cfg(feature = "sqlite")]
pub(crate) fn each_meaning<'r>(record: &'r Record, path: &str, visit: &mut dyn FnMut(&'r Value)) {
    if let Some(value) = record.get(path) {
        visit(value);
    }
    for (dot, _) in path.match_indices('.') {
        if let Some(Value::Object(inner)) = record.get(&path[..dot]) {
            each_meaning(inner, &path[dot + 1..], visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_from;
    use serde_json::json;

    fn sample() -> Record {
        record_from(json!({
            "a": {"b": {"c": 1, "x.y": 2}, "d": [3]},
            "a.b": "literal",
            "": {"": 0},
        }))
        .unwrap()
    }

    #[test]
    fn a_literal_name_comes_before_the_walk() {
        #[track_caller]
        fn check(path: &str, expected: Option<Value>) {
            assert_eq!(field(&sample(), path).cloned(), expected, "{path:?}");
        }
        check("a.b", Some(json!("literal")));
        check("a.b.c", Some(json!(1)));
        check("a.b.x.y", Some(json!(2)));
        check("a.d", Some(json!([3])));
        check("a.d.0", None);
        check("a.b.c.d", None);
        check("a.", None);
        check("x", None);
        check(".", Some(json!(0)));
        check("", Some(json!({"": 0})));
    }

    #[test]
    fn projection_keeps_the_nesting() {
        #[track_caller]
        fn check(paths: &[&str], expected: Value) {
            let projected = project(&sample(), paths.iter().copied());
            assert_eq!(Value::Object(projected).to_string(), expected.to_string());
        }
        check(&["a.d", "a.b.c"], json!({"a": {"d": [3], "b": {"c": 1}}}));
        check(
            &["a.b", "a.b.x.y", "no", "a.no"],
            json!({"a.b": "literal", "a": {"b": {"x.y": 2}}}),
        );
        check(&["a.d", "a"], json!({"a": sample()["a"]}));
        check(&["a", "a.d"], json!({"a": sample()["a"]}));
    }

    #[test]
    fn setting_makes_the_objects_on_the_way() {
        let mut record = Record::new();
        assert!(set(&mut record, "a.b.c", json!(1)));
        assert!(set(&mut record, "a.d", json!(2)));
        assert!(set(&mut record, "a", json!({"e": 3})));
        assert!(set(&mut record, "a.d", json!(2.0)), "the same value");
        assert!(!set(&mut record, "a.d", json!(4)));
        assert!(!set(&mut record, "a.d.e", json!(4)));
        assert!(!set(&mut record, "a", json!(4)));
        assert_eq!(
            Value::Object(record),
            json!({"a": {"b": {"c": 1}, "d": 2, "e": 3}})
        );
    }
}
