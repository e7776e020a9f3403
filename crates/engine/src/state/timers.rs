//! Running timers.

use crate::event::TimerCreated;
use crate::key::{Key, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All running timers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Timers {
    by_key: BTreeMap<Key, Timer>,
    due: BTreeSet<(Timestamp, Key)>,
}

/// A running timer, as it was made.
pub type Timer = TimerCreated;

impl Timers {
    /// By key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Timer> {
        self.by_key.get(&key)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Timers that are due.
    pub(crate) fn due(&self, now: Timestamp) -> impl Iterator<Item = Key> + '_ {
        super::jobs::due(&self.due, now)
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    pub(in crate::state) fn insert(&mut self, key: Key, timer: &Timer) {
        self.due.insert((timer.due, key));
        self.by_key.insert(key, timer.clone());
    }

    pub(in crate::state) fn remove(&mut self, key: Key) {
        if let Some(timer) = self.by_key.remove(&key) {
            self.due.remove(&(timer.due, key));
        }
    }
}
