//! Which records differ between two commits. That is told from the trees alone, in time that grows
//! with the difference; only records that differ are read.
//!
//! A record that moves between its table and a fan-out directory is the same record.

use crate::compare::{FieldChange, compare, fields_json};
use crate::tree::{Compared, File, ROOT, View, compared, record_of};
use crate::{At, Database, Error, Record, name};
use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryMode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The record is new.
    Created,
    /// The record has other content.
    Changed,
    /// The record is gone.
    Deleted,
}

impl ChangeKind {
    /// `created`, `changed` or `deleted`.
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Created => "created",
            ChangeKind::Changed => "changed",
            ChangeKind::Deleted => "deleted",
        }
    }
}

/// One record that differs between two commits, as it was and as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordDiff {
    /// The table.
    pub table: String,
    /// The `_id`, from the file name.
    pub id: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// As it was; none where it was not there, or cannot be read.
    pub before: Option<Record>,
    /// As it is; none where it is not there, or cannot be read.
    pub after: Option<Record>,
    /// Why a side cannot be read, with the file.
    pub unreadable: Option<String>,
}

impl RecordDiff {
    /// The fields that differ: all of a record that was created or deleted, none where a side cannot
    /// be read.
    pub fn fields(&self) -> Vec<FieldChange> {
        if self.unreadable.is_some() {
            return Vec::new();
        }
        let none = Record::new();
        compare(
            self.before.as_ref().unwrap_or(&none),
            self.after.as_ref().unwrap_or(&none),
        )
    }

    /// `{"table", "_id", "change", "fields": {path: {"before", "after"}}}`, and `unreadable` where a
    /// side cannot be read.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "table": self.table,
            "_id": self.id,
            "change": self.kind.name(),
            "fields": fields_json(&self.fields()),
        });
        if let Some(reason) = &self.unreadable {
            json["unreadable"] = reason.as_str().into();
        }
        json
    }
}

impl Database {
    /// The records that differ between two places of the history, by table and id; of one table if
    /// it is named. A record that was only written anew, with the same fields, does not differ.
    ///
    /// # Errors
    /// [`Error::Usage`] if a place is not in the branch's history.
    pub fn diff(
        &mut self,
        from: &At,
        to: &At,
        table: Option<&str>,
    ) -> Result<Vec<RecordDiff>, Error> {
        table.map_or(Ok(()), name::check_table)?;
        self.fetch_for(&[from, to])?;
        let (from, to) = (self.resolve(from)?, self.resolve(to)?);
        let mut diffs = records(&self.view(from)?, &self.view(to)?, table)?;
        diffs.retain(|diff| {
            diff.kind != ChangeKind::Changed
                || diff.unreadable.is_some()
                || !diff.fields().is_empty()
        });
        Ok(diffs)
    }

    /// The records that a commit of this process changed. Commit and parent are here already, so no
    /// history is fetched for it, unlike for [`Database::diff`].
    ///
    /// # Errors
    /// [`Error::Usage`] if the id is none, [`Error::Repository`] if the commit is not here.
    pub fn changes_of(&self, commit: &str) -> Result<Vec<RecordDiff>, Error> {
        let id = ObjectId::from_hex(commit.as_bytes())
            .map_err(|error| Error::Usage(format!("{commit:?} is no id of a commit: {error}")))?;
        records(&self.view(self.parent(id)?)?, &self.view(Some(id))?, None)
    }
}

/// A record whose file differs: as it was and as it is.
pub(crate) struct FileChange {
    pub(crate) table: String,
    pub(crate) id: String,
    pub(crate) before: Option<File>,
    pub(crate) after: Option<File>,
}

impl FileChange {
    /// What happened; none where the file only moved.
    pub(crate) fn kind(&self) -> Option<ChangeKind> {
        match (&self.before, &self.after) {
            (None, None) => None,
            (None, Some(_)) => Some(ChangeKind::Created),
            (Some(_), None) => Some(ChangeKind::Deleted),
            (Some(before), Some(after)) => {
                let same = before.object == after.object && before.mode == after.mode;
                (!same).then_some(ChangeKind::Changed)
            }
        }
    }

