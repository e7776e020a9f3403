//! The append-only log: the truth of the broker.
//!
//! ```text
//! 00000000000000000001.log   segment: frames, then zeros; named by its first position
//! 00000000000000048211.log
//! 00000000000000040000.snapshot   the engine's state after that position
//! next.log                   zero-filled ahead, becomes the next segment
//! ```
//! One frame is one batch is one sync: so after a crash at most the last frame is torn, and a
//! good frame behind a bad one means damage, never a crash. Knows records as bytes with positions;
//! what they mean is the engine's.

pub mod codec;
pub mod frame;
mod housekeeping;
mod reader;
mod recovery;
pub mod snapshot;
mod writer;

pub(crate) use housekeeping::Housekeeper;
pub use reader::Reader;
pub use recovery::{Recovered, recover};
pub use writer::Writer;

use crate::storage::Storage;
use engine::Position;
use std::io;

/// The size of the first segment: small, so that a new broker starts at once.
pub const SEGMENT_BYTES_MIN: u64 = 1 << 20;

/// The size that segments grow to, each four times the one before: large enough that a roll is
/// rare, small enough that deleting old ones gives space back soon.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused.
    #[error("cannot {action} '{path}': {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A bad frame with good ones behind it: acknowledged data is lost, so a person must decide.
    #[error(
        "the log is damaged: '{path}' has a bad frame at byte {offset} ({reason}), but there are \
         good ones behind it ('{next_path}', byte {next_offset}); everything up to position \
         {kept} is whole. Restore the file from a copy; nothing was changed"
    )]
    Damaged {
        /// The file with the bad frame.
        path: String,
        /// Where in it.
        offset: u64,
        /// What is wrong with it.
        reason: frame::Bad,
        /// Where the next good frame lies.
        next_path: String,
        /// Where in that.
        next_offset: u64,
        /// The last good position before the damage.
        kept: u64,
    },
    /// The files do not reach back far enough.
    #[error(
        "the log in '{path}' begins at position {begins}, but position {needed} is needed: {why}"
    )]
    Missing {
        /// A file of it.
        path: String,
        /// The first position that is there.
        begins: u64,
        /// The one that is needed.
        needed: u64,
        /// Why that one.
        why: &'static str,
    },
    /// A frame is whole but holds what this version cannot read.
    #[error("cannot read the batch at byte {offset} of '{path}': {source}")]
    Codec {
        /// In which file.
        path: String,
        /// Where.
        offset: u64,
        /// Why.
        source: codec::Error,
    },
}

impl Error {
    fn io<'a>(
        action: &'static str,
        storage: &'a dyn Storage,
        name: &'a str,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            action,
            path: storage.path_of(name),
            source,
        }
    }
}

/// The name of the segment that begins with `first`.
#[must_use]
pub fn segment_name(first: Position) -> String {
    format!("{:020}.log", first.0)
}

/// The segments in a storage with their first positions, oldest first.
fn segments(storage: &dyn Storage) -> Result<Vec<(Position, String)>, Error> {
    named(storage, ".log")
}

/// Files named by a position, lowest first.
fn named(storage: &dyn Storage, ending: &str) -> Result<Vec<(Position, String)>, Error> {
    let names = storage.list().map_err(Error::io("list", storage, ""))?;
    let mut found: Vec<_> = names
        .into_iter()
        .filter_map(|name| {
            let number = name.strip_suffix(ending)?;
            (number.len() == 20).then_some(())?;
            Some((Position(number.parse().ok()?), name))
        })
        .collect();
    found.sort();
    Ok(found)
}
