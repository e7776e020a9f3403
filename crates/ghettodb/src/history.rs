//! What was changed when, by the commits' own account.

use crate::git::Objects;
use crate::message::parse_message;
use crate::tree::{View, record_of};
use crate::{Error, commit};
use gix::ObjectId;
use gix::objs::TreeRefIter;
use std::collections::BTreeMap;

/// What a commit did to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The record is new.
    Created,
    /// The record has other content.
    Changed,
    /// The record is gone.
    Deleted,
}

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id, in hex.
    pub id: String,
    /// When it was committed, RFC 3339 in UTC.
    pub time: String,
    /// First line of its message.
    pub subject: String,
    /// Key and value each, in order.
    pub trailers: Vec<(String, String)>,
    /// Against its first parent, by table and id. A record that moves between a table and its
    /// fan-out is not changed. Empty at the end of a shallow history, where this is not known.
    pub changes: Vec<RecordChange>,
}

impl CommitInfo {
    /// The value of the first trailer of that key, upper and lower case being one.
    pub fn trailer(&self, key: &str) -> Option<&str> {
        let found = self
            .trailers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }
}

/// Follows first parents from `tip`.
pub(crate) fn log(
    objects: &Objects,
    tip: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<CommitInfo>, Error> {
    let repo = objects.repo();
    let mut log = Vec::new();
    let mut next = tip;
    while let Some(id) = next.filter(|_| log.len() < limit) {
        let commit = repo.find_commit(id).map_err(Error::repository)?;
        let parent = commit.parent_ids().next().map(gix::Id::detach);
        // Where a shallow history ends, what its first commit changed is not known.
        let is_known = parent.is_none_or(|parent| repo.has_object(parent));
        let time = commit.time().map_err(Error::repository)?;
        let message = commit.message_raw().map_err(Error::repository)?.to_string();
        let (subject, trailers) = parse_message(&message);
        log.push(CommitInfo {
            id: id.to_string(),
            time: commit::rfc3339(time.seconds),
            subject,
            trailers,
            changes: match is_known {
                true => changes(objects, parent, id)?,
                false => Vec::new(),
            },
        });
        next = parent.filter(|_| is_known);
    }
    Ok(log)
}

fn changes(
    objects: &Objects,
    parent: Option<ObjectId>,
    commit: ObjectId,
) -> Result<Vec<RecordChange>, Error> {
    let before = View::new(objects, parent)?.db();
    let after = View::new(objects, Some(commit))?.db();
    let repo = objects.repo();
    if before == after {
        return Ok(Vec::new());
    }
    let data = |tree: Option<ObjectId>| match tree {
        Some(tree) => Ok(repo
            .find_tree(tree)
            .map_err(Error::repository)?
            .detach()
            .data),
        None => Ok::<_, Error>(Vec::new()),
    };
    let (before, after) = (data(before)?, data(after)?);
    let entries = |data| TreeRefIter::from_bytes(data, repo.object_hash());
    let mut recorder = gix::diff::tree::Recorder::default();
    gix::diff::tree(
        entries(&before),
        entries(&after),
        gix::diff::tree::State::default(),
        &repo.objects,
        &mut recorder,
    )
    .map_err(Error::repository)?;
    Ok(fold(recorder.records))
}

/// One change a record: a file that goes here and comes there is the same record.
fn fold(records: Vec<gix::diff::tree::recorder::Change>) -> Vec<RecordChange> {
    use gix::diff::tree::recorder::Change;
    // Table and id -> the file's object before and after.
    let mut files: BTreeMap<(String, String), (Option<ObjectId>, Option<ObjectId>)> =
        BTreeMap::new();
    for change in records {
        let (path, before, after) = match change {
            Change::Addition { path, oid, .. } => (path, None, Some(oid)),
            Change::Deletion { path, oid, .. } => (path, Some(oid), None),
            Change::Modification {
                path,
                previous_oid,
                oid,
                ..
            } => (path, Some(previous_oid), Some(oid)),
        };
        let path = format!("db/{path}");
        if let Some((table, id)) = record_of(&path) {
            let file = files.entry((table.to_owned(), id.to_owned())).or_default();
            file.0 = file.0.or(before);
            file.1 = file.1.or(after);
        }
    }
    let kind = |before: Option<ObjectId>, after: Option<ObjectId>| match (before, after) {
        (None, _) => Some(ChangeKind::Created),
        (_, None) => Some(ChangeKind::Deleted),
        (before, after) => (before != after).then_some(ChangeKind::Changed),
    };
    files
        .into_iter()
        .filter_map(|((table, id), (before, after))| {
            let kind = kind(before, after)?;
            Some(RecordChange { table, id, kind })
        })
        .collect()
}
