//! The temporary folder of a clone, in memory or on disk, and those of processes that were killed before
//! they could remove theirs.

use crate::{Error, Scratch};
use std::fs::{DirEntry, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const PREFIX: &str = "ghettodb-";
/// Locked for as long as the folder is used; the system lets go of it with the process.
const LOCK: &str = "ghettodb-in-use";
/// A folder this young may be one whose lock is about to be taken.
const AGE_MIN: Duration = Duration::from_secs(60);
/// A memory file system with less room, in bytes, is left to others: the contents of a table that is
/// searched through come to the clone as well.
#[cfg(target_os = "linux")]
const MEMORY_ROOM_MIN: u64 = 1 << 30;

/// A folder that goes with its last user.
pub(super) struct Folder {
    dir: TempDir,
    _lock: File,
}

impl Folder {
    /// Makes a folder that nobody else can look into, and removes what killed processes left.
    pub(super) fn new(scratch: Scratch) -> Result<Self, Error> {
        let io = || Error::io("cannot make a temporary folder for the clone");
        let parent = match scratch {
            Scratch::Disk => None,
            Scratch::Memory => in_memory(),
        };
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        sweep(&parent);
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&parent)
            .map_err(io())?;
        let lock = File::create(dir.path().join(LOCK)).map_err(io())?;
        // Without locks on this file system, what a killed process leaves has to stay.
        lock.try_lock().ok();
        Ok(Folder { dir, _lock: lock })
    }

    pub(super) fn git_dir(&self) -> PathBuf {
        self.dir.path().join("git")
    }
}

/// The folder of this machine's memory file system, where there is one with plenty of room. Whoever sets
/// `TMPDIR` has chosen another place.
#[cfg(target_os = "linux")]
fn in_memory() -> Option<PathBuf> {
    /// What `statfs` calls a memory file system (`TMPFS_MAGIC`).
    const TMPFS: u64 = 0x0102_1994;
    let folder = Path::new("/dev/shm");
    if std::env::var_os("TMPDIR").is_some_and(|set| !set.is_empty()) {
        return None;
    }
    let found = rustix::fs::statfs(folder).ok()?;
    let is_memory = u64::try_from(found.f_type).is_ok_and(|kind| kind == TMPFS);
    let block = u64::try_from(found.f_bsize).ok()?;
    let room = found.f_bavail.saturating_mul(block);
    (is_memory && room >= MEMORY_ROOM_MIN).then(|| folder.to_owned())
}

/// Nothing that is known to be there.
#[cfg(not(target_os = "linux"))]
fn in_memory() -> Option<PathBuf> {
    None
}

/// Removes the folders of ours whose process is gone. Tidiness only: nothing depends on it.
fn sweep(parent: &Path) {
    let Ok(entries) = parent.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && is_left_behind(&entry).unwrap_or(false) {
            // Another process may be removing it at the same time.
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}

fn is_left_behind(entry: &DirEntry) -> std::io::Result<bool> {
    // Of the entry itself, not of what a symbolic link points to.
    let folder = entry.metadata()?;
    let path = entry.path().join(LOCK);
    let lock = path.symlink_metadata()?;
    let is_old = lock.modified()?.elapsed().is_ok_and(|age| age >= AGE_MIN);
    // A lock that we own can only have been made by a process of ours.
    if !folder.is_dir() || !lock.is_file() || folder.uid() != lock.uid() || !is_old {
        return Ok(false);
    }
    let file = File::options().write(true).open(path)?;
    Ok(file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_folder_stands_where_there_is_room_and_goes_with_its_last_user() {
        let memory = in_memory().unwrap_or_else(std::env::temp_dir);
        let places = [
            (Scratch::Disk, std::env::temp_dir()),
            (Scratch::Memory, memory),
        ];
        for (scratch, parent) in places {
            let folder = Folder::new(scratch).unwrap();
            let path = folder.dir.path().to_owned();
            assert_eq!(path.parent(), Some(&*parent), "{scratch:?}");
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{scratch:?}");
            drop(folder);
            assert!(!path.exists(), "{scratch:?}");
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str, lock: bool, age: Duration| {
            let folder = parent.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            lock.then(|| {
                let file = File::create(folder.join(LOCK)).unwrap();
                file.set_modified(SystemTime::now() - age).unwrap();
                file
            })
        };
        let old = AGE_MIN * 2;
        drop(make("ghettodb-killed", true, old));
        drop(make("ghettodb-young", true, Duration::ZERO));
        drop(make("ghettodb-of-someone", false, old));
        drop(make("other", true, old));
        let in_use = make("ghettodb-in-use", true, old).unwrap();
        in_use.try_lock().unwrap();
        std::os::unix::fs::symlink("other", parent.path().join("ghettodb-link")).unwrap();
        sweep(parent.path());
        let mut left: Vec<_> = parent
            .path()
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let expected = [
            "ghettodb-in-use",
            "ghettodb-link",
            "ghettodb-of-someone",
            "ghettodb-young",
            "other",
        ];
        assert_eq!(left, expected);
    }
}
