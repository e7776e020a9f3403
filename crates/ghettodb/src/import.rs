//! Import: many records of an input as one commit, all or nothing.
//!
//! The input is read once, as a stream: each record is checked and goes into a pack, and what is kept of
//! it is its id, its line and the id of its content. Only then does the retry loop begin, which may run
//! more than once: it looks at the table as it is now, and makes the tree. So a lost race writes none of
//! the contents again, and memory grows with the number of records, not with their size.

mod check;
mod input;
mod plan;

use crate::commit::{Edit, format_time};
use crate::git::PackWriter;
use crate::json::hex;
use crate::transaction::Transaction;
use crate::{
    Committed, Database, Error, Message, Record, TransactError, canonical_sha256, name, once,
    record,
};
use gix::ObjectId;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io::{BufRead, Read};
use uuid::Uuid;

/// How an input is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// One JSON object a line; empty lines are passed over.
    Ndjson,
    /// One JSON array of objects. Its text is held in memory as a whole.
    Json,
    /// A head with the names of fields, dots for nested ones, then one row a record. A cell is JSON or,
    /// where it reads as none, a text; an empty cell is an absent field.
    Csv,
}

/// What becomes of a record whose `_id` is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// It is an error.
    Insert,
    /// The input's top-level fields are set, the others kept.
    Upsert,
    /// The input's record stands in its place.
    Replace,
}

impl ImportMode {
    fn name(self) -> &'static str {
        match self {
            ImportMode::Insert => "insert",
            ImportMode::Upsert => "upsert",
            ImportMode::Replace => "replace",
        }
    }
}

/// What is imported where.
#[derive(Debug, Clone)]
pub struct Import<'a> {
    /// The table. It need not be there.
    pub table: &'a str,
    /// How the input is written.
    pub format: ImportFormat,
    /// What becomes of records that are there already.
    pub mode: ImportMode,
    /// Idempotency key: the same input again changes nothing and gives the same result.
    pub key: Option<&'a str>,
    /// What errors call the input.
    pub file: &'a str,
}

/// What an import did, in numbers of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// New records.
    pub inserted: u64,
    /// Records that were there and have other content now.
    pub updated: u64,
    /// Records that were there with this content; they keep their time.
    pub unchanged: u64,
}

impl Imported {
    fn to_json(self) -> Value {
        json!({"inserted": self.inserted, "updated": self.updated, "unchanged": self.unchanged})
    }

    fn from_json(value: &Value) -> Self {
        let count = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        Imported {
            inserted: count("inserted"),
            updated: count("updated"),
            unchanged: count("unchanged"),
        }
    }
}

/// A record of the input whose content is in the clone.
struct Entry {
    id: String,
    line: usize,
    content: ObjectId,
}

/// A file that is to be written.
struct Put<'e> {
    entry: &'e Entry,
    path: String,
    content: ObjectId,
}

impl Database {
    /// Imports the records of an input as one commit, all or nothing.
    ///
    /// Records without `_id` get one. All rules of ordinary writes hold, and no two records of the input
    /// may have one `_id`. `_updated` is the time at which the import began.
    ///
    /// # Errors
    /// [`Error::BadInput`] names the line of the first record that cannot be imported; else as
    /// [`Database::transact`].
    pub fn import(
        &mut self,
        import: &Import<'_>,
        input: &mut dyn BufRead,
    ) -> Result<Committed<Imported>, Error> {
        name::check_table(import.table)?;
        if import.table == crate::settings::TABLES {
            return Err(Error::Usage(
                "the table of settings is not imported; write its records with `upsert`".to_owned(),
            ));
        }
        self.hold_clone()?;
        let now = format_time(jiff::Timestamp::now());
        let mut digest = HashingReader {
            inner: input,
            sha256: Sha256::new(),
        };
        let entries = self.stage(import, &now, &mut digest)?;
        let payload = canonical_sha256(&json!({
            "operation": "import",
            "table": import.table,
            "mode": import.mode.name(),
            "input_sha256": hex(&digest.sha256.finalize()),
        }));
        let message = message(import, entries.len());
        self.edit(&message, |view, attempt_now| {
            let mut transaction = Transaction::new(view, attempt_now.to_owned());
            let mut editor = None;
            let mut run = || {
                let (imported, tree) = plan::plan(import, &entries, &now, view)?;
                editor = tree;
                Ok::<_, TransactError<Error>>(imported.to_json())
            };
            let value = match import.key {
                Some(key) => once(&mut transaction, key, &payload, |_| run())?,
                None => run()?,
            };
            let changes = transaction.into_changes();
            if editor.is_none() && !changes.is_empty() {
                editor = Some(view.editor()?);
            }
            let tree = match editor {
                Some(mut editor) => {
                    view.apply(&changes, &mut editor)?;
                    Some(editor.finish()?)
                }
                None => None,
            };
            Ok(Edit {
                value: Imported::from_json(&value),
                tree,
            })
        })
        .map_err(Error::from)
    }

    /// Reads the input, checks each record by itself, and writes its content.
    fn stage(
        &self,
        import: &Import<'_>,
        now: &str,
        input: &mut HashingReader<'_>,
    ) -> Result<Vec<Entry>, Error> {
        let mut pack = self.remote.writable()?.pack()?;
        let mut staged = Staged {
            import,
            now,
            entries: Vec::new(),
            // Folded id -> place among the entries.
            places: HashMap::new(),
        };
        let mut input = std::io::BufReader::with_capacity(128 * 1024, input);
        input::read(
            import.format,
            import.file,
            &mut input,
            &mut |line, record| staged.add(line, record, &mut pack),
        )?;
        pack.finish()?;
        Ok(staged.entries)
    }
}

struct Staged<'a> {
    import: &'a Import<'a>,
    now: &'a str,
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
}

impl Staged<'_> {
    fn add(&mut self, line: usize, record: Record, pack: &mut PackWriter) -> Result<(), Error> {
        let at_line = |error: Error| bad(self.import, line, error.to_string());
        let id = match record::own_id(&record).map_err(at_line)? {
            Some(id) => id.to_owned(),
            None => Uuid::now_v7().to_string(),
        };
        if let Some(place) = self.places.insert(name::fold(&id), self.entries.len()) {
            let first = &self.entries[place];
            let reason = match first.id == id {
                true => format!("`_id` {id:?} stands on line {} already", first.line),
                false => format!(
                    "`_id` {id:?} differs from {:?} on line {} only by case",
                    first.id, first.line
                ),
            };
            return Err(bad(self.import, line, reason));
        }
        let record = record::arrange(record, &id, self.now);
        let text = record::storable_json(self.import.table, &record).map_err(at_line)?;
        let content = pack.blob(text.as_bytes())?;
        self.entries.push(Entry { id, line, content });
        Ok(())
    }
}

fn bad(import: &Import<'_>, line: usize, reason: String) -> Error {
    Error::BadInput {
        file: import.file.to_owned(),
        line,
        column: 0,
        reason,
    }
}

fn message(import: &Import<'_>, count: usize) -> Message {
    let records = if count == 1 { "record" } else { "records" };
    let mut trailers = vec![("Operation".to_owned(), "import".to_owned())];
    trailers.extend(
        import
            .key
            .map(|key| ("Idempotency-Key".to_owned(), key.to_owned())),
    );
    Message {
        subject: format!("import {} ({count} {records})", import.table),
        trailers,
    }
}

/// Knows the SHA-256 of what was read.
struct HashingReader<'i> {
    inner: &'i mut dyn BufRead,
    sha256: Sha256,
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sha256.update(&buffer[..read]);
        Ok(read)
    }
}
