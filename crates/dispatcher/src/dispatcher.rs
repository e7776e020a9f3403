//! The dispatcher itself: takes events, decides their runs, and drives each run to its end.
//!
//! Invariants: an event is on disk before it is acknowledged; a run that was queued or running
//! when the process died is driven on at the next start; a run that is acknowledged as ended
//! is never started again by itself.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};
use uuid::Uuid;

use crate::config::{self, Config, OpenError};
use crate::dispatch::Dispatch;
use crate::environment;
use crate::log::Masks;
use crate::records::{AppliedRule, Attempt, Conclusion, Delivery, Records, Run, Status};
use crate::rules::{Action, Rule, Rules};
use crate::run::{self, End, Launch, Phase};
use crate::workflow_file::{self, Workflow};

/// Most attempts of a run whose service says "try again" or is killed.
pub const ATTEMPTS_MAX: usize = 3;
/// Exit codes of a service after which its run is tried again: the gateway could not be
/// reached, the deadline of a push passed.
const EXIT_CODES_TO_RETRY: [i32; 2] = [4, 5];
/// From SIGTERM to SIGKILL when the dispatcher ends.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// The right to run one service; nobody closes the line.
type Slot = Result<OwnedSemaphorePermit, AcquireError>;

/// Why a delivery is not made again.
#[derive(Debug, thiserror::Error)]
pub enum RedeliverError {
    /// No such delivery.
    #[error("no delivery has the id '{0}'; GET /_backroom/deliveries lists them")]
    Unknown(String),
    /// Nothing would start.
    #[error("no workflow listens to '{0}'; nothing was started")]
    Unheard(String),
    /// The rules or the record cannot be written.
    #[error("cannot keep the delivery: {0}")]
    Write(#[from] std::io::Error),
}

/// Takes events and runs services. Made by [`Dispatcher::open`], ended by [`Dispatcher::stop`].
#[derive(Debug)]
pub struct Dispatcher {
    config: Config,
    workflows: Vec<Workflow>,
    records: Records,
    rules: Rules,
    next_run_id: AtomicU64,
    slots: Arc<Semaphore>,
    phase: watch::Sender<Phase>,
    service_environment: Vec<(OsString, OsString)>,
    masks: Masks,
    /// Held as long as the dispatcher lives.
    _lock: File,
}

impl Dispatcher {
    /// Reads workflows and records, and goes on with what was queued or running.
    ///
    /// Must be called within a tokio runtime.
    pub fn open(config: Config) -> Result<Arc<Dispatcher>, OpenError> {
        config::check(&config)?;
        let workflows = workflow_file::read_folder(&config.workflows)?;
        let lock = config::prepare_folder(&config)?;
        let records = Records::open(config.data.join("deliveries"))?;
        let rules = Rules::open(config.data.join("rules.json"))?;
        for workflow in &workflows {
            let program = config.bin_dir.join(&workflow.service);
            if !program.is_file() {
                tracing::warn!(
                    workflow = workflow.file,
                    program = %program.display(),
                    "the service of this workflow is not built; its runs will fail"
                );
            }
        }
        let service_environment = environment::pass_through(
            config.environment.iter().cloned(),
            &config.pass_env,
            &config.token,
        );
        let mut masks = Masks::default();
        masks.add(config.token.reveal());
        for secret in environment::secret_values(&service_environment) {
            masks.add(&secret);
        }
        let dispatcher = Arc::new(Dispatcher {
            next_run_id: AtomicU64::new(records.next_run_id()),
            slots: Arc::new(Semaphore::new(config.parallel_max)),
            phase: watch::Sender::new(Phase::Open),
            workflows,
            records,
            rules,
            service_environment,
            masks,
            config,
            _lock: lock,
        });
        dispatcher.resume();
        Ok(dispatcher)
    }

    /// Whether a caller's `Authorization` header is good.
    pub fn opens(&self, authorization: &str) -> bool {
        self.config.token.opens(authorization)
    }

