//! GitHub's repository dispatches, locally: an event is taken with GitHub's limits and answers,
//! chooses the workflow files that listen to it, and each of these runs the binary of its
//! service, as a runner would.
//!
//! Knows nothing of the shop, the engine or the database: what a service does is its own affair,
//! and only its exit code is looked at. Deliberately absent: `concurrency` groups are not
//! enforced, the steps of a workflow are not interpreted (only its triggers, its time limit and
//! the name of its service are read), and records are never deleted.
//!
//! To see an event's whole life, start at [`Dispatcher::accept`].

pub mod api;
mod config;
pub mod dispatch;
mod dispatcher;
mod environment;
mod files;
mod log;
pub mod records;
pub mod rules;
mod run;
pub mod token;
pub mod workflow_file;

pub use config::{Config, OpenError};
pub use dispatcher::{ATTEMPTS_MAX, Dispatcher, RedeliverError};
pub use files::Error as FileError;
pub use token::Token;

/// Serves a dispatcher on a listener until `ended` is there, then ends it.
pub async fn serve(
    listener: tokio::net::TcpListener,
    dispatcher: std::sync::Arc<Dispatcher>,
    ended: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = api::router(std::sync::Arc::clone(&dispatcher));
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(ended)
        .await;
    dispatcher.stop().await;
    served
}
