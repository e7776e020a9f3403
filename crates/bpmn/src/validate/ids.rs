//! What runs needs an id, and what is referred to has to be there.

use super::Context;
use crate::xml::Node;

/// What references of event definitions and tasks have to name.
const REFERENCES: [(&str, &str); 4] = [
    ("messageRef", "message"),
    ("signalRef", "signal"),
    ("errorRef", "error"),
    ("escalationRef", "escalation"),
];

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let runs = node.is_flow_node() || node.is("process") || node.is("sequenceFlow");
    if runs && node.id().is_none() {
        context.error(node, "Attribute 'id' must be present and not empty");
    }
    for outgoing in node.bpmn_children("outgoing") {
        let id = outgoing.text().trim();
        if context.model.by_id(id).is_none() {
            let message = format!("Unable to find a model element instance for id {id}");
            context.error(node, message);
        }
    }
    if !node.is_event_definition() && !node.is_task() {
        return;
    }
    for (attribute, name) in REFERENCES {
        let target = node
            .attribute(attribute)
            .and_then(|id| context.model.by_id(id));
        if target.is_some_and(|target| !target.is(name)) {
            let message = format!("Attribute '{attribute}' must name an element of type '{name}'");
            context.error(node, message);
        }
    }
}
