//! The file of an index: its tables in SQLite, and what can be wrong with it. Each change of it is one
//! transaction that begins by looking whether another process was faster.

use super::{ANY, Changes, Entry, Keys, Known, Lookup};
use crate::Error;
use gix::ObjectId;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction};
use rusqlite::{TransactionBehavior, params};
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks a file as ours: "ghdb".
const APPLICATION_ID: i32 = 0x6768_6462;
/// Another number is another layout, or another meaning of what stands in it.
const VERSION: i32 = 1;

/// How long to wait for a process that writes.
const BUSY_LIMIT: Duration = Duration::from_secs(1);

const SCHEMA: &str = "
CREATE TABLE tables (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, tree BLOB NOT NULL);
CREATE TABLE records (
    key INTEGER PRIMARY KEY, of_table INTEGER NOT NULL, id TEXT NOT NULL, object BLOB NOT NULL,
    UNIQUE (of_table, id)
);
CREATE TABLE paths (
    key INTEGER PRIMARY KEY, of_table INTEGER NOT NULL, path TEXT NOT NULL,
    UNIQUE (of_table, path)
);
CREATE TABLE entries (
    path INTEGER NOT NULL, value TEXT NOT NULL, record INTEGER NOT NULL,
    PRIMARY KEY (path, value, record)
) WITHOUT ROWID;
CREATE INDEX entries_by_record ON entries (record);
";

/// Why the index could not help.
pub(super) enum Fault {
    /// The file is not what it should be; a new one may be.
    Damaged(String),
    /// The file cannot be used now, or not by us.
    Unusable(String),
    /// The records could not be read.
    Table,
}

impl From<Error> for Fault {
    fn from(_: Error) -> Self {
        Fault::Table
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            // Not an error of SQLite but of what stood in a row; and `Unknown` is an error in a
            // statement, which means that the file has other tables.
            None
            | Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::TypeMismatch
                | ErrorCode::ConstraintViolation
                | ErrorCode::Unknown,
            ) => Fault::Damaged(error.to_string()),
            Some(_) => Fault::Unusable(error.to_string()),
        }
    }
}

/// An open file.
pub(super) struct Store {
    connection: Connection,
    /// Held while the file is open, so that nobody removes it meanwhile.
    _lock: Option<File>,
}

/// What the file has to say to a question.
pub(super) struct Standing {
    /// The answer, where it stands at the right tree and has a path that was asked for.
    pub(super) candidates: Option<Vec<String>>,
    pub(super) known: Option<Known>,
}

