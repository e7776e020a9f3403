//! Compaction: old history becomes one commit, and the commits after it are made anew on top of that.
//!
//! The branch is rewritten, so it is asked for and never happens by itself. The old tip stays under a tag
//! until somebody deletes it. The push holds a lease on the old tip: if the branch moves, the compaction
//! begins anew on the new tip. A writer in the middle sees a branch that moved, fetches, and runs its
//! operation again. One that does not know whether its push was taken finds the `transaction` header of
//! its commit in the commit made anew, or in the squashed one, which keeps those of the last hour.

mod rewrite;

use crate::commit::{Attempt, marks};
use crate::git::CLONE_LIMIT;
use crate::patience::patiently;
use crate::push::Push;
use crate::{Database, Error};
use gix::ObjectId;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Old tips are tagged under this name.
const TAG_PREFIX: &str = "ghettodb/compacted-";
/// How long the `transaction` header of a squashed commit is kept: longer than any writer waits to learn
/// what became of its push.
const MARKS_KEPT: Duration = Duration::from_secs(60 * 60);

/// Which commits a compaction leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The newest so many, along first parents; at least one.
    Newest(usize),
    /// Those since this time, in seconds since 1970, and the newest in any case.
    Since(i64),
}

/// What a compaction does, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compaction {
    /// Commits that become one; 0 where there is nothing to gain.
    pub squashed: usize,
    /// Id of the oldest of them, in hex.
    pub first: Option<String>,
    /// Id of the newest of them, in hex.
    pub last: Option<String>,
    /// Commits that are made anew after it.
    pub kept: usize,
    /// How many of these were signed: a signature does not hold for a commit made anew, and is left out.
    pub signatures: usize,
    /// The tip before; none in an empty repository.
    pub old_tip: Option<String>,
    /// The tip after; none where nothing was done.
    pub new_tip: Option<String>,
    /// The tag that holds the old tip, without `refs/tags/`; none where nothing was done.
    pub tag: Option<String>,
}

impl Database {
    /// Squashes old history into one commit, or with `apply` false only says what it would do.
    ///
    /// # Errors
    /// [`Error::Deadline`] if the branch kept moving, [`Error::Refused`] if the remote does not take a
    /// rewritten branch.
    pub fn compact(&mut self, keep: Keep, apply: bool) -> Result<Compaction, Error> {
        let mut attempt = Attempt::new(self.options.push_deadline);
        let mut unknown: Option<(ObjectId, Compaction)> = None;
        loop {
            let turn = match apply {
                true => self.remote.turn(attempt.left()),
                false => None,
            };
            self.tip = patiently(attempt.left(), || self.remote.fetch_history(CLONE_LIMIT))?;
            if let Some((new_tip, done)) = unknown.take()
                && self
                    .ancestors(self.tip, &HashSet::new())?
                    .contains_key(&new_tip)
            {
                return Ok(done);
            }
            if attempt.count > 0 && attempt.is_over() {
                return Err(attempt.deadline(self.remote.branch()));
            }
            let Some((plan, mut compaction)) = self.plan_compaction(keep)? else {
                return Ok(self.nothing_to_compact());
            };
            if !apply {
                return Ok(compaction);
            }
            attempt.count += 1;
            let new_tip = self.rewrite(&plan, &compaction)?;
            let tag = tag_name(plan.tip);
            compaction.new_tip = Some(new_tip.to_string());
            compaction.tag = Some(tag.clone());
            let pushed =
                self.remote
                    .push_rewritten(plan.tip, new_tip, &tag, attempt.process_limit())?;
            match pushed {
                Push::Accepted => {
                    self.remote.keep_tip(new_tip);
                    self.tip = Some(new_tip);
                    self.fresh = true;
                    return Ok(compaction);
                }
                Push::Moved(text) => {
                    let tip = patiently(attempt.left(), || self.remote.fetch_history(CLONE_LIMIT))?;
                    // Nobody was faster, so it is the rewriting that the remote does not want.
                    if tip == Some(plan.tip) && text.contains("(non-fast-forward)") {
                        return Err(self.refused(text));
                    }
                    attempt.last = text;
                }
                Push::Unknown(text) => {
                    attempt.last = format!("the remote's answer is not known: {text}");
                    unknown = Some((new_tip, compaction));
                }
                Push::Refused(text) => return Err(self.refused(text)),
            }
            drop(turn);
            attempt.pause();
        }
    }

