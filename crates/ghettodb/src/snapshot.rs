//! The records of one commit, read-only.

use crate::{Error, Record};

/// A read-only view of one commit.
pub struct Snapshot;

/// What a table holds, with what of it cannot be read.
#[derive(Debug, Default)]
pub struct Scan {
    /// The readable records, by `_id`.
    pub records: Vec<Record>,
    /// One error a file that is not a record.
    pub bad: Vec<Error>,
}

impl Snapshot {
    /// Id of the commit; none in an empty repository.
    pub fn commit(&self) -> Option<&str> {
        None
    }
    /// The record with this `_id`.
    pub fn get(&self, table: &str, id: &str) -> Result<Option<Record>, Error> {
        Err(Error::Repository(format!("{table}/{id}")))
    }
    /// The records that match, by `_id`.
    pub fn find(&self, table: &str, query: &Record) -> Result<Vec<Record>, Error> {
        Err(Error::Repository(format!("{table}/{}", query.len())))
    }
    /// All records of a table, by `_id`.
    pub fn all(&self, table: &str) -> Result<Vec<Record>, Error> {
        self.find(table, &Record::new())
    }
    /// All readable records of a table, and an error for each other file.
    pub fn scan(&self, table: &str) -> Result<Scan, Error> {
        Err(Error::Repository(table.to_owned()))
    }
    /// The names of all tables.
    pub fn tables(&self) -> Result<Vec<String>, Error> {
        Err(Error::Repository(String::new()))
    }
    /// The number of records of a table.
    pub fn count(&self, table: &str) -> Result<usize, Error> {
        Err(Error::Repository(table.to_owned()))
    }
}
