//! Activities: their boundary events, and what handles a compensation.

use super::{Context, duplicates};
use crate::xml::Node;

pub(super) fn check_boundary_events<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is_activity() {
        return;
    }
    let events = context.model.boundary_events(node).iter();
    let definitions: Vec<_> = events.flat_map(|event| event.event_definitions()).collect();
    duplicates::check_names(node, &definitions, context);
    duplicates::check_codes(node, &definitions, context);
}

pub(super) fn check_compensation_handler<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is_task() || !node.flag("isForCompensation", false) {
        return;
    }
    if node.bpmn_child("incoming").is_some() {
        context.error(
            node,
            "A compensation handler should have no incoming sequence flows",
        );
    }
    if node.bpmn_child("outgoing").is_some() {
        context.error(
            node,
            "A compensation handler should have no outgoing sequence flows",
        );
    }
    if !context.model.boundary_events(node).is_empty() {
        context.error(
            node,
            "A compensation handler should have no boundary events",
        );
    }
}
