//! A job in the engine becomes an HTTP call, and its answer the job's outcome: the contract of
//! Camunda's REST connector (`io.camunda:http-json:1`) and that of the older worker
//! (`CAMUNDA-HTTP`).
//!
//! This is the only place where secrets of the models are known: they are filled in in
//! authentication fields, where the deployed model names them, for the hosts they are bound to,
//! and hidden in everything that leaves.
//! Deliberately absent: proxies (they would look up addresses where the check of [`egress`]
//! cannot see them), multipart bodies, client certificates, refresh tokens.
//!
//! To see a job's whole life, start at [`HttpWorker::handle`].

mod authentication;
mod deadline;
pub mod egress;
mod error_functions;
mod expression;
pub mod host;
mod job;
pub mod legacy;
pub mod log;
mod mask;
pub mod models;
mod oauth;
mod outcome;
mod placeholder;
mod request;
mod response;
mod retry;
pub mod secrets;
mod worker;

pub use egress::Egress;
pub use host::HostRule;
pub use mask::Mask;
pub use models::Models;
pub use request::BODY_BYTES_MAX;
pub use secrets::Secrets;
pub use worker::{Config, HttpWorker, JOB_TYPE};
