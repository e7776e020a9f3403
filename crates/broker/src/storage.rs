//! Where the log and its snapshots lie: a folder of files, or memory.
//!
//! The one seam between the broker and the disk. It knows nothing of what is in the files; it
//! promises that what [`File::sync`], [`Storage::write_whole`] and [`Storage::rename`] returned
//! from survives a power loss.

mod folder;
mod memory;

pub use folder::Folder;
pub use memory::Memory;

use std::io;

/// A flat set of named files.
pub trait Storage: Send + Sync + 'static {
    /// The names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens a file that exists.
    fn open(&self, name: &str) -> io::Result<Box<dyn File>>;

    /// Makes a file of `len` zero bytes, all of them on disk, and its name too.
    ///
    /// Blocks that were written once make each later sync much cheaper than a file that grows.
    fn create_zeroed(&self, name: &str, len: u64) -> io::Result<()>;

    /// Makes or replaces a file in one step: after a crash it is there whole, or as before.
    fn write_whole(&self, name: &str, parts: &[&[u8]]) -> io::Result<()>;

    /// Gives a file another name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Deletes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// How a person finds the file: its path, for messages.
    fn path_of(&self, name: &str) -> String;
}

/// An open file.
pub trait File: Send {
    /// Its size in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Reads what is there from `offset` on, at most `buffer` full; 0 at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`; on disk only after [`File::sync`].
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Brings all that was written to the disk.
    fn sync(&self) -> io::Result<()>;
}

/// Reads a whole file.
pub(crate) fn read_whole(file: &dyn File) -> io::Result<Vec<u8>> {
    let size = file.size()?;
    let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(done as u64, &mut bytes[done..])? {
            0 => break,
            n => done += n,
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// Reads a file from an offset on as a stream.
pub(crate) struct Reader<'a> {
    file: &'a dyn File,
    offset: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: &'a dyn File, offset: u64) -> Self {
        Self { file, offset }
    }
}

impl io::Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(self.offset, buffer)?;
        self.offset += n as u64;
        Ok(n)
    }
}
