//! One repository: where it is, who writes, and its temporary clone.

use crate::commit::{Committed, Message};
use crate::{CommitInfo, Error, Snapshot, TransactError, Transaction};
use std::path::Path;
use std::time::Duration;

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Name, as in `git log`.
    pub name: String,
    /// E-mail address, as in `git log`.
    pub email: String,
}

/// Which repository, and how to write to it.
#[derive(Debug, Clone)]
pub struct Options {
    /// URL or path of the repository.
    pub repo: String,
    /// Branch; none = the one that the remote's HEAD names.
    pub branch: Option<String>,
    /// How long a transaction may try to get its commit accepted, all attempts together.
    pub push_deadline: Duration,
    /// Author and committer of the commits.
    pub author: Author,
}

impl Options {
    /// The default branch of `repo`, 60 seconds, and an author named after this crate.
    pub fn new(repo: impl Into<String>) -> Self {
        Options {
            repo: repo.into(),
            branch: None,
            push_deadline: Duration::from_secs(60),
            author: Author {
                name: "ghettodb".to_owned(),
                email: "ghettodb@localhost".to_owned(),
            },
        }
    }
}

/// One clone of one repository.
pub struct Database {
    options: Options,
}

/// Makes an empty bare repository at `path`, unless there is one; says whether it made it.
pub fn init(path: &Path) -> Result<bool, Error> {
    Err(Error::Repository(format!(
        "{} cannot be made yet",
        path.display()
    )))
}

impl Database {
    /// Opens a repository.
    pub fn open(options: Options) -> Result<Self, Error> {
        Ok(Database { options })
    }

    /// Fetches the tip; a read-only view of one commit.
    pub fn snapshot(&mut self) -> Result<Snapshot, Error> {
        Err(Error::Repository(self.options.repo.clone()))
    }

    /// Runs an operation and commits what it changed; it is run again on a new tip.
    pub fn transact<T, E>(
        &mut self,
        message: &Message,
        operation: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Committed<T>, TransactError<E>> {
        drop(operation);
        Err(TransactError::Database(Error::Repository(
            message.subject.clone(),
        )))
    }

    /// The latest commits, newest first.
    pub fn log(&mut self, limit: usize) -> Result<Vec<CommitInfo>, Error> {
        Err(Error::Repository(limit.to_string()))
    }
}
