//! A record: the object in one file, its text, and the limits of what is stored.

use crate::json::{self, DEPTH_MAX, Fault, FaultKind};
use crate::{Error, name};
use serde_json::{Map, Value};

/// One record: a JSON object with `_id` and `_updated`. Fields keep their order, numbers their spelling.
pub type Record = Map<String, Value>;

/// Largest file of a record, in bytes.
pub(crate) const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// What editors on Windows leave at the start of a file; it is not content.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Makes a record of a JSON object; any other value is refused.
pub fn record_from(value: Value) -> Result<Record, Error> {
    match value {
        Value::Object(record) => Ok(record),
        Value::Null => Err(not_an_object("null")),
        Value::Bool(_) => Err(not_an_object("true or false")),
        Value::Number(_) => Err(not_an_object("a number")),
        Value::String(_) => Err(not_an_object("a text")),
        Value::Array(_) => Err(not_an_object("an array")),
    }
}

fn not_an_object(found: &str) -> Error {
    Error::Usage(format!("a record or query is a JSON object, found {found}"))
}

/// The text of a record's file: two spaces of indentation, a newline at the end.
pub fn record_json(record: &Record) -> String {
    let mut text =
        serde_json::to_string_pretty(record).expect("a JSON object is always serialisable");
    text.push('\n');
    text
}

/// The id that git gives the file of a record, in hex.
pub(crate) fn revision(record: &Record) -> String {
    let text = record_json(record);
    gix::objs::compute_hash(
        gix::hash::Kind::Sha1,
        gix::objs::Kind::Blob,
        text.as_bytes(),
    )
    .expect("a text of at most 1 MiB can be hashed")
    .to_string()
}

/// Puts `_id` first and `_updated` last, so that every file reads and diffs alike.
pub(crate) fn arrange(mut record: Record, id: &str, updated: &str) -> Record {
    record.shift_remove("_id");
    record.shift_remove("_updated");
    let mut arranged = Record::with_capacity(record.len() + 2);
    arranged.insert("_id".to_owned(), id.into());
    arranged.append(&mut record);
    arranged.insert("_updated".to_owned(), updated.into());
    arranged
}

/// Whether both hold the same, as written, whenever they were written.
pub(crate) fn same_content(one: &Record, other: &Record) -> bool {
    let content = |record: &Record| record.len() - usize::from(record.contains_key("_updated"));
    content(one) == content(other)
        && one
            .iter()
            .filter(|(key, _)| *key != "_updated")
            .all(|(key, value)| other.get(key) == Some(value))
}

/// Refuses what the strict reader would refuse once it is a file.
pub(crate) fn check_storable(table: &str, record: &Record) -> Result<(), Error> {
    storable_json(table, record).map(drop)
}

/// The text of a record's file, if it may be stored.
pub(crate) fn storable_json(table: &str, record: &Record) -> Result<String, Error> {
    let unstorable = |reason: String| Error::Unstorable {
        table: table.to_owned(),
        reason,
    };
    check_object(record, 1).map_err(unstorable)?;
    let text = record_json(record);
    let bytes = text.len();
    if bytes > RECORD_BYTES_MAX {
        return Err(unstorable(format!(
            "it has {bytes} bytes, at most {RECORD_BYTES_MAX} are allowed"
        )));
    }
    Ok(text)
}

pub(crate) fn check_object(object: &Record, depth: usize) -> Result<(), String> {
    object
        .values()
        .try_for_each(|value| check_value(value, depth))
}

fn check_value(value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Array(_) | Value::Object(_) if depth == DEPTH_MAX => {
            Err(format!("it is nested deeper than {DEPTH_MAX}"))
        }
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| check_value(item, depth + 1)),
        Value::Object(object) => check_object(object, depth + 1),
        Value::Number(number) if !json::is_finite(number) => {
            Err(format!("number {number} is larger than a double can hold"))
        }
        Value::Number(_) | Value::String(_) | Value::Bool(_) | Value::Null => Ok(()),
    }
}

/// Reads the text of a record, whatever its `_id`.
pub(crate) fn read(bytes: &[u8]) -> Result<Record, Fault> {
    let fault = |kind, line, column, reason: String| Fault {
        line,
        column,
        kind,
        reason,
    };
    if bytes.len() > RECORD_BYTES_MAX {
        let reason = format!(
            "the file has {} bytes, at most {RECORD_BYTES_MAX} are allowed",
            bytes.len()
        );
        return Err(fault(FaultKind::TooLarge, 0, 0, reason));
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let reason = "the file is not UTF-8".to_owned();
        fault(FaultKind::NotUtf8, line, 0, reason)
    })?;
    match json::parse(text)? {
        Value::Object(record) => Ok(record),
        _ => {
            let reason = "the file holds no JSON object".to_owned();
            Err(fault(FaultKind::NotAnObject, 1, 1, reason))
        }
    }
}

