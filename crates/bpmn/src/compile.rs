//! The model as written, which passed all rules, to the form that the engine runs.
//!
//! Elements are numbered first, in the order of the file, so that whatever refers to an element
//! finds its number; then each is built. A multi-instance activity becomes two: its body, which
//! takes the activity's place, and the activity itself inside of it.

mod events;
mod io_mapping;
mod multi_instance;
mod tasks;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::coverage;
use crate::expression;
use crate::model::{Model, local};
use crate::process::{
    Element, ElementIdx, ElementKind, ElementType, FlowIdx, Process, SequenceFlow, StartTrigger,
};
use crate::refusal::Problem;
use crate::xml::Node;

/// Compiles one process.
pub(crate) fn process(model: &Model<'_>, process: Node<'_>) -> Result<Process, Problem> {
    let compiler = Compiler::number(model, process);
    let flows = compiler.flows()?;
    let mut elements = (compiler.slots.iter())
        .map(|slot| compiler.element(slot))
        .collect::<Result<Vec<_>, _>>()?;
    for (index, flow) in flows.iter().enumerate() {
        let index = FlowIdx(number(index));
        elements[flow.source.index()].outgoing.push(index);
        elements[flow.target.index()].incoming.push(index);
    }
    for slot in &compiler.slots {
        if let ElementKind::BoundaryEvent(event) = &elements[slot.index.index()].kind {
            let host = event.attached_to.index();
            elements[host].boundary_events.push(slot.index);
        }
    }
    let top_level_starts = |trigger: fn(&StartTrigger) -> bool| {
        (elements.iter().zip(&compiler.slots))
            .filter(move |(element, _)| {
                element.parent == Some(ElementIdx::PROCESS)
                    && matches!(&element.kind, ElementKind::StartEvent(start) if trigger(start))
            })
            .map(|(_, slot)| slot.index)
    };
    Ok(Process {
        id: compiler.process_id.clone(),
        name: process.attribute("name").map(str::to_owned),
        none_start: top_level_starts(|start| matches!(start, StartTrigger::None)).next(),
        message_starts: top_level_starts(|start| matches!(start, StartTrigger::Message(_)))
            .collect(),
        by_id: compiler.by_id,
        elements,
        flows,
    })
}

/// An element's number, and what of the model it comes from.
struct Slot<'d> {
    index: ElementIdx,
    node: Node<'d>,
    part: Part,
    parent: Option<ElementIdx>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// The whole of what the model shows.
    Whole,
    /// The body of a multi-instance activity.
    Body,
    /// The activity in a multi-instance body.
    Inner,
}

struct Compiler<'m, 'd> {
    model: &'m Model<'d>,
    process_id: Arc<str>,
    slots: Vec<Slot<'d>>,
    by_id: BTreeMap<Arc<str>, ElementIdx>,
    /// The number by the place in the file; of a multi-instance its body's.
    by_node: BTreeMap<usize, ElementIdx>,
    /// The number of a sequence flow by its place in the file.
    flow_by_node: BTreeMap<usize, FlowIdx>,
    process: Node<'d>,
}

impl<'m, 'd> Compiler<'m, 'd> {
    /// Numbers the elements of a process.
    fn number(model: &'m Model<'d>, process: Node<'d>) -> Self {
        let mut compiler = Self {
            model,
            process_id: process.id().unwrap_or_default().into(),
            slots: Vec::new(),
            by_id: BTreeMap::new(),
            by_node: BTreeMap::new(),
            flow_by_node: (process.descendants())
                .filter(|node| node.is("sequenceFlow"))
                .enumerate()
                .map(|(index, flow)| (flow.index(), FlowIdx(number(index))))
                .collect(),
            process,
        };
        compiler.add(process, Part::Whole, None);
        // The scopes by their place in the file: a flow node's parent stands before it.
        let mut scopes = BTreeMap::from([(process.index(), ElementIdx::PROCESS)]);
        for node in process.descendants().filter(|node| node.is_flow_node()) {
            let scope = node.parent().and_then(|parent| scopes.get(&parent.index()));
            let mut scope = scope.copied();
            if multi_instance::characteristics(node).is_some() {
                scope = Some(compiler.add(node, Part::Body, scope));
                scopes.insert(node.index(), compiler.add(node, Part::Inner, scope));
            } else {
                scopes.insert(node.index(), compiler.add(node, Part::Whole, scope));
            }
        }
        compiler
    }

    fn add(&mut self, node: Node<'d>, part: Part, parent: Option<ElementIdx>) -> ElementIdx {
        let index = ElementIdx(number(self.slots.len()));
        self.by_node.entry(node.index()).or_insert(index);
        if let Some(id) = node.id() {
            self.by_id.entry(id.into()).or_insert(index);
        }
        self.slots.push(Slot {
            index,
            node,
            part,
            parent,
        });
        index
    }