    /// Deletes the tag of an old tip, with which the remote forgets the history before a compaction. One
    /// that is not there is as good as deleted.
    ///
    /// # Errors
    /// [`Error::Usage`] for a tag that is not one of a compaction, [`Error::Refused`] if the remote
    /// keeps it.
    pub fn drop_compaction_tag(&mut self, tag: &str) -> Result<(), Error> {
        let is_ours = tag.starts_with(TAG_PREFIX)
            && gix::validate::reference::name(format!("refs/tags/{tag}").as_str().into()).is_ok();
        if !is_ours {
            return Err(Error::Usage(format!(
                "{tag:?} is no tag of a compaction; those begin with {TAG_PREFIX:?}"
            )));
        }
        let limit = self.options.push_deadline;
        match self.remote.delete_tag(tag, limit)? {
            Push::Accepted => Ok(()),
            Push::Moved(text) | Push::Unknown(text) | Push::Refused(text) => {
                Err(self.refused(text))
            }
        }
    }

    fn refused(&self, text: String) -> Error {
        Error::Refused {
            branch: self.remote.branch().to_owned(),
            text,
        }
    }

    fn nothing_to_compact(&self) -> Compaction {
        Compaction {
            squashed: 0,
            first: None,
            last: None,
            kept: 0,
            signatures: 0,
            old_tip: self.tip.map(|tip| tip.to_string()),
            new_tip: None,
            tag: None,
        }
    }

    /// None where squashing gains nothing: there are not two commits to squash.
    fn plan_compaction(&self, keep: Keep) -> Result<Option<(Plan, Compaction)>, Error> {
        let Some(tip) = self.tip else {
            return Ok(None);
        };
        let mut newer = 0;
        let mut cut = tip;
        let is_kept = |newer: usize, commit: ObjectId| match keep {
            Keep::Newest(count) => Ok::<_, Error>(newer < count.max(1)),
            Keep::Since(time) => Ok(newer == 0 || self.kept_commit(commit)?.seconds >= time),
        };
        while is_kept(newer, cut)? {
            match self.kept_commit(cut)?.parents.first() {
                Some(parent) => cut = *parent,
                None => return Ok(None),
            }
            newer += 1;
        }
        let squashed = self.ancestors(Some(cut), &HashSet::new())?;
        if squashed.len() < 2 {
            return Ok(None);
        }
        let mut first = cut;
        while let Some(parent) = squashed[&first].parents.first() {
            first = *parent;
        }
        let without: HashSet<ObjectId> = squashed.keys().copied().collect();
        let kept = self.ancestors(Some(tip), &without)?;
        let compaction = Compaction {
            squashed: squashed.len(),
            first: Some(first.to_string()),
            last: Some(cut.to_string()),
            kept: kept.len(),
            signatures: kept.values().filter(|commit| commit.is_signed).count(),
            old_tip: Some(tip.to_string()),
            new_tip: None,
            tag: None,
        };
        let plan = Plan {
            tip,
            cut,
            squashed,
            kept,
        };
        Ok(Some((plan, compaction)))
    }

    /// The commits that can be reached from one, itself among them, but for those of `without`.
    fn ancestors(
        &self,
        from: Option<ObjectId>,
        without: &HashSet<ObjectId>,
    ) -> Result<HashMap<ObjectId, Commit>, Error> {
        let mut found = HashMap::new();
        let mut next: Vec<ObjectId> = from.into_iter().collect();
        while let Some(id) = next.pop() {
            if without.contains(&id) || found.contains_key(&id) {
                continue;
            }
            let commit = self.kept_commit(id)?;
            next.extend(&commit.parents);
            found.insert(id, commit);
        }
        Ok(found)
    }

    fn kept_commit(&self, id: ObjectId) -> Result<Commit, Error> {
        let commit = self
            .remote
            .objects()
            .repo()
            .find_commit(id)
            .map_err(Error::repository)?;
        let decoded = commit.decode().map_err(Error::repository)?;
        Ok(Commit {
            parents: decoded.parents().collect(),
            seconds: commit.time().map_err(Error::repository)?.seconds,
            is_signed: decoded
                .extra_headers
                .iter()
                .any(|(name, _)| rewrite::is_signature(name)),
        })
    }

    /// The `transaction` headers of squashed commits that a writer may still ask for.
    fn recent_marks(&self, plan: &Plan) -> Result<Vec<String>, Error> {
        let since = jiff::Timestamp::now().as_second() - MARKS_KEPT.as_secs() as i64;
        let mut recent = Vec::new();
        for (id, commit) in &plan.squashed {
            if commit.seconds >= since {
                recent.extend(marks(self.remote.objects().repo(), *id)?);
            }
        }
        recent.sort();
        Ok(recent)
    }
}

/// What a compaction makes of a history.
struct Plan {
    tip: ObjectId,
    /// The newest of the squashed commits along first parents: its tree is what they come to.
    cut: ObjectId,
    squashed: HashMap<ObjectId, Commit>,
    kept: HashMap<ObjectId, Commit>,
}

struct Commit {
    parents: Vec<ObjectId>,
    /// When it was committed, in seconds since 1970.
    seconds: i64,
    is_signed: bool,
}

fn tag_name(old_tip: ObjectId) -> String {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("{TAG_PREFIX}{time}-{}", old_tip.to_hex_with_len(10))
}
