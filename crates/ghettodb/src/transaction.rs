//! A transaction: an operation's view of the records, and the changes it has made so far. It knows
//! neither git nor where the records come from; a base underneath answers for what is there already.

use crate::query::Query;
use crate::settings::{TABLES, TableSettings};
use crate::{Error, Record, name, record};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use uuid::Uuid;

/// What a transaction starts from: the records of one commit, or of a [`crate::Memory`].
/// Names are checked before they get here.
pub(crate) trait Base {
    /// The record in the file of that name.
    fn get(&self, table: &str, id: &str) -> Result<Option<Record>, Error>;
    /// Whether the file is there, readable or not.
    fn exists(&self, table: &str, id: &str) -> Result<bool, Error>;
    /// The records that match, by `_id`, at least the first `enough`; files that `hidden` names are
    /// passed over.
    fn find(
        &self,
        table: &str,
        query: &Query<'_>,
        enough: Option<usize>,
        hidden: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Record>, Error>;
    /// The id of the file's blob, in hex.
    fn revision(&self, table: &str, id: &str) -> Result<Option<String>, Error>;
    /// The ids of all files of a table, readable or not.
    fn ids(&self, table: &str) -> Result<Vec<String>, Error>;
    /// The ids of other files that would meet the file of `id` on a file system that ignores case.
    fn clashes(&self, table: &str, id: &str) -> Result<Vec<String>, Error>;
    /// The names of all tables.
    fn tables(&self) -> Result<Vec<String>, Error>;
}

/// What a transaction did, against its base.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Tables of the base that are gone as a whole; `records` come after.
    pub(crate) dropped: BTreeSet<String>,
    /// Table and id -> the new record, or none where it is deleted. Each differs from the base.
    pub(crate) records: BTreeMap<(String, String), Option<Record>>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.dropped.is_empty() && self.records.is_empty()
    }

    /// The settings of a table where they changed; none where the base's hold.
    pub(crate) fn settings(&self, table: &str) -> Option<Result<TableSettings, Error>> {
        match self.records.get(&(TABLES.to_owned(), table.to_owned())) {
            Some(Some(record)) => Some(TableSettings::from_record(table, record)),
            Some(None) => Some(Ok(TableSettings::default())),
            None if self.dropped.contains(TABLES) => Some(Ok(TableSettings::default())),
            None => None,
        }
    }
}

