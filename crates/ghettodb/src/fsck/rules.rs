//! What a table's records must be beyond records: its settings, its schema and unique fields, and
//! in the tables of the database's own, settings and journal.

use super::text::{place, problem};
use super::{Code, Problem};
use crate::json::sha256_hex;
use crate::once::OPERATIONS;
use crate::rules::{Rules, Seen};
use crate::settings::TABLES;
use crate::transaction::Base as _;
use crate::tree::View;
use crate::{Error, Record};
use serde_json::Value;
use std::collections::HashMap;

/// Keeps what must be compared over a whole table.
pub(super) struct Keeper<'t> {
    table: &'t str,
    rules: Option<Rules>,
    seen: Seen,
    /// Key of a record of the journal -> its `_id`.
    keys: HashMap<String, String>,
}

impl<'t> Keeper<'t> {
    pub(super) fn new(view: &View<'_>, table: &'t str) -> Result<Self, Error> {
        // Settings that make no sense are told where they stand, and state no rules.
        let rules = match view.get(TABLES, table) {
            Ok(settings) => settings.and_then(|settings| Rules::of(table, &settings).ok()),
            Err(Error::BadRecord { .. }) => None,
            Err(error) => return Err(error),
        };
        let unique = rules
            .as_ref()
            .map_or_else(Vec::new, |rules| rules.unique.clone());
        Ok(Keeper {
            table,
            rules,
            seen: Seen::new(unique),
            keys: HashMap::new(),
        })
    }

    pub(super) fn check(
        &mut self,
        path: &str,
        id: &str,
        record: &Record,
        bytes: &[u8],
        problems: &mut Vec<Problem>,
    ) {
        if let Some(rules) = &self.rules {
            for fault in rules.schema_faults(record) {
                let place = place(bytes, &fault.field);
                problems.push(problem(Code::Schema, path, place, fault.to_string()));
            }
            for fault in self.seen.add(id, record) {
                let place = place(bytes, &fault.field);
                problems.push(problem(Code::Unique, path, place, fault.to_string()));
            }
        }
        match self.table {
            TABLES => {
                let text = match Rules::of(id, record) {
                    Ok(_) => return,
                    Err(Error::Settings { reason, .. }) => reason,
                    Err(error) => error.to_string(),
                };
                problems.push(problem(Code::Settings, path, (0, 0), text));
            }
            OPERATIONS => self.check_journal(path, id, record, bytes, problems),
            _ => {}
        }
    }

    fn check_journal(
        &mut self,
        path: &str,
        id: &str,
        record: &Record,
        bytes: &[u8],
        problems: &mut Vec<Problem>,
    ) {
        let Some(key) = record.get("key").and_then(Value::as_str) else {
            let message = "a record of the journal has a text `key`";
            problems.push(problem(
                Code::JournalKey,
                path,
                place(bytes, "/key"),
                message,
            ));
            return;
        };
        let place = place(bytes, "/key");
        if let Some(other) = self.keys.insert(key.to_owned(), id.to_owned()) {
            let message = format!("record {other:?} has the key {key:?} too");
            problems.push(problem(Code::JournalTwice, path, place, message));
        }
        if sha256_hex(key.as_bytes()) != id {
            let message = format!("`_id` is not the SHA-256 of the key {key:?}");
            problems.push(problem(Code::JournalId, path, place, message));
        }
    }
}
