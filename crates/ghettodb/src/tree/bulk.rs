//! Putting many records of a table at once: each directory is read and written once, in time that grows
//! with its size. One by one, each would be inserted into the sorted list of its directory.

use super::path::ROOT;
use super::{TreeEditor, View};
use crate::Error;
use gix::ObjectId;
use gix::objs::TreeRef;
use gix::objs::tree::{Entry, EntryKind};
use std::collections::{BTreeMap, HashSet};

impl View<'_> {
    /// Puts the files of a table's records at their paths into a tree that comes from this view and
    /// has no other changes in this table.
    pub(crate) fn put_many(
        &self,
        table: &str,
        files: &[(&str, ObjectId)],
        editor: &mut TreeEditor<'_>,
    ) -> Result<(), Error> {
        let parent = format!("{ROOT}/{table}");
        let table_tree = self.table(table)?;
        // The table's own directory comes first, then those in it.
        let mut directories: BTreeMap<&str, Vec<(&str, ObjectId)>> = BTreeMap::new();
        for (path, content) in files {
            let (directory, file) = path.rsplit_once('/').expect("a record's file is in db/");
            directories
                .entry(directory)
                .or_default()
                .push((file, *content));
        }
        for (directory, files) in directories {
            let base = match directory.strip_prefix(&format!("{parent}/")) {
                Some(fan) => self.directory(table_tree, fan, &format!("{parent}/"))?,
                None => table_tree,
            };
            editor.put_tree(directory, Some(self.directory_with(base, &files)?))?;
        }
        Ok(())
    }

    fn directory_with(
        &self,
        base: Option<ObjectId>,
        files: &[(&str, ObjectId)],
    ) -> Result<ObjectId, Error> {
        let mut tree = gix::objs::Tree::empty();
        if let Some(base) = base {
            let base = self.repo().find_tree(base).map_err(Error::repository)?;
            tree = TreeRef::from_bytes(&base.data, base.id.kind())
                .map_err(Error::repository)?
                .into();
        }
        let names: HashSet<&[u8]> = files.iter().map(|(name, _)| name.as_bytes()).collect();
        tree.entries
            .retain(|entry| !names.contains(entry.filename.as_slice()));
        tree.entries
            .extend(files.iter().map(|(name, content)| Entry {
                mode: EntryKind::Blob.into(),
                filename: (*name).into(),
                oid: *content,
            }));
        tree.entries.sort_unstable();
        let id = self.repo().write_object(&tree).map_err(Error::repository)?;
        Ok(id.detach())
    }
}
