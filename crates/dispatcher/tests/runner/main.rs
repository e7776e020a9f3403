//! The dispatcher with real child processes: small shell scripts stand in for the services.

#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod act;
mod api;
mod chaos;
mod concurrency;
mod forms;
mod github;
mod load;
mod process;
mod rates;
mod rest;
mod rules;
mod runs;
mod store;
mod watchdog;
mod workflows;
