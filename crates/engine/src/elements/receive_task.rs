//! A receive task: waits for the message that is subscribed to with it.

use super::Next;
use crate::behavior::incident::Fault;

pub(super) fn activate() -> Result<Next, Fault> {
    Ok(Next::Wait)
}
