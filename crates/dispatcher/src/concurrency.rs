//! Concurrency groups with GitHub's semantics, as a pure book of who runs and who waits.
//!
//! One run of a group runs. By default one more waits, and a newer one takes its place: the older
//! is cancelled, also where `cancel-in-progress` is false. With `queue: max` up to
//! [`WAITING_MAX`] wait, first come first served, and the next one is cancelled itself. With
//! `cancel-in-progress` the one that runs is cancelled, too. Names don't mind case; each
//! repository has its own.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Most runs that wait in a group with `queue: max` (GitHub's limit).
pub const WAITING_MAX: usize = 100;

/// What a run asks of its group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Membership {
    /// Repository and name of the group.
    pub(crate) key: Key,
    pub(crate) cancel_in_progress: bool,
    pub(crate) queue: Queue,
}

/// How many runs of a group wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// One; a newer one takes its place.
    #[default]
    Single,
    /// [`WAITING_MAX`].
    Max,
}

/// A group of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(String, String);

impl Key {
    pub(crate) fn new(repository: &str, group: &str) -> Key {
        Key(repository.to_lowercase(), group.to_lowercase())
    }
}

/// What becomes of a run that enters its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    Runs,
    /// The others are to be cancelled: those that waited, and with `cancel-in-progress` the one
    /// that runs, which is in the group until it leaves.
    Waits {
        cancelled: Vec<u64>,
    },
    /// The queue is full: the run itself is to be cancelled.
    Refused,
}

#[derive(Debug, Default)]
pub(crate) struct Groups(BTreeMap<Key, Group>);

#[derive(Debug)]
struct Group {
    running: u64,
    waiting: VecDeque<u64>,
}

impl Groups {
    pub(crate) fn enter(&mut self, run: u64, membership: &Membership) -> Entered {
        let Some(group) = self.0.get_mut(&membership.key) else {
            let waiting = VecDeque::new();
            let group = Group {
                running: run,
                waiting,
            };
            self.0.insert(membership.key.clone(), group);
            return Entered::Runs;
        };
        let mut cancelled = Vec::new();
        match membership.queue {
            Queue::Max if group.waiting.len() >= WAITING_MAX => return Entered::Refused,
            Queue::Max => {}
            Queue::Single => cancelled.extend(group.waiting.drain(..)),
        }
        if membership.cancel_in_progress {
            cancelled.push(group.running);
        }
        group.waiting.push_back(run);
        Entered::Waits { cancelled }
    }

    /// Takes a run out, whether it ran or waited; gives the run that may run now.
    pub(crate) fn leave(&mut self, run: u64, key: &Key) -> Option<u64> {
        let group = self.0.get_mut(key)?;
        if group.running != run {
            group.waiting.retain(|waiting| *waiting != run);
            return None;
        }
        match group.waiting.pop_front() {
            Some(next) => {
                group.running = next;
                Some(next)
            }
            None => {
                self.0.remove(key);
                None
            }
        }
    }

    /// Whether one more run could enter without any being cancelled.
    pub(crate) fn has_room(&self, membership: &Membership) -> bool {
        self.0
            .get(&membership.key)
            .is_none_or(|group| match membership.queue {
                Queue::Single => group.waiting.is_empty() && !membership.cancel_in_progress,
                Queue::Max => group.waiting.len() < WAITING_MAX,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(group: &str, queue: Queue, cancel_in_progress: bool) -> Membership {
        Membership {
            key: Key::new("Shop/Data", group),
            cancel_in_progress,
            queue,
        }
    }

    #[test]
    fn one_runs_one_waits_and_an_older_one_that_waits_is_cancelled() {
        let mut groups = Groups::default();
        let single = membership("Inventory-1", Queue::Single, false);
        let same = membership("inventory-1", Queue::Single, false);
        let other = membership("inventory-2", Queue::Single, false);
        assert_eq!(groups.enter(1, &single), Entered::Runs);
        assert_eq!(groups.enter(2, &same), Entered::Waits { cancelled: vec![] });
        assert!(!groups.has_room(&single) && groups.has_room(&other));
        assert_eq!(
            groups.enter(3, &single),
            Entered::Waits { cancelled: vec![2] }
        );
        assert_eq!(groups.enter(4, &other), Entered::Runs);
        assert_eq!(groups.leave(2, &single.key), None);
        assert_eq!(groups.leave(1, &single.key), Some(3));
        assert_eq!(groups.leave(3, &single.key), None);
        assert_eq!(groups.enter(5, &single), Entered::Runs, "the group is gone");
    }

    #[test]
    fn cancel_in_progress_cancels_the_running_one_which_leaves_first() {
        let mut groups = Groups::default();
        let group = membership("g", Queue::Single, true);
        assert_eq!(groups.enter(1, &group), Entered::Runs);
        assert_eq!(
            groups.enter(2, &group),
            Entered::Waits { cancelled: vec![1] }
        );
        assert_eq!(
            groups.enter(3, &group),
            Entered::Waits {
                cancelled: vec![2, 1]
            }
        );
        assert_eq!(groups.leave(1, &group.key), Some(3));
    }

    #[test]
    fn a_hundred_wait_in_order_and_the_next_is_refused() {
        let mut groups = Groups::default();
        let group = membership("g", Queue::Max, false);
        assert_eq!(groups.enter(0, &group), Entered::Runs);
        for run in 1..=100 {
            assert!(groups.has_room(&group));
            assert_eq!(
                groups.enter(run, &group),
                Entered::Waits { cancelled: vec![] }
            );
        }
        assert!(!groups.has_room(&group));
        assert_eq!(groups.enter(101, &group), Entered::Refused);
        assert_eq!(
            groups.leave(50, &group.key),
            None,
            "one that waits may leave"
        );
        assert_eq!(groups.leave(0, &group.key), Some(1));
        assert_eq!(
            groups.enter(102, &group),
            Entered::Waits { cancelled: vec![] }
        );
    }
}
