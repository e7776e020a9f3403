//! Events that stand together may not wait for the same thing.

use std::collections::BTreeMap;

use super::Context;
use crate::xml::Node;

const ONE_CATCH_ALL_ERROR: &str = "The same scope can not contain more than one error catch event \
    without error code. An error catch event without error code catches all errors.";

const ONE_CATCH_ALL_ESCALATION: &str = "The same scope can not contain more than one escalation \
    catch event without escalation code. An escalation catch event without escalation code catches \
    all escalations.";

/// Reports at `node` what is doubled among `definitions`: names of messages, signals and links.
pub(super) fn check_names<'d>(
    node: Node<'d>,
    definitions: &[Node<'d>],
    context: &mut Context<'_, 'd>,
) {
    let model = context.model;
    for (definition_name, what) in [
        ("messageEventDefinition", "message event definitions"),
        ("signalEventDefinition", "signal event definitions"),
        (
            "linkEventDefinition",
            "intermediate catch link event definitions",
        ),
    ] {
        let of_kind = definitions
            .iter()
            .filter(|definition| definition.is(definition_name));
        let names = of_kind.filter_map(|definition| {
            let named = match definition_name {
                "messageEventDefinition" => model.referenced(*definition, "messageRef", "message"),
                "signalEventDefinition" => model.referenced(*definition, "signalRef", "signal"),
                _ => Some(*definition),
            };
            named?.attribute("name").filter(|name| !name.is_empty())
        });
        for name in doubled(names) {
            let message = format!("Multiple {what} with the same name '{name}' are not allowed.");
            context.error(node, message);
        }
    }
}

/// Reports at `node` what is doubled among `definitions`: codes of errors and escalations.
pub(super) fn check_codes<'d>(
    node: Node<'d>,
    definitions: &[Node<'d>],
    context: &mut Context<'_, 'd>,
) {
    let model = context.model;
    for (definition_name, reference, what, code, one_catch_all) in [
        (
            "escalationEventDefinition",
            "escalationRef",
            "escalation",
            "escalationCode",
            ONE_CATCH_ALL_ESCALATION,
        ),
        (
            "errorEventDefinition",
            "errorRef",
            "error",
            "errorCode",
            ONE_CATCH_ALL_ERROR,
        ),
    ] {
        let of_kind = definitions
            .iter()
            .filter(|definition| definition.is(definition_name));
        // No error at all and an error without a code are two things to Zeebe.
        let codes = of_kind.map(|definition| {
            let referenced = model.referenced(*definition, reference, what);
            let code = referenced.and_then(|referenced| referenced.attribute(code));
            (referenced.is_some(), code)
        });
        for (_, code) in doubled(codes) {
            context.error(
                node,
                match code {
                    Some(code) => format!(
                        "Multiple {what} catch events with the same {what} code '{code}' \
                         are not supported on the same scope."
                    ),
                    None => one_catch_all.to_owned(),
                },
            );
        }
    }
}

/// What comes more than once.
fn doubled<T: Ord>(items: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_insert(0) += 1;
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(item, _)| item)
}

/// The event definitions of the event sub-processes in a scope.
pub(super) fn event_sub_process_definitions(scope: Node<'_>) -> Vec<Node<'_>> {
    (scope.children())
        .filter(|child| child.is_sub_process() && child.flag("triggeredByEvent", false))
        .flat_map(|child| child.bpmn_children("startEvent"))
        .flat_map(Node::event_definitions)
        .collect()
}
