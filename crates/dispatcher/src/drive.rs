//! How a run is driven to its end: its time, its concurrency group, its place in the line, its
//! attempts, and what each of them leaves in the record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, watch};

use crate::backend::{self, Control, End, Job, Phase};
use crate::dispatcher::Dispatcher;
use crate::live::Turn;
use crate::records::{Attempt, Cause, Conclusion, Run, Status};
use crate::rules::Action;
use crate::runner;

/// Most attempts of a run whose service says "try again" or is killed.
pub const ATTEMPTS_MAX: usize = 3;
/// Exit codes of a service after which its run is tried again: the gateway could not be
/// reached, the deadline of a push passed.
const EXIT_CODES_TO_RETRY: [i32; 2] = [4, 5];

/// The right to run one service; nobody closes the line.
type Slot = Result<OwnedSemaphorePermit, AcquireError>;

/// Why a run is not driven on.
enum Stop {
    /// The dispatcher ends, and the next one goes on with the run.
    Ending,
    Cancelled(Cause),
    /// Its record is gone.
    Gone,
}

/// One run on its way.
struct Way {
    delivery: String,
    run: u64,
    control: Control,
    /// Its place in the line, as long as it may have one.
    place: Option<BoxFuture<'static, Slot>>,
    /// Changes when another event has started; of a run that is held back for that.
    overtaken: Option<watch::Receiver<u64>>,
}

impl Dispatcher {
    /// Starts to drive these runs of a delivery, in this order; those that have ended are left out.
    pub(crate) fn start_all(self: &Arc<Self>, delivery: &str, runs: &[u64]) {
        let Some(record) = self.records.get(delivery) else {
            return;
        };
        for run in record.runs.iter().filter(|run| runs.contains(&run.id)) {
            if run.status == Status::Completed {
                continue;
            }
            let control = Control {
                // `stop` waits until each of these receivers is gone.
                phase: self.phase.subscribe(),
                turn: self.live.add(run.id),
            };
            let held = record
                .rule
                .as_ref()
                .is_some_and(|r| r.action == Action::Reorder);
            let mut way = Way {
                delivery: delivery.to_owned(),
                run: run.id,
                control,
                place: None,
                overtaken: held.then(|| self.started.subscribe()),
            };
            // Others may go before a delivery that was put off.
            if record.not_before.is_none() {
                self.enter(&mut way);
            }
            let this = Arc::clone(self);
            tokio::spawn(async move { this.drive(way).await });
        }
        if record.not_before.is_none() {
            self.started.send_modify(|count| *count += 1);
        }
    }

