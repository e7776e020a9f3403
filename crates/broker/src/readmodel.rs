//! What the searches read: the state and history of instances, in SQLite, filled from the log.
//!
//! It holds nothing that the log did not say, so it can be thrown away: a file that is missing,
//! broken, or of another schema is made again, from as far back as the log reaches. The position
//! it is filled to stands in the same transaction as what it says.

mod query;
mod write;

pub(crate) use query::{Field, Kind, QueryError, Resource, Search, get, search};
pub(crate) use write::Pending;

use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts up with each change of `schema.sql`.
const SCHEMA_VERSION: i32 = 1;

/// How many idle connections for searches are kept.
const IDLE_READERS_MAX: usize = 4;

/// The database.
pub(crate) struct ReadModel {
    writer: Mutex<Connection>,
    /// `None` = in memory, where one connection serves all.
    path: Option<PathBuf>,
    readers: Mutex<Vec<Connection>>,
}

/// What is wrong with the database.
#[derive(Debug, thiserror::Error)]
#[error("the read model: {0}")]
pub(crate) struct Error(#[from] rusqlite::Error);

impl ReadModel {
    /// Opens the database in a file, or a new one in memory.
    ///
    /// # Errors
    ///
    /// If it can neither be used nor made again.
    pub(crate) fn open(path: Option<&Path>) -> Result<Arc<Self>, Error> {
        let writer = match path {
            None => create(Connection::open_in_memory()?)?,
            Some(path) => match open_existing(path) {
                Ok(Some(connection)) => connection,
                Ok(None) => create(remake(path)?)?,
                Err(error) => {
                    tracing::warn!(%error, file = %path.display(),
                        "the read model cannot be used, making it again from the log");
                    create(remake(path)?)?
                }
            },
        };
        Ok(Arc::new(Self {
            writer: Mutex::new(writer),
            path: path.map(Path::to_owned),
            readers: Mutex::default(),
        }))
    }

    /// The position it is filled to.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub(crate) fn position(&self) -> Result<u64, Error> {
        let writer = lock(&self.writer);
        let position: i64 =
            writer.query_row("SELECT position FROM progress", (), |row| row.get(0))?;
        Ok(position.unsigned_abs())
    }

    /// Forgets all it holds.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        let writer = lock(&self.writer);
        for table in TABLES {
            writer.execute(&format!("DELETE FROM {table}"), ())?;
        }
        writer.execute("UPDATE progress SET position = 0", ())?;
        Ok(())
    }

    /// Takes in what `pending` gathered, in one transaction. `position` is what it then is filled
    /// to.
    pub(crate) fn write(&self, pending: &mut Pending, position: u64) -> Result<(), Error> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction()?;
        pending.write(&transaction)?;
        transaction
            .prepare_cached("UPDATE progress SET position = ?")?
            .execute([position.cast_signed()])?;
        transaction.commit()?;
        Ok(())
    }

    /// Brings what was written to disk; says whether all of it is there. Until then a power loss
    /// may take the newest transactions.
    pub(crate) fn checkpoint(&self) -> Result<bool, Error> {
        let writer = lock(&self.writer);
        let (busy, in_wal, done): (i64, i64, i64) =
            writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        Ok(busy == 0 && in_wal == done)
    }

    /// Runs a query.
    ///
    /// # Errors
    ///
    /// If the database cannot be opened, or what the query says.
    pub(crate) fn read<T, E: From<Error>>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(path) = &self.path else {
            return query(&lock(&self.writer));
        };
        let idle = lock(&self.readers).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => open_reader(path).map_err(Error)?,
        };
        let answer = query(&reader);
        let mut readers = lock(&self.readers);
        if readers.len() < IDLE_READERS_MAX {
            readers.push(reader);
        }
        answer
    }
}

const TABLES: [&str; 6] = [
    "process_definition",
    "element",
    "process_instance",
    "element_instance",
    "incident",
    "variable",
];

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a database of this schema; `None` if there is none.
fn open_existing(path: &Path) -> rusqlite::Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = Connection::open(path)?;
    let version: i32 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    if version != SCHEMA_VERSION {
        tracing::info!(
            version,
            wanted = SCHEMA_VERSION,
            "the read model has another schema, making it again from the log"
        );
        return Ok(None);
    }
    configure(&connection)?;
    Ok(Some(connection))
}

fn remake(path: &Path) -> rusqlite::Result<Connection> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        // Most of the time there is none; what cannot be deleted fails below.
        let _absent = std::fs::remove_file(name);
    }
    Connection::open(path)
}

fn create(connection: Connection) -> rusqlite::Result<Connection> {
    // What a crash leaves of a file that was never filled is made again, so it need not be synced:
    // a first start would wait for that most of all.
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL;")?;
    connection.execute_batch(concat!("BEGIN;", include_str!("readmodel/schema.sql")))?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    connection.execute_batch("COMMIT")?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    // The exporter decides when the database goes to disk: see `checkpoint`.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;")
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}
