//! Intermediate events: a catching one waits for the subscription or timer that is opened with
//! it, a throwing one without a trigger passes at once.

use super::Next;
use crate::behavior::incident::Fault;

pub(super) fn activate_catch() -> Result<Next, Fault> {
    Ok(Next::Wait)
}

pub(super) fn activate_throw() -> Result<Next, Fault> {
    Ok(Next::Complete)
}
