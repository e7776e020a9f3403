//! Records in git trees: where a record's file stands, reading it, and writing a tree with the
//! changes of a transaction.
//!
//! A table is `db/<table>/`; a record is `<_id>.json` in it, or in a fan-out directory named after
//! the id's first two hex digits. Readers take both; a new record of table `operations` is fanned
//! out, one of another table is not. Nothing is followed: a symbolic link, a submodule or an
//! executable is not a record.

use crate::once::OPERATIONS;
use crate::query::Query;
use crate::transaction::{Base, Changes, sort_by_id};
use crate::{Error, Record, name, record, record_json};
use gix::ObjectId;
use gix::objs::TreeRefIter;
use gix::objs::tree::{EntryKind, EntryMode};
use std::collections::HashSet;

/// The folder of all tables.
pub(crate) const ROOT: &str = "db";
const SUFFIX: &str = ".json";

/// The records of one commit.
#[derive(Clone, Copy)]
pub(crate) struct View<'r> {
    repo: &'r gix::Repository,
    /// The tree of the whole commit; none in an empty repository.
    root: Option<ObjectId>,
    /// The tree of `db/`.
    db: Option<ObjectId>,
}

/// A file that stands where a record's file can stand.
struct File {
    path: String,
    id: String,
    mode: EntryMode,
    object: ObjectId,
}

impl<'r> View<'r> {
    pub(crate) fn new(repo: &'r gix::Repository, commit: Option<ObjectId>) -> Result<Self, Error> {
        let Some(commit) = commit else {
            return Ok(View {
                repo,
                root: None,
                db: None,
            });
        };
        let commit = repo.find_commit(commit).map_err(Error::repository)?;
        let root = commit.tree_id().map_err(Error::repository)?.detach();
        let mut view = View {
            repo,
            root: Some(root),
            db: None,
        };
        view.db = view.directory(Some(root), ROOT, "")?;
        Ok(view)
    }

    pub(crate) fn db(&self) -> Option<ObjectId> {
        self.db
    }

    /// The entries of a tree, in git's order.
    fn each(
        &self,
        tree: ObjectId,
        mut visit: impl FnMut(&str, EntryMode, ObjectId) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let tree = self.repo.find_tree(tree).map_err(Error::repository)?;
        for entry in TreeRefIter::from_bytes(&tree.data, tree.id.kind()) {
            let entry = entry.map_err(Error::repository)?;
            // A name that is not UTF-8 cannot be one of ours, and meets none of ours.
            if let Ok(name) = std::str::from_utf8(entry.filename) {
                visit(name, entry.mode, entry.oid.to_owned())?;
            }
        }
        Ok(())
    }

    fn entry(
        &self,
        tree: Option<ObjectId>,
        name: &str,
    ) -> Result<Option<(EntryMode, ObjectId)>, Error> {
        let Some(tree) = tree else {
            return Ok(None);
        };
        let tree = self.repo.find_tree(tree).map_err(Error::repository)?;
        for entry in TreeRefIter::from_bytes(&tree.data, tree.id.kind()) {
            let entry = entry.map_err(Error::repository)?;
            if entry.filename == name {
                return Ok(Some((entry.mode, entry.oid.to_owned())));
            }
        }
        Ok(None)
    }

    /// The sub-tree of that name; something else of that name is an error.
    fn directory(
        &self,
        tree: Option<ObjectId>,
        name: &str,
        parent: &str,
    ) -> Result<Option<ObjectId>, Error> {
        match self.entry(tree, name)? {
            None => Ok(None),
            Some((mode, object)) if mode.is_tree() => Ok(Some(object)),
            Some(_) => Err(Error::BadRecord {
                path: format!("{parent}{name}"),
                line: 0,
                column: 0,
                reason: "a directory is expected here".to_owned(),
            }),
        }
    }

    fn table(&self, table: &str) -> Result<Option<ObjectId>, Error> {
        self.directory(self.db, table, "db/")
    }

