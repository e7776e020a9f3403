//! The dispatcher with real child processes: small shell scripts stand in for the services.

#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod api;
mod process;
mod rules;
mod runs;
mod store;
mod workflows;
