//! What a database says about a table of its own: how its files are laid out, and which rules its
//! records keep. It stands in the database itself, as a record of the table `_tables`
//! (`db/_tables/<table>.json`), so that it is read, changed and versioned like everything else.

use crate::{Error, Record};
use serde_json::Value;

/// The table of settings. A table without a record here is flat and has no rules.
pub(crate) const TABLES: &str = "_tables";

/// Where the files of a table stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// `db/<table>/<_id>.json`, as the original GhettoHub DB reads it.
    #[default]
    Flat,
    /// `db/<table>/<two hex digits>/<_id>.json`: a commit rewrites a small directory, however large
    /// the table is.
    FanOut,
}

impl Layout {
    /// As it is written in the settings: `flat` or `fan-out`.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Flat => "flat",
            Layout::FanOut => "fan-out",
        }
    }

    /// The layout of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Layout::Flat, Layout::FanOut]
            .into_iter()
            .find(|layout| layout.name() == name)
    }
}

/// The settings of one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TableSettings {
    /// None where the settings don't say.
    pub(crate) layout: Option<Layout>,
    /// JSON Schema that each record keeps.
    pub(crate) schema: Option<Value>,
    /// Field paths whose values are unique among the records.
    pub(crate) unique: Vec<String>,
}

impl TableSettings {
    /// Reads a record of table `_tables`; the error names what is wrong with it.
    pub(crate) fn from_record(table: &str, record: &Record) -> Result<Self, Error> {
        let bad = |reason: String| Error::Settings {
            table: table.to_owned(),
            reason,
        };
        let mut settings = TableSettings::default();
        for (field, value) in record {
            match (field.as_str(), value) {
                ("_id" | "_updated", _) => {}
                ("layout", Value::String(name)) if Layout::from_name(name).is_some() => {
                    settings.layout = Layout::from_name(name);
                }
                ("layout", other) => {
                    return Err(bad(format!(
                        "`layout` is \"flat\" or \"fan-out\", found {other}"
                    )));
                }
                ("schema", Value::Object(_) | Value::Bool(_)) => {
                    settings.schema = Some(value.clone());
                }
                ("schema", _) => return Err(bad("`schema` is no JSON Schema".to_owned())),
                ("unique", Value::Array(paths)) => {
                    for path in paths {
                        match path.as_str().filter(|path| !path.is_empty()) {
                            Some(path) => settings.unique.push(path.to_owned()),
                            None => {
                                return Err(bad(format!(
                                    "`unique` lists field paths as texts, found {path}"
                                )));
                            }
                        }
                    }
                }
                ("unique", _) => return Err(bad("`unique` is no list of field paths".to_owned())),
                (other, _) => {
                    return Err(bad(format!(
                        "unknown setting {other:?}; there are `layout`, `schema` and `unique`"
                    )));
                }
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_from;
    use serde_json::json;

    fn read(settings: Value) -> Result<TableSettings, String> {
        TableSettings::from_record("t", &record_from(settings).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn settings_are_read() {
        assert_eq!(read(json!({"_id": "t"})).unwrap(), TableSettings::default());
        let all =
            json!({"layout": "fan-out", "schema": {"type": "object"}, "unique": ["a", "b.c"]});
        let expected = TableSettings {
            layout: Some(Layout::FanOut),
            schema: Some(json!({"type": "object"})),
            unique: vec!["a".to_owned(), "b.c".to_owned()],
        };
        assert_eq!(read(all).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        #[track_caller]
        fn check(settings: Value, expected: &str) {
            let error = read(settings).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("\"t\""), "{error}");
        }
        check(json!({"layout": "round"}), "found \"round\"");
        check(json!({"layout": 1}), "found 1");
        check(json!({"schema": []}), "no JSON Schema");
        check(json!({"unique": "a"}), "no list");
        check(json!({"unique": [1]}), "found 1");
        check(json!({"uniqe": []}), "unknown setting \"uniqe\"");
    }
}
