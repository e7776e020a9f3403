//! The pure state machine of a Zeebe-compatible broker: commands in, events out.
//!
//! [`Engine::process`] decides: it takes a command and the time, and gives records and an answer.
//! [`Engine::replay`] evolves: it applies events of the log, nothing else, and comes to the same
//! state bit for bit. No I/O, no clock, no threads, no randomness: these come in as arguments or
//! not at all. To see a command's whole life, start at [`processing`].

pub mod command;
pub mod event;
pub mod key;
pub mod name;
pub mod record;
pub mod step;

pub use command::{Command, Response};
pub use event::Event;
pub use key::{Key, Position, Timestamp};
pub use record::{Body, Record, Rejection};

mod behavior;
mod context;
mod elements;
mod engine;
mod processing;
pub mod state;

pub use engine::{Batch, Engine, SnapshotError};
pub use state::{Definition, State, compile_definition};
