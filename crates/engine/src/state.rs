//! What the engine knows: the sum of all events so far.
//!
//! Everyone may ask; only the appliers below this module may change anything, and the compiler
//! holds that: the mutators are visible here alone. All maps are ordered, so that equal states
//! have equal snapshots.

mod appliers;
mod definitions;
mod element_instances;
mod incidents;
mod jobs;
mod messages;
mod subscriptions;
mod timers;

use crate::event::Event;
use crate::key::{Key, Position, Timestamp};
use crate::step::Step;
use serde::{Deserialize, Serialize};

pub use definitions::{Definition, Definitions, compile_definition};
pub use element_instances::{ElementInstance, ElementInstances, Local};
pub use incidents::Incidents;
pub use jobs::{Job, JobStatus, Jobs};
pub use messages::{BufferedMessage, Messages};
pub use subscriptions::{StartSubscription, Subscription, Subscriptions};
pub use timers::{Timer, Timers};

/// The engine's state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    last_position: Position,
    last_timestamp: Timestamp,
    last_key: Key,
    definitions: Definitions,
    element_instances: ElementInstances,
    jobs: Jobs,
    timers: Timers,
    messages: Messages,
    subscriptions: Subscriptions,
    incidents: Incidents,
    deferred: Vec<Step>,
}

/// How much there is of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Element instances, process instances among them.
    pub element_instances: usize,
    /// Jobs that wait or are being worked on.
    pub jobs: usize,
    /// Buffered messages.
    pub messages: usize,
    /// Running timers.
    pub timers: usize,
    /// Open incidents.
    pub incidents: usize,
}

impl State {
    /// A state before the first record.
    #[must_use]
    pub fn new() -> Self {
        Self {
            last_key: Key::START,
            ..Self::default()
        }
    }

    /// The position of the last record.
    #[must_use]
    pub fn last_position(&self) -> Position {
        self.last_position
    }

    /// The time of the last record.
    #[must_use]
    pub fn last_timestamp(&self) -> Timestamp {
        self.last_timestamp
    }

    /// Deployed process definitions.
    #[must_use]
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// Active element instances, and their variables.
    #[must_use]
    pub fn element_instances(&self) -> &ElementInstances {
        &self.element_instances
    }

    /// Jobs.
    #[must_use]
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Running timers.
    #[must_use]
    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Buffered messages.
    #[must_use]
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Who waits for which message.
    #[must_use]
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// Open incidents.
    #[must_use]
    pub fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    /// Steps put off to the next batch.
    #[must_use]
    pub fn deferred(&self) -> &[Step] {
        &self.deferred
    }

    /// How much there is of what.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            element_instances: self.element_instances.len(),
            jobs: self.jobs.len(),
            messages: self.messages.len(),
            timers: self.timers.len(),
            incidents: self.incidents.len(),
        }
    }

    /// The key that the next thing gets. It counts as used once an event with it is applied.
    pub(crate) fn next_key(&self) -> Key {
        self.last_key.next()
    }

    /// Takes note of a record's place and time.
    pub(crate) fn advance(&mut self, position: Position, timestamp: Timestamp) {
        self.last_position = position;
        self.last_timestamp = timestamp;
    }

    /// Applies one event.
    pub(crate) fn apply(&mut self, key: Key, event: &Event) {
        self.last_key = self.last_key.max(key);
        appliers::apply(self, key, event);
    }
}
