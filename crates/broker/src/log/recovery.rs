//! From files to a running engine: the newest valid snapshot, then the frames behind it.
//!
//! A torn tail is normal: the batch was never acknowledged, it is cut. A bad frame with a good one
//! behind it is damage: recovery stops and changes nothing.

use super::reader::READ_BYTES;
use super::snapshot::{self, Snapshot};
use super::writer::Segment;
use super::{Error, Housekeeper, SEGMENT_BYTES_MIN, Writer, codec, frame, segment_name, segments};
use crate::storage::{self, Storage, read_whole};
use engine::{Engine, Position};
use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What recovery gives.
pub struct Recovered {
    /// The engine, with all that was on disk.
    pub engine: Engine,
    /// The end of the log.
    pub writer: Writer,
    /// The position of the snapshot that recovery began with.
    pub snapshot: Option<Position>,
    /// How many records were replayed behind it.
    pub replayed: u64,
}

/// Recovers what is in `storage`, or begins a new log. `needed_from` as for the housekeeping:
/// the position from which on an exporter still needs the log.
pub fn recover(storage: Arc<dyn Storage>, needed_from: Arc<AtomicU64>) -> Result<Recovered, Error> {
    let found = newest_snapshot(&*storage)?;
    let (engine, start, chain) = match found {
        Some((engine, snapshot)) => (engine, snapshot.position.0, Some(snapshot.chain)),
        None => (Engine::new(), 0, None),
    };
    let mut replay = Replay {
        storage: &*storage,
        engine,
        start,
        start_chain: chain,
        next: start + 1,
        chain: chain.unwrap_or(0),
        replayed: 0,
    };
    let active = replay.run()?;
    let Replay {
        engine,
        chain,
        next,
        replayed,
        ..
    } = replay;
    let housekeeper = Housekeeper::start(Arc::clone(&storage), needed_from);
    Ok(Recovered {
        engine,
        writer: Writer::new(storage, housekeeper, active, chain, next),
        snapshot: (start > 0).then_some(Position(start)),
        replayed,
    })
}

fn newest_snapshot(storage: &dyn Storage) -> Result<Option<(Engine, Snapshot)>, Error> {
    for (position, name) in snapshot::list(storage)? {
        let engine = snapshot::read(storage, &name)?.and_then(|mut snapshot| {
            let engine = Engine::from_snapshot(&std::mem::take(&mut snapshot.state)).ok()?;
            Some((engine, snapshot))
        });
        if engine.is_some() {
            return Ok(engine);
        }
        tracing::warn!(position = position.0, file = %storage.path_of(&name),
            "snapshot cannot be read, trying an older one");
    }
    Ok(None)
}

struct Replay<'a> {
    storage: &'a dyn Storage,
    engine: Engine,
    /// The snapshot's position and the checksum of the frame that ends there.
    start: u64,
    start_chain: Option<u32>,
    /// The position that the next frame must begin with.
    next: u64,
    chain: u32,
    replayed: u64,
}

