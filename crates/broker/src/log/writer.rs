//! Appends batches: one frame, one write, one sync.

use super::housekeeping::PREPARED;
use super::{Error, Housekeeper, SEGMENT_BYTES_MAX, codec, frame, segment_name};
use crate::storage::{File, Storage};
use engine::{Position, Record};
use std::sync::{Arc, mpsc};

/// The end of the log. After an error it must not be used again: what a failed sync left on the
/// disk nobody knows, so a retry could acknowledge what is lost.
pub struct Writer {
    storage: Arc<dyn Storage>,
    housekeeper: Housekeeper,
    active: Segment,
    /// The checksum of the last frame.
    chain: u32,
    /// The position of the next record.
    next: u64,
    prepared: Option<mpsc::Receiver<Result<u64, Error>>>,
    buffer: Vec<u8>,
}

/// The segment that is written to.
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) file: Box<dyn File>,
    pub(super) size: u64,
    pub(super) offset: u64,
}

impl Writer {
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        housekeeper: Housekeeper,
        active: Segment,
        chain: u32,
        next: u64,
    ) -> Self {
        Self {
            storage,
            housekeeper,
            active,
            chain,
            next,
            prepared: None,
            buffer: Vec::new(),
        }
    }

    /// Appends a batch; when this returns it is on disk. Gives its size in bytes.
    pub fn append(&mut self, records: &[Record]) -> Result<u64, Error> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(0);
        };
        assert_eq!(first.position.0, self.next, "records follow each other");
        let mut buffer = std::mem::take(&mut self.buffer);
        frame::begin(&mut buffer);
        codec::encode(records, &mut buffer);
        let count = u32::try_from(records.len()).expect("a batch is bounded far below 2^32");
        self.chain = frame::finish(&mut buffer, self.next, count, self.chain);
        let bytes = buffer.len() as u64;
        if self.active.offset + bytes > self.active.size {
            self.roll(bytes)?;
        }
        let active = &mut self.active;
        active
            .file
            .write_at(active.offset, &buffer)
            .and_then(|()| active.file.sync())
            .map_err(Error::io("write", &*self.storage, &active.name))?;
        active.offset += bytes;
        self.next = last.position.0 + 1;
        if self.prepared.is_none() && active.offset > active.size / 2 {
            let bytes = (active.size * 4).min(SEGMENT_BYTES_MAX);
            self.prepared = Some(self.housekeeper.prepare(bytes));
        }
        self.buffer = buffer;
        Ok(bytes)
    }

    /// The checksum of the last frame, for a snapshot of the state after it.
    #[must_use]
    pub fn chain(&self) -> u32 {
        self.chain
    }

    pub(crate) fn housekeeper(&self) -> &Housekeeper {
        &self.housekeeper
    }

    /// Goes on in a new segment with room for a frame of `bytes`.
    fn roll(&mut self, bytes: u64) -> Result<(), Error> {
        let prepared = self.prepared.take();
        let prepared = prepared.unwrap_or_else(|| {
            let size = (self.active.size * 4).min(SEGMENT_BYTES_MAX);
            self.housekeeper.prepare(size.max(bytes))
        });
        let mut size = prepared
            .recv()
            .expect("the housekeeper answers each request")?;
        let storage = &*self.storage;
        if size < bytes {
            storage
                .create_zeroed(PREPARED, bytes)
                .map_err(Error::io("fill", storage, PREPARED))?;
            size = bytes;
        }
        let name = segment_name(Position(self.next));
        storage
            .rename(PREPARED, &name)
            .map_err(Error::io("rename", storage, PREPARED))?;
        let file = storage
            .open(&name)
            .map_err(Error::io("open", storage, &name))?;
        self.active = Segment {
            name,
            file,
            size,
            offset: 0,
        };
        Ok(())
    }
}