/// A set of reads and writes that becomes one commit, all or nothing. Reads see the writes before
/// them. It may be run more than once, each time on a newer tip, so it must not act on anything else.
pub struct Transaction<'a> {
    base: &'a dyn Base,
    now: String,
    changes: Changes,
    /// Table and folded id of what was written, to see at once that a new id meets none of them.
    written: HashSet<(String, String)>,
    description: Option<String>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(base: &'a dyn Base, now: String) -> Self {
        Transaction {
            base,
            now,
            changes: Changes::default(),
            written: HashSet::new(),
            description: None,
        }
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    /// Says in one line what is done, where that is known only now: the subject of the commit, in place
    /// of the message's. The last call counts.
    pub fn describe(&mut self, subject: impl Into<String>) {
        self.description = Some(subject.into());
    }

    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The time of this transaction, RFC 3339 in UTC: what goes to `_updated`.
    pub fn now(&self) -> &str {
        &self.now
    }

    /// A new id: a version 7 UUID, so that ids sort by time.
    pub fn new_id(&mut self) -> String {
        Uuid::now_v7().to_string()
    }

    /// The record with this `_id`.
    pub fn get(&self, table: &str, id: &str) -> Result<Option<Record>, Error> {
        name::check_table(table)?;
        name::check_id(id)?;
        if let Some(changed) = self.changed(table, id) {
            return Ok(changed.clone());
        }
        if self.changes.dropped.contains(table) {
            return Ok(None);
        }
        self.base.get(table, id)
    }

    /// The records that match the query, by `_id`. A nested object in the query asks for its own
    /// fields alone; numbers are compared by value. `{}` finds all.
    ///
    /// A file that cannot be read is an error unless its text rules a match out.
    pub fn find(&self, table: &str, query: &Record) -> Result<Vec<Record>, Error> {
        self.first(table, query, None)
    }

    /// The first, by `_id`, of the records that [`Transaction::find`] gives; files behind it are not
    /// looked at.
    pub fn find_one(&self, table: &str, query: &Record) -> Result<Option<Record>, Error> {
        Ok(self.first(table, query, Some(1))?.into_iter().next())
    }

    /// At least the first `enough` that match, by `_id`.
    fn first(
        &self,
        table: &str,
        query: &Record,
        enough: Option<usize>,
    ) -> Result<Vec<Record>, Error> {
        name::check_table(table)?;
        let query = Query::new(query)?;
        let mut found = if self.changes.dropped.contains(table) {
            Vec::new()
        } else {
            let hidden = |id: &str| self.changed(table, id).is_some();
            self.base.find(table, &query, enough, &hidden)?
        };
        found.extend(
            self.changes_of(table)
                .filter_map(|(_, record)| record.as_ref())
                .filter(|record| query.matches(record))
                .cloned(),
        );
        sort_by_id(&mut found);
        Ok(found)
    }

    /// Stores a new record, with a new id unless it brings its own.
    pub fn insert(&mut self, table: &str, record: Record) -> Result<Record, Error> {
        name::check_table(table)?;
        let id = match record::own_id(&record)? {
            Some(id) => id.to_owned(),
            None => self.new_id(),
        };
        if self.exists(table, &id)? {
            return Err(Error::Exists {
                table: table.to_owned(),
                id,
            });
        }
        self.check_clash(table, &id)?;
        self.put(table, &id, record)
    }

    /// Sets the given top-level fields of a record and keeps the others.
    pub fn update(&mut self, table: &str, id: &str, fields: Record) -> Result<Record, Error> {
        let Some(mut record) = self.get(table, id)? else {
            return Err(Error::Absent {
                table: table.to_owned(),
                id: id.to_owned(),
            });
        };
        if let Some(other) = record::own_id(&fields)?
            && other != id
        {
            return Err(Error::Usage(format!(
                "the _id of record {id:?} in table {table:?} cannot change to {other:?}"
            )));
        }
        record.extend(fields);
        self.put(table, id, record)
    }

    /// Puts a record in the place of what stands there, if anything does, readable or not.
    pub fn replace(&mut self, table: &str, id: &str, record: Record) -> Result<Record, Error> {
        name::check_table(table)?;
        name::check_id(id)?;
        if !self.exists(table, id)? {
            self.check_clash(table, id)?;
        }
        self.put(table, id, record)
    }

    /// Updates the record that matches the query (the first by `_id` of several), or inserts one
    /// made of the fields that the query fixes by equality and the given ones.
    pub fn upsert(&mut self, table: &str, query: &Record, fields: Record) -> Result<Record, Error> {
        match self.find_one(table, query)? {
            Some(found) => self.update(table, &id_of(&found), fields),
            None => {
                let mut record = Query::new(query)?.fixed_fields()?;
                record.extend(fields);
                self.insert(table, record)
            }
        }
    }

    /// Deletes a record, readable or not; says whether it was there.
    pub fn delete(&mut self, table: &str, id: &str) -> Result<bool, Error> {
        name::check_table(table)?;
        name::check_id(id)?;
        if !self.exists(table, id)? {
            return Ok(false);
        }
        let key = (table.to_owned(), id.to_owned());
        if self.in_base(table, id)? {
            self.changes.records.insert(key, None);
        } else {
            self.changes.records.remove(&key);
        }
        Ok(true)
    }

    /// Deletes a table with all that is in it; gives the number of its records.
    pub fn drop_table(&mut self, table: &str) -> Result<usize, Error> {
        name::check_table(table)?;
        let count = self.ids(table)?.len();
        self.changes
            .records
            .retain(|(changed, _), _| changed != table);
        if self.base.tables()?.iter().any(|name| name == table) {
            self.changes.dropped.insert(table.to_owned());
        }
        Ok(count)
    }

    /// The names of all tables, sorted.
    pub fn tables(&self) -> Result<Vec<String>, Error> {
        let mut tables: BTreeSet<String> = self.base.tables()?.into_iter().collect();
        tables.retain(|table| !self.changes.dropped.contains(table));
        let inserted = self
            .changes
            .records
            .iter()
            .filter(|(_, record)| record.is_some());
        tables.extend(inserted.map(|((table, _), _)| table.clone()));
        Ok(tables.into_iter().collect())
    }

    /// The ids of all records of a table, readable or not.
    pub(crate) fn ids(&self, table: &str) -> Result<BTreeSet<String>, Error> {
        let mut ids = BTreeSet::new();
        if !self.changes.dropped.contains(table) {
            ids.extend(self.base.ids(table)?);
        }
        for (id, record) in self.changes_of(table) {
            if record.is_some() {
                ids.insert(id.to_owned());
            } else {
                ids.remove(id);
            }
        }
        Ok(ids)
    }

    fn changed(&self, table: &str, id: &str) -> Option<&Option<Record>> {
        self.changes.records.get(&(table.to_owned(), id.to_owned()))
    }

    fn changes_of(&self, table: &str) -> impl Iterator<Item = (&str, &Option<Record>)> {
        self.changes
            .records
            .range((table.to_owned(), String::new())..)
            .take_while(move |((changed, _), _)| changed == table)
            .map(|((_, id), record)| (id.as_str(), record))
    }

    /// Of a checked name.
    pub(crate) fn current_revision(&self, table: &str, id: &str) -> Result<Option<String>, Error> {
        match self.changed(table, id) {
            Some(changed) => Ok(changed.as_ref().map(record::revision)),
            None if self.changes.dropped.contains(table) => Ok(None),
            None => self.base.revision(table, id),
        }
    }

    fn exists(&self, table: &str, id: &str) -> Result<bool, Error> {
        match self.changed(table, id) {
            Some(changed) => Ok(changed.is_some()),
            None => self.in_base(table, id),
        }
    }

    fn in_base(&self, table: &str, id: &str) -> Result<bool, Error> {
        Ok(!self.changes.dropped.contains(table) && self.base.exists(table, id)?)
    }

    fn has_table(&self, table: &str) -> Result<bool, Error> {
        if self.changes_of(table).any(|(_, record)| record.is_some()) {
            return Ok(true);
        }
        let in_base = |tables: Vec<String>| tables.iter().any(|name| name == table);
        Ok(!self.changes.dropped.contains(table) && in_base(self.base.tables()?))
    }

    /// Refuses a new file that would meet another one on a file system that ignores case.
    fn check_clash(&self, table: &str, id: &str) -> Result<(), Error> {
        if !self.has_table(table)? {
            name::check_new_table(table, &self.tables()?)?;
        }
        let in_base = if self.changes.dropped.contains(table) {
            Vec::new()
        } else {
            self.base.clashes(table, id)?
        };
        let others = in_base.iter().map(String::as_str);
        let others = others.filter(|other| self.changed(table, other).is_none_or(Option::is_some));
        let new = self
            .written
            .contains(&(table.to_owned(), name::fold(id)))
            .then(|| self.changes_of(table))
            .into_iter()
            .flatten()
            .filter(|(other, record)| record.is_some() && name::clash(other, id))
            .map(|(id, _)| id);
        if let Some(other) = others.chain(new).next() {
            return Err(Error::Name {
                what: "_id",
                name: id.to_owned(),
                reason: format!("record {other:?} differs from it only by case or Unicode form"),
            });
        }
        Ok(())
    }

    /// Stores a record under a checked name. What equals the base is no change, and keeps its time.
    fn put(&mut self, table: &str, id: &str, record: Record) -> Result<Record, Error> {
        let record = record::arrange(record, id, &self.now);
        record::check_storable(table, &record)?;
        let key = (table.to_owned(), id.to_owned());
        if self.in_base(table, id)?
            && let Ok(Some(before)) = self.base.get(table, id)
            && record::same_content(&before, &record)
        {
            self.changes.records.remove(&key);
            return Ok(before);
        }
        self.written.insert((table.to_owned(), name::fold(id)));
        self.changes.records.insert(key, Some(record.clone()));
        Ok(record)
    }
}

pub(crate) fn id_of(record: &Record) -> String {
    let id = record.get("_id").and_then(serde_json::Value::as_str);
    id.expect("a record that was read or stored has its _id")
        .to_owned()
}

pub(crate) fn sort_by_id(records: &mut [Record]) {
    records.sort_by_cached_key(id_of);
}
