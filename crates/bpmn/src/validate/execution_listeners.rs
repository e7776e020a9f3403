//! Execution listeners: where they may stand and for which event.

use std::collections::BTreeMap;

use super::Context;
use crate::xml::{Namespace, Node};

const SUPPORTED: [&str; 20] = [
    "process",
    "subProcess",
    "callActivity",
    "task",
    "sendTask",
    "serviceTask",
    "scriptTask",
    "userTask",
    "receiveTask",
    "businessRuleTask",
    "manualTask",
    "startEvent",
    "intermediateThrowEvent",
    "intermediateCatchEvent",
    "boundaryEvent",
    "endEvent",
    "exclusiveGateway",
    "inclusiveGateway",
    "parallelGateway",
    "eventBasedGateway",
];

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if *node.namespace() != Namespace::Bpmn {
        return;
    }
    if node.extensions("executionListeners").count() > 1
        && (node.is_gateway() || node.is_throw_event() || node.is_catch_event())
    {
        let message = "Element must not have more than one execution listeners definition";
        context.error(node, message);
    }
    for listeners in node.extensions("executionListeners") {
        let listeners_of = |event: &str| {
            (listeners.children())
                .any(|listener| listener.attribute("eventType").map(str::trim) == Some(event))
        };
        if let Some(message) = not_supported(node, &listeners_of) {
            context.error(node, message);
        }
        let mut counts = BTreeMap::new();
        for listener in listeners.children() {
            let kind = (listener.attribute("eventType"), listener.attribute("type"));
            *counts.entry(kind).or_insert(0) += 1;
        }
        if !counts.is_empty() && !SUPPORTED.contains(&node.name()) {
            let message = format!(
                "Execution listeners are not supported for the '{}' element. Currently, only [{}] \
                 elements can have execution listeners.",
                node.name(),
                SUPPORTED.join(", ")
            );
            context.error(listeners, message);
            continue;
        }
        for ((event, job_type), count) in counts.into_iter().filter(|(_, count)| *count > 1) {
            let message = format!(
                "Found '{count}' duplicates based on eventType[{}] and type[{}], these \
                 combinations should be unique.",
                event.unwrap_or("null"),
                job_type.unwrap_or("null")
            );
            context.error(listeners, message);
        }
    }
}

fn not_supported(node: Node<'_>, listens: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let first = node.event_definitions().next();
    let is_first = |name| first.is_some_and(|definition| definition.is(name));
    if node.is_gateway() && listens("end") {
        Some("Execution listeners of type 'end' are not supported by gateway element")
    } else if node.is("startEvent") && listens("start") {
        Some("Execution listeners of type 'start' are not supported by start events")
    } else if node.is("boundaryEvent") && is_first("compensateEventDefinition") {
        Some(
            "Execution listeners of type 'start' and 'end' are not supported by [compensation] \
             boundary events",
        )
    } else if node.is("boundaryEvent") && first.is_some() && listens("start") {
        Some("Execution listeners of type 'start' are not supported by boundary events")
    } else if node.is("endEvent") && is_first("errorEventDefinition") && listens("end") {
        Some("Execution listeners of type 'end' are not supported by [error] end events")
    } else {
        None
    }
}
