//! Records in git trees: where a record's file stands, reading it, and writing a tree with the
//! changes of a transaction.
//!
//! A table is `db/<table>/`; a record is `<_id>.json` in it, or in a fan-out directory of it. Readers
//! take both; a new record goes where the table's settings say, and an old one stays where it is.
//! Nothing is followed: a symbolic link, a submodule or an executable is not a record.

mod bulk;
mod carried;
mod compared;
mod directory;
mod editor;
mod indexed;
mod path;
mod search;
mod table;
mod walk;

use crate::git::Objects;
use crate::index::Index;
use crate::once::OPERATIONS;
use crate::query::Query;
use crate::settings::{Layout, TABLES, TableSettings};
use crate::transaction::{Base, Changes};
use crate::{Error, Record, name, record, record_json};
use gix::ObjectId;
use gix::objs::TreeRefIter;
use gix::objs::tree::{EntryKind, EntryMode};
use path::SUFFIX;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use directory::Directory;

pub(crate) use carried::Carried;
pub(crate) use compared::{Compared, compared};
pub(crate) use editor::{NewTree, TreeEditor};
pub(crate) use path::{ROOT, path_of, record_of};
pub(crate) use table::Entry;

/// Where the settings stand.
const SETTINGS_DIRECTORY: &str = "db/_tables/";

/// The records of one commit.
#[derive(Clone)]
pub(crate) struct View<'r> {
    objects: &'r Objects,
    /// The tree of the whole commit; none in an empty repository.
    root: Option<ObjectId>,
    /// The tree of `db/`.
    db: Option<ObjectId>,
    index: Option<&'r Index>,
    /// Those in which names were looked up, by their trees.
    directories: Rc<RefCell<HashMap<ObjectId, Rc<Directory>>>>,
    /// The settings that the commit carries, and those that were read.
    carried: Rc<RefCell<Carried>>,
}

/// A file that stands where a record's file can stand.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// With a slash at the end.
    pub(crate) directory: Arc<str>,
    pub(crate) id: String,
    pub(crate) mode: EntryMode,
    pub(crate) object: ObjectId,
}

impl File {
    pub(crate) fn path(&self) -> String {
        format!("{}{}{SUFFIX}", self.directory, self.id)
    }
}

impl<'r> View<'r> {
    pub(crate) fn new(objects: &'r Objects, commit: Option<ObjectId>) -> Result<Self, Error> {
        let mut view = View {
            objects,
            root: None,
            db: None,
            index: None,
            directories: Rc::default(),
            carried: Rc::default(),
        };
        if let Some(commit) = commit {
            let commit = view.repo().find_commit(commit).map_err(Error::repository)?;
            view.root = Some(commit.tree_id().map_err(Error::repository)?.detach());
            view.db = view.directory(view.root, ROOT, "")?;
            view.carried = Rc::new(RefCell::new(Carried::of(&commit)?));
        }
        Ok(view)
    }