impl Replay<'_> {
    fn run(&mut self) -> Result<Segment, Error> {
        let all = segments(self.storage)?;
        let index = all.partition_point(|(first, _)| first.0 <= self.next);
        let Some(begin) = index.checked_sub(1) else {
            return match all.first() {
                Some((first, name)) => Err(Error::Missing {
                    path: self.storage.path_of(name),
                    begins: first.0,
                    needed: self.next,
                    why: "no valid snapshot stands for what is before",
                }),
                None if self.start > 0 => Err(Error::Missing {
                    path: self.storage.path_of(&segment_name(Position(self.next))),
                    begins: 0,
                    needed: self.next,
                    why: "there is a snapshot, but no log",
                }),
                None => self.new_log(),
            };
        };
        let mut segments = all[begin..].iter().peekable();
        while let Some((first, name)) = segments.next() {
            let end = self.replay_segment(*first, name)?;
            let Some(bad) = end.bad else {
                if segments.peek().is_none() {
                    return self.activate(name, end.offset);
                }
                continue;
            };
            let later: Vec<_> = segments.map(|(_, name)| name.as_str()).collect();
            self.refuse_damage(name, &end, bad, &later)?;
            self.cut(name, end.offset, &later)?;
            return self.activate(name, end.offset);
        }
        unreachable!("there is at least one segment, and each iteration of the last one returns")
    }

    fn new_log(&self) -> Result<Segment, Error> {
        let name = segment_name(Position(1));
        self.storage
            .create_zeroed(&name, SEGMENT_BYTES_MIN)
            .map_err(Error::io("make", self.storage, &name))?;
        self.activate(&name, 0)
    }

    fn activate(&self, name: &str, offset: u64) -> Result<Segment, Error> {
        let fault = |source| Error::io("open", self.storage, name)(source);
        let file = self.storage.open(name).map_err(fault)?;
        let size = file.size().map_err(fault)?;
        Ok(Segment {
            name: name.to_owned(),
            file,
            size,
            offset,
        })
    }

    /// Replays the good frames of a segment; says where they end, and what is there if it is not
    /// just nothing.
    fn replay_segment(&mut self, segment_first: Position, name: &str) -> Result<End, Error> {
        let storage = self.storage;
        let fault = |source| Error::io("read", storage, name)(source);
        let file = storage.open(name).map_err(fault)?;
        let size = file.size().map_err(fault)?;
        let mut source = BufReader::with_capacity(READ_BYTES, storage::Reader::new(&*file, 0));
        let mut payload = Vec::new();
        let mut offset = 0;
        // Frames before the snapshot are read too, for the chain; whom the first of them
        // followed only an older segment could tell.
        let mut expected = segment_first.0;
        let mut chain = (expected == self.next).then_some(self.chain);
        if expected > self.next {
            return Err(Error::Missing {
                path: storage.path_of(name),
                begins: expected,
                needed: self.next,
                why: "the file before it ends there",
            });
        }
        let bad = loop {
            let left = size - offset;
            let header = match frame::read(&mut source, left, &mut payload).map_err(fault)? {
                frame::Next::Frame(header) => header,
                frame::Next::Bad(bad) => break Some(bad),
                frame::Next::Nothing => {
                    // A hole in the middle reads as nothing too, so look behind it.
                    let rest_is_zero = rest_is_zero(&*file, offset).map_err(fault)?;
                    break (!rest_is_zero || expected < self.next).then_some(frame::Bad::Magic);
                }
            };
            if header.first != expected || chain.is_some_and(|chain| chain != header.previous) {
                break Some(frame::Bad::Chain);
            }
            if header.first >= self.next {
                let records =
                    codec::decode(&payload, header.first, header.count).map_err(|source| {
                        Error::Codec {
                            path: storage.path_of(name),
                            offset,
                            source,
                        }
                    })?;
                for record in &records {
                    self.engine.replay(record);
                }
                self.replayed += records.len() as u64;
                self.next = header.last() + 1;
                self.chain = header.checksum;
            } else if header.last() == self.start && Some(header.checksum) != self.start_chain {
                break Some(frame::Bad::Chain);
            }
            chain = Some(header.checksum);
            expected = header.last() + 1;
            offset += header.frame_bytes();
        };
        Ok(End {
            offset,
            expected,
            bad,
        })
    }

    /// Looks for a good frame behind a bad one: in the rest of the segment, and in later ones.
    fn refuse_damage(
        &self,
        name: &str,
        end: &End,
        reason: frame::Bad,
        later: &[&str],
    ) -> Result<(), Error> {
        let places = std::iter::once((name, end.offset)).chain(later.iter().map(|n| (*n, 0)));
        for (next_name, from) in places {
            let bytes = self
                .storage
                .open(next_name)
                .and_then(|file| read_whole(&*file))
                .map_err(Error::io("read", self.storage, next_name))?;
            let from = usize::try_from(from).expect("an offset in a file that was read fits");
            let from = from.min(bytes.len());
            if let Some(found) = frame::find(&bytes[from..], end.expected + 1) {
                return Err(Error::Damaged {
                    path: self.storage.path_of(name),
                    offset: end.offset,
                    reason,
                    next_path: self.storage.path_of(next_name),
                    next_offset: (from + found) as u64,
                    kept: end.expected - 1,
                });
            }
        }
        if end.expected <= self.start {
            // A snapshot is written only after its position is on disk, so the disk lost some.
            return Err(Error::Missing {
                path: self.storage.path_of(name),
                begins: end.expected,
                needed: self.start,
                why: "a snapshot was taken there, so it was on disk once",
            });
        }
        Ok(())
    }

    /// Makes everything behind the last good frame zero again.
    fn cut(&self, name: &str, offset: u64, later: &[&str]) -> Result<(), Error> {
        let fault = |source| Error::io("cut", self.storage, name)(source);
        for name in later {
            self.storage.remove(name).map_err(fault)?;
        }
        let file = self.storage.open(name).map_err(fault)?;
        let size = file.size().map_err(fault)?;
        let zeros = vec![0; READ_BYTES];
        let mut at = offset;
        while at < size {
            let n = (size - at).min(zeros.len() as u64);
            file.write_at(at, &zeros[..n as usize]).map_err(fault)?;
            at += n;
        }
        file.sync().map_err(fault)?;
        tracing::info!(file = %self.storage.path_of(name), offset, last_position = self.next - 1,
            "cut a batch that was not wholly written and never acknowledged");
        Ok(())
    }
}

/// Where the good frames of a segment end.
struct End {
    offset: u64,
    /// The first position that a frame there would have.
    expected: u64,
    bad: Option<frame::Bad>,
}

fn rest_is_zero(file: &dyn storage::File, mut offset: u64) -> std::io::Result<bool> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let n = file.read_at(offset, &mut buffer)?;
        if n == 0 {
            return Ok(true);
        }
        if buffer[..n].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        offset += n as u64;
    }
}
