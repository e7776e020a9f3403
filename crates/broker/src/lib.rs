//! A Zeebe-compatible broker: durable log, gRPC gateway, REST searches.
//!
//! The shell around the pure engine. One thread owns the engine ([`worker`]), one the disk
//! ([`sync`]), one carries what is on disk on ([`exporter`]); only the network's edge is async.
//! To see a call's whole life, start at [`gateway`].

mod broker;
pub mod clock;
pub mod data_folder;
mod exporter;
mod gateway;
pub mod handle;
pub mod log;
mod management;
mod metrics;
mod push;
mod readmodel;
mod records;
mod rest;
pub mod storage;
mod sync;
pub mod variables;
mod worker;

pub use broker::{Broker, Config};

/// The version of Zeebe's protocol and records that this broker shows itself as: where 8.6 and
/// 8.8 differ it does as 8.8 does, and official clients take no offence at any 8.x.
pub const VERSION: &str = "8.8.0";
