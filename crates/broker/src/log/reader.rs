//! Reads whole batches of the log, for whoever lags behind the writer.

use super::{Error, codec, frame, segments};
use crate::storage::{self, File, Storage};
use engine::{Position, Record};
use std::io::BufReader;
use std::sync::Arc;

/// How much is read at once.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// A place in the log, from which batches are read on.
pub struct Reader {
    storage: Arc<dyn Storage>,
    next: u64,
    at: Option<Place>,
}

/// A place in a segment, and what lies before the next one.
struct Place {
    name: String,
    file: Box<dyn File>,
    offset: u64,
}

impl Reader {
    /// Begins with the batch that holds `from`.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, from: Position) -> Self {
        Self {
            storage,
            next: from.0,
            at: None,
        }
    }

    /// The first position that the log still has; `None` if it is empty.
    pub fn first(storage: &dyn Storage) -> Result<Option<Position>, Error> {
        Ok(segments(storage)?.first().map(|(first, _)| *first))
    }

    /// Hands each record from here up to `to` to `take`, in batches of about `READ_BYTES`, until
    /// it says to stop. `to` must be on disk. What the log no longer has is skipped.
    ///
    /// Gives the position to go on with.
    pub fn read_to(
        &mut self,
        to: Position,
        mut take: impl FnMut(Vec<Record>) -> bool,
    ) -> Result<Position, Error> {
        while self.next <= to.0 {
            let place = match self.at.take() {
                Some(place) => place,
                None => match self.find()? {
                    Some(place) => place,
                    None => break,
                },
            };
            if !self.read_segment(place, to, &mut take)? {
                break;
            }
        }
        Ok(Position(self.next))
    }

    /// The segment that holds the next position, or the first one behind it.
    fn find(&mut self) -> Result<Option<Place>, Error> {
        let all = segments(&*self.storage)?;
        let index = all.partition_point(|(first, _)| first.0 <= self.next);
        let Some((first, name)) = all.get(index.saturating_sub(1)) else {
            return Ok(None);
        };
        self.next = self.next.max(first.0);
        let file = self
            .storage
            .open(name)
            .map_err(Error::io("open", &*self.storage, name))?;
        Ok(Some(Place {
            name: name.clone(),
            file,
            offset: 0,
        }))
    }

    /// Reads on in one segment; says whether to go on with the next.
    fn read_segment(
        &mut self,
        mut place: Place,
        to: Position,
        take: &mut impl FnMut(Vec<Record>) -> bool,
    ) -> Result<bool, Error> {
        let storage = Arc::clone(&self.storage);
        let fault = |source| Error::io("read", &*storage, &place.name)(source);
        let size = place.file.size().map_err(fault)?;
        let mut source =
            BufReader::with_capacity(READ_BYTES, storage::Reader::new(&*place.file, place.offset));
        let mut payload = Vec::new();
        let mut offset = place.offset;
        let mut go_on = true;
        while go_on && self.next <= to.0 {
            let next = frame::read(&mut source, size.saturating_sub(offset), &mut payload);
            let header = match next.map_err(fault)? {
                frame::Next::Frame(header) => header,
                // What is asked for is on disk, so it is in the next segment.
                frame::Next::Nothing | frame::Next::Bad(_) => return Ok(true),
            };
            if header.last() >= self.next {
                let mut records =
                    codec::decode(&payload, header.first, header.count).map_err(|source| {
                        Error::Codec {
                            path: storage.path_of(&place.name),
                            offset,
                            source,
                        }
                    })?;
                records.retain(|record| record.position.0 >= self.next);
                self.next = header.last() + 1;
                go_on = take(records);
            }
            offset += header.frame_bytes();
        }
        drop(source);
        place.offset = offset;
        self.at = Some(place);
        Ok(go_on)
    }
}
