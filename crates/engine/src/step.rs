//! What the engine still has to do inside one command: the follow-ups of what happened so far.

use crate::key::Key;
use serde::{Deserialize, Serialize};

/// One thing to do next. Steps stand in the log only when one command caused so many that they
/// are spread over several batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Enter an element of the compiled process inside a scope.
    Activate {
        /// The element's index.
        element: u32,
        /// The enclosing element instance.
        scope_key: Key,
        /// How many waiting flows this uses up.
        flows_used: u32,
        /// The round of a multi-instance, from 1; 0 outside of one.
        loop_counter: u32,
    },
    /// Go on entering an element instance that an incident had stopped.
    ResumeActivating(Key),
    /// Leave an element instance.
    Complete(Key),
    /// Go on leaving an element instance that an incident had stopped.
    ResumeCompleting(Key),
    /// End an element instance from outside.
    Terminate(Key),
}
