//! An event reaches an element instance that waits for it.

use super::transition;
use crate::command::Variables;
use crate::context::Context;
use crate::event::{ElementRef, Event, ProcessEvent};
use crate::key::Key;
use crate::step::Step;
use bpmn::ElementIdx;
use bpmn::process::ElementKind;

/// Whether an element instance can still be reached: it is active, and nothing else that ends it
/// has reached it before.
pub(crate) fn can_be_reached(ctx: &Context<'_>, key: Key) -> bool {
    use crate::event::Lifecycle;
    ctx.state()
        .element_instances()
        .get(key)
        .is_some_and(|instance| {
            matches!(
                instance.lifecycle,
                Lifecycle::Activating | Lifecycle::Activated
            ) && instance.pending_event.is_none()
                && !instance.ending
        })
}

/// Lets an event reach an element instance: `target` is the element that goes on, the waiting
/// one itself or an event on its border.
pub(crate) fn trigger(ctx: &mut Context<'_>, key: Key, target: u32, variables: Variables) {
    let Some(instance) = ctx.state().element_instances().get(key) else {
        return;
    };
    let element = instance.element;
    let process = ctx.state().definitions().process(element.process_key);
    let boundary = match &process.element(ElementIdx(target)).kind {
        ElementKind::BoundaryEvent(boundary) if target != element.element => Some(boundary),
        _ => None,
    };
    match boundary {
        None => {
            // Also without variables: what has been reached once is not reached again.
            hold(ctx, key, target, variables);
            ctx.then(Step::Complete(key));
        }
        Some(boundary) if boundary.interrupting => {
            hold(ctx, key, target, variables);
            ctx.then(Step::Terminate(key));
        }
        Some(_) => enter_boundary(ctx, element, target, transition::Incoming::Merge(variables)),
    }
}

fn hold(ctx: &mut Context<'_>, key: Key, target: u32, variables: Variables) {
    ctx.emit_new(Event::ProcessEventTriggering(ProcessEvent {
        element_instance_key: key,
        target,
        variables,
    }));
}

/// Enters a boundary event beside the activity that it is attached to.
pub(crate) fn enter_boundary(
    ctx: &mut Context<'_>,
    attached_to: ElementRef,
    boundary: u32,
    incoming: transition::Incoming,
) {
    let scope = ctx.state().element_instances().get(attached_to.scope_key);
    if !scope.is_some_and(crate::state::ElementInstance::accepts_children) {
        return;
    }
    let element = ElementRef {
        element: boundary,
        flows_used: 0,
        loop_counter: 0,
        ..attached_to
    };
    transition::enter(ctx, element, incoming);
}
