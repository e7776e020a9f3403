//! Records of deliveries and their runs: one JSON file a delivery, all of it in memory too.
//!
//! A file is replaced as a whole, so after a crash each delivery stands in one of the states
//! that it was in. What is deleted, and when, is the affair of `retention`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::concurrency::{Key, Membership, Queue};
use crate::files;
use crate::rules::Action;

/// An event that was taken, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// A UUIDv7, so ids sort by time.
    pub id: String,
    /// `owner/name`.
    pub repository: String,
    /// What kind of event it is.
    #[serde(default)]
    pub event: Event,
    /// Chose the workflows; of a `workflow_dispatch` that word.
    pub event_type: String,
    /// The one file that a `workflow_dispatch` starts.
    #[serde(default)]
    pub workflow: Option<String>,
    /// The data as it came; of a `workflow_dispatch` its inputs with the defaults filled in.
    pub client_payload: Map<String, Value>,
    /// When it was taken.
    pub received_at: Timestamp,
    /// The rule of the way that acted on it.
    pub rule: Option<AppliedRule>,
    /// Its runs don't start before (rule `delay`).
    pub not_before: Option<Timestamp>,
    /// How often the watchdog has started it again.
    #[serde(default)]
    pub redispatches: u32,
    /// Why it came to nothing and what to do, where the watchdog does no more about it.
    #[serde(default)]
    pub failure: Option<String>,
    /// The runs, oldest first.
    pub runs: Vec<Run>,
}

/// The events that the dispatcher takes, in GitHub's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// `POST /repos/{owner}/{repo}/dispatches`.
    #[default]
    RepositoryDispatch,
    /// `POST /repos/{owner}/{repo}/actions/workflows/{file}/dispatches`.
    WorkflowDispatch,
}

impl Event {
    /// As `GITHUB_EVENT_NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Event::RepositoryDispatch => "repository_dispatch",
            Event::WorkflowDispatch => "workflow_dispatch",
        }
    }
}

/// Which rule acted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppliedRule {
    /// The rule's id.
    pub id: u64,
    /// What it did.
    pub action: Action,
    /// Its `delay_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

/// One start of one workflow; its attempts have the same id, as on GitHub.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// `GITHUB_RUN_ID`; counts up over all deliveries.
    pub id: u64,
    /// `GITHUB_RUN_NUMBER`; counts up over the runs of one workflow.
    #[serde(default)]
    pub number: u64,
    /// 1 = the delivery itself, 2 = its first redelivery, ...
    pub round: u32,
    /// The workflow's file, `inventory.yml`.
    pub workflow: String,
    /// The workflow's name.
    pub name: String,
    /// What `run-name` gave for the event.
    #[serde(default)]
    pub title: String,
    /// The commit of the workflow files when the run was made; a re-run keeps it.
    #[serde(default)]
    pub head_sha: Option<String>,
    /// The concurrency group that it stands in.
    #[serde(default)]
    pub concurrency: Option<Group>,
    /// The binary; empty where the workflow names none.
    pub service: String,
    /// Where it stands.
    pub status: Status,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// Who cancelled it.
    #[serde(default)]
    pub cancelled_by: Option<Cause>,
    /// The rule of the run that acts on it.
    pub rule: Option<AppliedRule>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Each start of the binary.
    pub attempts: Vec<Attempt>,
    /// How many attempts there were when it was last re-run by hand: those before count for no
    /// limit.
    #[serde(default)]
    pub attempts_before: usize,
}

impl Run {
    /// The group as the runs of a repository share it.
    pub(crate) fn membership(&self, repository: &str) -> Option<Membership> {
        self.concurrency.as_ref().map(|group| Membership {
            key: Key::new(repository, &group.group),
            cancel_in_progress: group.cancel_in_progress,
            queue: group.queue,
        })
    }

    /// When its record last changed, as far as it says.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.attempts.last().map_or(self.created_at, |attempt| {
            attempt.finished_at.unwrap_or(attempt.started_at)
        })
    }
}

/// A concurrency group, as the workflow's `concurrency` gave it for the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub group: String,
    /// Whether entering it cancels the run that runs.
    pub cancel_in_progress: bool,
    /// How many runs wait.
    pub queue: Queue,
}

