//! GitHub Actions on one machine: an event is taken with GitHub's limits and answers, chooses the
//! workflow files that it starts, and each of these becomes a run that waits for its concurrency
//! group and is carried out as a runner would.
//!
//! Knows nothing of the shop, the engine or the database: what a service does is its own affair,
//! and only its exit code is looked at.
//!
//! To see an event's whole life, start at [`Dispatcher::accept`].

pub mod api;
mod backend;
pub mod concurrency;
mod config;
pub mod dispatch;
mod dispatcher;
mod drive;
mod environment;
pub mod expression;
mod files;
mod intake;
mod live;
mod log;
pub mod rate;
pub mod records;
mod retention;
pub mod rules;
mod runner;
pub mod token;
mod watchdog;
pub mod workflow_dispatch;
pub mod workflow_file;

pub use config::{BackendConfig, Config, OpenError, Watchdog};
pub use dispatcher::Dispatcher;
pub use drive::ATTEMPTS_MAX;
pub use files::Error as FileError;
pub use intake::{RedeliverError, RunError};
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