    /// The files of one record: none or one in a sound table.
    fn places(&self, table: &str, id: &str) -> Result<Vec<File>, Error> {
        let tree = self.table(table)?;
        let file_name = format!("{id}{SUFFIX}");
        let mut directories = vec![(tree, format!("{ROOT}/{table}/"))];
        if let Some(fan) = name::fan(id) {
            let parent = &directories[0].1;
            directories.push((
                self.directory(tree, &fan, parent)?,
                format!("{parent}{fan}/"),
            ));
        }
        let mut places = Vec::new();
        for (tree, parent) in directories {
            if let Some((mode, object)) = self.entry(tree, &file_name)? {
                places.push(File {
                    path: format!("{parent}{file_name}"),
                    id: id.to_owned(),
                    mode,
                    object,
                });
            }
        }
        Ok(places)
    }

    /// All files of a table. What is neither a record's file nor a fan-out is given to `stray`;
    /// files of other kinds (`.gitkeep`, a README) are passed over.
    fn files(
        &self,
        table: &str,
        stray: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<Vec<File>, Error> {
        let Some(tree) = self.table(table)? else {
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        let mut fans = Vec::new();
        let parent = format!("{ROOT}/{table}/");
        self.each(tree, |entry, mode, object| {
            if mode.is_tree() && name::is_fan(entry) {
                fans.push((format!("{parent}{entry}/"), object));
                return Ok(());
            }
            collect(&parent, entry, mode, object, &mut files, stray)
        })?;
        for (parent, tree) in fans {
            self.each(tree, |entry, mode, object| {
                collect(&parent, entry, mode, object, &mut files, stray)
            })?;
        }
        Ok(files)
    }

    /// The text of a record's file.
    fn text(&self, file: &File) -> Result<Vec<u8>, Error> {
        if file.mode.kind() != EntryKind::Blob {
            return Err(not_a_record(&file.path, file.mode));
        }
        let mut blob = self
            .repo
            .find_blob(file.object)
            .map_err(Error::repository)?;
        Ok(blob.take_data())
    }

    /// The records of a table that match, by `_id`; what is no record is given to `bad`.
    pub(crate) fn search(
        &self,
        table: &str,
        query: &Query<'_>,
        hidden: &dyn Fn(&str) -> bool,
        bad: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<Vec<Record>, Error> {
        let files = self.files(table, bad)?;
        let mut found = Vec::new();
        let mut seen = HashSet::with_capacity(files.len());
        for file in &files {
            if hidden(&file.id) {
                continue;
            }
            if !seen.insert(file.id.as_str()) {
                bad(stands_twice(&file.path))?;
                continue;
            }
            let text = match self.text(file) {
                Ok(text) => text,
                Err(error @ Error::BadRecord { .. }) => {
                    bad(error)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if !query.may_match(&text) {
                continue;
            }
            match record::parse(&file.path, &file.id, &text) {
                Ok(record) if query.matches(&record) => found.push(record),
                Ok(_) => {}
                Err(error) => bad(error)?,
            }
        }
        sort_by_id(&mut found);
        Ok(found)
    }

    /// Writes the tree of the whole commit with the changes applied.
    pub(crate) fn write(&self, changes: &Changes) -> Result<ObjectId, Error> {
        let root = self
            .root
            .unwrap_or_else(|| ObjectId::empty_tree(self.repo.object_hash()));
        let mut editor = self.repo.edit_tree(root).map_err(Error::repository)?;
        for table in &changes.dropped {
            editor
                .remove(format!("{ROOT}/{table}"))
                .map_err(Error::repository)?;
        }
        for ((table, id), record) in &changes.records {
            let places = self.places(table, id)?;
            match record {
                None => {
                    for file in places {
                        editor.remove(file.path).map_err(Error::repository)?;
                    }
                }
                Some(record) => {
                    let blob = self
                        .repo
                        .write_blob(record_json(record))
                        .map_err(Error::repository)?;
                    let path = places
                        .into_iter()
                        .next()
                        .map_or_else(|| new_path(table, id), |file| file.path);
                    editor
                        .upsert(path, EntryKind::Blob, blob)
                        .map_err(Error::repository)?;
                }
            }
        }
        Ok(editor.write().map_err(Error::repository)?.detach())
    }
}

/// Where a new record's file goes.
fn new_path(table: &str, id: &str) -> String {
    match name::fan(id) {
        Some(fan) if table == OPERATIONS => format!("{ROOT}/{table}/{fan}/{id}{SUFFIX}"),
        _ => format!("{ROOT}/{table}/{id}{SUFFIX}"),
    }
}

/// Table and id of the record whose file has this path.
pub(crate) fn record_of(path: &str) -> Option<(&str, &str)> {
    let (table, file) = path.strip_prefix("db/")?.split_once('/')?;
    let file = match file.split_once('/') {
        Some((fan, file)) if name::is_fan(fan) => file,
        _ => file,
    };
    let id = file.strip_suffix(SUFFIX)?;
    (!id.contains('/')).then_some((table, id))
}

fn collect(
    parent: &str,
    entry: &str,
    mode: EntryMode,
    object: ObjectId,
    files: &mut Vec<File>,
    stray: &mut dyn FnMut(Error) -> Result<(), Error>,
) -> Result<(), Error> {
    match (entry.strip_suffix(SUFFIX), mode.kind()) {
        (Some(id), EntryKind::Blob) => files.push(File {
            path: format!("{parent}{entry}"),
            id: id.to_owned(),
            mode,
            object,
        }),
        (None, EntryKind::Blob) => {}
        _ => stray(not_a_record(&format!("{parent}{entry}"), mode))?,
    }
    Ok(())
}

fn not_a_record(path: &str, mode: EntryMode) -> Error {
    let found = match mode.kind() {
        EntryKind::Tree => "a directory",
        EntryKind::Link => "a symbolic link, which is never followed",
        EntryKind::Commit => "a submodule",
        EntryKind::BlobExecutable => "executable",
        EntryKind::Blob => "a file",
    };
    Error::BadRecord {
        path: path.to_owned(),
        line: 0,
        column: 0,
        reason: format!("it is {found}; a record is a plain file (mode 100644) named `<_id>.json`"),
    }
}

fn stands_twice(path: &str) -> Error {
    Error::BadRecord {
        path: path.to_owned(),
        line: 0,
        column: 0,
        reason: "the record stands twice, in the table and in its fan-out directory".to_owned(),
    }
}

impl Base for View<'_> {
    fn get(&self, table: &str, id: &str) -> Result<Option<Record>, Error> {
        let places = self.places(table, id)?;
        let Some(file) = places.first() else {
            return Ok(None);
        };
        if places.len() > 1 {
            return Err(stands_twice(&file.path));
        }
        record::parse(&file.path, id, &self.text(file)?).map(Some)
    }

    fn exists(&self, table: &str, id: &str) -> Result<bool, Error> {
        Ok(!self.places(table, id)?.is_empty())
    }

    fn find(
        &self,
        table: &str,
        query: &Query<'_>,
        hidden: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Record>, Error> {
        self.search(table, query, hidden, &mut Err)
    }

    fn ids(&self, table: &str) -> Result<Vec<String>, Error> {
        let files = self.files(table, &mut |_| Ok(()))?;
        Ok(files.into_iter().map(|file| file.id).collect())
    }

    fn neighbours(&self, table: &str, id: &str) -> Result<Vec<String>, Error> {
        let tree = self.table(table)?;
        let mut ids = Vec::new();
        let mut add = |entry: &str, _, _| {
            ids.extend(entry.strip_suffix(SUFFIX).map(str::to_owned));
            Ok(())
        };
        if let Some(tree) = tree {
            self.each(tree, &mut add)?;
        }
        if let Some(fan) = name::fan(id)
            && let Some(tree) = self.directory(tree, &fan, &format!("{ROOT}/{table}/"))?
        {
            self.each(tree, &mut add)?;
        }
        Ok(ids)
    }

    fn tables(&self) -> Result<Vec<String>, Error> {
        let mut tables = Vec::new();
        if let Some(db) = self.db {
            self.each(db, |name, mode, _| {
                if mode.is_tree() {
                    tables.push(name.to_owned());
                }
                Ok(())
            })?;
        }
        tables.sort();
        Ok(tables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_records() {
        assert_eq!(new_path("stock", "ab12"), "db/stock/ab12.json");
        assert_eq!(new_path("operations", "ab12"), "db/operations/ab/ab12.json");
        assert_eq!(new_path("operations", "zz"), "db/operations/zz.json");
        assert_eq!(record_of("db/stock/ab12.json"), Some(("stock", "ab12")));
        assert_eq!(
            record_of("db/operations/ab/ab12.json"),
            Some(("operations", "ab12"))
        );
        assert_eq!(record_of("db/stock/x/y.json"), None);
        assert_eq!(record_of("db/stock/README.md"), None);
        assert_eq!(record_of("db/x.json"), None);
        assert_eq!(record_of("src/stock/x.json"), None);
    }
}
