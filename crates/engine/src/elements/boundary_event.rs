//! An event on the border of an activity: it is entered when it has happened, so it passes.

use super::Next;
use crate::behavior::incident::Fault;

pub(super) fn activate() -> Result<Next, Fault> {
    Ok(Next::Complete)
}
