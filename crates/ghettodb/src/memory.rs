//! The records in memory: the same transactions without git, so that operations can be tested alone.

use crate::query::Query;
use crate::transaction::{Base, Transaction};
use crate::{Error, Record, name, record, rules};
use std::collections::BTreeMap;

/// A database in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    tables: BTreeMap<String, BTreeMap<String, Record>>,
}

impl Memory {
    /// An empty database.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs an operation; its changes stay if it gives `Ok` and the rules of the tables hold. `now`
    /// goes to `_updated`.
    pub fn transact<T, E: From<Error>>(
        &mut self,
        now: &str,
        operation: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut transaction = Transaction::new(self, now.to_owned());
        let value = operation(&mut transaction)?;
        let changes = transaction.into_changes();
        rules::check(self, &changes)?;
        for table in &changes.dropped {
            self.tables.remove(table);
        }
        for ((table, id), record) in changes.records {
            let records = self.tables.entry(table).or_default();
            match record {
                Some(record) => records.insert(id, record),
                None => records.remove(&id),
            };
        }
        self.tables.retain(|_, records| !records.is_empty());
        Ok(value)
    }

    /// The record with this `_id`.
    pub fn get(&self, table: &str, id: &str) -> Option<Record> {
        self.tables.get(table)?.get(id).cloned()
    }

    /// The records that match, by `_id`; none for a bad query.
    pub fn find(&self, table: &str, query: &Record) -> Vec<Record> {
        let Ok(query) = Query::new(query) else {
            return Vec::new();
        };
        self.records(table)
            .filter(|record| query.matches(record))
            .cloned()
            .collect()
    }

    /// All records of a table, by `_id`.
    pub fn all(&self, table: &str) -> Vec<Record> {
        self.records(table).cloned().collect()
    }

    /// The names of the tables that have records.
    pub fn tables(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    fn records(&self, table: &str) -> impl Iterator<Item = &Record> {
        self.tables
            .get(table)
            .into_iter()
            .flat_map(BTreeMap::values)
    }
}

impl Base for Memory {
    fn get(&self, table: &str, id: &str) -> Result<Option<Record>, Error> {
        Ok(Memory::get(self, table, id))
    }

    fn exists(&self, table: &str, id: &str) -> Result<bool, Error> {
        Ok(self
            .tables
            .get(table)
            .is_some_and(|records| records.contains_key(id)))
    }

    fn revision(&self, table: &str, id: &str) -> Result<Option<String>, Error> {
        Ok(Memory::get(self, table, id).as_ref().map(record::revision))
    }

    fn find(
        &self,
        table: &str,
        query: &Query<'_>,
        _enough: Option<usize>,
        hidden: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Record>, Error> {
        let records = self.tables.get(table).into_iter().flatten();
        Ok(records
            .filter(|(id, record)| !hidden(id) && query.matches(record))
            .map(|(_, record)| record.clone())
            .collect())
    }

    fn ids(&self, table: &str) -> Result<Vec<String>, Error> {
        Ok(self
            .tables
            .get(table)
            .into_iter()
            .flat_map(BTreeMap::keys)
            .cloned()
            .collect())
    }

    fn clashes(&self, table: &str, id: &str) -> Result<Vec<String>, Error> {
        let mut ids = self.ids(table)?;
        ids.retain(|other| name::clash(other, id));
        Ok(ids)
    }

    fn tables(&self) -> Result<Vec<String>, Error> {
        Ok(Memory::tables(self))
    }
}
