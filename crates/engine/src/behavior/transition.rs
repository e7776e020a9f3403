//! The life of an element instance, the same for all elements:
//! ACTIVATING, ACTIVATED, COMPLETING, COMPLETED, or TERMINATING and TERMINATED from outside.
//!
//! What is special to an element stands in [`crate::elements`]. A fault on the way makes an
//! incident and leaves the instance where it is; resolving it goes on from there.

use super::incident::{self, Fault};
use super::{error, expression, multi_instance, subscription, trigger, variable};
use crate::context::Context;
use crate::elements::{self, Next};
use crate::event::{ElementRef, Event, Job, JobRef, Lifecycle};
use crate::key::Key;
use crate::processing;
use crate::state::ElementInstance;
use crate::step::Step;
use bpmn::process::{BoundaryTrigger, ElementKind, EndBehavior, Process};
use bpmn::{ElementIdx, FlowIdx};
use std::sync::Arc;

/// Variables that an event brings to the element that goes on.
pub(crate) enum Incoming {
    /// Nothing.
    None,
    /// They stay with the element.
    Local(Vec<(Arc<str>, Arc<str>)>),
    /// They go up to where they are known, unless the element maps what it lets out.
    Merge(Vec<(Arc<str>, Arc<str>)>),
}

/// Does one step.
pub(crate) fn run(ctx: &mut Context<'_>, step: Step) {
    match step {
        Step::Activate {
            element,
            scope_key,
            flows_used,
            loop_counter,
        } => {
            let Some(scope) = ctx.state().element_instances().get(scope_key) else {
                return;
            };
            if !scope.accepts_children() || !joined(ctx, scope, element) {
                return;
            }
            let element = ElementRef {
                element,
                scope_key,
                flows_used,
                loop_counter,
                ..scope.element
            };
            enter(ctx, element, Incoming::None);
        }
        Step::ResumeActivating(key) => {
            if in_phase(ctx, key, Lifecycle::Activating) {
                activating(ctx, key);
            }
        }
        Step::Complete(key) => {
            if in_phase(ctx, key, Lifecycle::Activated) {
                complete(ctx, key, None);
            }
        }
        Step::ResumeCompleting(key) => {
            if in_phase(ctx, key, Lifecycle::Completing) {
                completing(ctx, key, None);
            }
        }
        Step::Terminate(key) => terminate(ctx, key),
    }
}

fn in_phase(ctx: &Context<'_>, key: Key, lifecycle: Lifecycle) -> bool {
    let instance = ctx.state().element_instances().get(key);
    instance.is_some_and(|instance| instance.lifecycle == lifecycle)
}

/// Of a parallel gateway: whether all its flows were taken. Of two steps that saw it joined, the
/// first may have used up what the second counted on.
fn joined(ctx: &Context<'_>, scope: &ElementInstance, element: u32) -> bool {
    let process = ctx.state().definitions().process(scope.element.process_key);
    let element = process.element(ElementIdx(element));
    !matches!(element.kind, ElementKind::ParallelGateway)
        || element.incoming.iter().all(|flow| {
            let waiting = scope.joining.iter().find(|(idx, _)| *idx == flow.0);
            waiting.is_some_and(|(_, count)| *count > 0)
        })
}

/// Enters an element.
pub(crate) fn enter(ctx: &mut Context<'_>, element: ElementRef, incoming: Incoming) -> Key {
    let key = ctx.emit_new(Event::Element(Lifecycle::Activating, element));
    match incoming {
        Incoming::None => {}
        Incoming::Local(variables) => variable::set_local(ctx, key, &variables),
        Incoming::Merge(variables) => variable::receive(ctx, key, &variables),
    }
    activating(ctx, key);
    key
}

fn activating(ctx: &mut Context<'_>, key: Key) {
    let Some(instance) = ctx.state().element_instances().get(key) else {
        return;
    };
    let element = instance.element;
    let process = ctx.state().definitions().process(element.process_key);
    match try_activate(ctx, key, &element, &process) {
        Ok(next) => {
            emit(ctx, key, Lifecycle::Activated);
            follow(ctx, key, &process, next);
        }
        Err(fault) => incident::raise(ctx, key, None, fault),
    }
}

fn try_activate(
    ctx: &mut Context<'_>,
    key: Key,
    element: &ElementRef,
    process: &Process,
) -> Result<Next, Fault> {
    let idx = ElementIdx(element.element);
    if element.loop_counter > 0 {
        multi_instance::enter_round(ctx, process, key, element.loop_counter)?;
    }
    if let Some(inputs) = &process.element(idx).inputs {
        let variables = expression::mapping(ctx, key, inputs)?;
        variable::set_local(ctx, key, &variables);
    }
    let prepared = subscription::prepare(ctx, key, process, idx)?;
    let next = elements::activate(ctx, key, process.element(idx))?;
    subscription::open(ctx, key, process, prepared);
    Ok(next)
}

