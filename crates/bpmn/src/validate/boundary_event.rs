//! Boundary events.

use super::Context;
use crate::xml::Node;

const SUPPORTED: [&str; 6] = [
    "timerEventDefinition",
    "messageEventDefinition",
    "errorEventDefinition",
    "signalEventDefinition",
    "escalationEventDefinition",
    "compensateEventDefinition",
];

/// What may leave its activity or its scope running.
const NON_INTERRUPTING: [&str; 4] = [
    "messageEventDefinition",
    "timerEventDefinition",
    "signalEventDefinition",
    "escalationEventDefinition",
];

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is("boundaryEvent") {
        return;
    }
    let host = node
        .attribute("attachedToRef")
        .and_then(|id| context.model.by_id(id));
    if !host.is_some_and(Node::is_activity) {
        context.error(node, "Must be attached to an activity");
    }
    if node.bpmn_child("incoming").is_some() {
        context.error(node, "Cannot have incoming sequence flows");
    }
    if node.bpmn_child("outgoing").is_none() && !has_compensation_handler(node, context) {
        context.error(
            node,
            "Must have at least one outgoing sequence flow or association",
        );
    }
    if node.event_definitions().count() != 1 {
        context.error(node, "Must have exactly one event definition");
    }
    for definition in node.event_definitions() {
        if !SUPPORTED.contains(&definition.name()) {
            let message =
                "Boundary events must be one of: timer, message, error, signal, escalation";
            context.error(node, message);
        }
        let escalates = definition.is("escalationEventDefinition");
        if escalates && !host.is_some_and(|host| host.is_sub_process() || host.is("callActivity")) {
            let message = "An escalation boundary event should only be attached to a subprocess, \
                           or a call activity.";
            context.error(node, message);
        }
        check_interrupting(node, definition, node.flag("cancelActivity", true), context);
    }
}

/// Also for the start events of event sub-processes.
pub(super) fn check_interrupting<'d>(
    node: Node<'d>,
    definition: Node<'d>,
    interrupting: bool,
    context: &mut Context<'_, 'd>,
) {
    if !interrupting && !NON_INTERRUPTING.contains(&definition.name()) {
        context.error(node, "Non-Interrupting event of this type is not allowed");
    }
    if interrupting && definition.bpmn_child("timeCycle").is_some() {
        context.error(
            node,
            "Interrupting timer event with time cycle is not allowed.",
        );
    }
}

/// A compensation event has no outgoing flow but an association to its handler.
fn has_compensation_handler<'d>(node: Node<'d>, context: &Context<'_, 'd>) -> bool {
    let compensates = (node.event_definitions()).any(|d| d.is("compensateEventDefinition"));
    compensates && context.model.has_association(node)
}
