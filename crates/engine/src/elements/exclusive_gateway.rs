//! An exclusive gateway: takes one flow. Of several whose condition is true, Zeebe takes the one
//! that stands last in the file; a condition that is not true or false is an incident, even
//! where there is a default flow.

use super::Next;
use crate::behavior::expression;
use crate::behavior::incident::Fault;
use crate::context::Context;
use crate::event::ErrorType;
use crate::key::Key;
use bpmn::FlowIdx;
use bpmn::process::Element;

pub(super) fn activate(
    ctx: &mut Context<'_>,
    key: Key,
    element: &Element,
    default: Option<FlowIdx>,
) -> Result<Next, Fault> {
    let instance = ctx.state().element_instances().get(key);
    let process_key = instance.map(|instance| instance.element.process_key);
    let Some(process_key) = process_key else {
        return Ok(Next::Wait);
    };
    let process = ctx.state().definitions().process(process_key);
    if let [only] = element.outgoing.as_slice()
        && process.flow(*only).condition.is_none()
    {
        return Ok(Next::Take(*only));
    }
    if element.outgoing.is_empty() {
        return Ok(Next::Complete);
    }
    for flow in element.outgoing.iter().rev() {
        if let Some(condition) = &process.flow(*flow).condition
            && Some(*flow) != default
            && expression::condition(ctx, key, condition, &[])?
        {
            return Ok(Next::Take(*flow));
        }
    }
    default.map(Next::Take).ok_or_else(|| {
        Fault::new(
            ErrorType::ConditionError,
            "Expected at least one condition to evaluate to true, or to have a default flow",
        )
    })
}
