//! Records as bytes: a version byte, then each record in postcard.
//!
//! Positions are not written: a frame's records follow each other. Times and keys are differences
//! from the record before, since they rarely differ by much; the first stands whole. The version
//! is that of this layout; what is inside an event carries its own (new variants at the end).

use engine::{Body, Key, Position, Record, Timestamp};
use serde::{Deserialize, Serialize};

/// The layout that is written. Older ones stay readable.
const VERSION: u8 = 1;

/// Why bytes of a whole frame cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Written by a newer broker.
    #[error("it has version {0}, this broker knows versions up to {VERSION}: use a newer broker")]
    Version(u8),
    /// The bytes are not what the version says.
    #[error("record {index} of it is malformed: {source}")]
    Record {
        /// Which, from 0.
        index: u32,
        /// What postcard said.
        source: postcard::Error,
    },
    /// Bytes are left over, or the payload is empty.
    #[error("its length does not fit its {0} records")]
    Length(u32),
}

/// A record's head as it stands in the log.
#[derive(Serialize, Deserialize)]
struct Head {
    /// How many records before this one its command stands.
    source_distance: u64,
    time_difference: i64,
    /// Difference from the last key that was one; `None` = [`Key::NONE`].
    key_difference: Option<i64>,
}

/// What differences refer to.
#[derive(Default)]
struct Previous {
    time: i64,
    key: i64,
}

/// Appends `records`, which follow each other, to `out`.
///
/// # Panics
///
/// If a value cannot be written, which no type of the engine can be.
pub fn encode(records: &[Record], out: &mut Vec<u8>) {
    out.push(VERSION);
    let mut previous = Previous::default();
    for record in records {
        let head = Head {
            source_distance: record.position.0 - record.source.0,
            time_difference: record.timestamp.0.wrapping_sub(previous.time),
            key_difference: (record.key != Key::NONE)
                .then(|| record.key.0.wrapping_sub(previous.key)),
        };
        previous.time = record.timestamp.0;
        if record.key != Key::NONE {
            previous.key = record.key.0;
        }
        *out = postcard::to_extend(&(head, &record.body), std::mem::take(out))
            .expect("records hold nothing that postcard cannot write, and memory has no end");
    }
}

/// Reads `count` records, the first of which stands at `first`.
pub fn decode(payload: &[u8], first: u64, count: u32) -> Result<Vec<Record>, Error> {
    let (&version, mut rest) = payload.split_first().ok_or(Error::Length(count))?;
    if version != VERSION {
        return Err(Error::Version(version));
    }
    let mut previous = Previous::default();
    let mut records = Vec::with_capacity(count.min(1 << 16) as usize);
    for index in 0..count {
        let ((head, body), left): ((Head, Body), _) =
            postcard::take_from_bytes(rest).map_err(|source| Error::Record { index, source })?;
        rest = left;
        previous.time = previous.time.wrapping_add(head.time_difference);
        let key = match head.key_difference {
            None => Key::NONE,
            Some(difference) => {
                previous.key = previous.key.wrapping_add(difference);
                Key(previous.key)
            }
        };
        let position = first + u64::from(index);
        records.push(Record {
            position: Position(position),
            source: Position(position.saturating_sub(head.source_distance)),
            timestamp: Timestamp(previous.time),
            key,
            body,
        });
    }
    if rest.is_empty() {
        Ok(records)
    } else {
        Err(Error::Length(count))
    }
}
