//! The process itself: which of its start events is entered is known only to what started the
//! instance (`CreateProcessInstance` or a message), so that enters it.

use super::Next;
use crate::behavior::incident::Fault;

pub(super) fn activate() -> Result<Next, Fault> {
    Ok(Next::Wait)
}