    /// The repository as it was configured; names are compared without case, as on GitHub.
    pub fn repository(&self, owner: &str, name: &str) -> Option<&str> {
        let full = format!("{owner}/{name}");
        let mut known = self.config.repositories.iter().map(String::as_str);
        known.find(|known| known.eq_ignore_ascii_case(&full))
    }

    /// The workflows that dispatches start.
    pub fn workflows(&self) -> &[Workflow] {
        &self.workflows
    }

    /// The rules that stand, and the doors to change them.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The deliveries that fit, oldest first.
    pub fn deliveries(&self, fits: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
        self.records.list(fits)
    }

    /// One delivery.
    pub fn delivery(&self, id: &str) -> Option<Delivery> {
        self.records.get(id)
    }

    /// One run with its log and summary (empty as long as there is none).
    pub fn run(&self, id: u64) -> Option<(Delivery, Run, String, String)> {
        let delivery = self.records.of_run(id)?;
        let run = delivery.runs.iter().find(|run| run.id == id)?.clone();
        let text = |path: PathBuf| {
            let bytes = std::fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (log, summary) = (text(self.log_path(id)), text(self.summary_path(id)));
        Some((delivery, run, log, summary))
    }

    /// Takes an event for a repository of [`Dispatcher::repository`]; when this returns, it is
    /// on disk, and what it starts is under way.
    ///
    /// Blocks on the disk.
    pub fn accept(
        self: &Arc<Self>,
        repository: &str,
        dispatch: Dispatch,
    ) -> std::io::Result<String> {
        let now = Timestamp::now();
        let mut delivery = Delivery {
            id: Uuid::now_v7().to_string(),
            repository: repository.to_owned(),
            event_type: dispatch.event_type,
            client_payload: dispatch.client_payload,
            received_at: now,
            rule: None,
            not_before: None,
            runs: Vec::new(),
        };
        let rule = self
            .rules
            .take_for_way(&delivery.event_type, delivery.order_id())?;
        let copies = match rule.as_ref().map(|rule| rule.action) {
            Some(Action::Drop) => 0,
            Some(Action::Duplicate) => 2,
            _ => 1,
        };
        delivery.not_before = rule
            .as_ref()
            .and_then(|rule| rule.delay_ms)
            .map(|ms| now + SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)));
        delivery.rule = rule.as_ref().map(applied);
        for _ in 0..copies {
            let runs = self.new_runs(&delivery, 1)?;
            delivery.runs.extend(runs);
        }
        let id = delivery.id.clone();
        let runs: Vec<u64> = delivery.runs.iter().map(|run| run.id).collect();
        tracing::info!(
            delivery = id,
            event_type = delivery.event_type,
            runs = runs.len(),
            state = ?delivery.state(),
            "event taken"
        );
        self.records.insert(delivery)?;
        self.start_all(&id, runs);
        Ok(id)
    }

    /// Starts the listening workflows of a delivery once more, whatever became of it before.
    ///
    /// Rules of the way don't act on it, rules of the run do. Blocks on the disk.
    pub fn redeliver(self: &Arc<Self>, id: &str) -> Result<Delivery, RedeliverError> {
        let unknown = || RedeliverError::Unknown(id.to_owned());
        let delivery = self.records.get(id).ok_or_else(unknown)?;
        // Two redeliveries at once would share a number, which only joins their states.
        let runs = self.new_runs(&delivery, delivery.round().max(1) + 1)?;
        if runs.is_empty() {
            return Err(RedeliverError::Unheard(delivery.event_type));
        }
        let ids = runs.iter().map(|run| run.id).collect();
        let changed = self.records.update(id, |delivery| {
            delivery.not_before = None;
            delivery.runs.extend(runs);
            delivery.clone()
        });
        tracing::info!(delivery = id, "event delivered again");
        self.start_all(id, ids);
        changed.ok_or_else(unknown)
    }

