//! Sequence flows: what they connect, and which need a condition.

use super::Context;
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is("sequenceFlow") {
        return;
    }
    let end = |attribute: &str| {
        let end = node
            .attribute(attribute)
            .and_then(|id| context.model.by_id(id));
        end.filter(|end| end.is_flow_node())
    };
    let (Some(source), Some(_)) = (end("sourceRef"), end("targetRef")) else {
        context.error(node, "Must lead from one flow node to another");
        return;
    };
    let several = source.bpmn_children("outgoing").nth(1).is_some();
    if !several || node.bpmn_child("conditionExpression").is_some() {
        return;
    }
    let default = source
        .attribute("default")
        .and_then(|id| context.model.by_id(id));
    if default == Some(node) {
        return;
    }
    if source.is("exclusiveGateway") {
        context.error(node, "Must have a condition or be default flow");
    }
    if source.is("inclusiveGateway") {
        context.error(node, "Must have a condition");
    }
}
