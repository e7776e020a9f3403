//! End events.

use super::Context;
use crate::xml::Node;

const SUPPORTED: [&str; 6] = [
    "errorEventDefinition",
    "messageEventDefinition",
    "terminateEventDefinition",
    "signalEventDefinition",
    "escalationEventDefinition",
    "compensateEventDefinition",
];

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is("endEvent") {
        return;
    }
    if node.bpmn_child("outgoing").is_some() {
        let message = "End events must not have outgoing sequence flows to other elements.";
        context.error(node, message);
    }
    if node.event_definitions().count() > 1 {
        context.error(node, "Must have at most one event definition");
    }
    for definition in node.event_definitions() {
        if !SUPPORTED.contains(&definition.name()) {
            let message = "End events must be one of: none, error, message, terminate, signal, \
                           escalation or compensation";
            context.error(node, message);
        }
        let waits = definition.flag("waitForCompletion", true);
        if definition.is("compensateEventDefinition") && !waits {
            let message = "A compensation end event waitForCompletion attribute must be true or \
                           not present";
            context.error(node, message);
        }
    }
}
