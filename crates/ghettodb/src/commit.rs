//! How a transaction becomes a commit that the remote has taken: the retry loop.
//!
//! A push is a compare-and-swap on the branch. If it lost, the operation runs again on the new tip;
//! if nobody knows, the history tells whether it was taken. There is a deadline rather than a number
//! of attempts, since a loop without one is unfair: whoever has just won holds the freshest tip.

use crate::message::{Account, Message};
use crate::patience::pause_after;
use crate::push::Push;
use crate::transaction::Transaction;
use crate::tree::{Carried, NewTree, View};
use crate::{Database, Error, TransactError, rules, summary};
use gix::ObjectId;
use jiff::fmt::temporal::DateTimePrinter;
use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A git process may take this long even where the deadline is nearer: a push that is killed halfway
/// leaves its fate unknown, which is worse than being late.
const PROCESS_MIN: Duration = Duration::from_secs(10);

/// An operation's result, and the commit that holds its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed<T> {
    /// What the operation gave, in the run whose changes were accepted.
    pub value: T,
    /// Id of the commit, in hex; none where nothing changed, so nothing was pushed.
    pub commit: Option<String>,
    /// How often the operation was run.
    pub attempts: u32,
}

/// What an operation on a tree gives.
pub(crate) struct Edit<T> {
    pub(crate) value: T,
    /// The new tree of the whole commit; none where nothing is to be committed.
    pub(crate) tree: Option<NewTree>,
}

