//! Zeebe's names for what a record is about and what it wants or says.

use serde::{Deserialize, Serialize};
use std::fmt;

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
