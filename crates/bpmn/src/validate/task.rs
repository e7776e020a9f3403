//! Tasks and call activities: what does their work has to be said, once.

use super::Context;
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if *node.namespace() != crate::xml::Namespace::Bpmn {
        return;
    }
    match node.name() {
        "serviceTask" => exactly_one(node, "taskDefinition", context),
        "callActivity" => exactly_one(node, "calledElement", context),
        "multiInstanceLoopCharacteristics" => exactly_one(node, "loopCharacteristics", context),
        "businessRuleTask" => either(node, "calledDecision", "taskDefinition", context),
        "scriptTask" => either(node, "script", "taskDefinition", context),
        "sendTask" => {
            either(node, "publishMessage", "taskDefinition", context);
            if node.extension("publishMessage").is_some() {
                refers_to_message(node, context);
            }
        }
        "receiveTask" => {
            refers_to_message(node, context);
            receive_task_and_boundary(node, context);
        }
        _ => {}
    }
}

fn exactly_one<'d>(node: Node<'d>, extension: &str, context: &mut Context<'_, 'd>) {
    if node.extensions(extension).count() != 1 {
        let message = format!("Must have exactly one 'zeebe:{extension}' extension element");
        context.error(node, message);
    }
}

fn either<'d>(node: Node<'d>, one: &str, other: &str, context: &mut Context<'_, 'd>) {
    let counts = (node.extensions(one).count(), node.extensions(other).count());
    if !matches!(counts, (1, 0) | (0, 1)) {
        context.error(node, either_message(one, other));
    }
}

pub(super) fn either_message(one: &str, other: &str) -> String {
    format!("Must have either one 'zeebe:{one}' or one 'zeebe:{other}' extension element")
}

fn refers_to_message<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if context
        .model
        .referenced(node, "messageRef", "message")
        .is_none()
    {
        context.error(node, "Must reference a message");
    }
}

fn receive_task_and_boundary<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let model = context.model;
    let name_of = |node| {
        let message = model.referenced(node, "messageRef", "message")?;
        message.attribute("name").filter(|name| !name.is_empty())
    };
    let own = name_of(node);
    let mut definitions = (model.boundary_events(node).iter())
        .flat_map(|event| event.event_definitions())
        .filter(|definition| definition.is("messageEventDefinition"));
    if own.is_some() && definitions.any(|definition| name_of(definition) == own) {
        context.error(
            node,
            "Cannot reference the same message name as a boundary event",
        );
    }
}
