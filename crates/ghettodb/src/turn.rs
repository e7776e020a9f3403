//! Turns at a repository of this machine. Writers here can queue instead of racing: whoever holds the
//! turn reads the tip and pushes, the others wait, so that hardly a push is in vain.
//!
//! This is a courtesy and nothing rests on it: a push compares and swaps with or without a turn, a
//! writer that waits too long goes ahead, and one that dies gives its turn back with its open files.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The file in the repository's folder that stands for the turn; it is empty, and stays.
const FILE: &str = "ghettodb-turn";
/// How long to wait for a turn. A push takes some 30 ms, so this is a long queue, or a hook that
/// takes its time.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How long to wait before looking again, in milliseconds, drawn anew each time.
const LOOK_MS: std::ops::RangeInclusive<u64> = 2..=8;

/// A turn, held until it is dropped.
pub(crate) struct Turn {
    _file: File,
}

impl Turn {
    /// Waits for a turn at the repository in `folder`; none if it does not come in time or the file
    /// system has no locks.
    pub(crate) fn take(folder: &Path, limit: Duration) -> Option<Self> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(FILE))
            .ok()?;
        let deadline = Instant::now() + limit.min(WAIT_MAX);
        loop {
            match file.try_lock() {
                Ok(()) => return Some(Turn { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(fastrand::u64(LOOK_MS)));
                }
                Err(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nobody_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let first = Turn::take(folder.path(), Duration::ZERO);
        assert!(first.is_some());
        assert!(Turn::take(folder.path(), Duration::from_millis(20)).is_none());
        drop(first);
        assert!(Turn::take(folder.path(), Duration::ZERO).is_some());
        assert!(Turn::take(&folder.path().join("absent"), Duration::ZERO).is_none());
    }

    #[test]
    fn who_waits_gets_the_turn_that_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let first = Turn::take(folder.path(), Duration::ZERO).unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| Turn::take(folder.path(), WAIT_MAX).is_some());
            drop(first);
            assert!(second.join().unwrap());
        });
    }
}
