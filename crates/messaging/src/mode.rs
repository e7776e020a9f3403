//! The three ways to run a service, from the one table of its operations.
//!
//! `action` answers the event of a runner, a dispatch or a form, `worker` serves jobs for as long as it lives, `run` does
//! one operation by hand. A service's own `main` is one line that calls [`main`].

mod action;
mod command;
mod form;
pub(crate) mod report;
mod run;
mod serve;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::actions::has_colour;
use crate::operation::Service;
use crate::payload::Refusal;
use crate::settings::{self, Settings};
use crate::{Exit, client, event_file, operation, repository, rest, ui, worker};

/// Runs a service's command line and gives its exit code.
pub fn main(service: &'static Service) -> ExitCode {
    let matches = match command::parse(service) {
        Ok(matches) => matches,
        Err(error) => {
            let usage = error.use_stderr();
            // A closed pipe is all that can fail here.
            drop(error.print());
            return if usage { Exit::Usage } else { Exit::Done }.into();
        }
    };
    ui::finish(service.name, dispatch(service, &matches)).into()
}

fn dispatch(service: &'static Service, matches: &clap::ArgMatches) -> Result<(), Failure> {
    let (mode, arguments) = matches
        .subcommand()
        .expect("the command line asks for a mode");
    ui::mask();
    if mode == "action" {
        ui::hold_commands();
    }
    // A run's log is read by people who look for its end; a worker's is its only face.
    start_log(if mode == "worker" { "info" } else { "warn" });
    let settings = Settings::from_env(&command::flags(arguments))?;
    match mode {
        "action" => action::run(service, &settings),
        "worker" => serve::run(service, &settings, command::max_jobs(arguments)),
        _ => run::run(service, &settings, arguments),
    }
}

/// Logs to standard error; `RUST_LOG` chooses what.
pub fn start_log(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second call, as tests may make, leaves the first log in place.
    drop(
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(has_colour(|name| std::env::var(name).ok()))
            .with_target(false)
            .try_init(),
    );
}

/// Why a run failed. Each has its exit code, and most have a hint.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// The command line says something impossible.
    #[error("{0}")]
    Usage(String),
    /// There is no event.
    #[error(transparent)]
    Event(#[from] event_file::Error),
    /// No operation of this service has the event's type.
    #[error("unknown event type '{event_type}'; this service knows {known}")]
    UnknownEventType {
        /// As it came, on one line.
        event_type: String,
        /// What there is.
        known: String,
    },
    /// The operation gave no answer.
    #[error(transparent)]
    Operation(#[from] operation::Error),
    /// The data repository cannot be found or opened.
    #[error(transparent)]
    Repository(#[from] repository::Error),
    /// The answer could not be delivered.
    #[error(transparent)]
    Gateway(#[from] client::Error),
    /// The worker cannot work.
    #[error(transparent)]
    Worker(#[from] worker::Error),
    /// The read side gave no answer.
    #[error(transparent)]
    Rest(#[from] rest::Error),
    /// What was waited for did not come about in time.
    #[error("{0}")]
    Waited(String),
    /// This machine failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The system's words.
        source: std::io::Error,
    },
}

impl Failure {
    /// How the process ends.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Settings(_) | Failure::Usage(_) => Exit::Usage,
            Failure::Event(event_file::Error::NotSet) => Exit::Usage,
            Failure::Event(_) | Failure::UnknownEventType { .. } => Exit::Refused,
            Failure::Operation(error) if error.is_refusal() => Exit::Refused,
            Failure::Operation(operation::Error::Database(error)) => database_exit(error),
            Failure::Repository(error) => match error {
                repository::Error::NotSet => Exit::Usage,
                repository::Error::Database(error) => database_exit(error),
            },
            Failure::Gateway(error) => gateway_exit(error),
            Failure::Rest(rest::Error::NotSet) => Exit::Usage,
            Failure::Rest(rest::Error::Unreachable { .. }) => Exit::GatewayUnreachable,
            Failure::Operation(_)
            | Failure::Worker(_)
            | Failure::Rest(_)
            | Failure::Waited(_)
            | Failure::Io { .. } => Exit::Fault,
        }
    }

    /// What to do about it, in one line.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Failure::Event(error) => Some(error.hint()),
            Failure::Operation(error) => error.hint(),
            Failure::Repository(error) => error.hint(),
            Failure::Gateway(error) => error.hint(),
            Failure::UnknownEventType { .. } => {
                Some("the workflow file sends this service an event that it does not serve")
            }
            Failure::Rest(error) => error.hint(),
            Failure::Waited(_) => Some("it goes on by itself; ask for its status later"),
            Failure::Settings(_) | Failure::Usage(_) | Failure::Worker(_) | Failure::Io { .. } => {
                None
            }
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Operation(operation::Error::Refused(refusal))
    }
}

/// A runtime for the few calls of a short process.
///
/// # Errors
/// When the system gives none.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::Io {
            what: "starting the network runtime",
            source,
        })
}

/// How a process ends whose database failed.
pub fn database_exit(error: &ghettodb::Error) -> Exit {
    match error {
        ghettodb::Error::Deadline { .. } => Exit::PushDeadline,
        ghettodb::Error::Refused { .. } => Exit::PushRefused,
        error if error.is_refusal() => Exit::Refused,
        _ => Exit::Fault,
    }
}

/// How a process ends whose gateway failed.
pub fn gateway_exit(error: &client::Error) -> Exit {
    let busy = [client::Code::Unavailable, client::Code::ResourceExhausted];
    match error {
        client::Error::Unreachable { .. } => Exit::GatewayUnreachable,
        client::Error::Rejected { code, .. } if busy.contains(code) => Exit::GatewayUnreachable,
        client::Error::Token(error) if error.is_transient() => Exit::GatewayUnreachable,
        client::Error::Rejected { .. }
        | client::Error::Token(_)
        | client::Error::NoToken { .. }
        | client::Error::Setup { .. } => Exit::Fault,
    }
}
