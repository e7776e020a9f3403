//! The message buffer, and which process ids each message has reached.

use super::jobs::due;
use crate::event::MessagePublished;
use crate::key::{Key, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All buffered messages.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Messages {
    by_key: BTreeMap<Key, BufferedMessage>,
    /// By name and correlation key, oldest first.
    by_target: BTreeMap<(Arc<str>, Arc<str>), BTreeSet<Key>>,
    /// By name, correlation key and the client's id.
    by_id: BTreeMap<IdOfClient, Key>,
    deadlines: BTreeSet<(Timestamp, Key)>,
}

/// Name, correlation key, and the client's id for the message.
type IdOfClient = (Arc<str>, Arc<str>, Arc<str>);

/// A message in the buffer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BufferedMessage {
    /// The message.
    pub message: MessagePublished,
    /// The process ids that it has reached: it reaches each but once, all versions together.
    pub correlated: BTreeSet<Arc<str>>,
}

impl Messages {
    /// By key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&BufferedMessage> {
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

    /// Whether a message with this client's id is alive for the same name and correlation key.
    #[must_use]
    pub fn id_is_taken(&self, name: &Arc<str>, correlation_key: &Arc<str>, id: &Arc<str>) -> bool {
        self.by_id.contains_key(&(
            Arc::clone(name),
            Arc::clone(correlation_key),
            Arc::clone(id),
        ))
    }

    /// The oldest message for this name and correlation key that is alive and has not reached
    /// the process.
    #[must_use]
    pub fn next_for(
        &self,
        name: &Arc<str>,
        correlation_key: &Arc<str>,
        bpmn_process_id: &str,
        now: Timestamp,
    ) -> Option<(Key, &BufferedMessage)> {
        let keys = self
            .by_target
            .get(&(Arc::clone(name), Arc::clone(correlation_key)))?;
        keys.iter()
            .map(|key| (*key, &self.by_key[key]))
            .find(|(_, buffered)| {
                buffered.message.deadline > now && !buffered.correlated.contains(bpmn_process_id)
            })
    }

    /// Messages whose time is over.
    pub(crate) fn expired(&self, now: Timestamp) -> impl Iterator<Item = Key> + '_ {
        due(&self.deadlines, now)
    }

    /// When the next one's time is over.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    pub(in crate::state) fn insert(&mut self, key: Key, message: &MessagePublished) {
        let target = (
            Arc::clone(&message.name),
            Arc::clone(&message.correlation_key),
        );
        if !message.message_id.is_empty() {
            self.by_id.insert(
                (
                    Arc::clone(&target.0),
                    Arc::clone(&target.1),
                    Arc::clone(&message.message_id),
                ),
                key,
            );
        }
        self.by_target.entry(target).or_default().insert(key);
        self.deadlines.insert((message.deadline, key));
        self.by_key.insert(
            key,
            BufferedMessage {
                message: message.clone(),
                correlated: BTreeSet::new(),
            },
        );
    }

    /// Takes note that a message reached a process.
    pub(in crate::state) fn correlated(&mut self, key: Key, bpmn_process_id: &Arc<str>) {
        if let Some(buffered) = self.by_key.get_mut(&key) {
            buffered.correlated.insert(Arc::clone(bpmn_process_id));
        }
    }

    pub(in crate::state) fn remove(&mut self, key: Key) {
        let Some(BufferedMessage { message, .. }) = self.by_key.remove(&key) else {
            return;
        };
        self.deadlines.remove(&(message.deadline, key));
        let target = (message.name, message.correlation_key);
        if let Some(keys) = self.by_target.get_mut(&target) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_target.remove(&target);
            }
        }
        if !message.message_id.is_empty() {
            self.by_id.remove(&(target.0, target.1, message.message_id));
        }
    }
}