    /// Ends the dispatcher: starts nothing more, lets running services finish for a while,
    /// then asks them to end, then kills them. What didn't finish is queued for the next start.
    pub async fn stop(&self) {
        self.phase.send_replace(Phase::Finishing);
        for (grace, next) in [
            (self.config.stop_grace, Phase::Terminating),
            (KILL_GRACE, Phase::Killing),
        ] {
            if tokio::time::timeout(grace, self.phase.closed())
                .await
                .is_ok()
            {
                return;
            }
            self.phase.send_replace(next);
        }
        self.phase.closed().await;
    }

    /// Goes on with what an earlier process left.
    fn resume(self: &Arc<Self>) {
        let is_open = |run: &Run| run.status != Status::Completed;
        for delivery in self.records.list(|d| d.runs.iter().any(is_open)) {
            let open: Vec<&Run> = delivery.runs.iter().filter(|run| is_open(run)).collect();
            for run in &open {
                if run.status == Status::InProgress {
                    self.update_run(&delivery.id, run.id, cut_off);
                }
            }
            tracing::info!(delivery = delivery.id, runs = open.len(), "going on");
            self.start_all(&delivery.id, open.iter().map(|run| run.id).collect());
        }
    }

    /// A run for each workflow that listens, each with the rule that acts on it.
    fn new_runs(&self, delivery: &Delivery, round: u32) -> std::io::Result<Vec<Run>> {
        let listening = self
            .workflows
            .iter()
            .filter(|workflow| workflow.listens_to(&delivery.event_type));
        listening
            .map(|workflow| {
                let rule = self
                    .rules
                    .take_for_run(&delivery.event_type, delivery.order_id())?;
                Ok(Run {
                    id: self.next_run_id.fetch_add(1, Ordering::Relaxed),
                    round,
                    workflow: workflow.file.clone(),
                    name: workflow.name.clone(),
                    service: workflow.service.clone(),
                    status: Status::Queued,
                    conclusion: None,
                    rule: rule.as_ref().map(applied),
                    created_at: Timestamp::now(),
                    attempts: Vec::new(),
                })
            })
            .collect()
    }

    fn start_all(self: &Arc<Self>, delivery: &str, runs: Vec<u64>) {
        for run in runs {
            let (this, delivery) = (Arc::clone(self), delivery.to_owned());
            // `stop` waits until each of these receivers is gone.
            let phase = self.phase.subscribe();
            let place = self.place_in_line();
            tokio::spawn(async move { this.drive(&delivery, run, place, phase).await });
        }
    }

