//! What the services of the shop share, and nothing of any one service.
//!
//! Settings ([`settings`]), the gateway by single calls ([`client`]) and as a long-lived worker
//! ([`worker`]), the engine's read side ([`rest`]), and how a run ends ([`exit`]). It refuses to
//! know any operation: each service brings its own as data.

pub mod client;
pub mod exit;
pub mod rest;
pub mod settings;
pub mod token;
pub mod worker;

pub use exit::Exit;
pub use settings::{Gateway, Secret, Settings};
