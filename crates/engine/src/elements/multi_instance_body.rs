//! The body around an activity that runs once for each item: it holds the list of results, and
//! the boundary events of the activity are attached to it.

use super::Next;
use crate::behavior::incident::Fault;
use crate::behavior::multi_instance;
use crate::context::Context;
use crate::key::Key;
use bpmn::process::MultiInstance;

pub(super) fn activate(
    ctx: &mut Context<'_>,
    key: Key,
    body: &MultiInstance,
) -> Result<Next, Fault> {
    multi_instance::open(ctx, key, body)?;
    Ok(Next::StartRounds)
}
