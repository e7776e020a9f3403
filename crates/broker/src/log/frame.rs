//! One batch on disk: a header, a payload, zeros up to the next multiple of eight bytes.
//!
//! ```text
//!  0  magic "BRF1"                    16  count of records      u32
//!  4  length of the payload   u32     20  checksum of the frame before   u32
//!  8  first position          u64     24  checksum   u32: CRC-32 over bytes 0..24 and the payload
//!                                     28  zero       u32
//! ```
//! All numbers are little-endian. A frame holds its predecessor's checksum, so frames form a
//! chain: one that stands in the wrong place is not taken for a good one.

use std::fmt;
use std::io::{self, Read};

/// The size of a header in bytes.
pub const HEADER_BYTES: usize = 32;

const MAGIC: [u8; 4] = *b"BRF1";

/// Frames begin at multiples of this, so that a search for them need not look at every byte.
pub const ALIGNMENT: u64 = 8;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The payload's length in bytes, without padding.
    pub payload_bytes: u32,
    /// The position of the first record.
    pub first: u64,
    /// How many records.
    pub count: u32,
    /// The checksum of the frame before; 0 for the very first.
    pub previous: u32,
    /// The frame's own checksum.
    pub checksum: u32,
}

impl Header {
    /// The position of the last record.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }

    /// What the frame takes on disk.
    #[must_use]
    pub fn frame_bytes(&self) -> u64 {
        (HEADER_BYTES as u64 + u64::from(self.payload_bytes)).next_multiple_of(ALIGNMENT)
    }

    fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Bad> {
        if bytes[..4] != MAGIC {
            return Err(Bad::Magic);
        }
        let u32_at = |at: usize| {
            u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes are four"))
        };
        let first = u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes are eight"));
        let header = Self {
            payload_bytes: u32_at(4),
            first,
            count: u32_at(16),
            previous: u32_at(20),
            checksum: u32_at(24),
        };
        if header.count == 0 || u32_at(28) != 0 || first.checked_add(1 << 32).is_none() {
            return Err(Bad::Header);
        }
        Ok(header)
    }
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// It does not begin as one.
    Magic,
    /// Its header cannot be.
    Header,
    /// It is longer than what is left of the file.
    Length,
    /// Its checksum does not fit its bytes.
    Checksum,
    /// It does not follow the frame before it.
    Chain,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magic => "no frame begins there",
            Self::Header => "its header cannot be",
            Self::Length => "it is longer than the file",
            Self::Checksum => "its checksum does not fit",
            Self::Chain => "it does not follow the one before it",
        })
    }
}

/// Begins a frame in `buffer`, which is cleared: room for the header, the payload goes behind it.
pub fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER_BYTES, 0);
}

/// Ends the frame in `buffer`: fills in the header and pads. Gives the checksum.
///
/// # Panics
///
/// If the payload has 4 GiB or more: one batch is bounded far below that.
pub fn finish(buffer: &mut Vec<u8>, first: u64, count: u32, previous: u32) -> u32 {
    let payload_bytes = u32::try_from(buffer.len() - HEADER_BYTES)
        .expect("a batch is bounded by what is in flight, far below 4 GiB");
    buffer[..4].copy_from_slice(&MAGIC);
    buffer[4..8].copy_from_slice(&payload_bytes.to_le_bytes());
    buffer[8..16].copy_from_slice(&first.to_le_bytes());
    buffer[16..20].copy_from_slice(&count.to_le_bytes());
    buffer[20..24].copy_from_slice(&previous.to_le_bytes());
    let checksum = checksum(&buffer[..24], &buffer[HEADER_BYTES..]);
    buffer[24..28].copy_from_slice(&checksum.to_le_bytes());
    buffer.resize(buffer.len().next_multiple_of(ALIGNMENT as usize), 0);
    checksum
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize()
}

/// What stands where a frame could.
#[derive(Debug)]
pub enum Next {
    /// A whole frame, its payload in the buffer.
    Frame(Header),
    /// Zeros or the end of the file.
    Nothing,
    /// Something else.
    Bad(Bad),
}

/// Reads one frame. `left` is how many bytes the file has from here on; `payload` is replaced.
pub fn read(source: &mut impl Read, left: u64, payload: &mut Vec<u8>) -> io::Result<Next> {
    let mut bytes = [0; HEADER_BYTES];
    let got = read_up_to(source, &mut bytes)?;
    if bytes[..got].iter().all(|byte| *byte == 0) {
        return Ok(Next::Nothing);
    }
    if got < HEADER_BYTES {
        return Ok(Next::Bad(Bad::Length));
    }
    let header = match Header::parse(&bytes) {
        Ok(header) => header,
        Err(bad) => return Ok(Next::Bad(bad)),
    };
    if header.frame_bytes() > left {
        return Ok(Next::Bad(Bad::Length));
    }
    let padded = header.frame_bytes() as usize - HEADER_BYTES;
    payload.clear();
    payload.resize(padded, 0);
    if read_up_to(source, payload)? < padded {
        return Ok(Next::Bad(Bad::Length));
    }
    payload.truncate(header.payload_bytes as usize);
    if checksum(&bytes[..24], payload) != header.checksum {
        return Ok(Next::Bad(Bad::Checksum));
    }
    Ok(Next::Frame(header))
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match source.read(&mut buffer[done..])? {
            0 => break,
            n => done += n,
        }
    }
    Ok(done)
}

/// Looks for a whole frame with a first position of at least `from` in `bytes`, whose start lies
/// on a frame boundary; gives its offset.
#[must_use]
pub fn find(bytes: &[u8], from: u64) -> Option<usize> {
    let mut payload = Vec::new();
    (0..bytes.len())
        .step_by(ALIGNMENT as usize)
        .filter(|at| bytes[*at..].starts_with(&MAGIC))
        .find(|at| {
            let rest = &bytes[*at..];
            let left = rest.len() as u64;
            let next = read(&mut &*rest, left, &mut payload);
            matches!(next, Ok(Next::Frame(header)) if header.first >= from)
        })
}
