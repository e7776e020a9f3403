//! Files in memory: for a broker that keeps nothing, and for tests that need a disk to fail.

use super::{File, Storage};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A folder in memory. A clone is the same folder.
///
/// It remembers which writes were not synced yet, and can be told to fail: enough to play a
/// power loss at any moment.
#[derive(Clone, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Content>,
    syncs_until_failure: Option<u32>,
}

#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    /// Writes since the last sync, oldest first: where, and what was there before.
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl Memory {
    /// A copy as a power loss would leave it: what was synced, and nothing of what was not.
    #[must_use]
    pub fn after_power_loss(&self) -> Self {
        let copy = Self::default();
        for (name, content) in &self.lock().files {
            let mut content = content.clone();
            for (at, before) in content.unsynced.drain(..).rev() {
                content.bytes[at..at + before.len()].copy_from_slice(&before);
            }
            copy.lock().files.insert(name.clone(), content);
        }
        copy
    }

    /// From the `syncs`th sync on (0 = the next), every sync fails.
    pub fn fail_syncs_after(&self, syncs: u32) {
        self.lock().syncs_until_failure = Some(syncs);
    }

    /// The bytes of a file.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.lock().files.get(name).map(|file| file.bytes.clone())
    }

    /// Sets the bytes of a file, as if they were on disk.
    pub fn set_content(&self, name: &str, bytes: Vec<u8>) {
        let content = Content {
            bytes,
            unsynced: Vec::new(),
        };
        self.lock().files.insert(name.to_owned(), content);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no file '{name}'"))
}

impl Storage for Memory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().files.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        if !self.lock().files.contains_key(name) {
            return Err(not_found(name));
        }
        Ok(Box::new(Open {
            folder: self.clone(),
            name: name.to_owned(),
        }))
    }

    fn create_zeroed(&self, name: &str, len: u64) -> io::Result<()> {
        self.set_content(
            name,
            vec![0; usize::try_from(len).map_err(io::Error::other)?],
        );
        Ok(())
    }

    fn write_whole(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        self.set_content(name, parts.concat());
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        let content = state.files.remove(from).ok_or_else(|| not_found(from))?;
        state.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match self.lock().files.remove(name) {
            Some(_) => Ok(()),
            None => Err(not_found(name)),
        }
    }

    fn path_of(&self, name: &str) -> String {
        format!("memory:{name}")
    }
}

struct Open {
    folder: Memory,
    name: String,
}

impl Open {
    fn with<T>(&self, act: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        match self.folder.lock().files.get_mut(&self.name) {
            Some(content) => Ok(act(content)),
            None => Err(not_found(&self.name)),
        }
    }
}

impl File for Open {
    fn size(&self) -> io::Result<u64> {
        self.with(|content| content.bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|content| {
            let from = content.bytes.len().min(offset as usize);
            let n = buffer.len().min(content.bytes.len() - from);
            buffer[..n].copy_from_slice(&content.bytes[from..from + n]);
            n
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|content| {
            let from = offset as usize;
            let end = from + bytes.len();
            if content.bytes.len() < end {
                content.bytes.resize(end, 0);
            }
            let before = content.bytes[from..end].to_vec();
            content.unsynced.push((from, before));
            content.bytes[from..end].copy_from_slice(bytes);
        })
    }

    fn sync(&self) -> io::Result<()> {
        match &mut self.folder.lock().syncs_until_failure {
            None => {}
            Some(0) => return Err(io::Error::other("the disk failed, as the test asked for")),
            Some(left) => *left -= 1,
        }
        self.with(|content| content.unsynced.clear())
    }
}