/// Why a run was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A newer run of its concurrency group took its place.
    Group,
    /// Its group had as many waiting runs as `queue: max` lets wait.
    QueueFull,
    /// Somebody asked for it.
    Request,
    /// A rule asked for it.
    Rule,
    /// The watchdog: it was not started in time.
    Watchdog,
}

impl Cause {
    /// As a sentence for a person.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Cause::Group => {
                "cancelled: a newer run of its concurrency group took its place; \
                 'queue: max' would let it wait"
            }
            Cause::QueueFull => "cancelled: 100 runs wait in its concurrency group already",
            Cause::Request => "cancelled by request",
            Cause::Rule => "cancelled by a rule",
            Cause::Watchdog => "cancelled by the watchdog: it was not started in time",
        }
    }
}

/// One start of the binary.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// `GITHUB_RUN_ATTEMPT`, from 1.
    pub number: u32,
    /// When the binary was started.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub finished_at: Option<Timestamp>,
    /// Its exit code, if it exited.
    pub exit_code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// It was cut off by the end of the dispatcher, and counts for no limit.
    #[serde(default)]
    pub interrupted: bool,
    /// What else is to be said.
    pub note: Option<String>,
}

/// Where a run stands, in GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for its concurrency group.
    Pending,
    /// Waits for its time, for a free place, or for its next attempt.
    Queued,
    /// Its binary runs.
    InProgress,
    /// Has a conclusion.
    Completed,
}

/// How a run ended, in GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Exit code 0.
    Success,
    /// Any other end.
    Failure,
    /// Ran longer than the job's `timeout-minutes`.
    TimedOut,
    /// Was ended, or was never started, as [`Run::cancelled_by`] says.
    Cancelled,
    /// Could not even wait to be started.
    StartupFailure,
}

/// Where a delivery stands, told from its latest round of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// No workflow listens to the event type.
    Unheard,
    /// A rule dropped it.
    Dropped,
    /// Nothing of it has started.
    Queued,
    /// Some of it has started, not all has ended.
    Running,
    /// Every run of the round succeeded.
    Succeeded,
    /// Some run of the round failed.
    Failed,
    /// None failed, some run of the round was cancelled.
    Cancelled,
}

impl Delivery {
    /// The payload's `_id`, if it is a text.
    pub fn order_id(&self) -> Option<&str> {
        self.client_payload.get("_id").and_then(Value::as_str)
    }

    /// The runs of its latest round.
    pub fn latest(&self) -> impl Iterator<Item = &Run> {
        let round = self.round();
        self.runs.iter().filter(move |run| run.round == round)
    }

    /// The number of its latest round, 0 if nothing was ever to run.
    pub fn round(&self) -> u32 {
        self.runs.iter().map(|run| run.round).max().unwrap_or(0)
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        let mut runs = self.latest().peekable();
        if runs.peek().is_none() {
            let dropped = self.rule.as_ref().is_some_and(|r| r.action == Action::Drop);
            return if dropped {
                State::Dropped
            } else {
                State::Unheard
            };
        }
        let (mut all_queued, mut all_completed) = (true, true);
        let (mut some_failed, mut some_cancelled) = (false, false);
        for run in runs {
            all_queued &=
                matches!(run.status, Status::Queued | Status::Pending) && run.attempts.is_empty();
            all_completed &= run.status == Status::Completed;
            match run.conclusion {
                None | Some(Conclusion::Success) => {}
                Some(Conclusion::Cancelled) => some_cancelled = true,
                Some(Conclusion::Failure | Conclusion::TimedOut | Conclusion::StartupFailure) => {
                    some_failed = true;
                }
            }
        }
        match (all_completed, all_queued) {
            (true, _) if some_failed => State::Failed,
            (true, _) if some_cancelled => State::Cancelled,
            (true, _) => State::Succeeded,
            (false, true) => State::Queued,
            (false, false) => State::Running,
        }
    }
}

/// All deliveries of a data folder.
#[derive(Debug)]
pub(crate) struct Records {
    folder: PathBuf,
    deliveries: RwLock<BTreeMap<String, Arc<Mutex<Delivery>>>>,
    run_deliveries: RwLock<BTreeMap<u64, String>>,
}

