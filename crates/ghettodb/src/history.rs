//! What was changed when, by the commits' own account: the log of the branch, and that of one record.

use crate::database::Author;
use crate::diff::{self, ChangeKind, FileChange, RecordDiff};
use crate::first_parents::{FirstParents, Parent};
use crate::tree::{File, View};
use crate::{Database, Error, name};
use gix::ObjectId;
use serde_json::{Map, Value, json};

/// One record that a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// The table.
    pub table: String,
    /// The `_id`, from the file name.
    pub id: String,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// One commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id, in hex.
    pub id: String,
    /// When it was committed, RFC 3339 in UTC.
    pub time: String,
    /// Who wrote it.
    pub author: Author,
    /// First line of its message.
    pub subject: String,
    /// Key and value each, in order.
    pub trailers: Vec<(String, String)>,
    /// In [`Database::log`], the records that differ from its first parent, by table and id. A record
    /// that moves between a table and its fan-out is not changed. Empty at the end of a shallow
    /// history, where this is not known.
    pub changes: Vec<RecordChange>,
}

impl CommitInfo {
    /// The value of the first trailer of that key, upper and lower case being one.
    pub fn trailer(&self, key: &str) -> Option<&str> {
        self.trailers_of(key).next()
    }

    /// The value of a trailer that stands there once.
    fn only_trailer(&self, key: &str) -> Option<&str> {
        let mut found = self.trailers_of(key);
        let value = found.next()?;
        found.next().is_none().then_some(value)
    }

    fn trailers_of(&self, key: &str) -> impl Iterator<Item = &str> {
        let found = self.trailers.iter();
        found
            .filter(move |(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }

    /// What the trailers say of the operation: its name, the order it belongs to, its idempotency
    /// key; `null` where they do not, or speak of several.
    pub(crate) fn operation_json(&self) -> [(&'static str, Value); 3] {
        [
            ("operation", "Operation"),
            ("order_id", "Order-Id"),
            ("key", "Idempotency-Key"),
        ]
        .map(|(name, key)| {
            let value = self.only_trailer(key);
            (name, value.map_or(Value::Null, Value::from))
        })
    }
}

/// A record's history.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordHistory {
    /// The commits that changed the record, newest first.
    pub entries: Vec<HistoryEntry>,
    /// Where the repository's own copy of the history is cut off: its first commit, in hex. What
    /// happened to the record there and before is not known.
    pub cut_off_at: Option<String>,
}

/// A commit, and what it did to a record.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// The commit, without its list of changes.
    pub commit: CommitInfo,
    /// The record before and after it.
    pub diff: RecordDiff,
}

impl HistoryEntry {
    /// `{"commit", "time", "author": {"name", "email"}, "subject", "operation", "order_id", "key",
    /// "change", "fields"}`, the last two as [`RecordDiff::to_json`] gives them.
    pub fn to_json(&self) -> Value {
        let commit = &self.commit;
        let mut json = Map::new();
        json.insert("commit".to_owned(), commit.id.as_str().into());
        json.insert("time".to_owned(), commit.time.as_str().into());
        json.insert(
            "author".to_owned(),
            json!({ "name": commit.author.name, "email": commit.author.email }),
        );
        json.insert("subject".to_owned(), commit.subject.as_str().into());
        json.extend(
            commit
                .operation_json()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let Value::Object(mut diff) = self.diff.to_json() else {
            unreachable!("a difference is an object");
        };
        diff.shift_remove("table");
        diff.shift_remove("_id");
        json.append(&mut diff);
        json.into()
    }
}

impl Database {
    /// The latest commits of the branch, newest first, at most `limit`, with the records that each
    /// changed. Fetches the whole history.
    pub fn log(&mut self, limit: usize) -> Result<Vec<CommitInfo>, Error> {
        self.fetch_history()?;
        let objects = self.remote.objects().for_history();
        let mut log = Vec::new();
        for link in FirstParents::from(objects.repo(), self.tip).take(limit) {
            let link = link?;
            let mut info = link.info()?;
            let parent = match link.parent {
                Parent::None => None,
                Parent::Known(parent) => Some(parent),
                // What its first commit changed is not known where a history is cut off.
                Parent::Missing => {
                    log.push(info);
                    continue;
                }
            };
            let before = View::new(&objects, parent)?;
            let after = View::new(&objects, Some(link.id()))?;
            let changes = diff::files(&before, &after, None)?;
            info.changes = changes.into_iter().filter_map(RecordChange::of).collect();
            log.push(info);
        }
        Ok(log)
    }

    /// The latest commits that changed a record, newest first, at most `limit`. Fetches the whole
    /// history.
    ///
    /// A commit is asked for no more than the record's own path, and only where its table is another
    /// one than after it.
    pub fn history(&mut self, table: &str, id: &str, limit: usize) -> Result<RecordHistory, Error> {
        name::check_table(table)?;
        name::check_id(id)?;
        self.fetch_history()?;
        let objects = self.remote.objects().for_history();
        let view = |commit| View::new(&objects, commit);
        let mut commits = Vec::new();
        let mut changes = Vec::new();
        let mut cut_off_at = None;
        let mut place = Place::default();
        // What stands there after the commit that is looked at.
        let mut after = place.file(&view(self.tip)?, table, id)?;
        for link in FirstParents::from(objects.repo(), self.tip) {
            if changes.len() == limit {
                break;
            }
            let link = link?;
            let parent = match link.parent {
                Parent::None => None,
                Parent::Known(parent) => Some(parent),
                Parent::Missing => {
                    cut_off_at = Some(link.id().to_string());
                    break;
                }
            };
            let before = place.file(&view(parent)?, table, id)?;
            let change = FileChange {
                table: table.to_owned(),
                id: id.to_owned(),
                before: before.clone(),
                after,
            };
            if change.kind().is_some() {
                commits.push(link.info()?);
                changes.push(change);
            }
            after = before;
        }
        let diffs = diff::read_all(changes, &view(self.tip)?)?;
        let entries = commits.into_iter().zip(diffs);
        Ok(RecordHistory {
            entries: entries
                .map(|(commit, diff)| HistoryEntry { commit, diff })
                .collect(),
            cut_off_at,
        })
    }
}

/// Where a record's file was last seen: most commits leave its table as it was.
#[derive(Default)]
struct Place {
    table: Option<ObjectId>,
    file: Option<File>,
}

impl Place {
    fn file(&mut self, view: &View<'_>, table: &str, id: &str) -> Result<Option<File>, Error> {
        // Something else than a directory in the table's place holds no records.
        let tree = match view.table(table) {
            Err(Error::BadRecord { .. }) => None,
            tree => tree?,
        };
        if tree != self.table {
            self.table = tree;
            self.file = match view.places(table, id) {
                Err(Error::BadRecord { .. }) => None,
                places => places?.into_iter().next(),
            };
        }
        Ok(self.file.clone())
    }
}

impl RecordChange {
    fn of(change: FileChange) -> Option<Self> {
        Some(RecordChange {
            kind: change.kind()?,
            table: change.table,
            id: change.id,
        })
    }
}