    fn flows(&self) -> Result<Vec<SequenceFlow>, Problem> {
        let nodes = self.process.descendants();
        nodes
            .filter(|node| node.is("sequenceFlow"))
            .map(|node| {
                let end = |attribute| {
                    let target = node
                        .attribute(attribute)
                        .and_then(|id| self.model.by_id(id));
                    let index = target.and_then(|node| self.by_node.get(&node.index()));
                    index.copied().ok_or_else(|| {
                        let message =
                            format!("Attribute '{attribute}' must name a flow node of the process");
                        Problem::at(node, message)
                    })
                };
                let (source, target) = (end("sourceRef")?, end("targetRef")?);
                if self.scope(source) != self.scope(target) {
                    let message = "Must lead from and to elements of the same scope";
                    return Err(Problem::at(node, message));
                }
                let condition = node.bpmn_child("conditionExpression");
                let decides = (self.slots[source.index()].node).is("exclusiveGateway");
                Ok(SequenceFlow {
                    id: node.id().unwrap_or_default().into(),
                    source,
                    target,
                    condition: condition
                        .filter(|_| decides)
                        .map(|condition| {
                            expression::expression(condition.trimmed_text())
                                .map_err(|message| Problem::at(condition, message))
                        })
                        .transpose()?,
                })
            })
            .collect()
    }

    /// The scope that an element stands in.
    fn scope(&self, element: ElementIdx) -> Option<ElementIdx> {
        self.slots[element.index()].parent
    }

    fn element(&self, slot: &Slot<'d>) -> Result<Element, Problem> {
        let node = slot.node;
        let kind = match slot.part {
            Part::Body => {
                let inner = ElementIdx(slot.index.0 + 1);
                ElementKind::MultiInstanceBody(multi_instance::body(node, inner)?)
            }
            Part::Whole | Part::Inner => self.kind(slot)?,
        };
        // The mappings of a multi-instance activity belong to each of its rounds.
        let maps = slot.part != Part::Body;
        Ok(Element {
            id: node.id().unwrap_or_default().into(),
            name: node.attribute("name").map(str::to_owned),
            kind,
            parent: slot.parent,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            boundary_events: Vec::new(),
            inputs: maps
                .then(|| io_mapping::inputs(node))
                .transpose()?
                .flatten(),
            outputs: maps
                .then(|| io_mapping::outputs(node))
                .transpose()?
                .flatten(),
        })
    }

    fn kind(&self, slot: &Slot<'d>) -> Result<ElementKind, Problem> {
        let node = slot.node;
        let unknown = || {
            let message = coverage::zeebe_not_supported(node.name());
            Problem::at(node, message)
        };
        Ok(match node.name() {
            "process" => ElementKind::Process,
            "subProcess" => ElementKind::SubProcess {
                start: self.start_of(node).ok_or_else(unknown)?,
            },
            "startEvent" => ElementKind::StartEvent(events::start(self.model, node)?),
            "endEvent" => ElementKind::EndEvent(events::end(self.model, node)?),
            "intermediateCatchEvent" => {
                ElementKind::IntermediateCatchEvent(events::catch(self.model, node)?)
            }
            "intermediateThrowEvent" => ElementKind::IntermediateThrowEvent,
            "boundaryEvent" => {
                let host = node.attribute("attachedToRef").map(local);
                let host = host.and_then(|id| self.by_id.get(id)).copied();
                let host = host.filter(|host| self.scope(*host) == slot.parent);
                let host = host.ok_or_else(|| {
                    Problem::at(node, "Must be attached to an activity of the same scope")
                })?;
                ElementKind::BoundaryEvent(events::boundary(self.model, node, host)?)
            }
            "serviceTask" => tasks::job(node, ElementType::ServiceTask)?,
            "sendTask" => tasks::job(node, ElementType::SendTask)?,
            "businessRuleTask" => tasks::job(node, ElementType::BusinessRuleTask)?,
            "scriptTask" => match node.extension("script") {
                Some(script) => ElementKind::ScriptTask(tasks::script(script)?),
                None => tasks::job(node, ElementType::ScriptTask)?,
            },
            "receiveTask" => ElementKind::ReceiveTask(events::message(self.model, node)?),
            "task" => ElementKind::PassThroughTask {
                element_type: ElementType::Task,
            },
            "manualTask" => ElementKind::PassThroughTask {
                element_type: ElementType::ManualTask,
            },
            "exclusiveGateway" => ElementKind::ExclusiveGateway {
                default: self.default_flow(node),
            },
            "parallelGateway" => ElementKind::ParallelGateway,
            _ => return Err(unknown()),
        })
    }

    fn start_of(&self, scope: Node<'d>) -> Option<ElementIdx> {
        let start = scope.bpmn_child("startEvent")?;
        self.by_node.get(&start.index()).copied()
    }

    fn default_flow(&self, gateway: Node<'d>) -> Option<FlowIdx> {
        let default = self.model.by_id(gateway.attribute("default")?)?;
        self.flow_by_node.get(&default.index()).copied()
    }
}

/// A dense number. Files are limited to a few million bytes, so it fits.
fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a file has fewer elements than bytes")
}
