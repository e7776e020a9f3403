//! Which data repository a service works on, and under which name it commits.

use std::process::Command;

use ghettodb::{Author, Database, Options};

use crate::settings::Settings;

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository is set, and the current folder has no `origin`.
    #[error("no data repository: GHETTODB_REPO is not set, and {cause}")]
    NotSet {
        /// Why the current folder gives none.
        cause: String,
    },
    /// The repository cannot be opened or read.
    #[error(transparent)]
    Database(#[from] ghettodb::Error),
}

impl Error {
    /// What to do about it, in one line.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::NotSet { .. } => {
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
        None => origin()?,
    };
    let mut options = Options::new(repository);
    options.branch.clone_from(&settings.branch);
    options.push_deadline = settings.push_deadline;
    options.author = Author {
        name: format!("backroom {service}"),
        email: format!("{service}@backroom.invalid"),
    };
    Ok(Database::open(options)?)
}

/// The URL of `origin` of the repository that the process stands in, as on a runner.
fn origin() -> Result<String, Error> {
    let cause = |cause: String| Error::NotSet { cause };
    let output = Command::new("git")
        .args(["remote", "get-url", "origin"])
        .output()
        .map_err(|error| cause(format!("git cannot be run: {error}")))?;
    let url = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || url.is_empty() {
        return Err(cause(
            "this folder is no git repository with an origin".to_owned(),
        ));
    }
    Ok(url)
}