impl Records {
    /// Reads what stands in the folder, which must exist.
    pub(crate) fn open(folder: PathBuf) -> Result<Records, files::Error> {
        let unreadable = |source| files::Error::Read {
            path: folder.display().to_string(),
            source,
        };
        let mut deliveries = BTreeMap::new();
        let mut run_deliveries = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Some(delivery) = files::read_json::<Delivery>(&path)? else {
                continue;
            };
            for run in &delivery.runs {
                run_deliveries.insert(run.id, delivery.id.clone());
            }
            deliveries.insert(delivery.id.clone(), Arc::new(Mutex::new(delivery)));
        }
        Ok(Records {
            folder,
            deliveries: RwLock::new(deliveries),
            run_deliveries: RwLock::new(run_deliveries),
        })
    }

    /// The first run id that was never given away.
    pub(crate) fn next_run_id(&self) -> u64 {
        let runs = read(&self.run_deliveries);
        runs.last_key_value().map_or(1, |(id, _)| id + 1)
    }

    /// The highest number that a run of each workflow has, or had.
    pub(crate) fn run_numbers(&self, mut numbers: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        for delivery in self.list(|_| true) {
            for run in delivery.runs {
                let highest = numbers.entry(run.workflow).or_insert(0);
                *highest = run.number.max(*highest);
            }
        }
        numbers
    }

    /// Keeps a new delivery; on return it is on disk.
    pub(crate) fn insert(&self, delivery: Delivery) -> std::io::Result<()> {
        files::write_json(&self.path(&delivery.id), &delivery)?;
        self.index_runs(&delivery);
        write(&self.deliveries).insert(delivery.id.clone(), Arc::new(Mutex::new(delivery)));
        Ok(())
    }

    /// Changes a delivery and writes it; `None` if there is none with this id.
    ///
    /// If it cannot be written, the change stands in memory alone and the log says so: the
    /// run goes on, and after a crash it would be done again.
    pub(crate) fn update<T>(&self, id: &str, f: impl FnOnce(&mut Delivery) -> T) -> Option<T> {
        let delivery = read(&self.deliveries).get(id).cloned()?;
        let mut delivery = lock(&delivery);
        let answer = f(&mut delivery);
        self.index_runs(&delivery);
        if let Err(error) = files::write_json(&self.path(id), &*delivery) {
            tracing::error!(delivery = id, %error, "cannot write a delivery's record");
        }
        Some(answer)
    }

    pub(crate) fn get(&self, id: &str) -> Option<Delivery> {
        let delivery = read(&self.deliveries).get(id).cloned()?;
        Some(lock(&delivery).clone())
    }

    /// The delivery that a run belongs to.
    pub(crate) fn of_run(&self, run: u64) -> Option<Delivery> {
        let id = read(&self.run_deliveries).get(&run).cloned()?;
        self.get(&id)
    }

    /// The deliveries that fit, oldest first.
    pub(crate) fn list(&self, fits: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
        let all: Vec<_> = read(&self.deliveries).values().cloned().collect();
        all.iter()
            .filter_map(|delivery| {
                let delivery = lock(delivery);
                fits(&delivery).then(|| delivery.clone())
            })
            .collect()
    }

    /// How many deliveries there are.
    pub(crate) fn count(&self) -> usize {
        read(&self.deliveries).len()
    }

    /// At most so many of those that fit, the oldest first.
    pub(crate) fn oldest(&self, most: usize, fits: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
        let all: Vec<_> = read(&self.deliveries).values().cloned().collect();
        let fitting = all.iter().filter_map(|delivery| {
            let delivery = lock(delivery);
            fits(&delivery).then(|| delivery.clone())
        });
        fitting.take(most).collect()
    }

    /// Deletes a delivery.
    pub(crate) fn remove(&self, id: &str) -> std::io::Result<()> {
        let Some(delivery) = self.get(id) else {
            return Ok(());
        };
        match std::fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        write(&self.deliveries).remove(id);
        for run in &delivery.runs {
            self.forget_run(run.id);
        }
        Ok(())
    }

    /// Takes a run that is gone out of the index.
    pub(crate) fn forget_run(&self, run: u64) {
        write(&self.run_deliveries).remove(&run);
    }

    fn index_runs(&self, delivery: &Delivery) {
        let mut index = write(&self.run_deliveries);
        for run in &delivery.runs {
            index.entry(run.id).or_insert_with(|| delivery.id.clone());
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

// A panic while a lock is held leaves at worst one field of one record unset, which the next
// start of the dispatcher treats as an attempt that was cut off.
fn lock(delivery: &Mutex<Delivery>) -> std::sync::MutexGuard<'_, Delivery> {
    delivery.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
