//! Sub-processes: how they start.

use super::{Context, boundary_event, duplicates, link};
use crate::xml::Node;

const EVENT_STARTS: [&str; 6] = [
    "timerEventDefinition",
    "messageEventDefinition",
    "errorEventDefinition",
    "signalEventDefinition",
    "escalationEventDefinition",
    "compensateEventDefinition",
];

const EVENT_START_EXPECTED: &str = "Start events in event subprocesses must be one of: message, \
    timer, error, signal or escalation";

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is_sub_process() {
        return;
    }
    if node.bpmn_children("startEvent").count() != 1 && !node.is("adHocSubProcess") {
        context.error(node, "Must have exactly one start event");
    }
    if let Some(start) = node.bpmn_child("startEvent") {
        if node.flag("triggeredByEvent", false) {
            check_event_start(node, start, context);
        } else if start.event_definitions().next().is_some() {
            context.error(node, "Start events in subprocesses must be of type none");
        }
    }
    let event_sub_processes = duplicates::event_sub_process_definitions(node);
    duplicates::check_names(node, &event_sub_processes, context);
    duplicates::check_codes(node, &event_sub_processes, context);
    link::check(node, context);
}

fn check_event_start<'d>(node: Node<'d>, start: Node<'d>, context: &mut Context<'_, 'd>) {
    if start.event_definitions().next().is_none() {
        context.error(node, EVENT_START_EXPECTED);
    }
    for definition in start.event_definitions() {
        let compensates = definition.is("compensateEventDefinition");
        if compensates && !node.parent().is_some_and(Node::is_sub_process) {
            let message = "A compensation event subprocess is not allowed on the process level";
            context.error(node, message);
        }
        if !EVENT_STARTS.contains(&definition.name()) {
            context.error(node, EVENT_START_EXPECTED);
        }
        let interrupting = start.flag("isInterrupting", true);
        boundary_event::check_interrupting(node, definition, interrupting, context);
    }
}
