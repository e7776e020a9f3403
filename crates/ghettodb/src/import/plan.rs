//! What an import means for the table as it is at one tip: which records are new, which change and
//! which are as they should be, and the tree that results.

use super::{Entry, Import, ImportMode, Imported, Put, bad, check};
use crate::transaction::{Base as _, Changes};
use crate::tree::{File, TreeEditor, View, path_of, stands_twice};
use crate::{Error, Record, name, record};
use gix::ObjectId;
use std::collections::HashMap;

/// How many records are compared at a time, so that not all of a large table are held at once.
const BATCH: usize = 10_000;

/// The numbers, and the tree; none where nothing changes.
pub(super) fn plan<'r>(
    import: &Import<'_>,
    entries: &[Entry],
    now: &str,
    view: &View<'r>,
) -> Result<(Imported, Option<TreeEditor<'r>>), Error> {
    name::check_new_table(import.table, &view.tables()?)?;
    let layout = view.layout(import.table, &Changes::default())?;
    let there = There::read(import.table, view)?;
    let mut imported = Imported::default();
    let mut puts: Vec<Put<'_>> = Vec::new();
    let mut known: Vec<(&Entry, &File)> = Vec::new();
    for entry in entries {
        match there
            .file(entry)
            .map_err(|reason| bad(import, entry.line, reason))?
        {
            None => {
                imported.inserted += 1;
                puts.push(Put {
                    entry,
                    path: path_of(import.table, &entry.id, layout),
                    content: entry.content,
                });
            }
            Some(_) if import.mode == ImportMode::Insert => {
                let reason = format!(
                    "record {:?} is already in table {:?}",
                    entry.id, import.table
                );
                return Err(bad(import, entry.line, reason));
            }
            Some(file) => known.push((entry, file)),
        }
    }
    if !known.is_empty() {
        let mut pack = view.objects().pack()?;
        for batch in known.chunks(BATCH) {
            let files: Vec<&File> = batch.iter().map(|(_, file)| *file).collect();
            let before = view.read_records(&files)?;
            let contents: Vec<ObjectId> = batch.iter().map(|(entry, _)| entry.content).collect();
            let input = view.objects().visit_blobs(&contents, |place, text| {
                let (entry, file) = batch[place];
                Some(record::parse(&file.path(), &entry.id, text))
            })?;
            for (((entry, file), before), (_, input)) in batch.iter().zip(before).zip(input) {
                let Some(record) = changed(import, entry, before, input?)? else {
                    imported.unchanged += 1;
                    continue;
                };
                let record = record::arrange(record, &entry.id, now);
                let text = record::storable_json(import.table, &record)
                    .map_err(|error| bad(import, entry.line, error.to_string()))?;
                imported.updated += 1;
                puts.push(Put {
                    entry,
                    path: file.path(),
                    content: pack.blob(text.as_bytes())?,
                });
            }
        }
        pack.finish()?;
    }
    if puts.is_empty() {
        return Ok((imported, None));
    }
    check::check(import, &puts, view)?;
    let files: Vec<(&str, ObjectId)> = puts
        .iter()
        .map(|put| (put.path.as_str(), put.content))
        .collect();
    let mut editor = view.editor()?;
    view.put_many(import.table, &files, &mut editor)?;
    Ok((imported, Some(editor)))
}

/// The record that is to stand in a file that is there; none if it does.
fn changed(
    import: &Import<'_>,
    entry: &Entry,
    before: Result<Record, Error>,
    input: Record,
) -> Result<Option<Record>, Error> {
    let record = match (import.mode, &before) {
        (ImportMode::Insert | ImportMode::Replace, _) => input,
        (ImportMode::Upsert, Ok(before)) => {
            let mut record = before.clone();
            record.extend(input);
            record
        }
        (ImportMode::Upsert, Err(error)) => {
            return Err(bad(import, entry.line, error.to_string()));
        }
    };
    let is_same = before.is_ok_and(|before| record::same_content(&before, &record));
    Ok((!is_same).then_some(record))
}

/// The files of the table, by the names that a file system that ignores case makes of them.
struct There {
    files: HashMap<String, Vec<File>>,
}

impl There {
    fn read(table: &str, view: &View<'_>) -> Result<Self, Error> {
        let mut files: HashMap<String, Vec<File>> = HashMap::new();
        // What is no record is in nobody's way here.
        for file in view.files(table, &mut |_| Ok(()))? {
            files.entry(name::fold(&file.id)).or_default().push(file);
        }
        Ok(There { files })
    }

    /// The file of an entry's record, or why there can be none.
    fn file(&self, entry: &Entry) -> Result<Option<&File>, String> {
        let files = self
            .files
            .get(&name::fold(&entry.id))
            .map_or(&[] as &[File], Vec::as_slice);
        match files {
            [] => Ok(None),
            [file] if file.id == entry.id => Ok(Some(file)),
            [_, file] if file.id == entry.id && files[0].id == entry.id => {
                Err(stands_twice(&file.path()).to_string())
            }
            [first, ..] => match files.iter().find(|file| file.id == entry.id) {
                // Two that clash are there already; this one is none the worse.
                Some(file) => Ok(Some(file)),
                None => Err(format!(
                    "`_id` {:?} differs from record {:?} only by case or Unicode form",
                    entry.id, first.id
                )),
            },
        }
    }
}
