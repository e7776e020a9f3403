//! An undefined or manual task: for people to read, nothing for the engine to do.

use super::Next;
use crate::behavior::incident::Fault;

pub(super) fn activate() -> Result<Next, Fault> {
    Ok(Next::Complete)
}
