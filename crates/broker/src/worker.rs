//! The one thread that owns the engine.
//!
//! It runs one loop over one closed enum of inputs, at its own pace: it drains what waits into a
//! batch, hands the batch to the disk's thread when that is free, and fills the next meanwhile.
//! No answer leaves before its batch is on disk. It knows nothing of gRPC.

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::push::{Lease, PollAnswer, PollId, Push, StreamId, StreamSender, Taker, WaitingPoll};
use crate::sync::{Batch, Delivery, Sync};
use engine::command::ActivateJobs;
use engine::state::JobStatus;
use engine::{Command, Engine, Key, Position, Response, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// How many records a batch may have before it waits for the disk: some hundred commands, which
/// is more than one sync needs to be worth its while.
const BATCH_RECORDS_MAX: usize = 8192;

/// How much a batch may hold in answers before it waits for the disk: bounds memory when large
/// jobs are handed out.
const BATCH_DELIVERIES_MAX: usize = 2048;

/// How many due commands are taken at once, so that clients get their turn in between.
const DUE_MAX: usize = 256;

/// How much the log grows between two snapshots: about what is replayed in a second.
const SNAPSHOT_EVERY_BYTES: u64 = 64 << 20;

/// All that can wake the engine.
pub(crate) enum Input {
    /// A client wants something.
    Command { command: Command, reply: Reply },
    /// A client wants an instance, and its result.
    CreateWithResult {
        command: Command,
        reply: Reply,
        result: oneshot::Sender<String>,
    },
    /// A client asks for jobs.
    Poll {
        id: PollId,
        request: ActivateJobs,
        wait: bool,
        answer: PollAnswer,
    },
    /// That client has its answer, or is gone.
    PollClosed { job_type: Arc<str>, id: PollId },
    /// A client wants jobs pushed to it.
    StreamOpened {
        id: StreamId,
        request: ActivateJobs,
        sender: StreamSender,
        opened: oneshot::Sender<()>,
    },
    /// That client is gone.
    StreamClosed { job_type: Arc<str>, id: StreamId },
    /// A stream that was full has room again.
    StreamReady { job_type: Arc<str> },
    /// Jobs whose client was gone before it took them, with the deadline that it had.
    Yield(Vec<(Key, Timestamp)>),
    /// The clock was moved.
    ClockMoved(oneshot::Sender<()>),
    /// Someone compares states.
    StateHash(oneshot::Sender<(Position, String)>),
    /// The disk is free again.
    Synced,
    /// The end.
    Shutdown,
}

/// The way back to a client, and its share of what may be in flight.
pub(crate) struct Reply {
    sender: oneshot::Sender<Response>,
    _permit: OwnedSemaphorePermit,
}

impl Reply {
    pub(crate) fn new(sender: oneshot::Sender<Response>, permit: OwnedSemaphorePermit) -> Self {
        Self {
            sender,
            _permit: permit,
        }
    }

    /// Sends the answer; the client may be gone.
    pub(crate) fn send(self, response: Response) {
        let _gone = self.sender.send(response);
    }
}

/// What the thread works with.
pub(crate) struct Worker {
    engine: Engine,
    clock: Arc<Clock>,
    inputs: Receiver<Input>,
    /// For leases, which give themselves back through it.
    own_inputs: Sender<Input>,
    sync: Sync,
    metrics: Arc<Metrics>,
    push: Push,
    results: Results,
    /// The batch that is being filled: its records are in `out`.
    batch: Batch,
    out: engine::Batch,
    /// Clients that wait until all that the moved clock made due is done.
    clock_waiters: Vec<oneshot::Sender<()>>,
    /// What [`Metrics::log_bytes`] was at the last snapshot.
    bytes_at_snapshot: u64,
}

impl Worker {
    pub(crate) fn new(
        engine: Engine,
        clock: Arc<Clock>,
        (own_inputs, inputs): (Sender<Input>, Receiver<Input>),
        sync: Sync,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            engine,
            clock,
            inputs,
            own_inputs,
            sync,
            metrics,
            push: Push::default(),
            results: Results::default(),
            batch: Batch::default(),
            out: engine::Batch::default(),
            clock_waiters: Vec::new(),
            bytes_at_snapshot: 0,
        }
    }

    /// Runs until told to stop; then brings all that was processed to disk.
    pub(crate) fn run(mut self) {
        self.update_gauges();
        while let Some(input) = self.next_input() {
            match input {
                Some(Input::Shutdown) => break,
                Some(input) => self.take(input),
                None => {}
            }
            self.take_due();
            if self.is_batch_full() {
                self.close_batch();
                self.sync.hand_over(&mut self.batch);
            }
        }
        if self.sync.has_failed() {
            return;
        }
        self.close_batch();
        if self.grown_since_snapshot() > SNAPSHOT_EVERY_BYTES / 16 {
            // The next start has less to replay.
            self.batch.snapshot = Some((self.engine.last_position(), self.engine.snapshot()));
        }
        self.sync.hand_over(&mut self.batch);
        tracing::debug!("engine stopped");
    }

    /// The next input; `Some(None)` if time alone asks for something, `None` at the end.
    ///
    /// Hands the batch over before it waits, so that nothing lies around while there is nothing
    /// to do.
    fn next_input(&mut self) -> Option<Option<Input>> {
        match self.inputs.try_recv() {
            Ok(input) => return Some(Some(input)),
            Err(mpsc::TryRecvError::Disconnected) => return None,
            Err(mpsc::TryRecvError::Empty) => {}
        }
        self.close_batch();
        if self.grown_since_snapshot() > SNAPSHOT_EVERY_BYTES && !self.batch.records.is_empty() {
            // A snapshot belongs to the last position of a batch, so this batch ends here.
            self.bytes_at_snapshot = self.metrics.log_bytes.load(Ordering::Relaxed);
            self.batch.snapshot = Some((self.engine.last_position(), self.engine.snapshot()));
            self.sync.hand_over(&mut self.batch);
        } else if !self.batch.is_empty() {
            self.sync.try_hand_over(&mut self.batch);
        }
        let Some(wait) = self.time_to_next_due() else {
            return self.inputs.recv().ok().map(Some);
        };
        match self.inputs.recv_timeout(wait) {
            Ok(input) => Some(Some(input)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn time_to_next_due(&self) -> Option<Duration> {
        if self.engine.has_deferred() {
            return Some(Duration::ZERO);
        }
        let due = self.engine.next_due()?;
        let ms = due.0.saturating_sub(self.clock.now().0).max(0);
        Some(Duration::from_millis(ms.unsigned_abs()))
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Command { command, reply } => {
                let response = self.process(command);
                self.batch
                    .deliveries
                    .push(Delivery::Answer(reply, response));
                self.settle();
            }
            Input::CreateWithResult {
                command,
                reply,
                result,
            } => {
                let response = self.process(command);
                if let Response::InstanceCreated {
                    process_instance_key,
                    ..
                } = &response
                {
                    self.results.add(*process_instance_key, result);
                }
                self.batch
                    .deliveries
                    .push(Delivery::Answer(reply, response));
                self.settle();
            }
            Input::Poll {
                id,
                request,
                wait,
                answer,
            } => self.poll(
                WaitingPoll {
                    id,
                    request,
                    answer,
                },
                wait,
            ),
            Input::PollClosed { job_type, id } => self.push.remove_poll(&job_type, id),
            Input::StreamOpened {
                id,
                request,
                sender,
                opened,
            } => {
                self.push.add_stream(id, request, sender);
                let _gone = opened.send(());
            }
            Input::StreamClosed { job_type, id } => self.push.remove_stream(&job_type, id),
            Input::StreamReady { job_type } => {
                let jobs = self.push.held_back(&job_type);
                self.offer(&job_type, jobs);
            }
            Input::Yield(jobs) => {
                self.metrics
                    .jobs_given_back
                    .fetch_add(jobs.len() as u64, Ordering::Relaxed);
                for (key, deadline) in jobs {
                    let job = self.engine.state().jobs().get(key);
                    // Meanwhile it may have come to an end, or to somebody else.
                    if job.is_some_and(|job| job.status == JobStatus::Activated(deadline)) {
                        self.process(Command::TimeOutJob(key));
                    }
                }
                self.settle();
            }
            Input::ClockMoved(answer) => self.clock_waiters.push(answer),
            Input::StateHash(answer) => {
                let digest = Sha256::digest(self.engine.snapshot());
                let mut hex = String::with_capacity(64);
                for byte in digest {
                    write!(hex, "{byte:02x}").expect("a string takes all that is written to it");
                }
                let hash = (self.engine.last_position(), hex);
                self.batch
                    .deliveries
                    .push(Delivery::StateHash(answer, hash));
            }
            Input::Synced => {}
            Input::Shutdown => unreachable!("the loop ends before"),
        }
    }

    /// Processes what time asks for. Goes on with it in the next round if there is more.
    fn take_due(&mut self) {
        let now = self.clock.now();
        let is_due = self.engine.next_due().is_some_and(|due| due <= now);
        if is_due || self.engine.has_deferred() {
            for command in self.engine.due(now, DUE_MAX) {
                self.process(command);
            }
            self.settle();
        }
        if !self.clock_waiters.is_empty() {
            let more = self.engine.next_due().is_some_and(|due| due <= now);
            if !more && !self.engine.has_deferred() {
                let waiters = self.clock_waiters.drain(..).map(Delivery::ClockMoved);
                self.batch.deliveries.extend(waiters);
            }
        }
    }

    fn process(&mut self, command: Command) -> Response {
        self.metrics.commands.fetch_add(1, Ordering::Relaxed);
        let response = self
            .engine
            .process(command, self.clock.now(), &mut self.out);
        if let Response::Rejected(rejection) = &response {
            self.metrics.rejections.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(value_type = %rejection.value_type, intent = %rejection.intent,
                code = %rejection.code, "command rejected");
        }
        response
    }

    /// Carries out what commands caused beside records and answers: results of instances that
    /// completed, jobs that may be handed out.
    fn settle(&mut self) {
        for (key, variables) in self.out.results.drain(..) {
            if let Some(waiter) = self.results.take(key) {
                self.batch
                    .deliveries
                    .push(Delivery::Result(waiter, variables));
            }
        }
        while !self.out.activatable.is_empty() {
            let mut by_type: Vec<(Arc<str>, Vec<Key>)> = Vec::new();
            for (job_type, key) in self.out.activatable.drain(..) {
                match by_type.iter_mut().find(|(known, _)| *known == job_type) {
                    Some((_, keys)) => keys.push(key),
                    None => by_type.push((job_type, vec![key])),
                }
            }
            for (job_type, keys) in by_type {
                self.offer(&job_type, keys);
            }
        }
    }

    fn poll(&mut self, poll: WaitingPoll, wait: bool) {
        let request = &poll.request;
        let is_valid =
            !request.job_type.trim().is_empty() && request.timeout_ms > 0 && request.max_jobs > 0;
        // A poll that finds nothing changes nothing, so it need not stand in the log.
        if is_valid && !self.has_activatable(&request.job_type) {
            if wait {
                self.push.add_poll(poll);
            } else {
                let nothing = Lease::new(Vec::new(), false, &self.own_inputs);
                self.batch
                    .deliveries
                    .push(Delivery::Polled(poll.answer, nothing));
            }
            return;
        }
        self.activate_for_poll(poll, wait);
    }

    fn has_activatable(&self, job_type: &str) -> bool {
        let jobs = self.engine.state().jobs();
        jobs.activatable(job_type).next().is_some()
    }

    /// Answers a poll, unless it waits on; says which.
    fn activate_for_poll(&mut self, poll: WaitingPoll, wait: bool) -> bool {
        let delivery = match self.process(Command::ActivateJobs(poll.request.clone())) {
            Response::Jobs { jobs, truncated } => {
                if jobs.is_empty() && wait && !truncated {
                    self.push.return_poll(poll);
                    return false;
                }
                self.metrics
                    .jobs_polled
                    .fetch_add(jobs.len() as u64, Ordering::Relaxed);
                let lease = Lease::new(jobs, truncated, &self.own_inputs);
                Delivery::Polled(poll.answer, lease)
            }
            Response::Rejected(rejection) => Delivery::PollRejected(poll.answer, rejection),
            other => unreachable!("jobs are answered with jobs, not {other:?}"),
        };
        self.batch.deliveries.push(delivery);
        true
    }

    fn offer(&mut self, job_type: &str, mut jobs: Vec<Key>) {
        while !jobs.is_empty() {
            match self.push.taker(job_type, &mut jobs) {
                Some(Taker::Stream(request, sender)) => self.activate_for_stream(request, &sender),
                Some(Taker::Poll(poll)) => {
                    let mut next = Some(poll);
                    // There may be more than one poll takes.
                    while let Some(poll) = next {
                        let has_answer = self.activate_for_poll(poll, true);
                        let more = has_answer && self.has_activatable(job_type);
                        next = more.then(|| self.push.next_poll(job_type)).flatten();
                    }
                }
                None => break,
            }
        }
    }

    fn activate_for_stream(&mut self, request: ActivateJobs, sender: &StreamSender) {
        // Of jobs that are gone meanwhile nothing comes, and a stream's request was checked.
        let Response::Jobs { jobs, .. } = self.process(Command::ActivateJobs(request)) else {
            return;
        };
        self.metrics
            .jobs_pushed
            .fetch_add(jobs.len() as u64, Ordering::Relaxed);
        sender.reserve(jobs.len());
        for job in jobs {
            let lease = Lease::new(vec![job], false, &self.own_inputs);
            let delivery = Delivery::Pushed(sender.clone(), lease);
            self.batch.deliveries.push(delivery);
        }
    }

    fn is_batch_full(&self) -> bool {
        self.batch.records.len() + self.out.records.len() >= BATCH_RECORDS_MAX
            || self.batch.deliveries.len() >= BATCH_DELIVERIES_MAX
    }

    /// Puts what was processed into the batch.
    fn close_batch(&mut self) {
        if self.out.records.is_empty() {
            return;
        }
        self.batch.records.append(&mut self.out.records);
        self.update_gauges();
    }

    fn grown_since_snapshot(&self) -> u64 {
        self.metrics.log_bytes.load(Ordering::Relaxed) - self.bytes_at_snapshot
    }

    fn update_gauges(&self) {
        let counts = self.engine.state().counts();
        let metrics = &self.metrics;
        let set = |gauge: &std::sync::atomic::AtomicU64, count: usize| {
            gauge.store(count as u64, Ordering::Relaxed);
        };
        set(&metrics.element_instances, counts.element_instances);
        set(&metrics.jobs, counts.jobs);
        set(&metrics.messages, counts.messages);
        set(&metrics.timers, counts.timers);
        set(&metrics.incidents, counts.incidents);
        metrics
            .position
            .store(self.engine.last_position().0, Ordering::Relaxed);
    }
}

/// Clients that wait for an instance's result.
#[derive(Default)]
struct Results {
    waiters: HashMap<Key, oneshot::Sender<String>>,
    /// At how many those that are gone are looked for.
    sweep_at: usize,
}

impl Results {
    fn add(&mut self, key: Key, waiter: oneshot::Sender<String>) {
        if self.waiters.len() >= self.sweep_at {
            self.waiters.retain(|_, waiter| !waiter.is_closed());
            self.sweep_at = (self.waiters.len() * 2).max(64);
        }
        self.waiters.insert(key, waiter);
    }

    fn take(&mut self, key: Key) -> Option<oneshot::Sender<String>> {
        self.waiters.remove(&key)
    }
}
