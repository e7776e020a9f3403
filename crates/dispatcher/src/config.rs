//! How a dispatcher is set up, what of it makes no sense, and the folders it needs.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::rate::Rates;
use crate::token::Token;
use crate::{environment, files, workflow_file};

/// How a dispatcher is set up.
#[derive(Debug)]
pub struct Config {
    /// Where its records stand; made if it isn't there.
    pub data: PathBuf,
    /// The folder of workflow files.
    pub workflows: PathBuf,
    /// The folder of the services' binaries.
    pub bin_dir: PathBuf,
    /// What carries runs out.
    pub backend: BackendConfig,
    /// GitHub's rates, if they are to be kept.
    pub rates: Option<Rates>,
    /// What becomes of deliveries that came to nothing.
    pub watchdog: Watchdog,
    /// The repositories that events are taken for, `owner/name`.
    pub repositories: Vec<String>,
    /// The branch that the event file names.
    pub default_branch: String,
    /// What callers must know.
    pub token: Token,
    /// How many runs run at the same time.
    pub parallel_max: usize,
    /// Before the second attempt of a run; twice as long before the third.
    pub retry_delay: Duration,
    /// How long running services may go on when the dispatcher ends.
    pub stop_grace: Duration,
    /// How many deliveries are kept; the oldest that have ended go first.
    pub deliveries_max: usize,
    /// The dispatcher's own address, for services that dispatch.
    pub api_url: String,
    /// The variables that services may be given; [`Dispatcher::open`] chooses among them.
    pub environment: Vec<(OsString, OsString)>,
    /// Names of further variables that services get.
    pub pass_env: Vec<String>,
}

/// The choice of a back end.
#[derive(Debug)]
pub enum BackendConfig {
    /// Spawns the service's binary.
    Direct,
    /// Runs the YAML.
    Act {
        /// The program, by path or by name.
        program: PathBuf,
        /// The root of the repository that the workflow files belong to.
        project: PathBuf,
    },
    /// Hands events on to GitHub.
    GitHub {
        /// `https://api.github.com`, or a GitHub Enterprise Server's.
        api_url: String,
        /// Signs in there; callers of the dispatcher never see it.
        token: Token,
    },
}

/// How the watchdog looks after deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// How often a delivery that came to nothing is started again; 0 = it only becomes visible.
    pub redispatches_max: u32,
    /// How long a delivery may wait for its first start.
    pub start_limit: Duration,
}

/// Why a dispatcher cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The workflow files.
    #[error(transparent)]
    Workflows(#[from] workflow_file::Error),
    /// The records.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// The data folder.
    #[error("cannot use the data folder '{path}': {source}")]
    Folder {
        /// As given.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process works on the same records.
    #[error(
        "the data folder '{path}' is in use by another dispatcher; end it, or give another --data"
    )]
    InUse {
        /// As given.
        path: String,
    },
    /// The client for GitHub.
    #[error("cannot speak HTTPS: {0}")]
    Client(#[from] reqwest::Error),
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
}

pub(crate) fn check(config: &Config) -> Result<(), OpenError> {
    let setting = |text: String| Err(OpenError::Setting(text));
    if config.parallel_max == 0 || config.parallel_max > Semaphore::MAX_PERMITS {
        return setting("--max-parallel must be at least 1".to_owned());
    }
    if let BackendConfig::GitHub { api_url, .. } = &config.backend {
        let is_local = |host: &str| ["127.0.0.1", "localhost", "[::1]"].contains(&host);
        let rest = api_url.strip_prefix("http://");
        let host = rest.map(|rest| rest.split([':', '/']).next().unwrap_or_default());
        if !(api_url.starts_with("https://") || host.is_some_and(is_local)) {
            return setting(format!(
                "--github-api-url '{api_url}' must start with https://, or the token would be \
                 sent in the clear"
            ));
        }
    }
    if config.deliveries_max == 0 {
        return setting("--keep-deliveries must be at least 1".to_owned());
    }
    for repository in &config.repositories {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match repository.split_once('/') {
            Some((owner, name)) if is_name(owner) && is_name(name) => {}
            _ => return setting(format!("--repository '{repository}' must be OWNER/NAME")),
        }
    }
    if let Some(name) = config
        .pass_env
        .iter()
        .find(|n| environment::is_forbidden(n))
    {
        return setting(format!(
            "--pass-env {name}: services never get this variable"
        ));
    }
    Ok(())
}

/// Makes the folders and takes the lock; leftovers of attempts that were cut off go.
pub(crate) fn prepare_folder(config: &Config) -> Result<File, OpenError> {
    let path = config.data.display().to_string();
    let problem = |source| OpenError::Folder {
        path: path.clone(),
        source,
    };
    for part in ["deliveries", "logs"] {
        std::fs::create_dir_all(config.data.join(part)).map_err(problem)?;
    }
    let lock = File::create(config.data.join("lock")).map_err(problem)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Err(OpenError::InUse { path }),
        Err(std::fs::TryLockError::Error(source)) => return Err(problem(source)),
    }
    let work = config.data.join("work");
    match std::fs::remove_dir_all(&work) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(problem(error)),
        _ => {}
    }
    std::fs::create_dir_all(&work).map_err(problem)?;
    Ok(lock)
}