impl Database {
    /// Runs an operation on the tip of the branch and makes its changes one commit of the remote.
    ///
    /// The operation is run again on a new tip if another writer was faster, so it must act on the
    /// transaction alone. If it gives `Err`, nothing is written. If what it wrote is what was there,
    /// there is no commit.
    ///
    /// # Errors
    /// [`Error::Deadline`] if the push did not get through in time, [`Error::Refused`] if the remote
    /// does not want it; in both cases the branch is without the changes, unless the text says that
    /// the remote's answer is not known.
    pub fn transact<T, E>(
        &mut self,
        message: &Message,
        mut operation: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Committed<T>, TransactError<E>> {
        self.commit(message, |view, now| run(view, now, &mut operation))
    }

    /// As [`Database::transact`], for what makes a tree by itself instead of changing records.
    pub(crate) fn edit<T, E>(
        &mut self,
        message: &Message,
        mut operation: impl FnMut(&View<'_>, &str) -> Result<Edit<T>, TransactError<E>>,
    ) -> Result<Committed<T>, TransactError<E>> {
        self.commit(message, |view, now| {
            Ok((operation(view, now)?, Account::default()))
        })
    }

    /// The loop. What the operation says of itself goes into the commit's message.
    fn commit<T, E>(
        &mut self,
        message: &Message,
        mut operation: impl FnMut(&View<'_>, &str) -> Result<(Edit<T>, Account), TransactError<E>>,
    ) -> Result<Committed<T>, TransactError<E>> {
        if let Some(rest) = self.rest_until.take() {
            thread::sleep(rest.saturating_duration_since(Instant::now()));
        }
        self.renew_worn_clone()?;
        let mut attempt = Attempt::new(self.options.push_deadline);
        let mut turn = self.remote.turn(attempt.left());
        // Where a look costs a round trip, a tip of some age is good enough to write on, since the push
        // compares; an answer that leads to no push needs a tip that was looked at now.
        let mut looked = !self.fresh || self.remote.is_near();
        if looked {
            self.catch_up(&mut attempt, &[])?;
        }
        self.fresh = false;
        let mut unknown: Vec<(ObjectId, Committed<T>)> = Vec::new();
        loop {
            attempt.count += 1;
            let now = jiff::Timestamp::now();
            let outcome = self
                .remote
                .writable()
                .and_then(|objects| View::new(objects, self.tip))
                .map(|view| view.with_index(self.index.as_deref()))
                .map_err(TransactError::Database)
                .and_then(|view| {
                    let (edit, account) = operation(&view, &format_time(now))?;
                    let carried = match edit.tree {
                        Some(_) => view.carried()?,
                        None => Carried::default(),
                    };
                    Ok((edit, account, carried))
                });
            let (value, tree, account, carried) = match outcome {
                Ok((
                    Edit {
                        value,
                        tree: Some(tree),
                    },
                    account,
                    carried,
                )) => (value, tree, account, carried),
                outcome => {
                    let before = self.tip;
                    if !looked {
                        looked = true;
                        self.catch_up(&mut attempt, &[])?;
                        if self.tip != before {
                            continue;
                        }
                    }
                    return outcome.map(|(edit, ..)| Committed {
                        value: edit.value,
                        commit: None,
                        attempts: attempt.count,
                    });
                }
            };
            let commit = self.write(tree, &message.text(&account), &carried, now)?;
            let committed = Committed {
                value,
                commit: Some(commit.to_string()),
                attempts: attempt.count,
            };
            match self.remote.push(commit, attempt.process_limit())? {
                Push::Accepted => return Ok(self.accept(commit, committed)),
                Push::Moved(text) => attempt.last = text,
                Push::Unknown(text) => {
                    attempt.last = format!("the remote's answer is not known: {text}");
                    unknown.push((commit, committed));
                }
                Push::Refused(text) => {
                    return Err(TransactError::Database(Error::Refused {
                        branch: self.remote.branch().to_owned(),
                        text,
                    }));
                }
            }
            drop(turn.take());
            if !attempt.pause() && unknown.is_empty() {
                return Err(TransactError::Database(
                    attempt.deadline(self.remote.branch()),
                ));
            }
            turn = self.remote.turn(attempt.left());
            let pushed: Vec<ObjectId> = unknown.iter().map(|(commit, _)| *commit).collect();
            self.catch_up(&mut attempt, &pushed)?;
            looked = true;
            if let Some((taken, commit)) = self.taken(&pushed)? {
                let (_, mut committed) = unknown.swap_remove(taken);
                committed.commit = Some(commit.to_string());
                return Ok(self.accept(commit, committed));
            }
            if attempt.is_over() {
                return Err(TransactError::Database(
                    attempt.deadline(self.remote.branch()),
                ));
            }
            // The branch can no longer get from another commit to one that was made on the old tip.
            let tip = self.tip;
            unknown.retain(|(commit, _)| self.parent(*commit).is_ok_and(|parent| parent == tip));
        }
    }

    /// Writes a commit of a tree on the tip.
    pub(crate) fn write(
        &self,
        tree: NewTree,
        message: &str,
        carried: &Carried,
        now: jiff::Timestamp,
    ) -> Result<ObjectId, Error> {
        let time = gix::date::Time::new(now.as_second(), 0);
        let author = self.options.author.signature(time);
        let NewTree { root, mut staged } = tree;
        // Two writers who do the same in the same moment must not make the same commit: each would
        // take the other's for its own, and one effect would be lost.
        let mark = (TRANSACTION.into(), Uuid::now_v7().to_string().into());
        let commit = gix::objs::Commit {
            tree: root,
            parents: self.tip.into_iter().collect(),
            author: author.clone(),
            committer: author,
            encoding: None,
            message: message.into(),
            extra_headers: std::iter::once(mark).chain(carried.headers()).collect(),
        };
        let id = staged.commit(&commit)?;
        staged.write(self.remote.writable()?)?;
        Ok(id)
    }

    /// Fetches the tip, again and again while it is the network that fails.
    fn catch_up(&mut self, attempt: &mut Attempt, pushed: &[ObjectId]) -> Result<(), Error> {
        loop {
            match self.remote.fetch(pushed, attempt.process_limit()) {
                Ok(tip) => {
                    self.tip = tip;
                    return Ok(());
                }
                Err(error) if error.is_transient() => {
                    // What became of a push says more than that the remote cannot be asked.
                    if pushed.is_empty() || attempt.last.is_empty() {
                        attempt.last = error.to_string();
                    }
                    if !attempt.pause() {
                        return Err(attempt.deadline(self.remote.branch()));
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Which of our commits of unknown fate is in the branch's history, and as which commit: a
    /// compaction makes commits anew, but keeps their marks.
    fn taken(&self, pushed: &[ObjectId]) -> Result<Option<(usize, ObjectId)>, Error> {
        let repo = self.remote.objects().repo();
        let mut next: Vec<ObjectId> = self
            .tip
            .into_iter()
            .filter(|_| !pushed.is_empty())
            .collect();
        let mut seen = HashSet::new();
        let mut bases = HashSet::new();
        let mut ours = HashMap::new();
        for (index, commit) in pushed.iter().enumerate() {
            bases.extend(self.parent(*commit)?);
            ours.extend(marks(repo, *commit)?.into_iter().map(|mark| (mark, index)));
        }
        while let Some(id) = next.pop() {
            // Before a base there is none of ours; before the end of a shallow history neither.
            if bases.contains(&id) || !seen.insert(id) || !repo.has_object(id) {
                continue;
            }
            let mut marks = marks(repo, id)?.into_iter();
            if let Some(index) = marks.find_map(|mark| ours.get(&mark)) {
                return Ok(Some((*index, id)));
            }
            let commit = repo.find_commit(id).map_err(Error::repository)?;
            next.extend(commit.parent_ids().map(gix::Id::detach));
        }
        Ok(None)
    }

    pub(crate) fn parent(&self, commit: ObjectId) -> Result<Option<ObjectId>, Error> {
        let commit = self
            .remote
            .objects()
            .repo()
            .find_commit(commit)
            .map_err(Error::repository)?;
        Ok(commit.parent_ids().next().map(gix::Id::detach))
    }

    fn accept<T>(&mut self, commit: ObjectId, committed: Committed<T>) -> Committed<T> {
        self.remote.keep_tip(commit);
        self.tip = Some(commit);
        let contended = committed.attempts > 1;
        self.fresh = !contended;
        if contended {
            // The more attempts it took, the more writers there are, and the longer they have waited.
            self.rest_until = Some(Instant::now() + pause_after(committed.attempts - 1));
        }
        committed
    }
}

/// The header of a commit that holds a mark of its transaction, which no other one has.
pub(crate) const TRANSACTION: &str = "transaction";

/// The marks of a commit: its own, or all that a compaction has put into it.
pub(crate) fn marks(repo: &gix::Repository, commit: ObjectId) -> Result<Vec<String>, Error> {
    let commit = repo.find_commit(commit).map_err(Error::repository)?;
    let commit = commit.decode().map_err(Error::repository)?;
    let marks = commit.extra_headers().find_all(TRANSACTION);
    Ok(marks.map(ToString::to_string).collect())
}

/// Runs an operation on the records of a commit; gives the tree that comes of it and what to say of it.
pub(crate) fn run<T, E>(
    view: &View<'_>,
    now: &str,
    operation: &mut impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
) -> Result<(Edit<T>, Account), TransactError<E>> {
    let mut transaction = Transaction::new(view, now.to_owned());
    let value = operation(&mut transaction).map_err(TransactError::Operation)?;
    let subject = transaction.description().map(str::to_owned);
    let changes = transaction.into_changes();
    if changes.is_empty() {
        return Ok((Edit { value, tree: None }, Account::default()));
    }
    rules::check(view, &changes)?;
    let account = Account {
        subject,
        body: summary::summary(&changes, view)?,
    };
    let tree = Some(view.tree_with(&changes)?);
    Ok((Edit { value, tree }, account))
}

/// How far a transaction has got with its attempts.
pub(crate) struct Attempt {
    started: Instant,
    limit: Duration,
    pub(crate) count: u32,
    pauses: u32,
    pub(crate) last: String,
}

impl Attempt {
    pub(crate) fn new(limit: Duration) -> Self {
        Attempt {
            started: Instant::now(),
            limit,
            count: 0,
            pauses: 0,
            last: String::new(),
        }
    }

    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    pub(crate) fn process_limit(&self) -> Duration {
        self.left().max(PROCESS_MIN)
    }

    /// Waits, longer each time and never past the deadline; false where that has passed.
    pub(crate) fn pause(&mut self) -> bool {
        let pause = pause_after(self.pauses);
        self.pauses += 1;
        thread::sleep(pause.min(self.left()));
        !self.is_over()
    }

    pub(crate) fn deadline(&self, branch: &str) -> Error {
        Error::Deadline {
            branch: branch.to_owned(),
            waited: self.started.elapsed(),
            attempts: self.count,
            last: self.last.clone(),
        }
    }
}

/// Milliseconds, always three digits, so that times sort as texts.
pub(crate) fn format_time(time: jiff::Timestamp) -> String {
    const MILLISECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    MILLISECONDS.timestamp_to_string(&time)
}

pub(crate) fn rfc3339(seconds: i64) -> String {
    // A commit may claim any time; one that no calendar holds is shown as the epoch.
    jiff::Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_fixed_form() {
        let time: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(format_time(time), "2026-01-02T03:04:05.000Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
