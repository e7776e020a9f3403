//! The operations that touch one or many records found by a query, as the command line and the
//! GitHub action name them. `findone`, `findmany` and `upsert` are methods of the transaction itself.

use crate::transaction::id_of;
use crate::{Error, Record, Transaction};

impl Transaction<'_> {
    /// Updates the first record, by `_id`, that matches; none where none does.
    pub fn update_one(
        &mut self,
        table: &str,
        query: &Record,
        fields: Record,
    ) -> Result<Option<Record>, Error> {
        match self.find_one(table, query)? {
            Some(found) => self.update(table, &id_of(&found), fields).map(Some),
            None => Ok(None),
        }
    }

    /// Updates all records that match; gives them as they are now.
    pub fn update_many(
        &mut self,
        table: &str,
        query: &Record,
        fields: &Record,
    ) -> Result<Vec<Record>, Error> {
        let found = self.find(table, query)?;
        found
            .iter()
            .map(|record| self.update(table, &id_of(record), fields.clone()))
            .collect()
    }

    /// Deletes the first record, by `_id`, that matches; gives it as it was.
    pub fn delete_one(&mut self, table: &str, query: &Record) -> Result<Option<Record>, Error> {
        let found = self.find_one(table, query)?;
        if let Some(record) = &found {
            self.delete(table, &id_of(record))?;
        }
        Ok(found)
    }

    /// Deletes all records that match, `{}` being all; gives them as they were.
    pub fn delete_many(&mut self, table: &str, query: &Record) -> Result<Vec<Record>, Error> {
        let found = self.find(table, query)?;
        for record in &found {
            self.delete(table, &id_of(record))?;
        }
        Ok(found)
    }

    /// Deletes all tables; gives their names and numbers of records.
    pub fn drop_all(&mut self) -> Result<Vec<(String, usize)>, Error> {
        let tables = self.tables()?;
        tables
            .into_iter()
            .map(|table| self.drop_table(&table).map(|count| (table, count)))
            .collect()
    }
}
