//! What stands in the log: commands that came in, the events they caused, rejections.
//!
//! Names of value types and intents are Zeebe's. A command stands in the log by its name and key
//! alone: the events say what it did, and replay needs nothing else. Follow-up steps inside the
//! engine (activate this element, complete that one) are not written: they are derived from the
//! events again, and an order would have twice as many records.

use crate::event::Event;
use crate::key::{Key, Position, Timestamp};
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

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "the names are Zeebe's own")]
        pub enum $name { $($variant,)* }

        impl $name {
            /// The name as Zeebe writes it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// What a record is about. New ones go to the end: the log holds their numbers.
    ValueType {
        Deployment => "DEPLOYMENT",
        Process => "PROCESS",
        ProcessInstanceCreation => "PROCESS_INSTANCE_CREATION",
        ProcessInstance => "PROCESS_INSTANCE",
        ProcessInstanceBatch => "PROCESS_INSTANCE_BATCH",
        ProcessEvent => "PROCESS_EVENT",
        Variable => "VARIABLE",
        VariableDocument => "VARIABLE_DOCUMENT",
        Job => "JOB",
        JobBatch => "JOB_BATCH",
        Message => "MESSAGE",
        MessageStartEventSubscription => "MESSAGE_START_EVENT_SUBSCRIPTION",
        ProcessMessageSubscription => "PROCESS_MESSAGE_SUBSCRIPTION",
        Timer => "TIMER",
        Incident => "INCIDENT",
        Error => "ERROR",
    }
}

names! {
    /// What a command wants or an event says. New ones go to the end: the log holds their numbers.
    Intent {
        Create => "CREATE",
        Created => "CREATED",
        CreateWithAwaitingResult => "CREATE_WITH_AWAITING_RESULT",
        Cancel => "CANCEL",
        Canceled => "CANCELED",
        ElementActivating => "ELEMENT_ACTIVATING",
        ElementActivated => "ELEMENT_ACTIVATED",
        ElementCompleting => "ELEMENT_COMPLETING",
        ElementCompleted => "ELEMENT_COMPLETED",
        ElementTerminating => "ELEMENT_TERMINATING",
        ElementTerminated => "ELEMENT_TERMINATED",
        SequenceFlowTaken => "SEQUENCE_FLOW_TAKEN",
        Activate => "ACTIVATE",
        Activated => "ACTIVATED",
        Complete => "COMPLETE",
        Completed => "COMPLETED",
        Fail => "FAIL",
        Failed => "FAILED",
        ThrowError => "THROW_ERROR",
        ErrorThrown => "ERROR_THROWN",
        TimeOut => "TIME_OUT",
        TimedOut => "TIMED_OUT",
        UpdateRetries => "UPDATE_RETRIES",
        RetriesUpdated => "RETRIES_UPDATED",
        UpdateTimeout => "UPDATE_TIMEOUT",
        TimeoutUpdated => "TIMEOUT_UPDATED",
        RecurAfterBackoff => "RECUR_AFTER_BACKOFF",
        RecurredAfterBackoff => "RECURRED_AFTER_BACKOFF",
        Publish => "PUBLISH",
        Published => "PUBLISHED",
        Expire => "EXPIRE",
        Expired => "EXPIRED",
        Correlated => "CORRELATED",
        Deleted => "DELETED",
        Trigger => "TRIGGER",
        Triggering => "TRIGGERING",
        Triggered => "TRIGGERED",
        Resolve => "RESOLVE",
        Resolved => "RESOLVED",
        Update => "UPDATE",
        Updated => "UPDATED",
    }
}
