//! Which data repository a service works on, and under which name it commits.

use std::path::Path;

use ghettodb::{Author, Database, Options, Scratch};

use crate::settings::Settings;

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository is set, and the current folder has no `origin`.
    #[error(
        "no data repository: GHETTODB_REPO is not set, and this folder is no git repository with an origin"
    )]
    NotSet,
    /// The repository cannot be opened or read.
    #[error(transparent)]
    Database(#[from] ghettodb::Error),
}

impl Error {
    /// What to do about it, in one line.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::NotSet => {
                Some("set GHETTODB_REPO or --ghettodb-repo to the repository's URL or path")
            }
            Error::Database(error) => error.hint(),
        }
    }
}

/// Opens the data repository that the settings name, or else the `origin` of the checked-out one.
///
/// # Errors
/// When there is none, or it cannot be opened.
pub fn open(settings: &Settings, service: &str) -> Result<Database, Error> {
    let repository = match &settings.repository {
        Some(repository) => repository.clone(),
        // As on a runner.
        None => ghettodb::origin_of(Path::new("."))?.ok_or(Error::NotSet)?,
    };
    let mut options = Options::new(repository);
    options.branch.clone_from(&settings.branch);
    options.push_deadline = settings.push_deadline;
    // A service writes a few records at a time.
    options.scratch = Scratch::Memory;
    options.author = Author {
        name: format!("backroom {service}"),
        email: format!("{service}@backroom.invalid"),
    };
    Ok(Database::open(options)?)
}
