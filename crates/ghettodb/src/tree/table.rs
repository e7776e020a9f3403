//! The directory of a table as one list of files, its fan-out directories opened: for what looks at
//! all of it or moves much of it. Names are bytes here, since anything can stand in a tree.

use super::path::SUFFIX;
use super::{ROOT, View};
use crate::settings::Layout;
use crate::{Error, name};
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::{EntryKind, EntryMode};
use gix::objs::{Tree, TreeRefIter};
use std::collections::BTreeMap;

/// What stands in a table's directory, or in a fan-out directory of it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The fan-out directory; none where it stands in the table itself.
    pub(crate) fan: Option<String>,
    pub(crate) name: BString,
    pub(crate) mode: EntryMode,
    pub(crate) object: ObjectId,
}

impl Entry {
    /// The `_id` that the file's name gives; none where it is no name of a record's file.
    pub(crate) fn id(&self) -> Option<&str> {
        self.name.to_str().ok()?.strip_suffix(SUFFIX)
    }

    /// Where it stands, as it can be shown.
    pub(crate) fn path(&self, table: &str) -> String {
        match &self.fan {
            Some(fan) => format!("{ROOT}/{table}/{fan}/{}", self.name),
            None => format!("{ROOT}/{table}/{}", self.name),
        }
    }

    /// The layout that puts a record's file here; none where no layout does.
    pub(crate) fn layout(&self, id: &str) -> Option<Layout> {
        match &self.fan {
            None => Some(Layout::Flat),
            Some(fan) => (name::fan(id) == *fan).then_some(Layout::FanOut),
        }
    }

    /// Moves a record's file to where the layout puts it.
    pub(crate) fn place(&mut self, layout: Layout) {
        if let Some(id) = self.id() {
            self.fan = match layout {
                Layout::Flat => None,
                Layout::FanOut => Some(name::fan(id)),
            };
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.mode.kind() == EntryKind::Blob
    }
}

impl<'r> View<'r> {
    /// All that stands in a tree.
    fn list(&self, tree: ObjectId, fan: Option<&str>) -> Result<Vec<Entry>, Error> {
        let tree = self.repo().find_tree(tree).map_err(Error::repository)?;
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(&tree.data, tree.id.kind()) {
            let entry = entry.map_err(Error::repository)?;
            entries.push(Entry {
                fan: fan.map(str::to_owned),
                name: entry.filename.to_owned(),
                mode: entry.mode,
                object: entry.oid.to_owned(),
            });
        }
        Ok(entries)
    }

    /// All that stands in the root of the repository.
    pub(crate) fn list_root(&self) -> Result<Vec<Entry>, Error> {
        self.root
            .map_or(Ok(Vec::new()), |root| self.list(root, None))
    }

    /// All that stands in `db/`.
    pub(crate) fn list_db(&self) -> Result<Vec<Entry>, Error> {
        self.db.map_or(Ok(Vec::new()), |db| self.list(db, None))
    }

    /// All that stands in a table, in the place of each fan-out directory what it holds.
    pub(crate) fn list_table(&self, table: &str) -> Result<Vec<Entry>, Error> {
        let Some(tree) = self.table(table)? else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for entry in self.list(tree, None)? {
            match entry.name.to_str() {
                Ok(fan) if entry.mode.is_tree() && name::is_fan(fan) => {
                    entries.extend(self.list(entry.object, Some(fan))?);
                }
                _ => entries.push(entry),
            }
        }
        Ok(entries)
    }

    /// Writes the tree of a table; none where nothing is in it.
    pub(crate) fn write_table(
        &self,
        table: &str,
        entries: Vec<Entry>,
    ) -> Result<Option<ObjectId>, Error> {
        let mut fans: BTreeMap<Option<String>, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            fans.entry(entry.fan.clone()).or_default().push(entry);
        }
        let mut root = fans.remove(&None).unwrap_or_default();
        for (fan, entries) in fans {
            let fan = fan.unwrap_or_default();
            root.push(Entry {
                object: self.write_tree(entries)?,
                mode: EntryKind::Tree.into(),
                name: fan.into(),
                fan: None,
            });
        }
        let mut names: Vec<&BString> = root.iter().map(|entry| &entry.name).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::BadRecord {
                path: format!("{ROOT}/{table}/{}", pair[0]),
                line: 0,
                column: 0,
                reason: "it stands where a fan-out directory belongs; rename it".to_owned(),
            });
        }
        match root.is_empty() {
            true => Ok(None),
            false => self.write_tree(root).map(Some),
        }
    }

    fn write_tree(&self, entries: Vec<Entry>) -> Result<ObjectId, Error> {
        let mut entries: Vec<_> = entries
            .into_iter()
            .map(|entry| gix::objs::tree::Entry {
                mode: entry.mode,
                filename: entry.name,
                oid: entry.object,
            })
            .collect();
        entries.sort();
        let tree = self.repo().write_object(Tree { entries });
        Ok(tree.map_err(Error::repository)?.detach())
    }

    /// The content of a file.
    pub(crate) fn content(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        self.objects.blob(entry.object)
    }

    /// Gets the contents of these files in one request, where they are elsewhere.
    pub(crate) fn prefetch_entries<'e>(
        &self,
        entries: impl Iterator<Item = &'e Entry>,
    ) -> Result<(), Error> {
        self.objects.prefetch(entries.map(|entry| entry.object))
    }

    pub(crate) fn write_content(&self, content: &[u8]) -> Result<ObjectId, Error> {
        let blob = self.repo().write_blob(content).map_err(Error::repository)?;
        Ok(blob.detach())
    }
}
