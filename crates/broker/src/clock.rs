//! The time that the engine is given: the system's, moved by an operator if that is allowed.
//!
//! An offset is kept in a file, so that after a restart time goes on from where it was. It never
//! goes back: the engine holds a time before its last record at that record's.

use engine::Timestamp;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that can be moved forward.
pub struct Clock {
    offset_ms: AtomicI64,
    file: Option<PathBuf>,
}

impl Clock {
    /// The system's time plus the offset in `file`, if that exists.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds no number.
    pub fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let offset_ms = match file.as_ref().map(std::fs::read_to_string) {
            None => 0,
            Some(Ok(text)) => text.trim().parse().map_err(|_| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("'{}' is no number of milliseconds", text.trim()),
                )
            })?,
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => 0,
            Some(Err(error)) => return Err(error),
        };
        Ok(Self {
            offset_ms: AtomicI64::new(offset_ms),
            file,
        })
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let system_ms = since.map_or(0, |since| since.as_millis() as i64);
        Timestamp(system_ms).plus_ms(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Moves the clock forward by `ms`, on disk first. Gives the new offset.
    pub(crate) fn add(&self, ms: i64) -> io::Result<i64> {
        let offset_ms = self.offset_ms.load(Ordering::Relaxed).saturating_add(ms);
        if let Some(file) = &self.file {
            let temporary = file.with_extension("tmp");
            std::fs::write(&temporary, offset_ms.to_string())?;
            std::fs::File::open(&temporary)?.sync_all()?;
            std::fs::rename(&temporary, file)?;
        }
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
        Ok(offset_ms)
    }
}
