//! The folder that a broker owns: its layout, and the lock that keeps a second broker out.
//!
//! ```text
//! DIR/lock               held while a broker runs
//! DIR/log/               segments and snapshots
//! DIR/read-model.sqlite  what the searches read; can be deleted and comes again
//! DIR/clock              the controlled clock's offset in milliseconds, if it was ever moved
//! ```

use crate::storage::Folder;
use anyhow::{Context as _, bail};
use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};

/// A locked data folder.
pub struct DataFolder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: fs::File,
}

impl DataFolder {
    /// Makes the folder if it is not there, and locks it.
    ///
    /// # Errors
    ///
    /// If it cannot be written to, or another broker holds it.
    pub fn lock(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("cannot make the data folder '{}'", path.display()))?;
        let lock_path = path.join("lock");
        let lock = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .with_context(|| format!("cannot open '{}'", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "the data folder '{}' is in use by another broker: stop that one, or give this \
                 one a folder of its own with --data",
                path.display()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error)
                    .with_context(|| format!("cannot lock '{}'", lock_path.display()));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The folder of the log.
    pub fn log(&self) -> anyhow::Result<Folder> {
        let path = self.path.join("log");
        Folder::open(&path)
            .with_context(|| format!("cannot open the log's folder '{}'", path.display()))
    }

    /// The file of the read model.
    #[must_use]
    pub fn read_model(&self) -> PathBuf {
        self.path.join("read-model.sqlite")
    }

    /// The file of the clock's offset.
    #[must_use]
    pub fn clock(&self) -> PathBuf {
        self.path.join("clock")
    }
}
