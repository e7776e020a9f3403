//! A start event: what it waited for has happened before it is entered.

use super::Next;
use crate::behavior::incident::Fault;

pub(super) fn activate() -> Result<Next, Fault> {
    Ok(Next::Complete)
}
