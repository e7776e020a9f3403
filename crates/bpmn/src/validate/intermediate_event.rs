//! Intermediate events.

use super::{Context, task};
use crate::xml::Node;

pub(super) fn check_throw<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is("intermediateThrowEvent") {
        return;
    }
    let compensation = (node.event_definitions()).find(|d| d.is("compensateEventDefinition"));
    if compensation.is_some_and(|definition| !definition.flag("waitForCompletion", true)) {
        let message = "A compensation intermediate throwing event waitForCompletion attribute \
                       must be true or not present";
        context.error(node, message);
    }
}

/// Also for end events.
pub(super) fn check_message_throw<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is_throw_event() {
        return;
    }
    let mut definitions = node
        .event_definitions()
        .filter(|d| d.is("messageEventDefinition"));
    let Some(definition) = definitions.next() else {
        return;
    };
    if definitions.next().is_some() && !node.is("endEvent") {
        context.error(node, "Must have at most one event definition");
    }
    let publishes = definition.extensions("publishMessage").count();
    match (publishes, node.extensions("taskDefinition").count()) {
        (1, 0) => {
            if (context
                .model
                .referenced(definition, "messageRef", "message"))
            .is_none()
            {
                context.error(node, "Must reference a message");
            }
        }
        (0, 1) => {}
        _ => context.error(
            node,
            task::either_message("publishMessage", "taskDefinition"),
        ),
    }
}

pub(super) fn check_catch<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is("intermediateCatchEvent") {
        return;
    }
    let mut definitions = node.event_definitions();
    let (Some(definition), None) = (definitions.next(), definitions.next()) else {
        context.error(node, "Must have exactly one event definition");
        return;
    };
    match definition.name() {
        "messageEventDefinition" | "signalEventDefinition" | "linkEventDefinition" => {}
        "timerEventDefinition" => {
            let has = |name| definition.bpmn_child(name).is_some();
            if !has("timeDuration") && !has("timeDate") {
                let message = "Intermediate timer catch event must have either a time duration or \
                               a time date.";
                context.error(node, message);
            }
        }
        _ => {
            let message = "Event definition must be one of: message, timer, signal, or link";
            context.error(node, message);
        }
    }
}
