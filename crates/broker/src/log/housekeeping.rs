//! Work on the log's files that nobody waits for: zero-filling the next segment, writing
//! snapshots, deleting what neither recovery nor an exporter needs any more.

use super::snapshot::{self, Snapshot};
use super::{Error, segments};
use crate::storage::Storage;
use engine::Position;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

/// How many snapshots are kept: the newest may turn out to be unreadable.
const SNAPSHOTS_KEPT: usize = 2;

/// The file that becomes the next segment.
pub(super) const PREPARED: &str = "next.log";

enum Task {
    Prepare {
        bytes: u64,
        done: mpsc::Sender<Result<u64, Error>>,
    },
    Keep(Snapshot),
}

/// The thread that does it, at its own pace.
pub(crate) struct Housekeeper {
    tasks: Option<mpsc::Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

impl Housekeeper {
    /// Starts the thread. `needed_from` is the position from which on someone else (the read
    /// model) still needs the log; it only grows.
    pub(crate) fn start(storage: Arc<dyn Storage>, needed_from: Arc<AtomicU64>) -> Self {
        let (tasks, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("housekeeping".into())
            .spawn(move || {
                for task in inbox {
                    work(&*storage, &needed_from, task);
                }
            })
            .expect("a thread can be started");
        Self {
            tasks: Some(tasks),
            thread: Some(thread),
        }
    }

    /// Has the next segment made, of at least `bytes`; the receiver gets its size.
    pub(super) fn prepare(&self, bytes: u64) -> mpsc::Receiver<Result<u64, Error>> {
        let (done, receiver) = mpsc::channel();
        self.send(Task::Prepare { bytes, done });
        receiver
    }

    /// Has a snapshot written, then what it makes superfluous deleted.
    pub(crate) fn keep(&self, snapshot: Snapshot) {
        self.send(Task::Keep(snapshot));
    }

    fn send(&self, task: Task) {
        let tasks = self
            .tasks
            .as_ref()
            .expect("the sender lives as long as self");
        // The thread ends only after the sender is gone; if it panicked, the receivers say so.
        let _unsent = tasks.send(task);
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn work(storage: &dyn Storage, needed_from: &AtomicU64, task: Task) {
    match task {
        Task::Prepare { bytes, done } => {
            let made = storage
                .create_zeroed(PREPARED, bytes)
                .map(|()| bytes)
                .map_err(Error::io("fill", storage, PREPARED));
            let _stopped = done.send(made);
        }
        Task::Keep(snapshot) => {
            let position = snapshot.position.0;
            let kept = snapshot::write(storage, &snapshot)
                .and_then(|()| delete_old(storage, needed_from.load(Ordering::Acquire)));
            match kept {
                Ok(segments) => tracing::info!(position, segments_deleted = segments, "snapshot"),
                // The log has everything that the snapshot has: only a restart takes longer.
                Err(error) => tracing::warn!(position, %error, "no snapshot"),
            }
        }
    }
}

/// Deletes snapshots but the newest few, and segments that nobody needs; says how many of these.
fn delete_old(storage: &dyn Storage, needed_from: u64) -> Result<usize, Error> {
    let snapshots = snapshot::list(storage)?;
    let Some((oldest_kept, _)) = snapshots.get(SNAPSHOTS_KEPT - 1) else {
        return Ok(0);
    };
    for (_, name) in &snapshots[SNAPSHOTS_KEPT..] {
        remove(storage, name)?;
    }
    let needed = needed_from.min(oldest_kept.0 + 1);
    let all = segments(storage)?;
    let mut deleted = 0;
    for pair in all.windows(2) {
        // All of a segment lies before the first position of the next one.
        let (Position(next_first), _) = pair[1];
        if next_first > needed {
            break;
        }
        remove(storage, &pair[0].1)?;
        deleted += 1;
    }
    Ok(deleted)
}

fn remove(storage: &dyn Storage, name: &str) -> Result<(), Error> {
    storage
        .remove(name)
        .map_err(Error::io("delete", storage, name))
}
