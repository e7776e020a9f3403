//! One directory of a commit, for looking up names in it: unpacked once, however many are asked for.

use crate::{Error, name};
use gix::ObjectId;
use gix::hash::Kind;
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryMode;
use gix::objs::tree::EntryRef;
use std::cell::{Cell, OnceCell};
use std::cmp::Ordering;
use std::collections::HashSet;

/// So many times all names are gone through for one that may clash with them; whoever asks more often
/// gets an answer from a set that costs as much as several of these.
const SWEEPS_MAX: u32 = 2;

/// The entries of a tree.
pub(super) struct Directory {
    data: Vec<u8>,
    hash: Kind,
    /// Where in `data` each entry starts, in git's order.
    starts: Vec<usize>,
    /// What each name is on a file system that ignores case; made for those who ask often.
    folded: OnceCell<HashSet<String>>,
    sweeps: Cell<u32>,
}

impl Directory {
    /// Reads a tree's bytes.
    ///
    /// # Errors
    /// An entry that is none.
    pub(super) fn new(data: Vec<u8>, hash: Kind) -> Result<Self, Error> {
        let mut starts = Vec::new();
        let mut entries = TreeRefIter::from_bytes(&data, hash);
        loop {
            let start = entries.offset_to_next_entry(&data);
            match entries.next() {
                Some(entry) => entry.map_err(Error::repository)?,
                None => break,
            };
            starts.push(start);
        }
        Ok(Directory {
            data,
            hash,
            starts,
            folded: OnceCell::new(),
            sweeps: Cell::new(0),
        })
    }

    /// The entry of that name.
    pub(super) fn entry(&self, name: &str) -> Option<(EntryMode, ObjectId)> {
        // Git sorts a directory as if its name ended with a slash.
        [&b""[..], b"/"].into_iter().find_map(|end| {
            let place = self.starts.binary_search_by(|start| {
                self.at(*start)
                    .map_or(Ordering::Greater, |entry| order(&entry, name, end))
            });
            let entry = self.at(self.starts[place.ok()?])?;
            (entry.filename == name).then(|| (entry.mode, entry.oid.to_owned()))
        })
    }

    /// Whether an entry has that content.
    pub(super) fn holds(&self, object: ObjectId) -> bool {
        let mut entries = self.starts.iter().filter_map(|start| self.at(*start));
        entries.any(|entry| entry.oid == object)
    }

    /// The names, in git's order; one that is not UTF-8 is passed over.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.starts
            .iter()
            .filter_map(|start| std::str::from_utf8(self.at(*start)?.filename).ok())
    }

    /// The other names that are the same as this one on a file system that ignores case.
    pub(super) fn clashes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.may_clash(name)
            .then(|| self.names().filter(|other| name::clash(other, name)))
            .into_iter()
            .flatten()
    }

    /// False only where no other name is the same.
    fn may_clash(&self, name: &str) -> bool {
        if self.sweeps.get() < SWEEPS_MAX {
            self.sweeps.set(self.sweeps.get() + 1);
            return true;
        }
        let folded = self
            .folded
            .get_or_init(|| self.names().map(name::fold).collect());
        folded.contains(&name::fold(name))
    }

    fn at(&self, start: usize) -> Option<EntryRef<'_>> {
        TreeRefIter::from_bytes(&self.data[start..], self.hash)
            .next()?
            .ok()
    }
}

fn order(entry: &EntryRef<'_>, name: &str, end: &[u8]) -> Ordering {
    let entry_end: &[u8] = if entry.mode.is_tree() { b"/" } else { b"" };
    let entry = entry.filename.iter().chain(entry_end);
    entry.cmp(name.as_bytes().iter().chain(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gix::objs::tree::{Entry, EntryKind};
    use gix::objs::{Tree, WriteTo as _};

    fn directory(names: &[(&str, EntryKind)]) -> Directory {
        let mut entries: Vec<Entry> = names
            .iter()
            .enumerate()
            .map(|(place, (name, kind))| Entry {
                mode: (*kind).into(),
                filename: (*name).into(),
                oid: ObjectId::from_bytes_or_panic(&[u8::try_from(place).unwrap(); 20]),
            })
            .collect();
        entries.sort();
        let mut data = Vec::new();
        Tree { entries }.write_to(&mut data).unwrap();
        Directory::new(data, Kind::Sha1).unwrap()
    }

    #[test]
    fn each_name_is_found_files_and_directories_in_gits_order() {
        let names = [
            ("a", EntryKind::Tree),
            ("a.json", EntryKind::Blob),
            ("a-b.json", EntryKind::Blob),
            ("a0", EntryKind::Tree),
            ("b.json", EntryKind::Link),
            ("ä.json", EntryKind::Blob),
        ];
        let directory = directory(&names);
        for (place, (name, kind)) in names.iter().enumerate() {
            let (mode, object) = directory.entry(name).unwrap();
            assert_eq!(mode.kind(), *kind, "{name}");
            assert_eq!(object.as_bytes()[0], u8::try_from(place).unwrap(), "{name}");
        }
        for name in ["", "a.jso", "a.json/", "a/", "A", "b", "z"] {
            assert_eq!(directory.entry(name), None, "{name}");
        }
    }

    #[test]
    fn clashes_are_the_same_however_often_they_are_asked_for() {
        let directory = directory(&[("Ann", EntryKind::Blob), ("bob", EntryKind::Blob)]);
        for _ in 0..=2 * SWEEPS_MAX {
            let clashes = |name| directory.clashes(name).collect::<Vec<_>>();
            assert_eq!(clashes("ann"), ["Ann"]);
            assert_eq!(clashes("Ann"), [""; 0]);
            assert_eq!(clashes("carl"), [""; 0]);
        }
    }

    #[test]
    fn an_empty_directory_and_a_broken_one() {
        assert_eq!(directory(&[]).entry("a"), None);
        assert!(Directory::new(b"100644 a\0short".to_vec(), Kind::Sha1).is_err());
    }
}
