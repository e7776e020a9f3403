//! What can go wrong, told apart by what the caller can do about it.

use crate::redact::redact;
use std::time::Duration;

const NO_ROOM: &str =
    "make room there, or set TMPDIR to a folder on a file system that has more of it";

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that cannot stand in a path of every file system. Nothing was written.
    #[error("bad {what} {name:?}: {reason}")]
    Name {
        /// `"table"`, `"_id"` or `"branch"`.
        what: &'static str,
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// JSON from the caller that is not what the call needs. Nothing was written.
    #[error("{0}")]
    Usage(String),

    /// A record that the caller gave cannot be stored. Nothing was written.
    #[error("cannot store a record in table {table:?}: {reason}")]
    Unstorable {
        /// The table it was meant for.
        table: String,
        /// Which limit or rule it breaks.
        reason: String,
    },

    /// What the database says about a table makes no sense.
    #[error("bad settings of table {table:?} (db/_tables/{table}.json): {reason}")]
    Settings {
        /// The table.
        table: String,
        /// What is wrong.
        reason: String,
    },

    /// A file in `db/` is not a record. Other records are still readable.
    #[error("{}: {reason}", place(path, *line, *column))]
    BadRecord {
        /// Path in the repository, with forward slashes.
        path: String,
        /// Line, from 1; 0 where the fault is not in the text.
        line: usize,
        /// Column in characters, from 1; 0 where the fault is not in the text.
        column: usize,
        /// What is wrong.
        reason: String,
    },

    /// A record of an input cannot be imported. Nothing was written.
    #[error("{}: {reason}", place(file, *line, *column))]
    BadInput {
        /// What the input is called.
        file: String,
        /// Line, from 1; 0 where the fault has no place.
        line: usize,
        /// Column in characters, from 1; 0 where the fault has none.
        column: usize,
        /// What is wrong.
        reason: String,
    },

    /// An insert met a record with the same `_id`.
    #[error("record {id:?} is already in table {table:?}")]
    Exists {
        /// The table.
        table: String,
        /// The `_id`.
        id: String,
    },

    /// An update found no record with this `_id`.
    #[error("no record {id:?} in table {table:?}")]
    Absent {
        /// The table.
        table: String,
        /// The `_id`.
        id: String,
    },

    /// A record would break the rules of its table: its schema, or a unique field. Nothing was
    /// written.
    #[error("record {id:?} breaks the rules of table {table:?}: {}", list(faults))]
    Rule {
        /// The table.
        table: String,
        /// The `_id`.
        id: String,
        /// What is wrong, at most five faults of the schema.
        faults: Vec<RuleFault>,
    },

    /// A precondition of the transaction does not hold. Nothing was written.
    #[error("record {id:?} in table {table:?} is expected to be {expected}, but it is {found}")]
    Condition {
        /// The table.
        table: String,
        /// The `_id`.
        id: String,
        /// What was expected.
        expected: String,
        /// What it is.
        found: String,
    },

    /// The idempotency key was used before, for another payload.
    #[error("idempotency key {key:?} was already used with another payload")]
    KeyReused {
        /// The key.
        key: String,
    },

    /// The branch kept moving, or the remote kept failing, until the deadline passed.
    #[error(
        "cannot push to {branch:?} within {} s ({attempts} attempts): {last}",
        .waited.as_secs_f32()
    )]
    Deadline {
        /// The branch.
        branch: String,
        /// How long it was tried.
        waited: Duration,
        /// How many pushes were tried.
        attempts: u32,
        /// What the last attempt met.
        last: String,
    },

    /// The remote does not want this push, and would not want it a second time.
    #[error("push to {branch:?} refused: {text}")]
    Refused {
        /// The branch.
        branch: String,
        /// What git and the remote said, without secrets.
        text: String,
    },

    /// A git command failed.
    #[error("`{command}` failed: {stderr}")]
    Git {
        /// The command, without secrets.
        command: String,
        /// What it said, without secrets.
        stderr: String,
    },

    /// The repository cannot be read: a missing or damaged object, or not a repository.
    #[error("cannot read the repository: {0}")]
    Repository(String),

    /// A file or process of this machine failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },
}

