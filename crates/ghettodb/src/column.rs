//! Records as rows of texts, for CSV: which columns a record has, what stands in its cells, and the way
//! back. What is written here reads back as the same record, but for the order of its fields.
//!
//! A column is a path of field names joined by dots (`address.city`); a dot or backslash in a name has
//! a backslash before it. Objects are taken apart, unless they are empty; lists are JSON in one cell.
//! A cell is JSON, or a text as it is where that reads as no JSON; an empty cell is an absent field. In
//! the column `_id` every cell is a text as it is.

use crate::{Record, parse_json};
use serde_json::Value;
use std::collections::HashMap;

/// Gives column and cell of each field that is no object with fields of its own.
pub(crate) fn flatten(record: &Record, visit: &mut dyn FnMut(&str, &Value)) {
    flatten_below("", record, visit);
}

fn flatten_below(parent: &str, object: &Record, visit: &mut dyn FnMut(&str, &Value)) {
    for (name, value) in object {
        let path = format!("{parent}{}", name.replace('\\', r"\\").replace('.', r"\."));
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                flatten_below(&format!("{path}."), inner, visit);
            }
            _ => visit(&path, value),
        }
    }
}

/// The field names of a column.
pub(crate) fn names(column: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut chars = column.chars();
    while let Some(c) = chars.next() {
        let last = names.last_mut().expect("it begins with one");
        match c {
            '.' => names.push(String::new()),
            // A backslash at the end stands for itself.
            '\\' => last.push(chars.next().unwrap_or('\\')),
            _ => last.push(c),
        }
    }
    names
}

/// The text of a cell.
fn cell(column: &str, value: &Value) -> String {
    match value {
        Value::String(id) if column == "_id" => id.clone(),
        Value::String(text) if !text.is_empty() && parse_json(text).is_err() => text.clone(),
        _ => value.to_string(),
    }
}

/// The value of a cell; none where it is empty.
pub(crate) fn value(column: &str, cell: &str) -> Option<Value> {
    match (cell, column) {
        ("", _) => None,
        (id, "_id") => Some(id.into()),
        (cell, _) => Some(parse_json(cell).unwrap_or_else(|_| cell.into())),
    }
}

/// Sets the field of that path; false where another column has made something else of it.
pub(crate) fn set(mut record: &mut Record, names: &[String], value: Value) -> bool {
    let Some((last, parents)) = names.split_last() else {
        return false;
    };
    for name in parents {
        let inner = record
            .entry(name.as_str())
            .or_insert_with(|| Record::new().into());
        match inner {
            Value::Object(inner) => record = inner,
            _ => return false,
        }
    }
    record.insert(last.clone(), value).is_none()
}

/// The columns of some records, in the order in which they were first seen; `_id` is the first.
#[derive(Debug)]
pub(crate) struct Columns {
    names: Vec<String>,
    places: HashMap<String, usize>,
}

impl Columns {
    pub(crate) fn new() -> Self {
        Columns {
            names: vec!["_id".to_owned()],
            places: HashMap::from([("_id".to_owned(), 0)]),
        }
    }

    pub(crate) fn add(&mut self, record: &Record) {
        flatten(record, &mut |column, _| {
            if !self.places.contains_key(column) {
                self.places.insert(column.to_owned(), self.names.len());
                self.names.push(column.to_owned());
            }
        });
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The cells of a record, one a column. Its columns were added before.
    pub(crate) fn row(&self, record: &Record) -> Vec<String> {
        let mut row = vec![String::new(); self.names.len()];
        flatten(record, &mut |column, value| {
            if let Some(place) = self.places.get(column) {
                row[*place] = cell(column, value);
            }
        });
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_from;
    use serde_json::json;

    fn read_back(columns: &Columns, row: &[String]) -> Record {
        let mut record = Record::new();
        for (column, cell) in columns.names().iter().zip(row) {
            if let Some(value) = value(column, cell) {
                assert!(set(&mut record, &names(column), value), "{column}");
            }
        }
        record
    }

    #[test]
    fn a_record_becomes_cells_and_a_record_again() {
        let record = record_from(json!({
            "_id": "12",
            "price": 1.10,
            "address": {"city": "Ulm", "geo": {"lat": 48.4}, "empty": {}},
            "tags": ["a", {"b": 1}],
            "none": null,
            "a.b": "dotted", "c\\": {"d.e\\": 1}, "": {"": 2},
            "texts": {
                "empty": "", "number": "1.10", "word": "null", "quoted": "\"x\"", "list": "[1]",
                "space": " 1 ", "half": "\"x", "zeros": "0123", "lines": "a\r\nb,\"c\"", "formula": "=1+1"
            }
        }))
        .unwrap();
        let mut columns = Columns::new();
        columns.add(&record);
        let row = columns.row(&record);
        assert_eq!(read_back(&columns, &row), record);
        let shown: Vec<_> = columns
            .names()
            .iter()
            .zip(&row)
            .map(|(c, v)| format!("{c}={v}"))
            .collect();
        for expected in [
            "_id=12",
            "price=1.1",
            "address.geo.lat=48.4",
            "address.empty={}",
            r#"tags=["a",{"b":1}]"#,
            "none=null",
            r"a\.b=dotted",
            r"c\\.d\.e\\=1",
            r#"texts.empty="""#,
            r#"texts.number="1.10""#,
            "texts.zeros=0123",
            "texts.formula==1+1",
        ] {
            assert!(
                shown.iter().any(|cell| cell == expected),
                "{expected} in {shown:?}"
            );
        }
    }

    #[test]
    fn columns_stand_as_first_seen_and_absent_fields_are_empty() {
        let mut columns = Columns::new();
        let records = [
            json!({"b": 1, "_id": "1"}),
            json!({"_id": "2", "a": {"x": 1}, "b": 2}),
        ];
        let records = records.map(|record| record_from(record).unwrap());
        records.iter().for_each(|record| columns.add(record));
        assert_eq!(columns.names(), ["_id", "b", "a.x"]);
        assert_eq!(columns.row(&records[0]), ["1", "1", ""]);
    }

    #[test]
    fn columns_that_contradict_each_other_are_noticed() {
        let mut record = Record::new();
        assert!(set(&mut record, &names("a"), 1.into()));
        assert!(!set(&mut record, &names("a.b"), 1.into()));
        assert!(!set(&mut record, &names("a"), 2.into()));
        assert!(set(&mut record, &names("c.d"), 1.into()));
        assert!(!set(&mut record, &names("c"), 2.into()));
    }
}