fn follow(ctx: &mut Context<'_>, key: Key, process: &Process, next: Next) {
    match next {
        Next::Wait => {}
        Next::Complete => return complete(ctx, key, None),
        Next::Take(flow) => return complete(ctx, key, Some(flow)),
        Next::Enter(element) => ctx.then(Step::Activate {
            element: element.0,
            scope_key: key,
            flows_used: 0,
            loop_counter: 0,
        }),
        Next::StartRounds => {
            let instance = ctx.state().element_instances().get(key);
            let idx = instance.map(|instance| ElementIdx(instance.element.element));
            if let Some(ElementKind::MultiInstanceBody(multi_instance)) =
                idx.map(|idx| &process.element(idx).kind)
            {
                multi_instance::start_rounds(ctx, key, multi_instance);
            }
        }
        Next::Throw(catcher) => error::catch(ctx, catcher, Vec::new()),
    }
    processing::correlate_buffered(ctx, key);
}

/// Writes the next step of an instance's life.
fn emit(ctx: &mut Context<'_>, key: Key, lifecycle: Lifecycle) {
    let instance = ctx.state().element_instances().get(key);
    let element = instance.map(|instance| instance.element);
    ctx.emit(
        key,
        Event::Element(
            lifecycle,
            element.expect("an instance goes on only while it is active"),
        ),
    );
}

fn complete(ctx: &mut Context<'_>, key: Key, flow: Option<FlowIdx>) {
    emit(ctx, key, Lifecycle::Completing);
    completing(ctx, key, flow);
}

fn completing(ctx: &mut Context<'_>, key: Key, flow: Option<FlowIdx>) {
    let Some(instance) = ctx.state().element_instances().get(key) else {
        return;
    };
    let element = instance.element;
    let process = ctx.state().definitions().process(element.process_key);
    match try_complete(ctx, key, &element, &process) {
        Ok(satisfied) => completed(ctx, key, &element, &process, flow, satisfied),
        Err(fault) => incident::raise(ctx, key, None, fault),
    }
}

/// Lets variables out, and says whether a multi-instance has had enough rounds.
fn try_complete(
    ctx: &mut Context<'_>,
    key: Key,
    element: &ElementRef,
    process: &Process,
) -> Result<bool, Fault> {
    let model = process.element(ElementIdx(element.element));
    let instance = ctx.state().element_instances().get(key);
    if let Some(event) = instance.and_then(|instance| instance.pending_event.clone()) {
        variable::receive(ctx, key, &event.variables);
        ctx.emit_new(Event::ProcessEventTriggered(event));
    }
    if let Some(outputs) = &model.outputs {
        let variables = expression::mapping(ctx, key, outputs)?;
        variable::merge(ctx, element.scope_key, &variables);
    }
    if let ElementKind::MultiInstanceBody(multi_instance) = &model.kind {
        let results = multi_instance::results(ctx, key, multi_instance);
        variable::merge(ctx, element.scope_key, &results);
    }
    if element.loop_counter > 0 {
        return multi_instance::leave_round(ctx, process, key, element.loop_counter);
    }
    Ok(false)
}

fn completed(
    ctx: &mut Context<'_>,
    key: Key,
    element: &ElementRef,
    process: &Process,
    flow: Option<FlowIdx>,
    satisfied: bool,
) {
    subscription::close(ctx, key);
    let idx = ElementIdx(element.element);
    if idx == ElementIdx::PROCESS {
        if let Some(fetch) = ctx.take_awaited(key) {
            let variables = variable::document(ctx, key, &fetch);
            ctx.result(key, variables);
        }
        return end_instance(ctx, key, Lifecycle::Completed);
    }
    emit(ctx, key, Lifecycle::Completed);
    let model = process.element(idx);
    if element.loop_counter > 0 {
        multi_instance::round_ended(ctx, element.scope_key, satisfied);
    } else if matches!(model.kind, ElementKind::EndEvent(EndBehavior::Terminate)) {
        end_scope(ctx, element.scope_key);
    } else if let Some(flow) = flow {
        take(ctx, element, process, flow);
    } else if model.outgoing.is_empty() {
        complete_if_done(ctx, element.scope_key);
    } else {
        for flow in &model.outgoing {
            take(ctx, element, process, *flow);
        }
    }
}

