//! Elements: what each one does when it is entered. One element = one file and one line in the
//! table of [`activate`]; what all share is in [`crate::behavior`].

mod boundary_event;
mod end_event;
mod exclusive_gateway;
mod intermediate_event;
mod job_task;
mod multi_instance_body;
mod parallel_gateway;
mod pass_through_task;
mod process;
mod receive_task;
mod script_task;
mod start_event;
mod subprocess;

use crate::behavior::error::Catcher;
use crate::behavior::incident::Fault;
use crate::context::Context;
use crate::key::Key;
use bpmn::process::{Element, ElementKind};
use bpmn::{ElementIdx, FlowIdx};

/// What comes after an element was entered.
pub(crate) enum Next {
    /// Something from outside: a worker, a message, a timer, or the elements inside.
    Wait,
    /// It is left at once.
    Complete,
    /// It is left at once, along this flow.
    Take(FlowIdx),
    /// This element inside of it is entered.
    Enter(ElementIdx),
    /// The rounds of a multi-instance are started.
    StartRounds,
    /// An error was thrown, and this catches it.
    Throw(Catcher),
}

/// Enters an element instance: its own part, after input mappings and before boundary events.
pub(crate) fn activate(ctx: &mut Context<'_>, key: Key, element: &Element) -> Result<Next, Fault> {
    match &element.kind {
        ElementKind::Process => process::activate(),
        ElementKind::SubProcess { start } => subprocess::activate(*start),
        ElementKind::MultiInstanceBody(body) => multi_instance_body::activate(ctx, key, body),
        ElementKind::StartEvent(_) => start_event::activate(),
        ElementKind::EndEvent(behavior) => end_event::activate(ctx, key, behavior),
        ElementKind::IntermediateCatchEvent(_) => intermediate_event::activate_catch(),
        ElementKind::IntermediateThrowEvent => intermediate_event::activate_throw(),
        ElementKind::BoundaryEvent(_) => boundary_event::activate(),
        ElementKind::JobTask { job, .. } => job_task::activate(ctx, key, job),
        ElementKind::ScriptTask(script) => script_task::activate(ctx, key, script),
        ElementKind::ReceiveTask(_) => receive_task::activate(),
        ElementKind::PassThroughTask { .. } => pass_through_task::activate(),
        ElementKind::ExclusiveGateway { default } => {
            exclusive_gateway::activate(ctx, key, element, *default)
        }
        ElementKind::ParallelGateway => parallel_gateway::activate(),
    }
}
