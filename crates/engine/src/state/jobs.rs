//! Jobs: waiting for a worker, with one, waiting for their back-off or for an operator.

use crate::event::{ElementRef, JobCreated};
use crate::key::{Key, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All jobs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Jobs {
    by_key: BTreeMap<Key, Job>,
    /// Those that may be handed out, by type, oldest first.
    activatable: BTreeMap<Arc<str>, BTreeSet<Key>>,
    /// Deadlines of those with a worker.
    deadlines: BTreeSet<(Timestamp, Key)>,
    /// Ends of back-offs.
    back_offs: BTreeSet<(Timestamp, Key)>,
}

/// One job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Its type.
    pub job_type: Arc<str>,
    /// How often it may still be tried.
    pub retries: i32,
    /// The task's instance.
    pub element_instance_key: Key,
    /// Where that stands.
    pub element: ElementRef,
    /// What it waits for.
    pub status: JobStatus,
}

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobStatus {
    /// A worker.
    Activatable,
    /// The worker that has it, until this time.
    Activated(Timestamp),
    /// The end of its back-off.
    BackOff(Timestamp),
    /// An operator: it has no retries left.
    Failed,
    /// An operator: it threw an error that nothing catches.
    ErrorThrown,
}

impl Jobs {
    /// By key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Job> {
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

    /// Jobs of a type that may be handed out, oldest first.
    pub fn activatable(&self, job_type: &str) -> impl Iterator<Item = Key> + '_ {
        self.activatable
            .get(job_type)
            .into_iter()
            .flatten()
            .copied()
    }

    /// Jobs whose worker took too long.
    pub(crate) fn timed_out(&self, now: Timestamp) -> impl Iterator<Item = Key> + '_ {
        due(&self.deadlines, now)
    }

    /// Jobs whose back-off is over.
    pub(crate) fn backed_off(&self, now: Timestamp) -> impl Iterator<Item = Key> + '_ {
        due(&self.back_offs, now)
    }

    /// When the next of these is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let first = |set: &BTreeSet<(Timestamp, Key)>| set.first().map(|(due, _)| *due);
        [first(&self.deadlines), first(&self.back_offs)]
            .into_iter()
            .flatten()
            .min()
    }

    pub(in crate::state) fn insert(&mut self, key: Key, created: &JobCreated) {
        self.by_key.insert(
            key,
            Job {
                job_type: Arc::clone(&created.job_type),
                retries: created.retries,
                element_instance_key: created.element.0,
                element: created.element.1,
                status: JobStatus::Activatable,
            },
        );
        self.index(key);
    }

    pub(in crate::state) fn set_status(&mut self, key: Key, status: JobStatus) {
        self.unindex(key);
        self.must(key).status = status;
        self.index(key);
    }

    pub(in crate::state) fn set_retries(&mut self, key: Key, retries: i32) {
        self.must(key).retries = retries;
    }

    pub(in crate::state) fn remove(&mut self, key: Key) {
        self.unindex(key);
        self.by_key.remove(&key);
    }

    fn must(&mut self, key: Key) -> &mut Job {
        self.by_key
            .get_mut(&key)
            .expect("an event names a job that is there")
    }

    fn index(&mut self, key: Key) {
        let job = &self.by_key[&key];
        match job.status {
            JobStatus::Activatable => {
                if let Some(keys) = self.activatable.get_mut(&job.job_type) {
                    keys.insert(key);
                } else {
                    self.activatable
                        .insert(Arc::clone(&job.job_type), BTreeSet::from([key]));
                }
            }
            JobStatus::Activated(deadline) => {
                self.deadlines.insert((deadline, key));
            }
            JobStatus::BackOff(until) => {
                self.back_offs.insert((until, key));
            }
            JobStatus::Failed | JobStatus::ErrorThrown => {}
        }
    }

    fn unindex(&mut self, key: Key) {
        let job = &self.by_key[&key];
        match job.status {
            JobStatus::Activatable => {
                if let Some(keys) = self.activatable.get_mut(&job.job_type) {
                    keys.remove(&key);
                    if keys.is_empty() {
                        self.activatable.remove(&job.job_type);
                    }
                }
            }
            JobStatus::Activated(deadline) => {
                self.deadlines.remove(&(deadline, key));
            }
            JobStatus::BackOff(until) => {
                self.back_offs.remove(&(until, key));
            }
            JobStatus::Failed | JobStatus::ErrorThrown => {}
        }
    }
}

/// The keys of a time index that are due.
pub(in crate::state) fn due(
    index: &BTreeSet<(Timestamp, Key)>,
    now: Timestamp,
) -> impl Iterator<Item = Key> + '_ {
    index
        .iter()
        .take_while(move |(due, _)| *due <= now)
        .map(|(_, key)| *key)
}