    /// A slot to come. It stands in line from this call on, before anyone waits for it: a task of
    /// its own might get to wait later than the task of a run that came after.
    fn place_in_line(&self) -> BoxFuture<'static, Slot> {
        let mut waiting = Box::pin(Arc::clone(&self.slots).acquire_owned());
        match waiting.as_mut().now_or_never() {
            Some(slot) => std::future::ready(slot).boxed(),
            None => waiting,
        }
    }

    /// Drives one run to its conclusion, or to the end of the dispatcher.
    async fn drive(
        self: Arc<Self>,
        delivery: &str,
        run: u64,
        mut place: BoxFuture<'static, Slot>,
        mut phase: watch::Receiver<Phase>,
    ) -> Option<()> {
        let due = self.records.get(delivery)?.not_before;
        if let Some(due) = due {
            // Others may go before a delivery that was put off.
            drop(place);
            let left = Timestamp::now().duration_until(due);
            let left = Duration::try_from(left).unwrap_or_default();
            unless_stopped(&mut phase, tokio::time::sleep(left)).await?;
            place = self.place_in_line();
        }
        loop {
            let slot = unless_stopped(&mut phase, place).await?;
            let end = self.attempt(delivery, run, &phase).await?;
            drop(slot);
            let delay = self.conclude(delivery, run, &end).await?;
            unless_stopped(&mut phase, tokio::time::sleep(delay)).await?;
            place = self.place_in_line();
        }
    }

    /// One attempt, from the record of its start to its end.
    async fn attempt(
        self: &Arc<Self>,
        delivery_id: &str,
        run_id: u64,
        phase: &watch::Receiver<Phase>,
    ) -> Option<End> {
        let (this, id) = (Arc::clone(self), delivery_id.to_owned());
        let number = blocking(move || this.update_run(&id, run_id, begin)).await?;
        let delivery = self.records.get(delivery_id)?;
        let run = delivery.runs.iter().find(|run| run.id == run_id)?;
        if let Some(rule) = run.rule.as_ref().filter(|rule| rule.action == Action::Fail) {
            return Some(End::NotStarted(format!(
                "failed by rule {}, the service was not started",
                rule.id
            )));
        }
        let Some(workflow) = self.workflows.iter().find(|w| w.file == run.workflow) else {
            return Some(End::NotStarted(format!(
                "the workflow file '{}' is gone; put it back and redeliver",
                run.workflow
            )));
        };
        let heading = format!(
            "--- run {run_id}, attempt {number}: {} action ({})",
            run.service, delivery.event_type
        );
        let launch = Launch {
            program: self.config.bin_dir.join(&run.service),
            event: self.event_file(&delivery),
            environment: self.run_environment(&delivery, run, workflow, number),
            folder: self
                .config
                .data
                .join("work")
                .join(format!("{run_id}-{number}")),
            log: self.log_path(run_id),
            summary: self.summary_path(run_id),
            masks: self.masks.clone(),
            time_limit: workflow.time_limit,
        };
        Some(run::execute(launch, &heading, phase.clone()).await)
    }

    /// Records an attempt's end; gives the delay before the next attempt, if there is one.
    async fn conclude(self: &Arc<Self>, delivery: &str, run: u64, end: &End) -> Option<Duration> {
        let (exit_code, signal, note) = match end {
            End::Exited(code) => (Some(*code), None, None),
            End::Killed(signal) => (None, Some(*signal), None),
            End::TimedOut => (
                None,
                None,
                Some("took longer than timeout-minutes".to_owned()),
            ),
            End::Interrupted => (
                None,
                None,
                Some("cut off by the dispatcher's end".to_owned()),
            ),
            End::NotStarted(problem) => (None, None, Some(self.masks.hide(problem))),
        };
        let again = match end {
            End::Exited(code) => EXIT_CODES_TO_RETRY.contains(code),
            End::Killed(_) => true,
            End::TimedOut | End::Interrupted | End::NotStarted(_) => false,
        };
        let conclusion = match end {
            End::Exited(0) => Conclusion::Success,
            End::TimedOut => Conclusion::TimedOut,
            _ => Conclusion::Failure,
        };
        let interrupted = matches!(end, End::Interrupted);
        let (this, id) = (Arc::clone(self), delivery.to_owned());
        let counted = blocking(move || {
            this.update_run(&id, run, |run| {
                if let Some(attempt) = run.attempts.last_mut() {
                    attempt.finished_at = Some(Timestamp::now());
                    attempt.exit_code = exit_code;
                    attempt.signal = signal;
                    attempt.note = note;
                    attempt.interrupted = interrupted;
                }
                let counted = run.attempts.iter().filter(|a| !a.interrupted).count();
                if interrupted || (again && counted < ATTEMPTS_MAX) {
                    run.status = Status::Queued;
                } else {
                    run.status = Status::Completed;
                    run.conclusion = Some(conclusion);
                }
                (run.status == Status::Queued).then_some(counted)
            })
        })
        .await?;
        tracing::info!(delivery, run, end = ?end, again = counted.is_some(), "attempt ended");
        let failures = u32::try_from(counted?).unwrap_or(u32::MAX);
        Some(self.config.retry_delay * failures)
    }

    fn event_file(&self, delivery: &Delivery) -> Value {
        json!({
            "action": delivery.event_type,
            "branch": self.config.default_branch,
            "client_payload": delivery.client_payload,
            "repository": {
                "full_name": delivery.repository,
                "default_branch": self.config.default_branch,
            },
        })
    }

    fn run_environment(
        &self,
        delivery: &Delivery,
        run: &Run,
        workflow: &Workflow,
        attempt: u32,
    ) -> Vec<(OsString, OsString)> {
        let branch = &self.config.default_branch;
        let (owner, _) = delivery.repository.split_once('/').unwrap_or_default();
        let mut own = vec![
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_API_URL", self.config.api_url.clone()),
            ("GITHUB_EVENT_NAME", "repository_dispatch".to_owned()),
            ("GITHUB_JOB", workflow.job.clone()),
            ("GITHUB_REF", format!("refs/heads/{branch}")),
            ("GITHUB_REF_NAME", branch.clone()),
            ("GITHUB_REPOSITORY", delivery.repository.clone()),
            ("GITHUB_REPOSITORY_OWNER", owner.to_owned()),
            ("GITHUB_RUN_ATTEMPT", attempt.to_string()),
            ("GITHUB_RUN_ID", run.id.to_string()),
            ("GITHUB_RUN_NUMBER", run.id.to_string()),
            ("GITHUB_WORKFLOW", workflow.name.clone()),
        ];
        match run.rule.as_ref().map(|rule| rule.action) {
            Some(Action::DropAnswer) => own.push(("BACKROOM_TEST_ANSWERS", "drop".to_owned())),
            Some(Action::DoubleAnswer) => own.push(("BACKROOM_TEST_ANSWERS", "double".to_owned())),
            _ => {}
        }
        let own = own
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.service_environment
            .iter()
            .cloned()
            .chain(own)
            .collect()
    }

    fn update_run<T>(&self, delivery: &str, run: u64, f: impl FnOnce(&mut Run) -> T) -> Option<T> {
        self.records
            .update(delivery, |delivery| {
                delivery.runs.iter_mut().find(|r| r.id == run).map(f)
            })
            .flatten()
    }

    fn log_path(&self, run: u64) -> PathBuf {
        self.config.data.join("logs").join(format!("{run}.log"))
    }

    fn summary_path(&self, run: u64) -> PathBuf {
        self.config
            .data
            .join("logs")
            .join(format!("{run}.summary.md"))
    }
}

