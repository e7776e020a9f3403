//! Who waits for which message: element instances, and processes that a message starts.

use crate::event::SubscriptionCreated;
use crate::key::Key;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All subscriptions.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Subscriptions {
    by_key: BTreeMap<Key, Subscription>,
    /// By message name and correlation key, oldest first.
    by_target: BTreeMap<(Arc<str>, Arc<str>), BTreeSet<Key>>,
    starts: BTreeMap<Key, StartSubscription>,
    /// Start subscriptions by message name.
    starts_by_name: BTreeMap<Arc<str>, BTreeSet<Key>>,
    /// The active instance that a message with this correlation key started, by process id.
    started: BTreeMap<(Arc<str>, Arc<str>), Key>,
    /// The same, by instance.
    started_by: BTreeMap<Key, (Arc<str>, Arc<str>)>,
}

/// An element instance's subscription, as it was made.
pub type Subscription = SubscriptionCreated;

/// A process's subscription to a start message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartSubscription {
    /// The process definition.
    pub process_key: Key,
    /// The BPMN process id.
    pub bpmn_process_id: Arc<str>,
    /// The start event.
    pub element: u32,
    /// The message's name.
    pub message_name: Arc<str>,
}

impl Subscriptions {
    /// By key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Subscription> {
        self.by_key.get(&key)
    }

    /// Whether no element instance waits for a message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Element instances that wait for this name and correlation key, oldest first.
    pub fn waiting(
        &self,
        name: &Arc<str>,
        correlation_key: &Arc<str>,
    ) -> impl Iterator<Item = (Key, &Subscription)> {
        self.by_target
            .get(&(Arc::clone(name), Arc::clone(correlation_key)))
            .into_iter()
            .flatten()
            .map(|key| (*key, &self.by_key[key]))
    }

    /// Processes that a message of this name starts.
    pub fn starts(&self, name: &str) -> impl Iterator<Item = (Key, &StartSubscription)> {
        self.starts_by_name
            .get(name)
            .into_iter()
            .flatten()
            .map(|key| (*key, &self.starts[key]))
    }

    /// The start subscriptions of a process.
    pub fn starts_of<'a>(
        &'a self,
        bpmn_process_id: &'a str,
    ) -> impl Iterator<Item = (Key, &'a StartSubscription)> {
        self.starts
            .iter()
            .filter(move |(_, start)| &*start.bpmn_process_id == bpmn_process_id)
            .map(|(key, start)| (*key, start))
    }

    /// Whether an instance that a message with this correlation key started is still active.
    #[must_use]
    pub fn is_started(&self, bpmn_process_id: &Arc<str>, correlation_key: &Arc<str>) -> bool {
        self.started
            .contains_key(&(Arc::clone(bpmn_process_id), Arc::clone(correlation_key)))
    }

    /// The process id and correlation key of the message that started an instance.
    #[must_use]
    pub fn started_by(&self, process_instance_key: Key) -> Option<&(Arc<str>, Arc<str>)> {
        self.started_by.get(&process_instance_key)
    }

    pub(in crate::state) fn insert(&mut self, key: Key, subscription: &Subscription) {
        let target = (
            Arc::clone(&subscription.message_name),
            Arc::clone(&subscription.correlation_key),
        );
        self.by_target.entry(target).or_default().insert(key);
        self.by_key.insert(key, subscription.clone());
    }

    pub(in crate::state) fn remove(&mut self, key: Key) {
        let Some(subscription) = self.by_key.remove(&key) else {
            return;
        };
        let target = (subscription.message_name, subscription.correlation_key);
        if let Some(keys) = self.by_target.get_mut(&target) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_target.remove(&target);
            }
        }
    }

    pub(in crate::state) fn insert_start(&mut self, key: Key, start: StartSubscription) {
        self.starts_by_name
            .entry(Arc::clone(&start.message_name))
            .or_default()
            .insert(key);
        self.starts.insert(key, start);
    }

    pub(in crate::state) fn remove_start(&mut self, key: Key) {
        let Some(start) = self.starts.remove(&key) else {
            return;
        };
        if let Some(keys) = self.starts_by_name.get_mut(&start.message_name) {
            keys.remove(&key);
            if keys.is_empty() {
                self.starts_by_name.remove(&start.message_name);
            }
        }
    }

    pub(in crate::state) fn hold_start(
        &mut self,
        process_instance_key: Key,
        bpmn_process_id: &Arc<str>,
        correlation_key: &Arc<str>,
    ) {
        let lock = (Arc::clone(bpmn_process_id), Arc::clone(correlation_key));
        self.started.insert(lock.clone(), process_instance_key);
        self.started_by.insert(process_instance_key, lock);
    }

    pub(in crate::state) fn release_start(&mut self, process_instance_key: Key) {
        if let Some(lock) = self.started_by.remove(&process_instance_key) {
            self.started.remove(&lock);
        }
    }
}
