//! The engine: a state, and the two ways to move it on.

use crate::command::{Command, Response};
use crate::context::{Awaited, Context};
use crate::event::Event;
use crate::key::{Key, Position, Timestamp};
use crate::processing;
use crate::record::{Body, Record};
use crate::state::State;
use std::sync::Arc;

/// How many steps one command may take before the rest is put off to the next batch, so that one
/// model that runs in circles cannot stop all others.
pub(crate) const STEPS_MAX: usize = 1000;

/// A Zeebe-compatible workflow engine without any I/O.
#[derive(Debug)]
pub struct Engine {
    state: State,
    awaited: Awaited,
}

/// What comes out of processing, gathered over as many commands as one likes.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records to log, in order.
    pub records: Vec<Record>,
    /// Jobs that may be handed out now and could not before: type and key.
    pub activatable: Vec<(Arc<str>, Key)>,
    /// Results that creators of process instances wait for: the instance, and its variables as a
    /// JSON object.
    pub results: Vec<(Key, String)>,
}

impl Batch {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.records.clear();
        self.activatable.clear();
        self.results.clear();
    }
}

/// A snapshot that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot does not hold a state of this engine: {0}")]
pub struct SnapshotError(#[from] postcard::Error);

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine before its first command.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::new(),
            awaited: Awaited::new(),
        }
    }

    /// Decides one command: adds its records to `out`, the command's own first, and answers.
    ///
    /// A `now` before the last record's time counts as that time.
    pub fn process(&mut self, command: Command, now: Timestamp, out: &mut Batch) -> Response {
        let (value_type, intent, key) = command.names();
        let mut ctx = Context::new(&mut self.state, out, &mut self.awaited, now);
        ctx.record(key, Body::Command(value_type, intent));
        processing::process(&mut ctx, command)
    }

    /// Applies one record of the log.
    pub fn replay(&mut self, record: &Record) {
        if let Body::Event(event) = &record.body {
            self.state.apply(record.key, event);
        }
        self.state.advance(record.position, record.timestamp);
    }

    /// Commands that the passing of time asks for, at most `limit` of them.
    #[must_use]
    pub fn due(&self, now: Timestamp, limit: usize) -> Vec<Command> {
        let state = &self.state;
        let deferred = self.has_deferred().then_some(Command::Continue);
        deferred
            .into_iter()
            .chain(state.timers().due(now).map(Command::TriggerTimer))
            .chain(state.jobs().timed_out(now).map(Command::TimeOutJob))
            .chain(state.jobs().backed_off(now).map(Command::RecurJob))
            .chain(state.messages().expired(now).map(Command::ExpireMessage))
            .take(limit)
            .collect()
    }

    /// When [`Engine::due`] will next have something.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        [
            self.has_deferred().then(|| self.state.last_timestamp()),
            self.state.timers().next_due(),
            self.state.jobs().next_due(),
            self.state.messages().next_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether steps were put off, which [`Command::Continue`] takes up.
    #[must_use]
    pub fn has_deferred(&self) -> bool {
        !self.state.deferred().is_empty()
    }

    /// The position of the last record.
    #[must_use]
    pub fn last_position(&self) -> Position {
        self.state.last_position()
    }

    /// The time of the last record.
    #[must_use]
    pub fn last_timestamp(&self) -> Timestamp {
        self.state.last_timestamp()
    }

    /// The state, to look at.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The whole state as bytes: equal states give equal bytes.
    ///
    /// # Panics
    /// Never: the state holds nothing that cannot be written.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        postcard::to_allocvec(&self.state).expect("the state holds nothing that cannot be written")
    }

    /// An engine that goes on from a snapshot.
    ///
    /// # Errors
    /// When the bytes are no snapshot of this engine.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Ok(Self {
            state: postcard::from_bytes(bytes)?,
            awaited: Awaited::new(),
        })
    }
}

/// Puts off what is left after [`STEPS_MAX`] steps.
pub(crate) fn defer(ctx: &mut Context<'_>) {
    let mut rest: Vec<_> = ctx.state().deferred().to_vec();
    rest.extend(ctx.rest());
    ctx.emit_new(Event::StepsDeferred(rest));
}
