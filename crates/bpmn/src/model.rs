//! The model as it is written: elements by id, references between them, Zeebe's extensions.
//!
//! A view on the file's elements that knows BPMN's names; nothing is resolved beyond what a rule
//! or the compiler asks for, and a model that breaks every rule can still be looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::xml::{Document, Namespace, Node};

/// A model file.
pub(crate) struct Model<'d> {
    document: &'d Document,
    by_id: BTreeMap<&'d str, Node<'d>>,
    /// Boundary events by the id of what they are attached to.
    boundary_events: BTreeMap<&'d str, Vec<Node<'d>>>,
    /// The ids that associations start at.
    association_sources: BTreeSet<&'d str>,
}

impl<'d> Model<'d> {
    pub(crate) fn new(document: &'d Document) -> Self {
        let mut by_id = BTreeMap::new();
        let mut boundary_events: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut association_sources = BTreeSet::new();
        for node in document.nodes() {
            if let Some(id) = node.id() {
                by_id.entry(id).or_insert(node);
            }
            if node.is("boundaryEvent")
                && let Some(host) = node.attribute("attachedToRef")
            {
                boundary_events.entry(local(host)).or_default().push(node);
            }
            if node.is("association") {
                association_sources.extend(node.attribute("sourceRef").map(local));
            }
        }
        Self {
            document,
            by_id,
            boundary_events,
            association_sources,
        }
    }

    /// The root element.
    pub(crate) fn definitions(&self) -> Node<'d> {
        self.document.root()
    }

    /// All processes.
    pub(crate) fn processes(&self) -> impl Iterator<Item = Node<'d>> {
        self.definitions().bpmn_children("process")
    }

    /// The processes that can be run.
    pub(crate) fn executable_processes(&self) -> impl Iterator<Item = Node<'d>> {
        self.processes()
            .filter(|process| process.flag("isExecutable", false))
    }

    /// The elements that Zeebe looks at: all but those of processes that are not executable.
    pub(crate) fn relevant_nodes(&self) -> impl Iterator<Item = Node<'d>> {
        let mut skip_to = 0;
        self.document.nodes().filter(move |node| {
            if node.is("process") && !node.flag("isExecutable", false) {
                skip_to = node.end();
            }
            node.index() >= skip_to
        })
    }

    /// The element that a reference names; a prefix of the reference doesn't matter.
    pub(crate) fn by_id(&self, reference: &str) -> Option<Node<'d>> {
        self.by_id.get(local(reference)).copied()
    }

    /// The element of type `name` that `node` refers to in `attribute`.
    pub(crate) fn referenced(
        &self,
        node: Node<'d>,
        attribute: &str,
        name: &str,
    ) -> Option<Node<'d>> {
        let target = self.by_id(node.attribute(attribute)?)?;
        target.is(name).then_some(target)
    }

    /// Whether an association leads from `node` to something.
    pub(crate) fn has_association(&self, node: Node<'d>) -> bool {
        node.id()
            .is_some_and(|id| self.association_sources.contains(id))
    }

    /// The events on the border of an activity.
    pub(crate) fn boundary_events(&self, activity: Node<'d>) -> &[Node<'d>] {
        let events = activity.id().and_then(|id| self.boundary_events.get(id));
        events.map_or(&[], Vec::as_slice)
    }
}

/// The part of a qualified name behind its prefix.
pub(crate) fn local(reference: &str) -> &str {
    let reference = reference.trim();
    reference
        .rsplit_once(':')
        .map_or(reference, |(_, local)| local)
}

