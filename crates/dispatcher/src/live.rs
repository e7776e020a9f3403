//! The runs that have not ended: what each is told, and the concurrency groups they stand in.
//!
//! One lock over both, so that a run which leaves its group and the one that follows it change
//! in one step. Knows nothing of records: a run's own driver writes what it was told.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::concurrency::{Entered, Groups, Membership};
use crate::records::Cause;

/// What a run may do; it only ever goes on from one to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// It waits for its group.
    Waits,
    /// It may run, and is its group's running run.
    Runs,
    /// It is to end.
    Cancelled(Cause),
}

#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    groups: Groups,
    runs: BTreeMap<u64, Run>,
}

#[derive(Debug)]
struct Run {
    turn: watch::Sender<Turn>,
    membership: Option<Membership>,
}

impl Live {
    /// A run that is to be driven; it waits until it [enters](Live::enter).
    pub(crate) fn add(&self, run: u64) -> watch::Receiver<Turn> {
        let (turn, told) = watch::channel(Turn::Waits);
        let run_of = Run {
            turn,
            membership: None,
        };
        self.lock().runs.insert(run, run_of);
        told
    }

    /// The run enters its group, if it has one; others may be cancelled by that, or it itself.
    pub(crate) fn enter(&self, run: u64, membership: Option<Membership>) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let Some(live) = inner.runs.get_mut(&run) else {
            return;
        };
        if matches!(*live.turn.borrow(), Turn::Cancelled(_)) {
            return;
        }
        let Some(membership) = membership else {
            live.turn.send_replace(Turn::Runs);
            return;
        };
        let entered = inner.groups.enter(run, &membership);
        live.membership = Some(membership);
        match entered {
            Entered::Runs => drop(live.turn.send_replace(Turn::Runs)),
            Entered::Refused => drop(live.turn.send_replace(Turn::Cancelled(Cause::QueueFull))),
            Entered::Waits { cancelled } => {
                for run in cancelled {
                    inner.cancel(run, Cause::Group);
                }
            }
        }
    }

    /// Tells a run to end; whether there is such a run.
    pub(crate) fn cancel(&self, run: u64, cause: Cause) -> bool {
        self.lock().cancel(run, cause)
    }

    /// A run has ended, or is not driven on; the next of its group may run.
    pub(crate) fn leave(&self, run: u64) {
        let mut inner = self.lock();
        let Some(left) = inner.runs.remove(&run) else {
            return;
        };
        let Some(membership) = left.membership else {
            return;
        };
        // One that was cancelled while it was next has yet to leave, and passes its turn on then.
        if let Some(next) = inner.groups.leave(run, &membership.key)
            && let Some(next) = inner.runs.get(&next)
        {
            next.turn.send_if_modified(|turn| {
                let waits = *turn == Turn::Waits;
                if waits {
                    *turn = Turn::Runs;
                }
                waits
            });
        }
    }

    /// Whether one more run could enter this group without any being cancelled.
    pub(crate) fn has_room(&self, membership: &Membership) -> bool {
        self.lock().groups.has_room(membership)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No step between two changes of it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn cancel(&self, run: u64, cause: Cause) -> bool {
        let Some(live) = self.runs.get(&run) else {
            return false;
        };
        live.turn.send_if_modified(|turn| {
            let goes_on = !matches!(turn, Turn::Cancelled(_));
            if goes_on {
                *turn = Turn::Cancelled(cause);
            }
            goes_on
        });
        true
    }
}
