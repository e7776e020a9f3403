//! The whole store on a laptop, and the operator's commands over it.
//!
//! Everything here stands outside of the engine: state is read over the REST API, changed over the
//! gateway, so that each command works on a Camunda 8 cluster too. Records are read from git.

pub mod audit;
pub mod books;
pub mod buttons;
mod child;
mod dispatcher_port;
pub mod dispatches;
pub mod engine;
pub mod failure;
pub mod folder;
pub mod ledger;
pub mod orchestrators;
pub mod outcome;
pub mod project;
pub mod reset;
pub mod session;
pub mod store;
pub mod wait;

pub use child::beside;
