//! The engine's state on disk, so that recovery need not start at the first record.
//!
//! ```text
//!  0  magic "BRS1"      4  checksum u32: CRC-32 over the rest
//!  8  position  u64     16 checksum of the frame that ends at this position  u32
//! 20  version   u32     24 the engine's bytes
//! ```

use super::{Error, named};
use crate::storage::{Storage, read_whole};
use engine::Position;

const MAGIC: [u8; 4] = *b"BRS1";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 24;
const ENDING: &str = ".snapshot";

/// A state and where in the log it belongs.
pub struct Snapshot {
    /// The last record that it holds.
    pub position: Position,
    /// The checksum of the frame that ends there: the next one must follow it.
    pub chain: u32,
    /// [`engine::Engine::snapshot`]'s bytes.
    pub state: Vec<u8>,
}

/// Writes a snapshot; after a crash it is there whole or not at all.
pub fn write(storage: &dyn Storage, snapshot: &Snapshot) -> Result<(), Error> {
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&snapshot.position.0.to_le_bytes());
    header[16..20].copy_from_slice(&snapshot.chain.to_le_bytes());
    header[20..24].copy_from_slice(&VERSION.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[8..]);
    hasher.update(&snapshot.state);
    header[4..8].copy_from_slice(&hasher.finalize().to_le_bytes());
    let name = format!("{:020}{ENDING}", snapshot.position.0);
    storage
        .write_whole(&name, &[&header, &snapshot.state])
        .map_err(Error::io("write", storage, &name))
}

/// All snapshots that are there, newest first, valid or not.
pub(super) fn list(storage: &dyn Storage) -> Result<Vec<(Position, String)>, Error> {
    let mut all = named(storage, ENDING)?;
    all.reverse();
    Ok(all)
}

/// Reads a snapshot; `None` if it is not whole or of another version.
pub(super) fn read(storage: &dyn Storage, name: &str) -> Result<Option<Snapshot>, Error> {
    let bytes = storage
        .open(name)
        .and_then(|file| read_whole(&*file))
        .map_err(Error::io("read", storage, name))?;
    if bytes.len() < HEADER_BYTES || bytes[..4] != MAGIC {
        return Ok(None);
    }
    let u32_at =
        |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes are four"));
    if u32_at(4) != crc32fast::hash(&bytes[8..]) || u32_at(20) != VERSION {
        return Ok(None);
    }
    let position = u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes are eight"));
    Ok(Some(Snapshot {
        position: Position(position),
        chain: u32_at(16),
        state: bytes[HEADER_BYTES..].to_vec(),
    }))
}
