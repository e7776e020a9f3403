//! Active element instances: where each process instance stands, and the variables of each scope.

use crate::event::{ElementRef, Lifecycle, ProcessEvent};
use crate::key::Key;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All active element instances.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ElementInstances {
    by_key: BTreeMap<Key, ElementInstance>,
}

/// One active element instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ElementInstance {
    /// Its key.
    pub key: Key,
    /// Which element of which process instance.
    pub element: ElementRef,
    /// How far it is.
    pub lifecycle: Lifecycle,
    /// Element instances inside of it.
    pub children: BTreeSet<Key>,
    /// Sequence flows inside of it that were taken and whose target was not yet entered.
    pub active_flows: u32,
    /// Of these, the ones that wait at a parallel gateway: flow index and how many.
    pub joining: Vec<(u32, u32)>,
    /// Set by a terminate end event: nothing is entered in this scope any more.
    pub ending: bool,
    /// The job of a task.
    pub job_key: Option<Key>,
    /// Its running timers, those of its boundary events among them.
    pub timers: Vec<Key>,
    /// Its message subscriptions, those of its boundary events among them.
    pub subscriptions: Vec<Key>,
    /// An event that reached it and waits to be used up.
    pub pending_event: Option<ProcessEvent>,
    /// Its open incident.
    pub incident_key: Option<Key>,
    /// Of a multi-instance body: rounds started.
    pub rounds_started: u32,
    /// Of a multi-instance body: rounds completed.
    pub rounds_completed: u32,
    /// Of a multi-instance body: rounds ended from outside.
    pub rounds_terminated: u32,
    /// The variables of its scope, oldest first.
    pub locals: Vec<Local>,
}

/// A variable of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// Its key.
    pub key: Key,
    /// Its name.
    pub name: Arc<str>,
    /// Its value as JSON text.
    pub value: Arc<str>,
}

impl ElementInstance {
    pub(in crate::state) fn new(key: Key, element: ElementRef) -> Self {
        Self {
            key,
            element: ElementRef {
                flows_used: 0,
                ..element
            },
            lifecycle: Lifecycle::Activating,
            children: BTreeSet::new(),
            active_flows: 0,
            joining: Vec::new(),
            ending: false,
            job_key: None,
            timers: Vec::new(),
            subscriptions: Vec::new(),
            pending_event: None,
            incident_key: None,
            rounds_started: 0,
            rounds_completed: 0,
            rounds_terminated: 0,
            locals: Vec::new(),
        }
    }

    /// A variable of this scope alone.
    #[must_use]
    pub fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().find(|local| &*local.name == name)
    }

    /// Whether new elements may be entered in this scope.
    #[must_use]
    pub fn accepts_children(&self) -> bool {
        self.lifecycle == Lifecycle::Activated && !self.ending && self.pending_event.is_none()
    }
}

impl ElementInstances {
    /// By key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&ElementInstance> {
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

    /// All, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ElementInstance> {
        self.by_key.values()
    }

    /// The scopes from `key` outwards, itself first.
    pub fn scopes(&self, key: Key) -> impl Iterator<Item = &ElementInstance> {
        std::iter::successors(self.get(key), |scope| self.get(scope.element.scope_key))
    }

    /// A variable as the scope `key` sees it: the nearest one of that name.
    #[must_use]
    pub fn variable(&self, key: Key, name: &str) -> Option<&Local> {
        self.scopes(key).find_map(|scope| scope.local(name))
    }

    /// All variables that the scope `key` sees, the nearest of each name.
    #[must_use]
    pub fn visible_variables(&self, key: Key) -> Vec<&Local> {
        let mut seen: Vec<&Local> = Vec::new();
        for scope in self.scopes(key) {
            for local in &scope.locals {
                if !seen.iter().any(|other| other.name == local.name) {
                    seen.push(local);
                }
            }
        }
        seen
    }

    pub(in crate::state) fn get_mut(&mut self, key: Key) -> Option<&mut ElementInstance> {
        self.by_key.get_mut(&key)
    }

    /// An instance that the event being applied names: it is there, or the log is not ours.
    pub(in crate::state) fn must(&mut self, key: Key) -> &mut ElementInstance {
        self.by_key
            .get_mut(&key)
            .expect("an event names an element instance that is active")
    }

    pub(in crate::state) fn insert(&mut self, instance: ElementInstance) {
        self.by_key.insert(instance.key, instance);
    }

    pub(in crate::state) fn remove(&mut self, key: Key) -> Option<ElementInstance> {
        self.by_key.remove(&key)
    }
}
