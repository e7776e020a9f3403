//! The records of one commit, read-only, whatever happens to the branch meanwhile.

use crate::git::Objects;
use crate::index::Index;
use crate::query::Query;
use crate::selection::{Plan, Selection};
use crate::transaction::Base;
use crate::tree::View;
use crate::{Error, Record, name};
use gix::ObjectId;
use std::sync::Arc;

/// A read-only view of one commit.
pub struct Snapshot {
    objects: Objects,
    commit: Option<(ObjectId, String)>,
    index: Option<Arc<Index>>,
}

/// What a search finds, with the files that are not records.
#[derive(Debug, Default)]
pub struct Scan {
    /// The records that match, in the order asked for; by `_id` without one.
    pub records: Vec<Record>,
    /// One [`Error::BadRecord`] for each file that could match and cannot be read.
    pub bad: Vec<Error>,
}

impl Snapshot {
    pub(crate) fn new(objects: Objects, commit: Option<ObjectId>) -> Self {
        Snapshot {
            objects,
            commit: commit.map(|id| (id, id.to_string())),
            index: None,
        }
    }

    /// The same, searching with an index.
    pub(crate) fn with_index(self, index: Option<Arc<Index>>) -> Self {
        Snapshot { index, ..self }
    }

    /// Why the index was rebuilt or passed over, if it was since this was last asked.
    pub fn cache_note(&self) -> Option<String> {
        self.index.as_ref()?.note()
    }

    pub(crate) fn view(&self) -> Result<View<'_>, Error> {
        let view = View::new(&self.objects, self.commit.as_ref().map(|(id, _)| *id))?;
        Ok(view.with_index(self.index.as_deref()))
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

    /// The records that match the query, by `_id`, as
    /// [`Transaction::find`](crate::Transaction::find) finds them.
    pub fn find(&self, table: &str, query: &Record) -> Result<Vec<Record>, Error> {
        self.search(table, &Query::new(query)?, None, |record| record, &mut Err)
    }

    /// All records of a table, by `_id`.
    pub fn all(&self, table: &str) -> Result<Vec<Record>, Error> {
        self.find(table, &Record::new())
    }

    /// As [`Snapshot::find`], but goes on after a file that cannot be read, and names it.
    pub fn scan(&self, table: &str, query: &Record) -> Result<Scan, Error> {
        self.select(table, &Selection::new(query.clone()))
    }

    /// What a selection asks for. Goes on after a file that cannot be read, and names it; with a limit
    /// and no order of its own, files behind the last record are not looked at.
    pub fn select(&self, table: &str, selection: &Selection) -> Result<Scan, Error> {
        let plan = Plan::new(selection)?;
        let mut bad = Vec::new();
        let found = self.search(
            table,
            &plan.query,
            plan.enough(),
            |record| plan.keep(record),
            &mut |error| {
                bad.push(error);
                Ok(())
            },
        )?;
        Ok(Scan {
            records: plan.apply(found),
            bad,
        })
    }

    /// The number of records that match. A file that cannot be read is an error unless its text rules
    /// a match out.
    pub fn count_matching(&self, table: &str, query: &Record) -> Result<usize, Error> {
        let matches = self.search(table, &Query::new(query)?, None, |_| (), &mut Err)?;
        Ok(matches.len())
    }

    fn search<T: Send>(
        &self,
        table: &str,
        query: &Query<'_>,
        enough: Option<usize>,
        keep: impl Fn(Record) -> T + Sync,
        bad: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<Vec<T>, Error> {
        name::check_table(table)?;
        self.view()?
            .search(table, query, enough, &|_| false, keep, bad)
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
