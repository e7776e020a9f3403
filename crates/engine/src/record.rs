//! What stands in the log: commands that came in, the events they caused, rejections.
//!
//! Names of value types and intents are Zeebe's. A command stands in the log by its name and key
//! alone: the events say what it did, and replay needs nothing else. Follow-up steps inside the
//! engine (activate this element, complete that one) are not written: they are derived from the
//! events again, and an order would have twice as many records.

use crate::event::Event;
use crate::key::{Key, Position, Timestamp};
use crate::name::{Intent, ValueType};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its place; each record's is one more than that of the record before.
    pub position: Position,
    /// The command that caused it; its own position for a command.
    pub source: Position,
    /// When it was processed.
    pub timestamp: Timestamp,
    /// What it is about; [`Key::NONE`] where there is nothing yet.
    pub key: Key,
    /// What it says.
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// A command came in.
    Command(ValueType, Intent),
    /// Something happened.
    Event(Event),
    /// A command was refused.
    Rejection(Rejection),
}

/// A refused command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// What the command was about.
    pub value_type: ValueType,
    /// What it wanted.
    pub intent: Intent,
    /// Why it was refused, for a program.
    pub code: RejectionCode,
    /// Why it was refused, for a person, in Zeebe's words.
    pub reason: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Command '{}' rejected with code '{}': {}",
            self.intent, self.code, self.reason
        )
    }
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RejectionCode {
    /// What the command names is not there.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// The command itself is wrong.
    InvalidArgument,
    /// It is there, but not in a state for this.
    InvalidState,
}

impl fmt::Display for RejectionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::InvalidState => "INVALID_STATE",
        })
    }
}