impl Store {
    /// Opens the file; makes it where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let unusable = |error: std::io::Error| Fault::Unusable(error.to_string());
        if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
            // The index holds what the records hold.
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(folder).map_err(unusable)?;
        }
        let lock = lock_file(path).ok();
        if let Some(lock) = &lock {
            lock.lock_shared().map_err(unusable)?;
        }
        if !path.exists() {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).mode(0o600);
            options.open(path).map_err(unusable)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_LIMIT)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.set_prepared_statement_cache_capacity(32);
        let mut store = Store {
            connection,
            _lock: lock,
        };
        store.check()?;
        Ok(store)
    }

    /// Removes a file that is not usable, unless another process uses it all the same.
    pub(super) fn remove(path: &Path) -> Result<(), Fault> {
        let unusable = |error: std::io::Error| Fault::Unusable(error.to_string());
        let lock = lock_file(path).map_err(unusable)?;
        lock.try_lock().map_err(|error| {
            Fault::Unusable(format!(
                "it is damaged, and in use by another process: {error}"
            ))
        })?;
        std::fs::remove_file(path).map_err(unusable)?;
        // A journal that stays would be played back into the new file.
        match std::fs::remove_file(beside(path, "-journal")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unusable(error)),
            _ => Ok(()),
        }
    }

    fn check(&mut self) -> Result<(), Fault> {
        let connection = &mut self.connection;
        let pragma = |connection: &Connection, name| -> rusqlite::Result<i32> {
            connection.pragma_query_value(None, name, |row| row.get(0))
        };
        let marks = |connection: &Connection| -> rusqlite::Result<_> {
            Ok((
                pragma(connection, "application_id")?,
                pragma(connection, "user_version")?,
            ))
        };
        if marks(connection)? == (APPLICATION_ID, VERSION) {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if marks(&transaction)? == (APPLICATION_ID, VERSION) {
            return Ok(());
        }
        if pragma(&transaction, "schema_version")? != 0 {
            return Err(Fault::Damaged("it is no index of this version".to_owned()));
        }
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        Ok(transaction.commit()?)
    }

    pub(super) fn is_writable(&self) -> bool {
        !self.connection.is_readonly("main").unwrap_or(true)
    }

    /// Answers from one state of the file, by the path that leaves the fewest candidates.
    pub(super) fn read(
        &mut self,
        table: &str,
        tree: ObjectId,
        lookups: &[Lookup],
    ) -> Result<Standing, Fault> {
        let transaction = self.connection.transaction()?;
        let Some((key, known_tree)) = table_row(&transaction, table)? else {
            return Ok(Standing {
                candidates: None,
                known: None,
            });
        };
        let mut candidates: Option<Vec<String>> = None;
        let paths = path_rows(&transaction, key)?;
        if known_tree == tree {
            for lookup in lookups {
                let Some((path, _)) = paths.iter().find(|(_, path)| *path == lookup.path) else {
                    continue;
                };
                let found = matching(&transaction, *path, &lookup.keys)?;
                if candidates
                    .as_ref()
                    .is_none_or(|best| found.len() < best.len())
                {
                    candidates = Some(found);
                }
            }
        }
        Ok(Standing {
            candidates,
            known: Some(Known {
                key,
                tree: known_tree,
                paths: paths.into_iter().map(|(_, path)| path).collect(),
            }),
        })
    }

    /// Lists the files of a table that is not known.
    pub(super) fn begin(
        &mut self,
        table: &str,
        tree: ObjectId,
        files: &[Entry],
    ) -> Result<bool, Fault> {
        let transaction = self.write()?;
        if table_row(&transaction, table)?.is_none() {
            transaction
                .prepare_cached("INSERT INTO tables (name, tree) VALUES (?1, ?2)")?
                .execute(params![table, tree.as_slice()])?;
            let key = transaction.last_insert_rowid();
            for file in files {
                insert_record(&transaction, key, file)?;
            }
            transaction.commit()?;
        }
        Ok(true)
    }

    /// Adds a path with the keys of all files.
    pub(super) fn add_path(
        &mut self,
        known: &Known,
        path: &str,
        files: &[Entry],
        keys: Vec<Keys>,
    ) -> Result<bool, Fault> {
        let transaction = self.write()?;
        if !is_current(&transaction, known)? {
            return Ok(true);
        }
        transaction
            .prepare_cached("INSERT INTO paths (of_table, path) VALUES (?1, ?2)")?
            .execute(params![known.key, path])?;
        let path = transaction.last_insert_rowid();
        let records: HashMap<String, i64> = transaction
            .prepare_cached("SELECT id, key FROM records WHERE of_table = ?1")?
            .query_map([known.key], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut entries = Vec::with_capacity(files.len());
        for (file, keys) in files.iter().zip(keys) {
            let Some(record) = records.get(&file.id) else {
                return Err(Fault::Damaged(format!("record {:?} is missing", file.id)));
            };
            entries.extend(keys.into_iter().map(|(_, value)| (value, *record)));
        }
        // In the order of the table's key, so that its pages fill one after the other.
        entries.sort_unstable();
        let mut insert = transaction.prepare_cached(INSERT_ENTRY)?;
        for (value, record) in entries {
            insert.execute(params![path, value, record])?;
        }
        drop(insert);
        transaction.commit()?;
        Ok(true)
    }

    /// The difference between what is known and the files as they are.
    pub(super) fn compare(&mut self, known: &Known, files: Vec<Entry>) -> Result<Changes, Fault> {
        let mut before: HashMap<String, Vec<u8>> = self
            .connection
            .prepare_cached("SELECT id, object FROM records WHERE of_table = ?1")?
            .query_map([known.key], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut changes = Changes::default();
        for file in files {
            match before.remove(&file.id) {
                Some(object) if object == file.object.as_slice() => {}
                Some(_) => {
                    changes.removed.push(file.id.clone());
                    changes.added.push(file);
                }
                None => changes.added.push(file),
            }
        }
        changes.removed.extend(before.into_keys());
        Ok(changes)
    }

    /// Takes a table from the tree that is known to another.
    pub(super) fn apply(
        &mut self,
        known: &Known,
        tree: ObjectId,
        changes: &Changes,
        keys: Vec<Keys>,
    ) -> Result<bool, Fault> {
        let transaction = self.write()?;
        if !is_current(&transaction, known)? {
            return Ok(true);
        }
        let paths = path_rows(&transaction, known.key)?;
        for id in &changes.removed {
            let record: Option<i64> = transaction
                .prepare_cached("SELECT key FROM records WHERE of_table = ?1 AND id = ?2")?
                .query_row(params![known.key, id], |row| row.get(0))
                .optional()?;
            transaction
                .prepare_cached("DELETE FROM entries WHERE record = ?1")?
                .execute([record])?;
            transaction
                .prepare_cached("DELETE FROM records WHERE key = ?1")?
                .execute([record])?;
        }
        for (file, keys) in changes.added.iter().zip(keys) {
            let Some(record) = insert_record(&transaction, known.key, file)? else {
                // It stands twice in the table, which is for a search without the index to tell.
                drop(transaction);
                self.forget(known)?;
                return Ok(false);
            };
            for (place, value) in keys {
                let path = paths.iter().find(|(_, path)| *path == known.paths[place]);
                if let Some((path, _)) = path {
                    transaction
                        .prepare_cached(INSERT_ENTRY)?
                        .execute(params![path, value, record])?;
                }
            }
        }
        transaction
            .prepare_cached("UPDATE tables SET tree = ?2 WHERE key = ?1")?
            .execute(params![known.key, tree.as_slice()])?;
        transaction.commit()?;
        Ok(true)
    }

    /// Forgets a table.
    pub(super) fn forget(&mut self, known: &Known) -> Result<(), Fault> {
        let transaction = self.write()?;
        for statement in [
            "DELETE FROM entries WHERE path IN (SELECT key FROM paths WHERE of_table = ?1)",
            "DELETE FROM paths WHERE of_table = ?1",
            "DELETE FROM records WHERE of_table = ?1",
            "DELETE FROM tables WHERE key = ?1",
        ] {
            transaction.execute(statement, [known.key])?;
        }
        Ok(transaction.commit()?)
    }

    fn write(&mut self) -> Result<Transaction<'_>, Fault> {
        // Pages that spill would lock readers out long before the end.
        self.connection
            .pragma_update(None, "cache_size", -64 * 1024)?;
        let behavior = TransactionBehavior::Immediate;
        Ok(self.connection.transaction_with_behavior(behavior)?)
    }
}

const INSERT_ENTRY: &str = "INSERT INTO entries (path, value, record) VALUES (?1, ?2, ?3)";

/// None where the record is there already.
fn insert_record(
    transaction: &Transaction<'_>,
    table: i64,
    file: &Entry,
) -> rusqlite::Result<Option<i64>> {
    let inserted = transaction
        .prepare_cached("INSERT OR IGNORE INTO records (of_table, id, object) VALUES (?1, ?2, ?3)")?
        .execute(params![table, file.id, file.object.as_slice()])?;
    Ok((inserted == 1).then(|| transaction.last_insert_rowid()))
}

fn table_row(transaction: &Transaction<'_>, table: &str) -> Result<Option<(i64, ObjectId)>, Fault> {
    let row: Option<(i64, Vec<u8>)> = transaction
        .prepare_cached("SELECT key, tree FROM tables WHERE name = ?1")?
        .query_row([table], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(key, tree)| match ObjectId::try_from(tree.as_slice()) {
        Ok(tree) => Ok((key, tree)),
        Err(_) => Err(Fault::Damaged("a tree's id is none".to_owned())),
    })
    .transpose()
}

fn path_rows(transaction: &Transaction<'_>, table: i64) -> rusqlite::Result<Vec<(i64, String)>> {
    transaction
        .prepare_cached("SELECT key, path FROM paths WHERE of_table = ?1 ORDER BY key")?
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Whether the table still stands where it was read, with the paths that it had.
fn is_current(transaction: &Transaction<'_>, known: &Known) -> Result<bool, Fault> {
    let row: Option<Vec<u8>> = transaction
        .prepare_cached("SELECT tree FROM tables WHERE key = ?1")?
        .query_row([known.key], |row| row.get(0))
        .optional()?;
    let paths = path_rows(transaction, known.key)?;
    Ok(row.is_some_and(|tree| tree == known.tree.as_slice())
        && paths.iter().map(|(_, path)| path).eq(&known.paths))
}

fn matching(
    transaction: &Transaction<'_>,
    path: i64,
    keys: &[String],
) -> rusqlite::Result<Vec<String>> {
    let mut statement = transaction.prepare_cached(
        "SELECT records.id FROM entries JOIN records ON records.key = entries.record
         WHERE entries.path = ?1 AND entries.value = ?2",
    )?;
    let mut ids = Vec::new();
    for key in keys.iter().map(String::as_str).chain([ANY]) {
        for id in statement.query_map(params![path, key], |row| row.get(0))? {
            ids.push(id?);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn lock_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(beside(path, "-lock"))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
