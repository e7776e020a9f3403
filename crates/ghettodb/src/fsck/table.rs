//! One table: how its files stand, what is in them, and what of it can be mended.

use super::mend::Mend;
use super::rules::Keeper;
use super::text::{self, problem};
use super::{Code, Problem};
use crate::settings::Layout;
use crate::transaction::Changes;
use crate::tree::{Entry, ROOT, View};
use crate::{Error, Record, name, record};
use gix::objs::tree::EntryKind;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// git's mode of a plain file.
const PLAIN: u16 = 0o100_644;

/// What was found in a table.
pub(super) struct Table<'t> {
    pub(super) name: &'t str,
    pub(super) records: usize,
    pub(super) problems: Vec<Problem>,
    /// By the place of the file in the table's list.
    pub(super) mends: BTreeMap<usize, Mend>,
    layout: Layout,
}

/// A file that stands under a record's name.
struct File<'e> {
    index: usize,
    entry: &'e Entry,
    id: &'e str,
    path: String,
}

/// A file whose `_id` is another one.
struct Mismatch<'e> {
    file: &'e File<'e>,
    record: Record,
    claimed: Value,
    place: (usize, usize),
}

impl<'t> Table<'t> {
    pub(super) fn check(view: &View<'_>, name: &'t str) -> Result<Self, Error> {
        let mut table = Table {
            name,
            records: 0,
            problems: Vec::new(),
            mends: BTreeMap::new(),
            // Bad settings are told where they stand.
            layout: view.layout(name, &Changes::default()).unwrap_or_default(),
        };
        let entries = view.list_table(name)?;
        let mut files: Vec<File<'_>> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(id) = table.look_at(index, entry) {
                files.push(File {
                    index,
                    entry,
                    id,
                    path: entry.path(name),
                });
            }
        }
        table.check_names(&files);
        let files = table.check_places(files);
        table.check_texts(view, &files)?;
        Ok(table)
    }

    fn add(&mut self, code: Code, path: &str, message: impl Into<String>) {
        self.problems.push(problem(code, path, (0, 0), message));
    }

    /// Adds a problem that this mend of a file puts right.
    fn mend(&mut self, mut problem: Problem, index: usize, mend: impl FnOnce(&mut Mend)) {
        problem.fixable = true;
        self.problems.push(problem);
        mend(self.mends.entry(index).or_default());
    }

    /// The `_id` that a file's name gives, where it may be a record.
    fn look_at<'e>(&mut self, index: usize, entry: &'e Entry) -> Option<&'e str> {
        let path = entry.path(self.name);
        match entry.mode.kind() {
            EntryKind::Blob => {}
            EntryKind::BlobExecutable => {
                let found = "it is executable; a record is a plain file (mode 100644)";
                let found = problem(Code::Executable, &path, (0, 0), found);
                self.mend(found, index, |mend| mend.plain = true);
            }
            EntryKind::Link => {
                self.add(
                    Code::Symlink,
                    &path,
                    "it is a symbolic link, which is never followed",
                );
                return None;
            }
            EntryKind::Commit => {
                self.add(Code::Submodule, &path, "it is a submodule");
                return None;
            }
            EntryKind::Tree => {
                let message = "it is a directory, and no fan-out directory (two hex digits)";
                self.add(Code::StrayDirectory, &path, message);
                return None;
            }
        }
        if entry.mode.kind() == EntryKind::Blob && entry.mode.value() != PLAIN {
            let message = format!(
                "it has mode {:o}; git's mode of a plain file is 100644",
                entry.mode.value()
            );
            let found = problem(Code::Mode, &path, (0, 0), message);
            self.mend(found, index, |mend| mend.plain = true);
        }
        if entry.fan.is_none() && name::is_fan(&entry.name.to_string()) {
            let message = "it stands where a fan-out directory belongs; rename it";
            self.add(Code::NotADirectory, &path, message);
        }
        if std::str::from_utf8(&entry.name).is_err() {
            if entry.name.ends_with(b".json") {
                self.add(Code::BadName, &path, "the name is not UTF-8");
            }
            return None;
        }
        // Other files, a README or `.gitkeep`, are nobody's business.
        let id = entry.id()?;
        match name::check_id(id) {
            Ok(()) => Some(id),
            Err(error) => {
                self.add(Code::BadName, &path, error.to_string());
                None
            }
        }
    }

    fn check_names(&mut self, files: &[File<'_>]) {
        let mut seen: HashMap<String, &str> = HashMap::with_capacity(files.len());
        for file in files {
            match seen.insert(name::fold(file.id), file.id) {
                Some(other) if other != file.id => {
                    let message =
                        format!("record {other:?} differs from it only by case or Unicode form");
                    self.add(Code::NameClash, &file.path, message);
                }
                _ => {}
            }
        }
    }

    /// Checks where the files stand; gives those to be read, one of two that are the same.
    fn check_places<'e>(&mut self, files: Vec<File<'e>>) -> Vec<File<'e>> {
        let layout = self.layout;
        let mut by_id: BTreeMap<&str, Vec<File<'e>>> = BTreeMap::new();
        for file in files {
            by_id.entry(file.id).or_default().push(file);
        }
        let mut kept = Vec::with_capacity(by_id.len());
        let mut elsewhere = Vec::new();
        for (_, mut places) in by_id {
            // The one that stands right comes first, then one that readers find.
            places.sort_by_key(|file| {
                let found = file.entry.layout(file.id);
                (found != Some(layout), found.is_none())
            });
            let first = places.remove(0);
            let differs = |file: &File<'_>| file.entry.object != first.entry.object;
            let is_torn = places.iter().any(differs);
            for file in &places {
                let message = format!("the record stands in {} too", first.path);
                let found = problem(Code::Twice, &file.path, (0, 0), message);
                match is_torn {
                    true => self.problems.push(found),
                    // Its bytes stay where the first one is.
                    false => self.mend(found, file.index, |mend| mend.remove = true),
                }
            }
            match first.entry.layout(first.id) {
                // Which of the two counts, and where, a person must say.
                _ if is_torn => {}
                None => {
                    let fan = name::fan(first.id);
                    let message = format!(
                        "it stands in the fan-out directory of other ids; its own is {fan}/"
                    );
                    let found = problem(Code::Misplaced, &first.path, (0, 0), message);
                    self.mend(found, first.index, |mend| mend.place = Some(layout));
                }
                Some(other) if other != layout => elsewhere.push(first.index),
                Some(_) => {}
            }
            kept.push(first);
            if is_torn {
                kept.append(&mut places);
            }
        }
        self.tell_layout(&elsewhere);
        kept
    }

    /// Files of the other layout are one problem together: readers take both.
    fn tell_layout(&mut self, elsewhere: &[usize]) {
        if elsewhere.is_empty() {
            return;
        }
        let (layout, name) = (self.layout, self.name);
        let noun = if elsewhere.len() == 1 {
            "file"
        } else {
            "files"
        };
        let mut found = problem(
            Code::Layout,
            &format!("{ROOT}/{name}"),
            (0, 0),
            format!(
                "{} {noun} of the table not laid out as stated, {}",
                elsewhere.len(),
                layout.name()
            ),
        );
        found.fixable = true;
        self.problems.push(found);
        for index in elsewhere {
            self.mends.entry(*index).or_default().place = Some(layout);
        }
    }

    fn check_texts(&mut self, view: &View<'_>, files: &[File<'_>]) -> Result<(), Error> {
        view.prefetch_entries(files.iter().map(|file| file.entry))?;
        let mut keeper = Keeper::new(view, self.name)?;
        let mut mismatches = Vec::new();
        for file in files {
            let bytes = view.content(file.entry)?;
            if let Some(text) = text::without_mark(&bytes) {
                let found = "a byte order mark stands before the text";
                let found = problem(Code::ByteOrderMark, &file.path, (1, 1), found);
                self.mend(found, file.index, |mend| mend.content = Some(text.to_vec()));
            }
            let mut record = match text::read(&file.path, &bytes) {
                Ok(record) => record,
                Err(found) => {
                    self.problems.push(found);
                    continue;
                }
            };
            match record.get("_id").cloned() {
                Some(Value::String(own)) if own == file.id => {}
                None => {
                    let found = "`_id` is missing; the file's name stands for it";
                    let found = problem(Code::IdMissing, &file.path, (1, 1), found);
                    let content = text::with_id(record.clone(), file.id).into_bytes();
                    self.mend(found, file.index, |mend| mend.content = Some(content));
                    record.shift_insert(0, "_id".to_owned(), file.id.into());
                }
                Some(claimed) => {
                    mismatches.push(Mismatch {
                        file,
                        record,
                        claimed,
                        place: text::place(&bytes, "/_id"),
                    });
                    continue;
                }
            }
            self.records += 1;
            keeper.check(&file.path, file.id, &record, &bytes, &mut self.problems);
        }
        self.settle(files, mismatches);
        Ok(())
    }

    /// The file's name is the key, so it is `_id` that gives way; but where another file is named so,
    /// or claims the same, this may be a copy of that record, and a person must say what it is.
    fn settle(&mut self, files: &[File<'_>], mismatches: Vec<Mismatch<'_>>) {
        let mut claims: HashMap<String, usize> = HashMap::new();
        for file in files {
            *claims.entry(file.id.to_owned()).or_default() += 1;
        }
        for mismatch in &mismatches {
            *claims.entry(claimed_id(&mismatch.claimed)).or_default() += 1;
        }
        for Mismatch {
            file,
            record,
            claimed,
            place,
        } in mismatches
        {
            let message = record::other_id(&claimed, file.id);
            let found = problem(Code::IdMismatch, &file.path, place, message);
            let is_alone = |id: &str| claims.get(id) == Some(&1);
            if is_alone(file.id) && is_alone(&claimed_id(&claimed)) {
                let content = text::with_id(record, file.id).into_bytes();
                self.mend(found, file.index, |mend| mend.content = Some(content));
            } else {
                self.problems.push(found);
            }
        }
    }
}

/// The text of a claimed `_id`; the original GhettoHub DB takes numbers too.
fn claimed_id(claimed: &Value) -> String {
    match claimed {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    }
}