/// Reads the file of a record. The file name is the key: a text without `_id` gets it from there,
/// one with another `_id` is refused.
pub(crate) fn parse(path: &str, id: &str, bytes: &[u8]) -> Result<Record, Error> {
    let bad = |line, column, reason: String| Error::BadRecord {
        path: path.to_owned(),
        line,
        column,
        reason,
    };
    let mut record = read(bytes).map_err(|fault| bad(fault.line, fault.column, fault.reason))?;
    match record.get("_id") {
        Some(Value::String(own)) if own == id => {}
        None => {
            record.shift_insert(0, "_id".to_owned(), id.into());
        }
        Some(own) => return Err(bad(0, 0, other_id(own, id))),
    }
    Ok(record)
}

/// What is said of a record whose `_id` is not its file's name.
pub(crate) fn other_id(own: &Value, id: &str) -> String {
    format!("`_id` is {own}, but the file is named {id:?}")
}

/// The `_id` that a caller put into a record or query, checked.
pub(crate) fn own_id(record: &Record) -> Result<Option<&str>, Error> {
    match record.get("_id") {
        None => Ok(None),
        Some(Value::String(id)) => {
            name::check_id(id)?;
            Ok(Some(id))
        }
        Some(other) => Err(Error::Name {
            what: "_id",
            name: other.to_string(),
            reason: "it is not a text".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(value: Value) -> Record {
        record_from(value).unwrap()
    }

    #[test]
    fn file_is_pretty_with_id_first_and_updated_last() {
        let arranged = arrange(
            record(json!({"_updated": "old", "b": 1, "_id": "old", "a": {"c": []}})),
            "x",
            "now",
        );
        assert_eq!(
            record_json(&arranged),
            "{\n  \"_id\": \"x\",\n  \"b\": 1,\n  \"a\": {\n    \"c\": []\n  },\n  \"_updated\": \"now\"\n}\n"
        );
    }

    #[test]
    fn content_is_compared_without_the_time() {
        let one = record(json!({"_id": "x", "a": 1, "_updated": "t1"}));
        assert!(same_content(&one, &record(json!({"a": 1, "_id": "x"}))));
        assert!(!same_content(&one, &record(json!({"_id": "x", "a": 1.0}))));
        assert!(!same_content(&one, &record(json!({"_id": "x"}))));
        assert!(!same_content(
            &one,
            &record(json!({"_id": "x", "a": 1, "b": 2}))
        ));
    }

    #[test]
    fn limits_hold_at_writing() {
        // `{"_id": ..}` and the rest of the frame are part of the size.
        let frame = record_json(&record(json!({"a": ""}))).len();
        let sized = |bytes: usize| record(json!({"a": "x".repeat(bytes - frame)}));
        check_storable("t", &sized(RECORD_BYTES_MAX)).unwrap();
        assert!(check_storable("t", &sized(RECORD_BYTES_MAX + 1)).is_err());

        let nested = |depth: usize| {
            let mut value = json!(1);
            for _ in 1..depth {
                value = json!([value]);
            }
            record(json!({"a": value}))
        };
        check_storable("t", &nested(DEPTH_MAX)).unwrap();
        parse("p", "x", record_json(&nested(DEPTH_MAX)).as_bytes()).unwrap();
        assert!(check_storable("t", &nested(DEPTH_MAX + 1)).is_err());

        let huge: Value = serde_json::from_str("{\"a\": 1e400}").unwrap();
        assert!(check_storable("t", &record(huge)).is_err());
    }

    #[test]
    fn reading_names_file_and_place() {
        #[track_caller]
        fn check(bytes: &[u8], expected: &str) {
            assert_eq!(
                parse("db/t/x.json", "x", bytes).unwrap_err().to_string(),
                expected
            );
        }
        check(b"[1]", "db/t/x.json:1:1: the file holds no JSON object");
        check(
            b"{\n\"a\": }",
            "db/t/x.json:2:6: expected a JSON value, found '}'",
        );
        check(b"{\n\xff}", "db/t/x.json:2: the file is not UTF-8");
        check(
            b"{\"_id\": \"y\"}",
            "db/t/x.json: `_id` is \"y\", but the file is named \"x\"",
        );
        check(
            b"{\"_id\": 7}",
            "db/t/x.json: `_id` is 7, but the file is named \"x\"",
        );
        check(
            &vec![b' '; RECORD_BYTES_MAX + 1],
            "db/t/x.json: the file has 1048577 bytes, at most 1048576 are allowed",
        );
        let read = parse("db/t/x.json", "x", b"\xef\xbb\xbf{\"a\": 1.10}").unwrap();
        assert_eq!(
            Value::Object(read).to_string(),
            "{\"_id\":\"x\",\"a\":1.10}"
        );
    }
}