    /// Contents are read and written there.
    pub(crate) fn objects(&self) -> &'r Objects {
        self.objects
    }

    /// The same, searching with an index.
    pub(crate) fn with_index(self, index: Option<&'r Index>) -> Self {
        View { index, ..self }
    }

    pub(crate) fn repo(&self) -> &'r gix::Repository {
        self.objects.repo()
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
        let tree = self.repo().find_tree(tree).map_err(Error::repository)?;
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
        match tree {
            Some(tree) => Ok(self.opened(tree)?.entry(name)),
            None => Ok(None),
        }
    }

    /// A directory in which names are looked up.
    fn opened(&self, tree: ObjectId) -> Result<Rc<Directory>, Error> {
        if let Some(directory) = self.directories.borrow().get(&tree) {
            return Ok(Rc::clone(directory));
        }
        let data = self.repo().find_tree(tree).map_err(Error::repository)?;
        let directory = Rc::new(Directory::new(data.detach().data, tree.kind())?);
        self.directories
            .borrow_mut()
            .insert(tree, Rc::clone(&directory));
        Ok(directory)
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
            Some(_) => Err(no_directory(format!("{parent}{name}"))),
        }
    }

    /// The directory of a table.
    pub(crate) fn table(&self, table: &str) -> Result<Option<ObjectId>, Error> {
        self.directory(self.db, table, "db/")
    }

    /// The files of one record: none or one in a sound table. The one in the fan-out comes first.
    pub(crate) fn places(&self, table: &str, id: &str) -> Result<Vec<File>, Error> {
        let Some(tree) = self.table(table)? else {
            return Ok(Vec::new());
        };
        let file_name = format!("{id}{SUFFIX}");
        let fan = name::fan(id);
        let parent = format!("{ROOT}/{table}/");
        let flat = self.entry(Some(tree), &file_name)?;
        let fanned = self.directory(Some(tree), &fan, &parent)?;
        let fanned = self.entry(fanned, &file_name)?;
        let file = |directory: String, (mode, object)| File {
            directory: directory.into(),
            id: id.to_owned(),
            mode,
            object,
        };
        let fanned = fanned.map(|entry| file(format!("{parent}{fan}/"), entry));
        let flat = flat.map(|entry| file(parent, entry));
        Ok(fanned.into_iter().chain(flat).collect())
    }

    /// All files of a table. What is neither a record's file nor a fan-out is given to `stray`;
    /// files of other kinds (`.gitkeep`, a README) are passed over.
    pub(crate) fn files(
        &self,
        table: &str,
        stray: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<Vec<File>, Error> {
        let Some(tree) = self.table(table)? else {
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        let mut fans: Vec<(Arc<str>, ObjectId)> = Vec::new();
        let parent: Arc<str> = format!("{ROOT}/{table}/").into();
        self.each(tree, |entry, mode, object| {
            if mode.is_tree() && name::is_fan(entry) {
                fans.push((Arc::from(format!("{parent}{entry}/")), object));
                return Ok(());
            }
            collect(&parent, entry, mode, object, &mut files, stray)
        })?;
        for (parent, tree) in fans {
            let directory = &parent[parent.len() - 3..parent.len() - 1];
            self.each(tree, |entry, mode, object| {
                match entry.strip_suffix(SUFFIX) {
                    Some(id) if name::fan(id) != directory => stray(misplaced(&parent, entry)),
                    _ => collect(&parent, entry, mode, object, &mut files, stray),
                }
            })?;
        }
        Ok(files)
    }

    /// The text of a record's file.
    pub(crate) fn text(&self, file: &File) -> Result<Vec<u8>, Error> {
        if file.mode.kind() != EntryKind::Blob {
            return Err(not_a_record(&file.path(), file.mode));
        }
        if *file.directory != *SETTINGS_DIRECTORY {
            return self.objects.blob(file.object);
        }
        let mut carried = self.carried.borrow_mut();
        if let Some(text) = carried.get(file.object) {
            return Ok(text.to_owned());
        }
        let text = self.objects.blob(file.object)?;
        carried.add(file.object, &text);
        Ok(text)
    }

    /// The settings that a commit on this one can carry.
    pub(crate) fn carried(&self) -> Result<Carried, Error> {
        let Some(tree) = self.table(TABLES)? else {
            return Ok(Carried::default());
        };
        let there = self.opened(tree)?;
        let carried = self.carried.borrow().clone();
        Ok(carried.into_wanted(|id| there.holds(id)))
    }

    /// The record in a file, of whichever commit.
    pub(crate) fn record(&self, file: &File) -> Result<Record, Error> {
        record::parse(&file.path(), &file.id, &self.text(file)?)
    }

    /// What the database says about a table.
    pub(crate) fn settings(&self, table: &str) -> Result<TableSettings, Error> {
        match self.get(TABLES, table)? {
            Some(record) => TableSettings::from_record(table, &record),
            None => Ok(TableSettings::default()),
        }
    }

    /// An editor of the whole commit's tree.
    pub(crate) fn editor(&self) -> Result<TreeEditor<'r>, Error> {
        TreeEditor::new(self.objects, self.root)
    }

    /// The tree of the whole commit with the changes applied.
    pub(crate) fn tree_with(&self, changes: &Changes) -> Result<NewTree, Error> {
        let mut editor = self.editor()?;
        self.apply(changes, &mut editor)?;
        editor.finish()
    }

    /// Applies changes of this view's records to a tree that comes from it.
    pub(crate) fn apply(
        &self,
        changes: &Changes,
        editor: &mut TreeEditor<'_>,
    ) -> Result<(), Error> {
        for table in &changes.dropped {
            editor.remove(&format!("{ROOT}/{table}"))?;
        }
        // The changes are sorted by table.
        let mut table_layout: Option<(&str, Layout)> = None;
        for ((table, id), record) in &changes.records {
            let places = match changes.dropped.contains(table) {
                true => Vec::new(),
                false => self.places(table, id)?,
            };
            let Some(record) = record else {
                for file in places {
                    editor.remove(&file.path())?;
                }
                continue;
            };
            let path = match places.into_iter().next() {
                Some(file) => file.path(),
                None => {
                    let layout = match table_layout {
                        Some((of, layout)) if of == table => layout,
                        _ => self.layout(table, changes)?,
                    };
                    table_layout = Some((table, layout));
                    path_of(table, id, layout)
                }
            };
            editor.put(&path, record_json(record).into_bytes())?;
        }
        Ok(())
    }

    /// The layout of a table's new files, by the settings that the changes leave.
    pub(crate) fn layout(&self, table: &str, changes: &Changes) -> Result<Layout, Error> {
        let settings = changes
            .settings(table)
            .unwrap_or_else(|| self.settings(table))?;
        Ok(settings.layout.unwrap_or(match table {
            OPERATIONS => Layout::FanOut,
            _ => Layout::Flat,
        }))
    }
}

