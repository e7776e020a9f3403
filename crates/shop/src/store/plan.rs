//! What a store is to be like.

use std::path::PathBuf;

use messaging::Settings;

use crate::folder::Folder;

/// How to start a store.
#[derive(Debug)]
pub struct Plan {
    /// Where it is kept.
    pub folder: Folder,
    /// Ports on 127.0.0.1; 0 = any free one.
    pub ports: Ports,
    /// A gateway that is already there; no broker is started then.
    pub gateway: Option<Settings>,
    /// Where the broker writes each record as a JSON line.
    pub records: Option<PathBuf>,
    /// Whether the services run as long-lived workers too, for the orders of variant `grpc`.
    pub workers: bool,
    /// What the dispatcher is told.
    pub dispatching: Dispatching,
}

/// How the dispatcher carries runs out, and what it does about those that came to nothing.
#[derive(Clone, Debug, Default)]
pub struct Dispatching {
    /// What carries runs out.
    pub backend: Backend,
    /// How often a delivery that came to nothing is started again.
    pub watchdog_redispatch: u32,
}

/// What carries the dispatcher's runs out.
#[derive(Clone, Debug, Default)]
pub enum Backend {
    /// The services' binaries, spawned.
    #[default]
    Direct,
    /// The workflows' YAML, run by this program; `None` = the `act` on the PATH.
    Act(Option<PathBuf>),
}

/// Ports of the store's processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// gRPC gateway.
    pub gateway: u16,
    /// REST API.
    pub rest: u16,
    /// Management of the engine.
    pub management: u16,
    /// Dispatcher.
    pub dispatcher: u16,
}
