//! An embedded sub-process: its none start event is entered, and it completes when nothing is
//! active in it any more.

use super::Next;
use crate::behavior::incident::Fault;
use bpmn::ElementIdx;

pub(super) fn activate(start: ElementIdx) -> Result<Next, Fault> {
    Ok(Next::Enter(start))
}
