//! How an event becomes runs: the delivery's record, the rules of its way, a run for each workflow
//! that it starts, and another round of them on request.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::dispatch::Dispatch;
use crate::dispatcher::Dispatcher;
use crate::records::{AppliedRule, Cause, Conclusion, Delivery, Event, Group, Run, Status};
use crate::rules::{Action, Rule};
use crate::runner;
use crate::workflow_dispatch::Form;
use crate::workflow_file::Workflow;

/// How long a rule `reorder` without `delay_ms` waits for another event.
const REORDER_MS: u64 = 5000;

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

/// Why a run is not re-run or cancelled, in GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// No such run.
    #[error("Not Found")]
    Unknown,
    /// Only a run that has ended can be re-run or deleted.
    #[error("This workflow is already running")]
    Running,
    /// Only a run that has not ended can be cancelled.
    #[error("Cannot cancel a workflow run that is completed.")]
    Completed,
}

impl Dispatcher {
    /// Takes an event for a repository of [`Dispatcher::repository`]; when this returns, it is
    /// on disk, and what it starts is under way. Gives the delivery as it was written.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    /// The record or the rules cannot be written.
    pub fn accept(
        self: &Arc<Self>,
        repository: &str,
        dispatch: Dispatch,
    ) -> std::io::Result<Delivery> {
        let Dispatch {
            event_type,
            client_payload,
        } = dispatch;
        let event = Event::RepositoryDispatch;
        self.take(new_delivery(repository, event, event_type, client_payload))
    }

    /// Takes a form for a workflow; otherwise as [`Dispatcher::accept`].
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    /// The record or the rules cannot be written.
    pub fn accept_form(
        self: &Arc<Self>,
        repository: &str,
        file: &str,
        form: Form,
    ) -> std::io::Result<Delivery> {
        let event = Event::WorkflowDispatch;
        let event_type = event.name().to_owned();
        let mut delivery = new_delivery(repository, event, event_type, form.inputs);
        delivery.workflow = Some(file.to_owned());
        self.take(delivery)
    }

    fn take(self: &Arc<Self>, mut delivery: Delivery) -> std::io::Result<Delivery> {
        let rule = self
            .rules()
            .take_for_way(&delivery.event_type, delivery.order_id())?;
        let copies = match rule.as_ref().map(|rule| rule.action) {
            Some(Action::Drop) => 0,
            Some(Action::Duplicate) => 2,
            _ => 1,
        };
        let delay = rule.as_ref().and_then(|rule| rule.delay_ms);
        let held = rule
            .as_ref()
            .is_some_and(|rule| rule.action == Action::Reorder);
        let delay = delay.or(held.then_some(REORDER_MS));
        delivery.not_before = delay.map(|ms| {
            delivery.received_at
                + SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
        });
        delivery.rule = rule.as_ref().map(applied);
        for _ in 0..copies {
            let runs = self.new_runs(&delivery, 1, |_| true)?;
            delivery.runs.extend(runs);
        }
        let runs: Vec<u64> = delivery.runs.iter().map(|run| run.id).collect();
        tracing::info!(
            delivery = delivery.id,
            event_type = delivery.event_type,
            runs = runs.len(),
            state = ?delivery.state(),
            "event taken"
        );
        self.records.insert(delivery.clone())?;
        self.start_all(&delivery.id, &runs);
        self.forget_old();
        Ok(delivery)
    }

    /// Starts the listening workflows of a delivery once more, whatever became of it before.
    ///
    /// Rules of the way don't act on it, rules of the run do. Blocks on the disk.
    ///
    /// # Errors
    /// There is no such delivery, nothing listens to it, or the record cannot be written.
    pub fn redeliver(self: &Arc<Self>, id: &str) -> Result<Delivery, RedeliverError> {
        self.start_again(id, |_| true, 0)
    }

    /// Starts those listening workflows of a delivery once more that fit.
    pub(crate) fn start_again(
        self: &Arc<Self>,
        id: &str,
        fits: impl Fn(&str) -> bool,
        by_watchdog: u32,
    ) -> Result<Delivery, RedeliverError> {
        let unknown = || RedeliverError::Unknown(id.to_owned());
        let delivery = self.records.get(id).ok_or_else(unknown)?;
        // Two redeliveries at once would share a number, which only joins their states.
        let runs = self.new_runs(&delivery, delivery.round().max(1) + 1, fits)?;
        if runs.is_empty() {
            return Err(RedeliverError::Unheard(delivery.event_type));
        }
        let ids: Vec<u64> = runs.iter().map(|run| run.id).collect();
        let changed = self.records.update(id, |delivery| {
            delivery.not_before = None;
            delivery.failure = None;
            delivery.redispatches += by_watchdog;
            delivery.runs.extend(runs);
            delivery.clone()
        });
        tracing::info!(delivery = id, "event delivered again");
        self.start_all(id, &ids);
        changed.ok_or_else(unknown)
    }