/// Goes along a flow; at a parallel gateway only the last of its flows leads on.
fn take(ctx: &mut Context<'_>, element: &ElementRef, process: &Process, flow: FlowIdx) {
    ctx.emit_new(Event::SequenceFlowTaken(crate::event::FlowTaken {
        process_instance_key: element.process_instance_key,
        process_key: element.process_key,
        scope_key: element.scope_key,
        flow: flow.0,
    }));
    let target = process.flow(flow).target;
    let mut flows_used = 1;
    if matches!(process.element(target).kind, ElementKind::ParallelGateway) {
        let scope = ctx.state().element_instances().get(element.scope_key);
        if !scope.is_some_and(|scope| joined(ctx, scope, target.0)) {
            return;
        }
        flows_used = u32::try_from(process.element(target).incoming.len()).unwrap_or(u32::MAX);
    }
    ctx.then(Step::Activate {
        element: target.0,
        scope_key: element.scope_key,
        flows_used,
        loop_counter: 0,
    });
}

/// Completes a scope in which nothing is left to do.
fn complete_if_done(ctx: &mut Context<'_>, scope_key: Key) {
    let Some(scope) = ctx.state().element_instances().get(scope_key) else {
        return;
    };
    if scope.children.is_empty()
        && scope.active_flows == 0
        && scope.lifecycle == Lifecycle::Activated
    {
        ctx.then(Step::Complete(scope_key));
    }
}

/// After a terminate end event: ends all that is left in its scope, which then completes.
fn end_scope(ctx: &mut Context<'_>, scope_key: Key) {
    let Some(scope) = ctx.state().element_instances().get(scope_key) else {
        return;
    };
    let children: Vec<Key> = scope.children.iter().copied().collect();
    for child in children {
        ctx.then(Step::Terminate(child));
    }
    complete_if_done(ctx, scope_key);
}

fn terminate(ctx: &mut Context<'_>, key: Key) {
    let Some(instance) = ctx.state().element_instances().get(key) else {
        return;
    };
    if instance.lifecycle == Lifecycle::Terminating {
        return;
    }
    let element = instance.element;
    let job_key = instance.job_key;
    let children: Vec<Key> = instance.children.iter().copied().collect();
    emit(ctx, key, Lifecycle::Terminating);
    if let Some(job_key) = job_key {
        ctx.emit(
            job_key,
            Event::Job(Job::Canceled(JobRef {
                element_instance_key: key,
                process_instance_key: element.process_instance_key,
            })),
        );
    }
    subscription::close(ctx, key);
    incident::withdraw(ctx, key);
    if children.is_empty() {
        terminated(ctx, key);
    } else {
        for child in children {
            ctx.then(Step::Terminate(child));
        }
    }
}

/// Ends an instance in which nothing is active any more, and the scopes around it that were
/// waiting for just that.
fn terminated(ctx: &mut Context<'_>, key: Key) {
    let mut ended = Some(key);
    while let Some(key) = ended.take() {
        let Some(instance) = ctx.state().element_instances().get(key) else {
            return;
        };
        let element = instance.element;
        let event = instance.pending_event.clone();
        if element.element == ElementIdx::PROCESS.0 {
            ctx.take_awaited(key);
            return end_instance(ctx, key, Lifecycle::Terminated);
        }
        emit(ctx, key, Lifecycle::Terminated);
        if let Some(event) = event.filter(|event| event.target != element.element) {
            go_on_at_boundary(ctx, element, event);
        }
        let Some(scope) = ctx.state().element_instances().get(element.scope_key) else {
            return;
        };
        if scope.lifecycle == Lifecycle::Terminating {
            if scope.children.is_empty() {
                ended = Some(element.scope_key);
            }
        } else if element.loop_counter > 0 {
            multi_instance::round_ended(ctx, element.scope_key, false);
        } else {
            complete_if_done(ctx, element.scope_key);
        }
    }
}

/// The event that ended an activity goes on at its border.
fn go_on_at_boundary(
    ctx: &mut Context<'_>,
    attached_to: ElementRef,
    event: crate::event::ProcessEvent,
) {
    let process = ctx.state().definitions().process(attached_to.process_key);
    let by_error = matches!(
        &process.element(ElementIdx(event.target)).kind,
        ElementKind::BoundaryEvent(boundary) if matches!(boundary.trigger, BoundaryTrigger::Error(_))
    );
    let target = event.target;
    let variables = event.variables.clone();
    ctx.emit_new(Event::ProcessEventTriggered(event));
    let incoming = if by_error {
        Incoming::Local(variables)
    } else {
        Incoming::Merge(variables)
    };
    trigger::enter_boundary(ctx, attached_to, target, incoming);
}

/// Ends a process instance, and lets the next message start one if this one was in its way.
fn end_instance(ctx: &mut Context<'_>, key: Key, lifecycle: Lifecycle) {
    let started_by = ctx.state().subscriptions().started_by(key).cloned();
    emit(ctx, key, lifecycle);
    if let Some((bpmn_process_id, correlation_key)) = started_by {
        processing::start_next(ctx, &bpmn_process_id, &correlation_key);
    }
}
