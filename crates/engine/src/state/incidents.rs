//! Open incidents.

use crate::event::IncidentCreated;
use crate::key::Key;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All open incidents.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Incidents {
    by_key: BTreeMap<Key, IncidentCreated>,
}

impl Incidents {
    /// By key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&IncidentCreated> {
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

    pub(in crate::state) fn insert(&mut self, key: Key, incident: &IncidentCreated) {
        self.by_key.insert(key, incident.clone());
    }

    pub(in crate::state) fn remove(&mut self, key: Key) -> Option<IncidentCreated> {
        self.by_key.remove(&key)
    }
}
