//! A query: equality on fields. A nested object in it asks for its own fields alone; texts, lists and
//! the rest must be the same, numbers by value.

use crate::{Error, Record, json, record};
use gix::bstr::ByteSlice;
use serde_json::Value;

/// A query that was looked at once, to be asked of many records.
pub(crate) struct Query<'q> {
    fields: &'q Record,
    id: Option<&'q str>,
    /// Texts that a file must hold, in JSON's spelling, to match.
    literals: Vec<Vec<u8>>,
}

impl<'q> Query<'q> {
    /// A bad `_id` in the query is refused, as it is everywhere.
    pub(crate) fn new(fields: &'q Record) -> Result<Self, Error> {
        let mut literals = Vec::new();
        fields
            .values()
            .for_each(|value| collect_literals(value, &mut literals));
        Ok(Query {
            fields,
            id: record::own_id(fields)?,
            literals,
        })
    }

    /// The one record that can match, where the query names it.
    pub(crate) fn id(&self) -> Option<&'q str> {
        self.id
    }

    pub(crate) fn matches(&self, record: &Record) -> bool {
        has_fields(record, self.fields)
    }

    /// Whether a file with this text could match, without parsing it. A text may be spelt with
    /// escapes, so a file with a backslash always could.
    pub(crate) fn may_match(&self, text: &[u8]) -> bool {
        self.literals
            .iter()
            .all(|literal| text.contains_str(literal))
            || text.contains(&b'\\')
    }
}

fn collect_literals(value: &Value, literals: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(_) => literals.push(value.to_string().into_bytes()),
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_literals(item, literals)),
        Value::Object(fields) => fields
            .values()
            .for_each(|value| collect_literals(value, literals)),
        // A number has many spellings; the rest is in most files.
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

fn has_fields(record: &Record, fields: &Record) -> bool {
    fields
        .iter()
        .all(|(key, wanted)| match (record.get(key), wanted) {
            (Some(Value::Object(found)), Value::Object(wanted)) => has_fields(found, wanted),
            (Some(found), wanted) => json::same(found, wanted),
            (None, _) => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_from;
    use serde_json::json;

    #[track_caller]
    fn check(record: Value, query: Value, expected: bool) {
        let record = record_from(record).unwrap();
        let fields = record_from(query).unwrap();
        let query = Query::new(&fields).unwrap();
        assert_eq!(query.matches(&record), expected, "{fields:?}");
        if expected {
            assert!(
                query.may_match(crate::record_json(&record).as_bytes()),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn equality_on_fields() {
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), true);
        check(json!({"a": 1}), json!({}), true);
        check(json!({"a": 1}), json!({"a": "1"}), false);
        check(json!({"a": 1}), json!({"a": 1.0}), true);
        check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1}}), true);
        check(
            json!({"a": {"b": 1}}),
            json!({"a": {"b": 1, "c": 2}}),
            false,
        );
        check(json!({"a": [1, 2]}), json!({"a": [1]}), false);
        check(
            json!({"a": [1, {"b": 1.0}]}),
            json!({"a": [1, {"b": 1}]}),
            true,
        );
        check(json!({"a": null}), json!({"a": null}), true);
        check(json!({}), json!({"a": null}), false);
        check(
            json!({"a": "\"q\" é \n 🍺"}),
            json!({"a": "\"q\" é \n 🍺"}),
            true,
        );
    }

    #[test]
    fn escapes_do_not_hide_a_match() {
        let fields = record_from(json!({"name": "Zo\u{eb}"})).unwrap();
        let query = Query::new(&fields).unwrap();
        assert!(query.may_match(br#"{"name": "Zo\u00eb"}"#));
        assert!(!query.may_match(br#"{"name": "Zoe"}"#));
    }
}
