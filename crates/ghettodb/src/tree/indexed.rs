//! What a view offers to the index, and asks of it.

use super::View;
use crate::query::Query;

#[cfg(not(feature = "sqlite"))]
impl View<'_> {
    pub(super) fn indexed(&self, _table: &str, _query: &Query<'_>) -> Option<Vec<String>> {
        match *self.index? {}
    }
}

#[cfg(feature = "sqlite")]
impl View<'_> {
    /// The ids of all records that can match, and of some that cannot, sorted; none where there is no
    /// index, or none that helps with this query.
    pub(super) fn indexed(&self, table: &str, query: &Query<'_>) -> Option<Vec<String>> {
        let lookups = query.lookups();
        let index = self.index.filter(|_| !lookups.is_empty())?;
        // A search without the index meets a fault here too, and tells it.
        let tree = self.table(table).ok()??;
        let table = table::Indexed {
            view: self,
            name: table,
            tree,
        };
        index.candidates(&table, &lookups)
    }
}

#[cfg(feature = "sqlite")]
mod table {
    use crate::index::{self, Changes, Entry, FILES_MIN, Keys, Table};
    use crate::tree::path::SUFFIX;
    use crate::tree::{Compared, View, compared};
    use crate::{Error, name, record};
    use gix::ObjectId;
    use gix::objs::tree::{EntryKind, EntryMode};

    pub(super) struct Indexed<'v> {
        pub(super) view: &'v View<'v>,
        pub(super) name: &'v str,
        pub(super) tree: ObjectId,
    }

    impl Table for Indexed<'_> {
        fn name(&self) -> &str {
            self.name
        }

        fn tree(&self) -> ObjectId {
            self.tree
        }

        fn files(&self) -> Result<Option<Vec<Entry>>, Error> {
            let mut is_sound = true;
            let files = self.view.files(self.name, &mut |_| {
                is_sound = false;
                Ok(())
            })?;
            if files.len() < FILES_MIN || !is_sound {
                return Ok(None);
            }
            let mut entries: Vec<Entry> = files
                .into_iter()
                .map(|file| Entry {
                    id: file.id,
                    object: file.object,
                })
                .collect();
            entries.sort_unstable();
            let stands_twice = entries.windows(2).any(|pair| pair[0].id == pair[1].id);
            Ok((!stands_twice).then_some(entries))
        }

        fn changes_since(&self, tree: ObjectId) -> Result<Option<Changes>, Error> {
            let repo = self.view.repo();
            let trees = (repo.try_find_object(tree), repo.find_tree(self.tree));
            let (Ok(Some(before)), Ok(after)) = trees else {
                return Ok(None);
            };
            // Of an old tree, parts may be missing.
            Ok(compared(repo, &before.data, &after.data)
                .ok()
                .and_then(fold))
        }

        fn keys(&self, files: &[Entry], paths: &[String]) -> Result<Vec<Keys>, Error> {
            let blobs: Vec<ObjectId> = files.iter().map(|file| file.object).collect();
            let keys = self.view.objects.visit_blobs(&blobs, |place, text| {
                let record = record::parse("", &files[place].id, text).ok();
                Some(index::keys(record.as_ref(), paths))
            })?;
            Ok(keys.into_iter().map(|(_, keys)| keys).collect())
        }
    }

    /// None where what is new is not only records in their places.
    fn fold(records: Vec<Compared>) -> Option<Changes> {
        let mut changes = Changes::default();
        for Compared {
            path,
            before,
            after,
        } in records
        {
            let path = std::str::from_utf8(&path).ok()?;
            if before.is_some_and(|(mode, _)| !mode.is_tree())
                && let Some(id) = id_of(path)
            {
                changes.removed.push(id.to_owned());
            }
            if let Some((mode, object)) = after
                && !passed_over(path, mode)
            {
                let id = id_of(path).filter(|_| mode.kind() == EntryKind::Blob)?;
                changes.added.push(Entry {
                    id: id.to_owned(),
                    object,
                });
            }
        }
        Some(changes)
    }

    /// The record whose file has this path in a table.
    fn id_of(path: &str) -> Option<&str> {
        let path = path.strip_suffix(SUFFIX)?;
        match path.split_once('/') {
            Some((directory, id)) => (name::fan(id) == directory).then_some(id),
            None => Some(path),
        }
    }

    /// Whether an entry is none that a listing of the table looks at: the fan-out directories, whose
    /// files come by themselves, and plain files of other kinds.
    fn passed_over(path: &str, mode: EntryMode) -> bool {
        match mode.kind() {
            EntryKind::Tree => name::is_fan(path),
            EntryKind::Blob => !path.ends_with(SUFFIX),
            EntryKind::BlobExecutable | EntryKind::Link | EntryKind::Commit => false,
        }
    }
}
