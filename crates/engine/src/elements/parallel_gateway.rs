//! A parallel gateway: it is entered when all its flows were taken, and leaves on all of them.

use super::Next;
use crate::behavior::incident::Fault;

pub(super) fn activate() -> Result<Next, Fault> {
    Ok(Next::Complete)
}