fn collect(
    parent: &Arc<str>,
    entry: &str,
    mode: EntryMode,
    object: ObjectId,
    files: &mut Vec<File>,
    stray: &mut dyn FnMut(Error) -> Result<(), Error>,
) -> Result<(), Error> {
    match (entry.strip_suffix(SUFFIX), mode.kind()) {
        (Some(id), EntryKind::Blob) => files.push(File {
            directory: Arc::clone(parent),
            id: id.to_owned(),
            mode,
            object,
        }),
        (None, EntryKind::Blob) => {}
        _ => stray(not_a_record(&format!("{parent}{entry}"), mode))?,
    }
    Ok(())
}

fn no_directory(path: String) -> Error {
    Error::BadRecord {
        path,
        line: 0,
        column: 0,
        reason: "a directory is expected here".to_owned(),
    }
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

fn misplaced(parent: &str, entry: &str) -> Error {
    Error::BadRecord {
        path: format!("{parent}{entry}"),
        line: 0,
        column: 0,
        reason: "it stands in the fan-out directory of other ids; `ghettodb fsck --fix` moves it"
            .to_owned(),
    }
}

pub(crate) fn stands_twice(path: &str) -> Error {
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
            return Err(stands_twice(&file.path()));
        }
        record::parse(&file.path(), id, &self.text(file)?).map(Some)
    }

    fn exists(&self, table: &str, id: &str) -> Result<bool, Error> {
        Ok(!self.places(table, id)?.is_empty())
    }

    fn revision(&self, table: &str, id: &str) -> Result<Option<String>, Error> {
        let place = self.places(table, id)?.into_iter().next();
        Ok(place.map(|file| file.object.to_string()))
    }

    fn find(
        &self,
        table: &str,
        query: &Query<'_>,
        enough: Option<usize>,
        hidden: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Record>, Error> {
        self.search(table, query, enough, hidden, |record| record, &mut Err)
    }

    fn ids(&self, table: &str) -> Result<Vec<String>, Error> {
        let files = self.files(table, &mut |_| Ok(()))?;
        Ok(files.into_iter().map(|file| file.id).collect())
    }

    fn clashes(&self, table: &str, id: &str) -> Result<Vec<String>, Error> {
        let Some(tree) = self.table(table)? else {
            return Ok(Vec::new());
        };
        let fan = self.directory(Some(tree), &name::fan(id), &format!("{ROOT}/{table}/"))?;
        let file_name = format!("{id}{SUFFIX}");
        let mut ids = Vec::new();
        for tree in [Some(tree), fan].into_iter().flatten() {
            let directory = self.opened(tree)?;
            let clashes = directory.clashes(&file_name);
            ids.extend(clashes.filter_map(|other| other.strip_suffix(SUFFIX).map(str::to_owned)));
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
