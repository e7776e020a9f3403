//! Putting records back as they were. It is an ordinary transaction, so today's rules hold for what
//! comes back, and nothing of the history is lost: a restore can be undone by another one.

use crate::diff::{self, ChangeKind, RecordDiff};
use crate::once::OPERATIONS;
use crate::summary::records;
use crate::{At, Committed, Database, Error, Message, Record, Snapshot, Transaction, name, record};
use std::collections::{BTreeMap, BTreeSet};

/// What a restore did.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    /// The commit that the records were taken from, in hex; none where the database was empty.
    pub from: Option<String>,
    /// What changed by it, by `_id`.
    pub changes: Vec<RecordDiff>,
}

impl Database {
    /// Puts a record back as it was: changed, back from the dead, or gone if it was not there yet.
    /// If it is so already there is no commit.
    pub fn restore(
        &mut self,
        table: &str,
        id: &str,
        at: &At,
    ) -> Result<Committed<Restored>, Error> {
        name::check_table(table)?;
        name::check_id(id)?;
        let snapshot = self.snapshot_at(at)?;
        let found = snapshot.get(table, id)?;
        let wanted = found.map(|record| (id.to_owned(), record));
        let subject = format!("restore {table}/{id} as of {at}");
        self.put_back(&subject, &snapshot, |transaction| {
            let ids = BTreeSet::from([id.to_owned()]);
            Wanted {
                table,
                records: wanted.iter().cloned().collect(),
            }
            .apply(transaction, ids, true)
        })
    }

    /// Puts all records of a table back as they were. Records that came later go, but only with
    /// `all`: without it, such a restore is refused.
    pub fn restore_table(
        &mut self,
        table: &str,
        at: &At,
        all: bool,
    ) -> Result<Committed<Restored>, Error> {
        name::check_table(table)?;
        let snapshot = self.snapshot_at(at)?;
        let wanted = snapshot.all(table)?.into_iter();
        let wanted = Wanted {
            table,
            records: wanted
                .map(|record| (crate::transaction::id_of(&record), record))
                .collect(),
        };
        // The transaction reads one record after the other; here they are asked for in one go.
        let (then, now) = (snapshot.view()?, self.view(self.tip)?);
        diff::prefetch(&diff::files(&then, &now, Some(table))?, &now)?;
        let subject = format!("restore {table} as of {at}");
        self.put_back(&subject, &snapshot, |transaction| {
            let ids = transaction.ids(table)?;
            let changes = wanted.apply(transaction, ids, all)?;
            transaction.describe(format!("{subject}: {}", records(changes.len())));
            Ok(changes)
        })
    }

    fn put_back(
        &mut self,
        subject: &str,
        snapshot: &Snapshot,
        operation: impl Fn(&mut Transaction<'_>) -> Result<Vec<RecordDiff>, Error>,
    ) -> Result<Committed<Restored>, Error> {
        let from = snapshot.commit().map(str::to_owned);
        let mut trailers = vec![("Operation".to_owned(), "restore".to_owned())];
        trailers.extend(
            from.iter()
                .map(|commit| ("Restored-From".to_owned(), commit.clone())),
        );
        let message = Message {
            subject: subject.to_owned(),
            trailers,
        };
        let committed = self.transact(&message, |transaction| {
            Ok(Restored {
                from: from.clone(),
                changes: operation(transaction)?,
            })
        });
        committed.map_err(Error::from)
    }
}

/// Records of a table as they shall be.
struct Wanted<'t> {
    table: &'t str,
    records: BTreeMap<String, Record>,
}

impl Wanted<'_> {
    /// Makes the records of these ids, and all that are wanted, what they shall be.
    fn apply(
        &self,
        transaction: &mut Transaction<'_>,
        mut ids: BTreeSet<String>,
        all: bool,
    ) -> Result<Vec<RecordDiff>, Error> {
        ids.extend(self.records.keys().cloned());
        // A file that this database could not have written is none of its records.
        ids.retain(|id| name::check_id(id).is_ok());
        let mut changes = Vec::new();
        for id in ids {
            let after = self.records.get(&id);
            let (before, unreadable) = match transaction.get(self.table, &id) {
                Ok(before) => (before, None),
                Err(error @ Error::BadRecord { .. }) => (None, Some(error.to_string())),
                Err(error) => return Err(error),
            };
            let kind = match (&before, after) {
                (Some(before), Some(after)) if record::same_content(before, after) => continue,
                (None, None) if unreadable.is_none() => continue,
                (None, Some(_)) if unreadable.is_none() => ChangeKind::Created,
                (_, Some(_)) => ChangeKind::Changed,
                (_, None) => ChangeKind::Deleted,
            };
            changes.push(RecordDiff {
                table: self.table.to_owned(),
                id,
                kind,
                before,
                after: after.cloned(),
                unreadable,
            });
        }
        let goes = |change: &&RecordDiff| change.kind == ChangeKind::Deleted;
        let going = changes.iter().filter(goes).count();
        if going > 0 && !all {
            return Err(Error::Usage(format!(
                "records of table {:?} that came later would be deleted ({going}); if that is meant, add --all",
                self.table
            )));
        }
        if going > 0 && self.table == OPERATIONS {
            return Err(Error::Usage(format!(
                "table {OPERATIONS:?} keeps which operations took effect; without the later ones they would take effect twice"
            )));
        }
        for change in &mut changes {
            match &change.after {
                Some(record) => {
                    let record = record.clone();
                    change.after = Some(transaction.replace(self.table, &change.id, record)?);
                }
                None => drop(transaction.delete(self.table, &change.id)?),
            }
        }
        Ok(changes)
    }
}
