//! Gateways.

use super::{Context, duplicates};
use crate::model::local;
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if node.is("exclusiveGateway") || node.is("inclusiveGateway") {
        let default = node
            .attribute("default")
            .and_then(|id| context.model.by_id(id));
        let leaves = |flow: Node<'_>| flow.attribute("sourceRef").map(local) == node.id();
        if default.is_some_and(|flow| !leaves(flow)) {
            context.error(node, "Default flow must start at gateway");
        }
    }
    if node.is("eventBasedGateway") {
        check_event_based(node, context);
    }
}

fn check_event_based<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let model = context.model;
    let flows: Vec<_> = (node.bpmn_children("outgoing"))
        .filter_map(|outgoing| model.by_id(outgoing.text()))
        .collect();
    if flows.len() < 2 {
        let message = "Event-based gateway must have at least 2 outgoing sequence flows.";
        context.error(node, message);
    }
    let targets: Vec<_> = (flows.iter())
        .filter_map(|flow| model.by_id(flow.attribute("targetRef")?))
        .collect();
    let is_event = |target: &Node<'d>| {
        let mut definitions = target.event_definitions();
        let (first, second) = (definitions.next(), definitions.next());
        let supported = first.is_some_and(|definition| {
            matches!(
                definition.name(),
                "messageEventDefinition" | "timerEventDefinition" | "signalEventDefinition"
            )
        });
        target.is("intermediateCatchEvent") && supported && second.is_none()
    };
    if targets.len() != flows.len() || !targets.iter().all(is_event) {
        let message = "Event-based gateway must not have an outgoing sequence flow to other \
                       elements than message/timer/signal intermediate catch events.";
        context.error(node, message);
    }
    let events = targets
        .iter()
        .filter(|target| target.is("intermediateCatchEvent"));
    let definitions: Vec<_> = events.flat_map(|event| event.event_definitions()).collect();
    duplicates::check_names(node, &definitions, context);
    let comes_from_elsewhere = |target: &Node<'d>| {
        let mut sources = (target.bpmn_children("incoming"))
            .filter_map(|incoming| model.by_id(incoming.text())?.attribute("sourceRef"));
        sources.any(|source| Some(local(source)) != node.id())
    };
    if targets.iter().any(comes_from_elsewhere) {
        let message = "Target elements of an event gateway must not have any additional incoming \
                       sequence flows other than that from the event gateway.";
        context.error(node, message);
    }
}