    /// Runs a run that has ended once more: same run, same payload, its next attempt.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    /// There is no such run, or it has not ended.
    pub fn rerun(self: &Arc<Self>, run: u64) -> Result<(), RunError> {
        let (delivery, found) = self.run_record(run).ok_or(RunError::Unknown)?;
        if found.status != Status::Completed {
            return Err(RunError::Running);
        }
        let rule = self
            .rules()
            .take_for_run(&delivery.event_type, delivery.order_id());
        let rule = rule.unwrap_or_else(|error| {
            tracing::error!(%error, "the rules could not be written, so none acts");
            None
        });
        let again = self.update_run(&delivery.id, run, |run| {
            if run.status != Status::Completed {
                return Err(RunError::Running);
            }
            run.status = Status::Queued;
            run.conclusion = None;
            run.cancelled_by = None;
            run.attempts_before = run.attempts.len();
            run.rule = rule.as_ref().map(applied);
            Ok(())
        });
        again.ok_or(RunError::Unknown)??;
        self.records
            .update(&delivery.id, |delivery| delivery.failure = None);
        tracing::info!(delivery = delivery.id, run, "run again");
        self.start_all(&delivery.id, &[run]);
        Ok(())
    }

    /// Asks a run that has not ended to end.
    ///
    /// # Errors
    /// There is no such run, or it has ended.
    pub fn cancel(&self, run: u64) -> Result<(), RunError> {
        if self.live.cancel(run, Cause::Request) {
            return Ok(());
        }
        match self.records.of_run(run) {
            Some(_) => Err(RunError::Completed),
            None => Err(RunError::Unknown),
        }
    }

    /// A run for each workflow that the event starts and that fits, each with the rule that acts
    /// on it.
    fn new_runs(
        &self,
        delivery: &Delivery,
        round: u32,
        fits: impl Fn(&str) -> bool,
    ) -> std::io::Result<Vec<Run>> {
        if self.backend.forwards() {
            let all = forwarded(delivery);
            return Ok(vec![self.new_run(delivery, &all, round)?]);
        }
        let started = self
            .workflows()
            .iter()
            .filter(|workflow| match &delivery.workflow {
                Some(file) => workflow.file == *file,
                None => workflow.listens_to(&delivery.event_type),
            });
        started
            .filter(|workflow| fits(&workflow.file))
            .map(|workflow| self.new_run(delivery, workflow, round))
            .collect()
    }

    /// The workflow that a run runs; `None` if its file is gone.
    pub(crate) fn workflow_of(&self, delivery: &Delivery, run: &Run) -> Option<Workflow> {
        match self.backend.forwards() {
            true => Some(forwarded(delivery)),
            false => self.workflow(&run.workflow).cloned(),
        }
    }

    fn new_run(
        &self,
        delivery: &Delivery,
        workflow: &Workflow,
        round: u32,
    ) -> std::io::Result<Run> {
        let rule = self
            .rules()
            .take_for_run(&delivery.event_type, delivery.order_id())?;
        let number = {
            let mut numbers = self
                .run_numbers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let number = numbers.entry(workflow.file.clone()).or_insert(0);
            *number += 1;
            *number
        };
        let mut run = Run {
            id: self.next_run_id.fetch_add(1, Ordering::Relaxed),
            number,
            round,
            workflow: workflow.file.clone(),
            name: workflow.name.clone(),
            title: String::new(),
            head_sha: self.head_sha.clone(),
            concurrency: None,
            service: workflow.service.clone().unwrap_or_default(),
            status: Status::Queued,
            conclusion: None,
            cancelled_by: None,
            rule: rule.as_ref().map(applied),
            created_at: Timestamp::now(),
            attempts: Vec::new(),
            attempts_before: 0,
        };
        let now = Instant::now();
        if self
            .limits
            .as_ref()
            .is_some_and(|limits| limits.queued.take(now).is_err())
        {
            // As on GitHub the event was taken, and the run is not to be.
            end_unstarted(&mut run);
            return Ok(run);
        }
        let contexts = runner::contexts(self, delivery, workflow, &run);
        run.title = runner::title(delivery, workflow, &contexts);
        if let Some(concurrency) = &workflow.concurrency {
            let (group, cancel_in_progress, queue) = concurrency.evaluate(&contexts);
            // GitHub doesn't start a run whose group has no name either.
            if group.is_empty() {
                end_unstarted(&mut run);
            } else {
                run.concurrency = Some(Group {
                    group,
                    cancel_in_progress,
                    queue,
                });
            }
        }
        Ok(run)
    }
}

/// What stands for all of GitHub's workflows where events are handed on: the groups, triggers and
/// names are minded there.
fn forwarded(delivery: &Delivery) -> Workflow {
    Workflow {
        file: delivery
            .workflow
            .clone()
            .unwrap_or_else(|| "github".to_owned()),
        name: "GitHub".to_owned(),
        run_name: None,
        types: None,
        inputs: None,
        concurrency: None,
        service: None,
        job: "forward".to_owned(),
        job_name: "forward".to_owned(),
        time_limit: Duration::from_secs(60),
    }
}

fn end_unstarted(run: &mut Run) {
    run.status = Status::Completed;
    run.conclusion = Some(Conclusion::StartupFailure);
}

fn new_delivery(
    repository: &str,
    event: Event,
    event_type: String,
    client_payload: Map<String, Value>,
) -> Delivery {
    Delivery {
        id: Uuid::now_v7().to_string(),
        repository: repository.to_owned(),
        event,
        event_type,
        workflow: None,
        client_payload,
        received_at: Timestamp::now(),
        rule: None,
        not_before: None,
        redispatches: 0,
        failure: None,
        runs: Vec::new(),
    }
}

fn applied(rule: &Rule) -> AppliedRule {
    AppliedRule {
        id: rule.id,
        action: rule.action,
        delay_ms: rule.delay_ms,
    }
}