    /// The run enters its group; if it may run, it stands in line from here on, before a run that
    /// comes after.
    fn enter(&self, way: &mut Way) {
        let record = self.records.get(&way.delivery);
        let membership = record.and_then(|delivery| {
            let run = delivery.runs.iter().find(|run| run.id == way.run)?;
            run.membership(&delivery.repository)
        });
        self.live.enter(way.run, membership);
        let turn = *way.control.turn.borrow();
        match turn {
            Turn::Runs => way.place = Some(self.place_in_line()),
            Turn::Waits => {
                self.update_run(&way.delivery, way.run, |run| run.status = Status::Pending);
            }
            Turn::Cancelled(_) => {}
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
    async fn drive(self: Arc<Self>, mut way: Way) {
        let driven = self.to_conclusion(&mut way).await;
        if let Err(Stop::Cancelled(cause)) = driven {
            let (this, id, run) = (Arc::clone(&self), way.delivery.clone(), way.run);
            blocking(move || this.update_run(&id, run, |run| cancelled(run, cause))).await;
            tracing::info!(delivery = way.delivery, run, ?cause, "run cancelled");
        }
        self.live.leave(way.run);
        self.ended.notify_one();
        // `stop` waits for the way's phase, and the folder's lock goes with the dispatcher.
        drop(self);
        drop(way);
    }

    async fn to_conclusion(self: &Arc<Self>, way: &mut Way) -> Result<(), Stop> {
        let due = self
            .records
            .get(&way.delivery)
            .ok_or(Stop::Gone)?
            .not_before;
        if let Some(due) = due {
            let left = Timestamp::now().duration_until(due);
            let left = Duration::try_from(left).unwrap_or_default();
            let overtaken = way.overtaken.take();
            let time = async {
                match overtaken {
                    // Held back until another event has gone before it, at the longest its time.
                    Some(mut started) => {
                        drop(tokio::time::timeout(left, started.changed()).await);
                    }
                    None => tokio::time::sleep(left).await,
                }
            };
            goes_on(&mut way.control, time).await?;
            let (this, mut entering) = (Arc::clone(self), way.fork());
            let entered = blocking(move || {
                this.enter(&mut entering);
                Some(entering.place)
            });
            way.place = entered.await.flatten();
        }
        if way.place.is_none() {
            let mut turn = way.control.turn.clone();
            let told = turn.wait_for(|turn| *turn != Turn::Waits).map(drop);
            goes_on(&mut way.control, told).await?;
            way.place = Some(self.place_in_line());
            let (this, id, run) = (Arc::clone(self), way.delivery.clone(), way.run);
            blocking(move || this.update_run(&id, run, |run| run.status = Status::Queued)).await;
        }
        loop {
            let place = way.place.take().unwrap_or_else(|| self.place_in_line());
            let slot = goes_on(&mut way.control, place).await?;
            while let Some(Err(wait)) = self.limits.as_ref().map(|l| l.starts.take(Instant::now()))
            {
                goes_on(&mut way.control, tokio::time::sleep(wait)).await?;
            }
            let end = self.attempt(way).await.ok_or(Stop::Gone)?;
            drop(slot);
            let Some(delay) = self.conclude(&way.delivery, way.run, &end).await else {
                return Ok(());
            };
            goes_on(&mut way.control, tokio::time::sleep(delay)).await?;
        }
    }

    /// One attempt, from the record of its start to its end.
    async fn attempt(self: &Arc<Self>, way: &mut Way) -> Option<End> {
        let (this, id, run_id) = (Arc::clone(self), way.delivery.clone(), way.run);
        let number = blocking(move || this.update_run(&id, run_id, begin)).await?;
        let delivery = self.records.get(&way.delivery)?;
        let run = delivery.runs.iter().find(|run| run.id == run_id)?;
        let rule = run
            .rule
            .as_ref()
            .map(|rule| (rule.action, rule.id, rule.delay_ms));
        let mut cancel_after = None;
        match rule {
            Some((Action::Fail, id, _)) => {
                return Some(End::NotStarted(format!(
                    "failed by rule {id}, the service was not started"
                )));
            }
            Some((Action::Cancel, _, None)) => return Some(End::Cancelled(Cause::Rule)),
            Some((Action::Cancel, _, Some(ms))) => cancel_after = Some(Duration::from_millis(ms)),
            _ => {}
        }
        let Some(workflow) = self.workflow_of(&delivery, run) else {
            return Some(End::NotStarted(format!(
                "the workflow file '{}' is gone; put it back and redeliver",
                run.workflow
            )));
        };
        let work = self.config.data.join("work");
        let job = Job {
            run: run_id,
            attempt: number,
            event: delivery.event,
            event_file: runner::event_file(self, &delivery),
            environment: runner::environment(self, &delivery, run, &workflow, number),
            workflow,
            folder: work.join(format!("{run_id}-{number}")),
            log: self.log_path(run_id),
            summary: self.summary_path(run_id),
            masks: self.masks.clone(),
        };
        let ended = backend::execute(&*self.backend, &job, way.control.clone());
        let Some(after) = cancel_after else {
            return Some(ended.await);
        };
        tokio::pin!(ended);
        tokio::select! {
            end = &mut ended => return Some(end),
            () = tokio::time::sleep(after) => self.live.cancel(run_id, Cause::Rule),
        };
        Some(ended.await)
    }

    /// Records an attempt's end; gives the delay before the next attempt, if there is one.
    async fn conclude(self: &Arc<Self>, delivery: &str, run: u64, end: &End) -> Option<Duration> {
        let note = match end {
            End::Exited(_) | End::Killed(_) => None,
            End::TimedOut => Some("took longer than timeout-minutes".to_owned()),
            End::Interrupted => Some("cut off by the dispatcher's end".to_owned()),
            End::Cancelled(cause) => Some(cause.words().to_owned()),
            End::NotStarted(problem) | End::Later { problem, .. } => Some(self.masks.hide(problem)),
        };
        let (exit_code, signal) = match end {
            End::Exited(code) => (Some(*code), None),
            End::Killed(signal) => (None, Some(*signal)),
            _ => (None, None),
        };
        let again = match end {
            End::Exited(code) => EXIT_CODES_TO_RETRY.contains(code),
            End::Killed(_) | End::Later { .. } => true,
            End::TimedOut | End::Interrupted | End::Cancelled(_) | End::NotStarted(_) => false,
        };
        let (conclusion, cause) = match end {
            End::Exited(0) => (Conclusion::Success, None),
            End::TimedOut => (Conclusion::TimedOut, None),
            End::Cancelled(cause) => (Conclusion::Cancelled, Some(*cause)),
            _ => (Conclusion::Failure, None),
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
                let since = run.attempts.iter().skip(run.attempts_before);
                let counted = since.filter(|a| !a.interrupted).count();
                if interrupted || (again && counted < ATTEMPTS_MAX) {
                    run.status = Status::Queued;
                } else {
                    run.status = Status::Completed;
                    run.conclusion = Some(conclusion);
                    run.cancelled_by = cause;
                }
                (run.status == Status::Queued).then_some(counted)
            })
        })
        .await?;
        tracing::info!(delivery, run, end = ?end, again = counted.is_some(), "attempt ended");
        let failures = u32::try_from(counted?).unwrap_or(u32::MAX);
        let delay = self.config.retry_delay * failures;
        Some(match end {
            End::Later {
                after: Some(after), ..
            } => delay.max(*after),
            _ => delay,
        })
    }
}

impl Way {
    /// The same run, for a thread that may block; without the place.
    fn fork(&self) -> Way {
        Way {
            delivery: self.delivery.clone(),
            run: self.run,
            control: self.control.clone(),
            place: None,
            overtaken: None,
        }
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
pub(crate) fn cut_off(run: &mut Run) {
    run.status = Status::Queued;
    if let Some(attempt) = run.attempts.last_mut() {
        attempt.finished_at = Some(Timestamp::now());
        attempt.interrupted = true;
        attempt.note = Some("the dispatcher died; what the service did is not known".to_owned());
    }
}

/// Ends a run that was cancelled before or between its attempts.
fn cancelled(run: &mut Run, cause: Cause) {
    run.status = Status::Completed;
    run.conclusion = Some(Conclusion::Cancelled);
    run.cancelled_by = Some(cause);
}

/// Waits for something, but not beyond the end of the dispatcher or the run's cancellation.
async fn goes_on<T>(control: &mut Control, wanted: impl Future<Output = T>) -> Result<T, Stop> {
    let mut phase: watch::Receiver<Phase> = control.phase.clone();
    tokio::select! {
        biased;
        _ = phase.wait_for(|phase| *phase > Phase::Open) => Err(Stop::Ending),
        cause = control.cancelled() => Err(Stop::Cancelled(cause)),
        got = wanted => Ok(got),
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
