//! Types of elements that Zeebe knows, and where conditions may stand.

use super::Context;
use crate::coverage::zeebe_not_supported;
use crate::xml::Node;

/// Types that BPMN has and Zeebe doesn't run, as it calls them.
const UNKNOWN: [(&str, &str); 4] = [
    ("adHocSubProcess", "AdHocSubProcess"),
    ("complexGateway", "ComplexGateway"),
    ("transaction", "Transaction"),
    ("event", "Event"),
];

pub(super) fn check_type<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if let Some((_, name)) = UNKNOWN.iter().find(|(name, _)| node.is(name)) {
        context.error(node, zeebe_not_supported(name));
    }
}

pub(super) fn check_conditions<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let decides = node.is("exclusiveGateway") || node.is("inclusiveGateway");
    if decides || !node.is_flow_node() {
        return;
    }
    let has_condition = |outgoing: Node<'d>| {
        let flow = context.model.by_id(outgoing.text());
        flow.is_some_and(|flow| flow.bpmn_child("conditionExpression").is_some())
    };
    if node.bpmn_children("outgoing").any(has_condition) {
        let message =
            "Conditional sequence flows are only supported at exclusive or inclusive gateway";
        context.error(node, message);
    }
}
