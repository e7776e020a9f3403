//! Processes: how they start.

use super::{Context, duplicates, link};
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is("process") {
        return;
    }
    if node.bpmn_child("startEvent").is_none() {
        context.error(node, "Must have at least one start event");
    }
    let starts = || node.bpmn_children("startEvent");
    if starts()
        .filter(|start| start.event_definitions().next().is_none())
        .count()
        > 1
    {
        context.error(node, "Multiple none start events are not allowed");
    }
    let event_sub_processes = duplicates::event_sub_process_definitions(node);
    duplicates::check_names(node, &event_sub_processes, context);
    duplicates::check_codes(node, &event_sub_processes, context);
    let signals: Vec<_> = (starts().flat_map(Node::event_definitions))
        .filter(|definition| definition.is("signalEventDefinition"))
        .collect();
    duplicates::check_names(node, &signals, context);
    link::check(node, context);
}
