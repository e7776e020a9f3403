//! The rules of a table: a JSON Schema, and fields whose values stand once. They are checked on what
//! a transaction would leave behind, in the retry loop, so no two writers can break them together.
//!
//! Knows neither git nor files: the transaction's base answers. The settings that hold are those
//! after the transaction, which may change them itself.

mod schema;
mod unique;

use crate::error::RuleFault;
use crate::query::Query;
use crate::settings::{TABLES, TableSettings};
use crate::transaction::{Base, Changes, id_of, sort_by_id};
use crate::{Error, Record, json, name};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
pub(crate) use unique::Seen;

/// How many records are named where a whole table is checked.
const NAMED_MAX: usize = 5;

/// The rules of one table, ready to be asked.
pub(crate) struct Rules {
    schema: Option<Arc<schema::Compiled>>,
    pub(crate) unique: Vec<String>,
}

impl Rules {
    /// Reads a record of the table `_tables` and compiles what it states.
    pub(crate) fn of(table: &str, record: &Record) -> Result<Self, Error> {
        if table == TABLES {
            return Err(bad_settings(table, "the table of settings has none itself"));
        }
        name::check_table(table)?;
        let settings = TableSettings::from_record(table, record)?;
        for (index, path) in settings.unique.iter().enumerate() {
            if matches!(path.as_str(), "_id" | "_updated") {
                let reason = format!("`unique` is for fields, and {path:?} is the database's own");
                return Err(bad_settings(table, reason));
            }
            if settings.unique[..index].contains(path) {
                return Err(bad_settings(
                    table,
                    format!("`unique` names {path:?} twice"),
                ));
            }
        }
        let schema = settings.schema.as_ref().map(schema::compile).transpose();
        Ok(Rules {
            schema: schema.map_err(|reason| bad_settings(table, reason))?,
            unique: settings.unique,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.schema.is_none() && self.unique.is_empty()
    }

    /// Where the record differs from the schema; at most [`schema::FAULTS_MAX`].
    pub(crate) fn schema_faults(&self, record: &Record) -> Vec<RuleFault> {
        self.schema
            .as_ref()
            .map_or_else(Vec::new, |schema| schema.faults(record))
    }
}

/// Refuses changes that would leave a record against its table's rules.
pub(crate) fn check(base: &dyn Base, changes: &Changes) -> Result<(), Error> {
    let after = After { base, changes };
    let written = changes
        .records
        .iter()
        .filter(|(_, record)| record.is_some());
    let mut tables: BTreeSet<&str> = written.map(|((table, _), _)| table.as_str()).collect();
    if tables.remove(TABLES) {
        for (table, settings) in after.changed(TABLES) {
            if let Some(settings) = settings {
                after.check_settings(table, settings)?;
                // What is checked as a whole needs no second look.
                tables.remove(table);
            }
        }
    }
    for table in tables {
        let Some(settings) = after.get(TABLES, table)? else {
            continue;
        };
        let rules = Rules::of(table, &settings)?;
        if !rules.is_empty() {
            after.check_changed(table, &rules)?;
        }
    }
    Ok(())
}

fn bad_settings(table: &str, reason: impl Into<String>) -> Error {
    Error::Settings {
        table: table.to_owned(),
        reason: reason.into(),
    }
}

/// The records as they will be: the base, and the changes on top of it.
struct After<'a> {
    base: &'a dyn Base,
    changes: &'a Changes,
}

impl<'a> After<'a> {
    fn changed(&self, table: &str) -> impl Iterator<Item = (&'a str, Option<&'a Record>)> {
        let changes = self.changes;
        let table = table.to_owned();
        changes
            .records
            .range((table.clone(), String::new())..)
            .take_while(move |((changed, _), _)| *changed == table)
            .map(|((_, id), record)| (id.as_str(), record.as_ref()))
    }

    fn change(&self, table: &str, id: &str) -> Option<&Option<Record>> {
        // The map's key borrows nothing.
        self.changes.records.get(&(table.to_owned(), id.to_owned()))
    }

    fn get(&self, table: &str, id: &str) -> Result<Option<Record>, Error> {
        match self.change(table, id) {
            Some(changed) => Ok(changed.clone()),
            None => self.before(table, id),
        }
    }

    /// The record as the transaction found it.
    fn before(&self, table: &str, id: &str) -> Result<Option<Record>, Error> {
        match self.changes.dropped.contains(table) {
            true => Ok(None),
            false => self.base.get(table, id),
        }
    }

    /// The matching records that the transaction leaves as they are, at least the first `enough`.
    fn untouched(
        &self,
        table: &str,
        query: &Record,
        enough: Option<usize>,
    ) -> Result<Vec<Record>, Error> {
        if self.changes.dropped.contains(table) {
            return Ok(Vec::new());
        }
        let hidden = |id: &str| self.change(table, id).is_some();
        self.base.find(table, &Query::new(query)?, enough, &hidden)
    }

    /// Checks new settings, and the whole table where they ask for more than before.
    fn check_settings(&self, table: &str, settings: &Record) -> Result<(), Error> {
        let rules = Rules::of(table, settings)?;
        if rules.is_empty() {
            return Ok(());
        }
        // Settings that could not be read asked for nothing that anybody could rely on.
        let before = self.before(TABLES, table).unwrap_or_default();
        let holds_already = before.is_some_and(|before| {
            let stated = |record: &Record, name| record.get(name).cloned().unwrap_or_default();
            let same = |name| json::same(&stated(&before, name), &stated(settings, name));
            same("schema") && same("unique")
        });
        if holds_already {
            return self.check_changed(table, &rules);
        }
        let mut records = self.untouched(table, &Record::new(), None)?;
        records.extend(
            self.changed(table)
                .filter_map(|(_, record)| record.cloned()),
        );
        sort_by_id(&mut records);
        let mut seen = Seen::new(rules.unique.clone());
        let mut refused: Vec<String> = Vec::new();
        let mut count = 0;
        for record in &records {
            let id = id_of(record);
            let mut faults = rules.schema_faults(record);
            faults.extend(seen.add(&id, record));
            if faults.is_empty() {
                continue;
            }
            count += 1;
            if refused.len() < NAMED_MAX {
                refused.push(Error::rule(table, &id, faults).to_string());
            }
        }
        if count == 0 {
            return Ok(());
        }
        if count > refused.len() {
            refused.push(format!("and {} more", count - refused.len()));
        }
        let noun = if count == 1 {
            "record breaks"
        } else {
            "records break"
        };
        let refused = refused.join("; ");
        Err(bad_settings(
            table,
            format!("{count} {noun} these rules: {refused}"),
        ))
    }

    fn check_changed(&self, table: &str, rules: &Rules) -> Result<(), Error> {
        for (id, record) in self.changed(table) {
            let faults = record.map_or_else(Vec::new, |record| rules.schema_faults(record));
            if !faults.is_empty() {
                return Err(Error::rule(table, id, faults));
            }
        }
        rules
            .unique
            .iter()
            .try_for_each(|path| unique::check(self, table, path))
    }
}

/// A value as it stands in a message: whole if it is short.
fn shown(value: &Value) -> String {
    shorten(&value.to_string())
}

/// Most characters of one fault's text: a record may hold a megabyte.
const TEXT_MAX: usize = 240;

fn shorten(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