/// Adds an attempt; gives its number.
fn begin(run: &mut Run) -> u32 {
    let number = u32::try_from(run.attempts.len()).unwrap_or(u32::MAX - 1) + 1;
    run.status = Status::InProgress;
    run.attempts.push(Attempt {
        number,
        started_at: Timestamp::now(),
        finished_at: None,
        exit_code: None,
        signal: None,
        interrupted: false,
        note: None,
    });
    number
}

/// Closes the attempt that ran when the process before this one died.
fn cut_off(run: &mut Run) {
    run.status = Status::Queued;
    if let Some(attempt) = run.attempts.last_mut() {
        attempt.finished_at = Some(Timestamp::now());
        attempt.interrupted = true;
        attempt.note = Some("the dispatcher died; what the service did is not known".to_owned());
    }
}

fn applied(rule: &Rule) -> AppliedRule {
    AppliedRule {
        id: rule.id,
        action: rule.action,
    }
}

/// Waits for something, but not beyond the end of the dispatcher.
async fn unless_stopped<T>(
    phase: &mut watch::Receiver<Phase>,
    wanted: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        _ = phase.wait_for(|phase| *phase > Phase::Open) => None,
        got = wanted => Some(got),
    }
}

/// Runs what blocks on the disk off the async threads.
async fn blocking<T: Send + 'static>(f: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(f).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "a record could not be changed");
            None
        }
    }
}