impl<'d> Node<'d> {
    /// The `id` of an element of BPMN or its diagram.
    pub(crate) fn id(self) -> Option<&'d str> {
        let has_id = matches!(
            self.namespace(),
            Namespace::Bpmn | Namespace::BpmnDi | Namespace::Di | Namespace::Dc
        );
        self.attribute("id").filter(|_| has_id)
    }

    /// Whether it is BPMN's element of this name.
    pub(crate) fn is(self, name: &str) -> bool {
        *self.namespace() == Namespace::Bpmn && self.name() == name
    }

    /// Whether it is Zeebe's element of this name.
    pub(crate) fn is_zeebe(self, name: &str) -> bool {
        *self.namespace() == Namespace::Zeebe && self.name() == name
    }

    /// The children that are BPMN's elements of this name.
    pub(crate) fn bpmn_children(self, name: &str) -> impl Iterator<Item = Node<'d>> {
        self.children().filter(move |child| child.is(name))
    }

    /// The first child that is BPMN's element of this name.
    pub(crate) fn bpmn_child(self, name: &str) -> Option<Node<'d>> {
        self.bpmn_children(name).next()
    }

    /// The children of `extensionElements` that are Zeebe's elements of this name.
    pub(crate) fn extensions(self, name: &str) -> impl Iterator<Item = Node<'d>> {
        (self.bpmn_child("extensionElements").into_iter())
            .flat_map(Node::children)
            .filter(move |child| child.is_zeebe(name))
    }

    /// The first of them.
    pub(crate) fn extension(self, name: &str) -> Option<Node<'d>> {
        self.extensions(name).next()
    }

    /// The children that say what an event waits for or does.
    pub(crate) fn event_definitions(self) -> impl Iterator<Item = Node<'d>> {
        self.children().filter(|child| child.is_event_definition())
    }

    /// A boolean attribute; Zeebe takes the schema's `1` for false.
    pub(crate) fn flag(self, attribute: &str, default: bool) -> bool {
        (self.attribute(attribute)).map_or(default, |value| value.trim() == "true")
    }

    /// The text in it without white space around, if there is some.
    pub(crate) fn trimmed_text(self) -> Option<&'d str> {
        Some(self.text().trim()).filter(|text| !text.is_empty())
    }

    /// How Zeebe names the element in a refusal: its id, or what leads to it from the next
    /// element that has one.
    pub(crate) fn path(self) -> String {
        let mut names = Vec::new();
        let mut node = Some(self);
        while let Some(current) = node {
            if let Some(id) = current.id() {
                names.push(id);
                break;
            }
            names.push(current.name());
            node = current.parent();
        }
        names.reverse();
        names.join(" > ")
    }

    pub(crate) fn is_event_definition(self) -> bool {
        *self.namespace() == Namespace::Bpmn && self.name().ends_with("EventDefinition")
    }

    pub(crate) fn is_task(self) -> bool {
        const TASKS: [&str; 8] = [
            "task",
            "serviceTask",
            "sendTask",
            "receiveTask",
            "userTask",
            "manualTask",
            "scriptTask",
            "businessRuleTask",
        ];
        *self.namespace() == Namespace::Bpmn && TASKS.contains(&self.name())
    }

    /// An embedded sub-process or one of its special forms.
    pub(crate) fn is_sub_process(self) -> bool {
        self.is("subProcess") || self.is("transaction") || self.is("adHocSubProcess")
    }

    pub(crate) fn is_activity(self) -> bool {
        self.is_task() || self.is_sub_process() || self.is("callActivity")
    }

    pub(crate) fn is_gateway(self) -> bool {
        const GATEWAYS: [&str; 5] = [
            "exclusiveGateway",
            "parallelGateway",
            "inclusiveGateway",
            "eventBasedGateway",
            "complexGateway",
        ];
        *self.namespace() == Namespace::Bpmn && GATEWAYS.contains(&self.name())
    }

    pub(crate) fn is_throw_event(self) -> bool {
        self.is("endEvent") || self.is("intermediateThrowEvent")
    }

    pub(crate) fn is_catch_event(self) -> bool {
        self.is("startEvent") || self.is("intermediateCatchEvent") || self.is("boundaryEvent")
    }

    /// What sequence flows lead from and to.
    pub(crate) fn is_flow_node(self) -> bool {
        self.is_activity() || self.is_gateway() || self.is_throw_event() || self.is_catch_event()
    }
}