    /// Reads both sides. Views share their objects, so either can read.
    fn read(self, view: &View<'_>, kind: ChangeKind) -> Result<RecordDiff, Error> {
        let mut unreadable = None;
        let mut read = |file: Option<File>| match file.map(|file| view.record(&file)) {
            None => Ok(None),
            Some(Ok(record)) => Ok(Some(record)),
            Some(Err(error @ Error::BadRecord { .. })) => {
                unreadable.get_or_insert(error.to_string());
                Ok(None)
            }
            Some(Err(error)) => Err(error),
        };
        let (before, after) = (read(self.before)?, read(self.after)?);
        Ok(RecordDiff {
            table: self.table,
            id: self.id,
            kind,
            before,
            after,
            unreadable,
        })
    }
}

/// The records that differ, by table and id, both sides read.
pub(crate) fn records(
    before: &View<'_>,
    after: &View<'_>,
    table: Option<&str>,
) -> Result<Vec<RecordDiff>, Error> {
    read_all(files(before, after, table)?, after)
}

/// Reads both sides of all changes; those that only moved are left out.
pub(crate) fn read_all(
    changes: Vec<FileChange>,
    view: &View<'_>,
) -> Result<Vec<RecordDiff>, Error> {
    prefetch(&changes, view)?;
    let changes: Vec<_> = changes
        .into_iter()
        .filter_map(|change| change.kind().map(|kind| (change, kind)))
        .collect();
    changes
        .into_iter()
        .map(|(change, kind)| change.read(view, kind))
        .collect()
}

/// Gets the contents of both sides in one request, where they are elsewhere.
pub(crate) fn prefetch(changes: &[FileChange], view: &View<'_>) -> Result<(), Error> {
    let sides = changes
        .iter()
        .flat_map(|change| [&change.before, &change.after]);
    let files = sides.flatten();
    let files = files.filter(|file| file.mode.kind() == EntryKind::Blob);
    view.objects().prefetch(files.map(|file| file.object))
}

/// The records whose files differ, by table and id; of one table if it is named.
pub(crate) fn files(
    before: &View<'_>,
    after: &View<'_>,
    table: Option<&str>,
) -> Result<Vec<FileChange>, Error> {
    let (roots, prefix) = match table {
        None => ((before.db(), after.db()), format!("{ROOT}/")),
        Some(table) => (
            (before.table(table)?, after.table(table)?),
            format!("{ROOT}/{table}/"),
        ),
    };
    if roots.0 == roots.1 {
        return Ok(Vec::new());
    }
    let repo = after.repo();
    let data = |tree: Option<ObjectId>| match tree {
        Some(tree) => Ok(repo
            .find_tree(tree)
            .map_err(Error::repository)?
            .detach()
            .data),
        None => Ok::<_, Error>(Vec::new()),
    };
    let (before, after) = (data(roots.0)?, data(roots.1)?);
    Ok(fold(compared(repo, &before, &after)?, &prefix))
}

/// One change a record: a file that goes here and comes there is the same record.
fn fold(changes: Vec<Compared>, prefix: &str) -> Vec<FileChange> {
    let mut files: BTreeMap<(String, String), FileChange> = BTreeMap::new();
    for change in changes {
        let path = format!("{prefix}{}", change.path);
        let Some((table, id)) = record_of(&path) else {
            continue;
        };
        let file = |entry: Option<(EntryMode, ObjectId)>| {
            let (mode, object) = entry.filter(|(mode, _)| !mode.is_tree())?;
            Some(File {
                directory: path[..=path.rfind('/')?].into(),
                id: id.to_owned(),
                mode,
                object,
            })
        };
        let (before, after) = (file(change.before), file(change.after));
        if before.is_none() && after.is_none() {
            continue;
        }
        let file = files
            .entry((table.to_owned(), id.to_owned()))
            .or_insert_with(|| FileChange {
                table: table.to_owned(),
                id: id.to_owned(),
                before: None,
                after: None,
            });
        file.before = file.before.take().or(before);
        file.after = file.after.take().or(after);
    }
    files.into_values().collect()
}
