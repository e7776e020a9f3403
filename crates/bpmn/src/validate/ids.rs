//! What runs needs an id, and what is referred to has to be there.

use super::Context;
use crate::xml::Node;

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
}
