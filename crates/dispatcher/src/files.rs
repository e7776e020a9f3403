//! JSON files that are whole or not there: written beside, synced, then renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a file of the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot read '{path}': {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what the dispatcher writes.
    #[error("'{path}' is damaged: {problem}; move it out of the data folder to go on without it")]
    Damaged {
        /// The file.
        path: String,
        /// Where its JSON ends to make sense.
        problem: serde_json::Error,
    },
}

/// Reads a file; `None` if there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Read {
                path: path.display().to_string(),
                source,
            });
        }
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|problem| Error::Damaged {
            path: path.display().to_string(),
            problem,
        })
}

/// Writes a file so that after a crash either the old or the new content stands there; a file
/// that is new is there after a power cut too.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let is_new = !path.exists();
    let beside = path.with_extension("json.tmp");
    let mut file = File::create(&beside)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.sync_data()?;
    fs::rename(&beside, path)?;
    if is_new && let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
