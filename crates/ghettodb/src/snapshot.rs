//! The records of one commit, read-only, whatever happens to the branch meanwhile.

use crate::git::Objects;
use crate::query::Query;
use crate::transaction::Base;
use crate::tree::View;
use crate::{Error, Record, name};
use gix::ObjectId;

/// A read-only view of one commit.
pub struct Snapshot {
    objects: Objects,
    commit: Option<(ObjectId, String)>,
}

/// What a search finds, with the files that are not records.
#[derive(Debug, Default)]
pub struct Scan {
    /// The records that match, by `_id`.
    pub records: Vec<Record>,
    /// One [`Error::BadRecord`] for each file that could match and cannot be read.
    pub bad: Vec<Error>,
}

impl Snapshot {
    pub(crate) fn new(objects: Objects, commit: Option<ObjectId>) -> Self {
        Snapshot {
            objects,
            commit: commit.map(|id| (id, id.to_string())),
        }
    }

    fn view(&self) -> Result<View<'_>, Error> {
        View::new(&self.objects, self.commit.as_ref().map(|(id, _)| *id))
    }

    /// Id of the commit, in hex; none in an empty repository.
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_ref().map(|(_, hex)| hex.as_str())
    }

    /// The record with this `_id`.
    pub fn get(&self, table: &str, id: &str) -> Result<Option<Record>, Error> {
        name::check_table(table)?;
        name::check_id(id)?;
        self.view()?.get(table, id)
    }

    /// Names the content of a record's file: the id of its git blob, in hex.
    pub fn revision(&self, table: &str, id: &str) -> Result<Option<String>, Error> {
        name::check_table(table)?;
        name::check_id(id)?;
        self.view()?.revision(table, id)
    }

    /// The records that have the query's fields, by `_id`, as
    /// [`Transaction::find`](crate::Transaction::find) finds them.
    pub fn find(&self, table: &str, query: &Record) -> Result<Vec<Record>, Error> {
        let mut scan = self.scan(table, query)?;
        match scan.bad.is_empty() {
            true => Ok(scan.records),
            false => Err(scan.bad.swap_remove(0)),
        }
    }

    /// All records of a table, by `_id`.
    pub fn all(&self, table: &str) -> Result<Vec<Record>, Error> {
        self.find(table, &Record::new())
    }

    /// As [`Snapshot::find`], but goes on after a file that cannot be read, and names it.
    pub fn scan(&self, table: &str, query: &Record) -> Result<Scan, Error> {
        name::check_table(table)?;
        let query = Query::new(query)?;
        let view = self.view()?;
        let mut scan = Scan::default();
        if let Some(id) = query.id() {
            match view.get(table, id) {
                Ok(found) => scan
                    .records
                    .extend(found.filter(|record| query.matches(record))),
                Err(error @ Error::BadRecord { .. }) => scan.bad.push(error),
                Err(error) => return Err(error),
            }
            return Ok(scan);
        }
        scan.records = view.search(table, &query, &|_| false, &mut |error| {
            scan.bad.push(error);
            Ok(())
        })?;
        Ok(scan)
    }

    /// The names of all tables, sorted.
    pub fn tables(&self) -> Result<Vec<String>, Error> {
        self.view()?.tables()
    }

    /// The number of records of a table, readable or not.
    pub fn count(&self, table: &str) -> Result<usize, Error> {
        name::check_table(table)?;
        Ok(self.view()?.ids(table)?.len())
    }
}
