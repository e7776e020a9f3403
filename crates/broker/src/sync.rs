//! The thread between the engine and the disk: appends a batch, syncs it, then lets its answers
//! out. While it works on one batch the engine fills the next.

use crate::exporter::Exporter;
use crate::log::snapshot::Snapshot;
use crate::log::{self, Writer};
use crate::metrics::Metrics;
use crate::push::{Lease, PollAnswer, StreamSender};
use crate::worker::{Input, Reply};
use engine::{Position, Record, Rejection, Response};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::oneshot;

/// A batch: what goes to disk, and what may be said once it is there.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) deliveries: Vec<Delivery>,
    /// The engine's state after the batch and its position, if it is time for a snapshot.
    pub(crate) snapshot: Option<(Position, Vec<u8>)>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.deliveries.is_empty() && self.snapshot.is_none()
    }
}

/// Something that waits for its batch to be on disk.
pub(crate) enum Delivery {
    Answer(Reply, Response),
    PollRejected(PollAnswer, Rejection),
    Polled(PollAnswer, Lease),
    Pushed(StreamSender, Lease),
    Result(oneshot::Sender<String>, String),
    StateHash(oneshot::Sender<(Position, String)>, (Position, String)),
    ClockMoved(oneshot::Sender<()>),
}

impl Delivery {
    /// Each receiver may be gone: its client hung up. Jobs then give themselves back.
    fn deliver(self) {
        match self {
            Self::Answer(reply, response) => reply.send(response),
            Self::PollRejected(answer, rejection) => drop(answer.send(Err(rejection))),
            Self::Polled(answer, lease) => drop(answer.send(Ok(lease))),
            Self::Pushed(sender, lease) => sender.send(lease),
            Self::Result(answer, variables) => drop(answer.send(variables)),
            Self::StateHash(answer, hash) => drop(answer.send(hash)),
            Self::ClockMoved(answer) => drop(answer.send(())),
        }
    }
}

/// The engine's side of the thread.
pub(crate) struct Sync {
    slot: Arc<Slot>,
    thread: Option<JoinHandle<()>>,
}

/// Room for one batch between the threads.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    batch: Option<Batch>,
    busy: bool,
    /// The engine has a batch ready and waits for the disk.
    wanted: bool,
    closed: bool,
    /// The disk failed; nothing is taken any more.
    failed: bool,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread works with.
pub(crate) struct Parts {
    pub(crate) writer: Writer,
    pub(crate) exporter: Exporter,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) inputs: mpsc::Sender<Input>,
    /// Told why, once, if the disk failed.
    pub(crate) failure: oneshot::Sender<log::Error>,
}

impl Sync {
    pub(crate) fn start(parts: Parts) -> Self {
        let slot = Arc::<Slot>::default();
        let thread = {
            let slot = Arc::clone(&slot);
            std::thread::Builder::new()
                .name("sync".into())
                .spawn(move || run(&slot, parts))
                .expect("a thread can be started")
        };
        Self {
            slot,
            thread: Some(thread),
        }
    }

    /// Hands over a batch if the disk is free. If not it stays, and [`Input::Synced`] comes when
    /// it is.
    pub(crate) fn try_hand_over(&self, batch: &mut Batch) -> bool {
        let mut state = self.slot.lock();
        if state.busy || state.batch.is_some() {
            state.wanted = true;
            return false;
        }
        state.batch = Some(std::mem::take(batch));
        self.slot.changed.notify_all();
        true
    }

    /// Hands over a batch, after the one before it if need be.
    pub(crate) fn hand_over(&self, batch: &mut Batch) {
        let mut state = self.slot.lock();
        while (state.busy || state.batch.is_some()) && !state.failed {
            state = self.slot.wait(state);
        }
        state.batch = Some(std::mem::take(batch));
        self.slot.changed.notify_all();
    }

    /// Whether the disk failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.slot.lock().failed
    }
}

impl Drop for Sync {
    /// Waits until all that was handed over is on disk.
    fn drop(&mut self) {
        self.slot.lock().closed = true;
        self.slot.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// However the thread ends, the engine's does not wait for it.
struct Ends<'a>(&'a Slot, mpsc::Sender<Input>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.lock().failed = true;
        self.0.changed.notify_all();
        let _ended = self.1.send(Input::Shutdown);
    }
}

fn run(slot: &Slot, mut parts: Parts) {
    let _ends = Ends(slot, parts.inputs.clone());
    loop {
        let batch = {
            let mut state = slot.lock();
            state.busy = false;
            if std::mem::take(&mut state.wanted) {
                // If the engine's thread has ended, it wants nothing.
                let _ended = parts.inputs.send(Input::Synced);
            }
            slot.changed.notify_all();
            loop {
                if let Some(batch) = state.batch.take() {
                    state.busy = true;
                    break batch;
                }
                if state.closed {
                    return;
                }
                state = slot.wait(state);
            }
        };
        if let Err(error) = sync(&mut parts, batch) {
            // The answers of the failed batch were dropped, and no more are given.
            let _gone = parts.failure.send(error);
            return;
        }
    }
}

fn sync(parts: &mut Parts, batch: Batch) -> Result<(), log::Error> {
    if let Some(last) = batch.records.last().map(|record| record.position) {
        let started = Instant::now();
        let bytes = parts.writer.append(&batch.records)?;
        let micros = started.elapsed().as_micros() as u64;
        let metrics = &parts.metrics;
        metrics.syncs.fetch_add(1, Ordering::Relaxed);
        metrics.sync_micros.fetch_add(micros, Ordering::Relaxed);
        metrics.log_bytes.fetch_add(bytes, Ordering::Relaxed);
        let commands = batch.deliveries.len();
        tracing::debug!(
            position = last.0,
            records = batch.records.len(),
            commands,
            bytes,
            sync_us = micros,
            "batch"
        );
        parts.exporter.durable(last);
    }
    batch.deliveries.into_iter().for_each(Delivery::deliver);
    if let Some((position, state)) = batch.snapshot {
        parts.writer.housekeeper().keep(Snapshot {
            position,
            chain: parts.writer.chain(),
            state,
        });
    }
    parts.exporter.offer(batch.records);
    Ok(())
}
