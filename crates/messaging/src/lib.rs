//! What the services of the shop share, and nothing of any one service.
//!
//! * A service is a table of operations ([`operation`]); [`mode`] runs it in three ways, one operation
//!   a commit, or several ([`batch`]).
//! * In: settings ([`settings`]), the event of a runner ([`event_file`]), its payload, read strictly
//!   ([`payload`]), and the data repository ([`repository`]).
//! * Out: the answer ([`result_message`]), a runner's log ([`actions`]), an exit code ([`exit`]).
//! * A process's start, for those that start one ([`start`]).
//! * The engine: by single calls ([`client`]), as a long-lived worker ([`worker`]), and what it
//!   shows of itself ([`rest`]).
//!
//! It refuses to know any operation: each service brings its own as data.

pub mod actions;
pub mod batch;
pub mod client;
pub mod event_file;
pub mod exit;
pub mod mode;
pub mod operation;
pub mod payload;
pub mod repository;
pub mod rest;
pub mod result_message;
pub mod settings;
pub mod start;
pub mod token;
pub mod ui;
pub mod worker;

pub use exit::Exit;
/// The gateway's protocol, for tests that stand in for a gateway.
#[doc(no_inline)]
pub use protocol;
pub use settings::{Gateway, Secret, Settings};
