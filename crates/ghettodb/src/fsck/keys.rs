//! Proof of acknowledged idempotency keys: each one's record of the journal was added exactly once
//! in the history, and is in the tip as it was added.
//!
//! First parents are followed from the tip to the oldest commit; of each commit only the directories
//! of the journal that differ from its parent's are read, so that a long history of a large database
//! costs a few small trees a commit. What stands in the oldest commit counts as added there, since a
//! history that was compacted begins with it.

use super::text::problem;
use super::{Code, Problem};
use crate::Error;
use crate::git::Objects;
use crate::json::sha256_hex;
use crate::once::OPERATIONS;
use crate::settings::Layout;
use crate::tree::{View, path_of};
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::TreeRefIter;
use std::collections::HashMap;

/// What the history says of one key's record, from the newest commit to the oldest.
#[derive(Default)]
struct Fate {
    /// The content in the tip.
    tip: Option<ObjectId>,
    /// Commits that added it, and how many there are.
    added: Option<ObjectId>,
    additions: usize,
    /// The latest commit that changed it.
    changed: Option<ObjectId>,
}

/// Records by `_id`: the content before a commit and after it.
type Changes = HashMap<String, (Option<ObjectId>, Option<ObjectId>)>;

pub(super) fn prove(
    objects: &Objects,
    tip: Option<ObjectId>,
    keys: &[String],
) -> Result<Vec<Problem>, Error> {
    let mut fates: HashMap<String, Fate> = keys
        .iter()
        .map(|key| (sha256_hex(key.as_bytes()), Fate::default()))
        .collect();
    let journal = Journal { objects };
    let mut after = Side::of(objects, tip)?;
    let mut changes = Changes::new();
    journal.compare(None, after.operations, &mut changes)?;
    for (id, (_, now)) in changes.drain() {
        if let Some(fate) = fates.get_mut(&id) {
            fate.tip = now;
        }
    }
    while let Some(commit) = after.commit {
        let before = Side::of(objects, after.parent)?;
        journal.compare(before.operations, after.operations, &mut changes)?;
        for (id, (was, is)) in changes.drain() {
            let Some(fate) = fates.get_mut(&id) else {
                continue;
            };
            match (was, is) {
                (None, Some(_)) => {
                    fate.added = Some(commit);
                    fate.additions += 1;
                }
                (Some(was), Some(is)) if was != is => {
                    fate.changed.get_or_insert(commit);
                }
                _ => {}
            }
        }
        after = before;
    }
    let mut problems: Vec<Problem> = keys
        .iter()
        .filter_map(|key| {
            let id = sha256_hex(key.as_bytes());
            // A key that was acknowledged twice is told once.
            let fate = fates.remove(&id)?;
            let path = path_of(OPERATIONS, &id, Layout::FanOut);
            let (code, message) = verdict(key, &fate)?;
            Some(problem(code, &path, (0, 0), message))
        })
        .collect();
    problems.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(problems)
}

fn verdict(key: &str, fate: &Fate) -> Option<(Code, String)> {
    let first = fate.added.map(|commit| commit.to_string());
    let first = first.as_deref().unwrap_or("no commit");
    if fate.tip.is_none() {
        let message = match fate.additions {
            0 => format!("no commit holds the acknowledged key {key:?}"),
            _ => format!("the acknowledged key {key:?} was added in {first}, and is gone"),
        };
        return Some((Code::KeyMissing, message));
    }
    if fate.additions > 1 {
        let message = format!(
            "the acknowledged key {key:?} was added {} times, first in {first}",
            fate.additions
        );
        return Some((Code::KeyTwice, message));
    }
    let changed = fate.changed?;
    let message =
        format!("the acknowledged key {key:?}, added in {first}, was changed in {changed}");
    Some((Code::KeyChanged, message))
}

/// A commit, as far as the journal goes.
#[derive(Default)]
struct Side {
    commit: Option<ObjectId>,
    parent: Option<ObjectId>,
    /// The directory of the journal.
    operations: Option<ObjectId>,
}

impl Side {
    fn of(objects: &Objects, commit: Option<ObjectId>) -> Result<Self, Error> {
        let Some(id) = commit else {
            return Ok(Side::default());
        };
        let repo = objects.repo();
        let found = repo.find_commit(id).map_err(Error::repository)?;
        let parent = found.parent_ids().next().map(gix::Id::detach);
        let operations = View::new(objects, commit).and_then(|view| view.table(OPERATIONS));
        let operations = match operations {
            Ok(operations) => operations,
            // A file stands in the way: there is no journal in this commit.
            Err(Error::BadRecord { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Side {
            commit,
            // Where a shallow history ends, its last commit is the oldest that there is.
            parent: parent.filter(|parent| repo.has_object(parent)),
            operations,
        })
    }
}

/// Compares directories of the journal by their entries.
struct Journal<'r> {
    objects: &'r Objects,
}

impl Journal<'_> {
    /// Adds what differs between two directories; equal subdirectories are not opened.
    fn compare(
        &self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let old = self.data(before)?;
        let new = self.data(after)?;
        let kind = self.objects.repo().object_hash();
        let mut old = TreeRefIter::from_bytes(&old, kind).peekable();
        let mut new = TreeRefIter::from_bytes(&new, kind).peekable();
        // Both are sorted by name, so one walk pairs them.
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(Ok(old)), Some(Ok(new))) => old.cmp(new),
                (Some(_), Some(_)) => std::cmp::Ordering::Equal,
            };
            let was = match order.is_le() {
                true => old.next().transpose().map_err(Error::repository)?,
                false => None,
            };
            let is = match order.is_ge() {
                true => new.next().transpose().map_err(Error::repository)?,
                false => None,
            };
            let was = was.map(|entry| (entry.filename, entry.mode, entry.oid.to_owned()));
            let is = is.map(|entry| (entry.filename, entry.mode, entry.oid.to_owned()));
            if was == is {
                continue;
            }
            let tree = |side: &Option<(_, gix::objs::tree::EntryMode, ObjectId)>| {
                side.as_ref()
                    .filter(|(_, mode, _)| mode.is_tree())
                    .map(|(.., object)| *object)
            };
            let (old_tree, new_tree) = (tree(&was), tree(&is));
            if old_tree.is_some() || new_tree.is_some() {
                self.compare(old_tree, new_tree, changes)?;
            }
            for (side, is_after) in [(was, false), (is, true)] {
                let Some((name, mode, object)) = side.filter(|(_, mode, _)| !mode.is_tree()) else {
                    continue;
                };
                let id = name
                    .to_str()
                    .ok()
                    .and_then(|name| name.strip_suffix(".json"));
                let Some(id) = id.filter(|_| mode.is_blob()) else {
                    continue;
                };
                // A file that moves between the layouts goes here and comes there.
                let change = changes.entry(id.to_owned()).or_default();
                match is_after {
                    true => change.1 = Some(object),
                    false => change.0 = Some(object),
                }
            }
        }
    }

    fn data(&self, tree: Option<ObjectId>) -> Result<Vec<u8>, Error> {
        match tree {
            Some(tree) => {
                let tree = self.objects.repo().find_tree(tree);
                Ok(tree.map_err(Error::repository)?.detach().data)
            }
            None => Ok(Vec::new()),
        }
    }
}
