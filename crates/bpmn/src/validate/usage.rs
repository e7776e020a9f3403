//! Which messages, signals and escalations the events and tasks of all processes refer to.
//!
//! Rules about these depend on who refers to them, also from a process that is not executable.

use std::collections::BTreeMap;

use crate::model::{Model, local};
use crate::xml::Node;

/// How often an element of a file is referred to, by kind of place.
#[derive(Default, Clone, Copy)]
pub(super) struct Uses {
    /// From intermediate catch and boundary events, and receive tasks.
    pub(super) catches: usize,
    /// From start events of event sub-processes directly below a process.
    pub(super) event_sub_process_starts: usize,
    /// From start events of processes.
    pub(super) starts: usize,
    /// From throwing events and send tasks.
    pub(super) throws: usize,
}

/// References by the id of what they name.
pub(super) struct Usage<'d>(BTreeMap<&'d str, Uses>);

impl<'d> Usage<'d> {
    pub(super) fn of(model: &Model<'d>) -> Self {
        let mut usage = BTreeMap::<_, Uses>::new();
        for node in model.processes().flat_map(Node::descendants) {
            if let (true, Some(id)) = (
                node.is("sendTask") || node.is("receiveTask"),
                node.attribute("messageRef"),
            ) {
                let uses = usage.entry(local(id)).or_default();
                if node.is("sendTask") {
                    uses.throws += 1;
                } else {
                    uses.catches += 1;
                }
            }
            for definition in node.event_definitions() {
                let reference = match definition.name() {
                    "messageEventDefinition" => "messageRef",
                    "signalEventDefinition" => "signalRef",
                    "escalationEventDefinition" => "escalationRef",
                    _ => continue,
                };
                if let Some(id) = definition.attribute(reference) {
                    count(node, usage.entry(local(id)).or_default());
                }
            }
        }
        Self(usage)
    }

    /// Who refers to `node`.
    pub(super) fn uses(&self, node: Node<'_>) -> Uses {
        let uses = node.id().and_then(|id| self.0.get(id));
        uses.copied().unwrap_or_default()
    }
}

fn count(event: Node<'_>, uses: &mut Uses) {
    let parent = event.parent();
    let grandparent = parent.and_then(Node::parent);
    let below_process = |node: Option<Node<'_>>| node.is_some_and(|node| node.is("process"));
    match event.name() {
        "intermediateCatchEvent" | "boundaryEvent" => uses.catches += 1,
        "startEvent" if below_process(parent) => uses.starts += 1,
        "startEvent" if below_process(grandparent) => uses.event_sub_process_starts += 1,
        "intermediateThrowEvent" | "endEvent" => uses.throws += 1,
        _ => {}
    }
}
