//! The worker against a real HTTP server: what arrives there, and what becomes of the job.

#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod authentication;
mod canary;
mod connector;
mod deadline;
mod egress;
mod expressions;
#[path = "../../../messaging/tests/support/gateway.rs"]
mod gateway;
mod github;
mod jobs;
mod legacy;
mod models;
mod process;
mod raw;
mod secrets;
mod server;