impl Error {
    /// What to do about it, where there is something to say beyond the message.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::BadRecord { .. } => {
                Some("mend or remove the file, commit and push it; other records are unaffected")
            }
            Error::BadInput { .. } => Some("mend the input and run it again; nothing was written"),
            Error::Rule { .. } => Some("`ghettodb schema TABLE` shows the rules"),
            Error::KeyReused { .. } => Some("use a new key for new content"),
            Error::Condition { .. } => Some("read the record again, and decide anew"),
            Error::Deadline { .. } => Some("run it again, or give it a longer deadline"),
            Error::Refused { .. } => {
                Some("check the token's rights, branch protection and hooks of the data repository")
            }
            Error::Git { stderr, .. } if is_full(stderr) => Some(NO_ROOM),
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some(NO_ROOM)
            }
            Error::Repository(text) if is_full(text) => Some(NO_ROOM),
            Error::Git { .. } => {
                Some("check the repository's address, the branch and the access rights")
            }
            _ => None,
        }
    }

    /// Whether the caller's input is at fault: on these records it is never accepted.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Error::Name { .. }
                | Error::Usage(_)
                | Error::Unstorable { .. }
                | Error::BadInput { .. }
                | Error::Condition { .. }
                | Error::KeyReused { .. }
        )
    }

    /// Exit code of a process that ends with this error: 1 fault, 2 usage, 3 a condition or rule does
    /// not hold or an input is refused, 5 deadline, 6 refused.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Name { .. } | Error::Usage(_) | Error::Unstorable { .. } => 2,
            Error::Condition { .. }
            | Error::BadInput { .. }
            | Error::Rule { .. }
            | Error::Settings { .. } => 3,
            Error::Deadline { .. } => 5,
            Error::Refused { .. } => 6,
            _ => 1,
        }
    }

    /// Whether the same may work later: the network's fault, nobody else's.
    pub fn is_transient(&self) -> bool {
        matches!(self, Error::Git { stderr, .. } if crate::push::is_transient(stderr))
    }

    pub(crate) fn rule(table: &str, id: &str, faults: Vec<RuleFault>) -> Error {
        Error::Rule {
            table: table.to_owned(),
            id: id.to_owned(),
            faults,
        }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        let what = what.into();
        move |source| Error::Io { what, source }
    }

    pub(crate) fn repository(error: impl std::fmt::Display) -> Error {
        Error::Repository(redact(&error.to_string()))
    }
}

/// One place in a record that breaks a rule of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// JSON pointer of the field; empty for the record as a whole.
    pub field: String,
    /// What is expected there, and what was found.
    pub expected: String,
    /// The `_id` of the record that has the value of a unique field already.
    pub other: Option<String>,
}

impl std::fmt::Display for RuleFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.field.is_empty() {
            true => f.write_str(&self.expected),
            false => write!(f, "{}: {}", self.field, self.expected),
        }
    }
}

fn list(faults: &[RuleFault]) -> String {
    let faults: Vec<String> = faults.iter().map(RuleFault::to_string).collect();
    faults.join("; ")
}

/// Why a transaction was not committed.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E> {
    /// The operation refused; nothing was written.
    #[error(transparent)]
    Operation(E),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<TransactError<Error>> for Error {
    fn from(error: TransactError<Error>) -> Self {
        match error {
            TransactError::Operation(error) | TransactError::Database(error) => error,
        }
    }
}

/// `path:line:column`, or less where the fault has no place in the text.
fn place(path: &str, line: usize, column: usize) -> String {
    match (line, column) {
        (0, _) => path.to_owned(),
        (_, 0) => format!("{path}:{line}"),
        _ => format!("{path}:{line}:{column}"),
    }
}

/// Whether a text of git or gix says that a file system is full.
fn is_full(text: &str) -> bool {
    // The words of `ENOSPC`; git runs in the C locale.
    text.contains("No space left on device")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_system_is_told_whoever_met_it() {
        let of_git = Error::Git {
            command: "git clone".to_owned(),
            stderr: "fatal: write error: No space left on device".to_owned(),
        };
        let full = std::io::ErrorKind::StorageFull.into();
        let of_file = Error::io("cannot write")(full);
        for error in [of_git, of_file] {
            assert_eq!(error.hint(), Some(NO_ROOM), "{error}");
        }
        let other = Error::Git {
            command: "git clone".to_owned(),
            stderr: "fatal: not found".to_owned(),
        };
        assert_ne!(other.hint(), Some(NO_ROOM));
    }
}
