//! Changes as they arrive on the branch, for whoever wants to follow it: commit by commit, none
//! skipped, none twice. When to look is the caller's business; nothing here waits.

use crate::diff::{self, RecordDiff};
use crate::first_parents::{FirstParents, Parent};
use crate::{At, CommitInfo, Database, Error, name};
use gix::ObjectId;
use serde_json::Value;

/// How far a reader of the branch has got.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// The last commit that was handed out; none before the first one.
    commit: Option<ObjectId>,
    /// Commits that were fetched and not handed out yet, newest first.
    pending: Vec<ObjectId>,
    /// How the first of them is joined to `commit`.
    join: Join,
    table: Option<String>,
}

impl Cursor {
    /// The last commit that was handed out, in hex; none where the branch had none. A reader that
    /// starts again goes on from here.
    pub fn commit(&self) -> Option<String> {
        self.commit.map(|commit| commit.to_string())
    }
}

/// How an arrival is joined to what was handed out before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// The branch went on.
    Follows,
    /// The branch was rewritten, by a compaction or a forced push. The changes are the difference
    /// between the records as they were handed out and as they are now.
    Rewritten,
    /// The branch was rewritten, and what it was before is gone: the changes are not known.
    Lost,
}

/// A commit that arrived on the branch.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// The commit, without its list of changes; none where the branch itself is gone.
    pub commit: Option<CommitInfo>,
    /// How it is joined to the one before.
    pub join: Join,
    /// What it changed, by table and id.
    pub changes: Vec<RecordDiff>,
}

impl Arrival {
    /// One object for each change: `{"table", "_id", "change", "fields" | "record", "commit", "time",
    /// "operation", "order_id"}`; `fields` of a record that was changed, else the whole `record` as
    /// it is or was.
    pub fn to_json(&self) -> Vec<Value> {
        self.changes
            .iter()
            .map(|diff| self.change_json(diff))
            .collect()
    }

    fn change_json(&self, diff: &RecordDiff) -> Value {
        let Value::Object(mut json) = diff.to_json() else {
            unreachable!("a difference is an object");
        };
        let whole = match (&diff.before, &diff.after) {
            (None, Some(record)) | (Some(record), None) if diff.unreadable.is_none() => {
                Some(record.clone())
            }
            _ => None,
        };
        if let Some(record) = whole {
            json.shift_remove("fields");
            json.insert("record".to_owned(), record.into());
        }
        // After a rewrite a commit stands for more than what it says of itself.
        let speaker = self.commit.as_ref().filter(|_| self.join == Join::Follows);
        let commit = self.commit.as_ref();
        json.insert("commit".to_owned(), commit.map(|c| c.id.as_str()).into());
        json.insert("time".to_owned(), commit.map(|c| c.time.as_str()).into());
        for (name, key) in [("operation", "Operation"), ("order_id", "Order-Id")] {
            let value = speaker.and_then(|commit| commit.trailer(key));
            json.insert(name.to_owned(), value.into());
        }
        json.into()
    }
}

impl Database {
    /// A cursor for [`Database::changes_since`]; with a table, for the changes of that one.
    ///
    /// # Errors
    /// [`Error::Usage`] if `since` is not in the branch's history.
    pub fn cursor(&mut self, since: &At, table: Option<&str>) -> Result<Cursor, Error> {
        table.map_or(Ok(()), name::check_table)?;
        self.fetch_for(&[since])?;
        Ok(Cursor {
            commit: self.resolve(since)?,
            pending: Vec::new(),
            join: Join::Follows,
            table: table.map(str::to_owned),
        })
    }

    /// The commit after the cursor, which moves on to it; none where there is none yet. Looks at the
    /// remote where all that was fetched has been handed out. A merge is one commit.
    ///
    /// If it fails, the cursor stays, and the call can be repeated.
    pub fn changes_since(&mut self, cursor: &mut Cursor) -> Result<Option<Arrival>, Error> {
        if !cursor.pending.iter().all(|commit| self.has(*commit)) {
            // The clone was renewed meanwhile.
            cursor.pending.clear();
        }
        if cursor.pending.is_empty() {
            // A look that finds nothing new leaves nothing behind, so it is not counted.
            self.renew_if_worn()?;
            match cursor.commit.filter(|commit| self.has(*commit)) {
                Some(commit) => self.fetch_since(commit)?,
                None => self.fetch_history()?,
            }
            if self.tip == cursor.commit {
                return Ok(None);
            }
            self.count_use();
            (cursor.pending, cursor.join) = self.commits_after(cursor.commit)?;
        }
        let next = cursor.pending.last().copied();
        let changes = match cursor.join {
            Join::Lost => Vec::new(),
            Join::Follows | Join::Rewritten => diff::records(
                &self.view(cursor.commit)?,
                &self.view(next)?,
                cursor.table.as_deref(),
            )?,
        };
        let link = FirstParents::from(self.remote.objects().repo(), next).next();
        let arrival = Arrival {
            commit: link.map(|link| link?.info()).transpose()?,
            join: cursor.join,
            changes,
        };
        cursor.pending.pop();
        cursor.commit = next;
        cursor.join = Join::Follows;
        Ok(Some(arrival))
    }

    /// The commits after `since` up to the tip, newest first. Where they do not lead there, the tip
    /// alone.
    fn commits_after(&mut self, since: Option<ObjectId>) -> Result<(Vec<ObjectId>, Join), Error> {
        let mut way = self.way(since)?;
        if way == Way::CutOff {
            // Another reader or writer of this database fetched the tip alone.
            self.fetch_history()?;
            way = self.way(since)?;
        }
        let tip = self.tip.into_iter().collect();
        Ok(match (way, since) {
            (Way::Found(commits), _) => (commits, Join::Follows),
            // The repository's own copy is cut off: what is missing is in the tree of the tip.
            (Way::CutOff, _) | (Way::Elsewhere, None) => (tip, Join::Follows),
            (Way::Elsewhere, Some(since)) if !self.has(since) => (tip, Join::Lost),
            // Someone merged the branch into theirs and pushed that: its commits are second parents.
            (Way::Elsewhere, Some(since)) if !self.in_history(self.tip, &[since])?.is_empty() => {
                (tip, Join::Follows)
            }
            (Way::Elsewhere, Some(_)) => (tip, Join::Rewritten),
        })
    }

    /// From the tip back to `since`.
    fn way(&self, since: Option<ObjectId>) -> Result<Way, Error> {
        let mut commits = Vec::new();
        for link in FirstParents::from(self.remote.objects().repo(), self.tip) {
            let link = link?;
            commits.push(link.id());
            match (link.parent, since) {
                (Parent::None, None) => return Ok(Way::Found(commits)),
                (Parent::Known(parent), Some(since)) if parent == since => {
                    return Ok(Way::Found(commits));
                }
                (Parent::Missing, _) => return Ok(Way::CutOff),
                (Parent::None | Parent::Known(_), _) => {}
            }
        }
        Ok(Way::Elsewhere)
    }
}

/// What first parents lead to.
#[derive(PartialEq, Eq)]
enum Way {
    /// Where it was to go, by these commits, newest first.
    Found(Vec<ObjectId>),
    /// To where a shallow history is cut off.
    CutOff,
    /// To the first commit.
    Elsewhere,
}
