//! Events to state: one applier an event. No decision, no clock, no expression, no key is made
//! here; everything comes from the event. What an applier does to an event once released stays
//! as it is, since the log outlives the code.

use super::{ElementInstance, JobStatus, StartSubscription, State};
use crate::event::{
    ElementRef, Event, Incident, Job, Lifecycle, Message, StartSubscription as StartEvent,
    Subscription, Timer, Variable,
};
use crate::key::Key;
use bpmn::process::{ElementKind, EndBehavior};
use bpmn::{ElementIdx, FlowIdx};
use std::sync::Arc;

pub(super) fn apply(state: &mut State, key: Key, event: &Event) {
    match event {
        Event::DeploymentCreated | Event::VariableDocumentUpdated { .. } => {}
        Event::ProcessCreated(definition) => state.definitions.insert(key, definition),
        Event::InstanceCreated(creation) => {
            if let Some(correlation_key) = &creation.correlation_key {
                let definition = state.definitions.get(creation.process_key);
                let id = &definition
                    .expect("its definition is there")
                    .data
                    .bpmn_process_id;
                state
                    .subscriptions
                    .hold_start(creation.process_instance_key, id, correlation_key);
            }
        }
        Event::Element(lifecycle, element) => step(state, key, *lifecycle, element),
        Event::SequenceFlowTaken(taken) => {
            let process = state.definitions.process(taken.process_key);
            let target = process.element(process.flow(FlowIdx(taken.flow)).target);
            let scope = state.element_instances.must(taken.scope_key);
            scope.active_flows += 1;
            if matches!(target.kind, ElementKind::ParallelGateway) {
                match scope
                    .joining
                    .iter_mut()
                    .find(|(flow, _)| *flow == taken.flow)
                {
                    Some((_, count)) => *count += 1,
                    None => scope.joining.push((taken.flow, 1)),
                }
            }
        }
        Event::ProcessEventTriggering(event) => {
            state
                .element_instances
                .must(event.element_instance_key)
                .pending_event = Some(event.clone());
        }
        Event::ProcessEventTriggered(event) => {
            if let Some(instance) = state.element_instances.get_mut(event.element_instance_key) {
                instance.pending_event = None;
            }
        }
        Event::StepsDeferred(steps) => state.deferred.clone_from(steps),
        Event::StepsResumed => state.deferred.clear(),
        Event::VariableCreated(variable) | Event::VariableUpdated(variable) => {
            set_variable(state, key, variable);
        }
        Event::Job(event) => job(state, key, event),
        Event::JobBatchActivated(batch) => {
            for job in &batch.jobs {
                state
                    .jobs
                    .set_status(*job, JobStatus::Activated(batch.deadline));
            }
        }
        Event::Message(Message::Published(message)) => state.messages.insert(key, message),
        Event::Message(Message::Expired) => state.messages.remove(key),
        Event::Subscription(event) => subscription(state, key, event),
        Event::StartSubscription(event) => start_subscription(state, key, event),
        Event::Timer(event) => timer(state, key, event),
        Event::Incident(Incident::Created(incident)) => {
            let instance = state.element_instances.must(incident.element.0);
            instance.incident_key = Some(key);
            state.incidents.insert(key, incident);
        }
        Event::Incident(Incident::Resolved) => {
            let incident = state.incidents.remove(key);
            let element = incident.map(|incident| incident.element.0);
            if let Some(instance) = element.and_then(|e| state.element_instances.get_mut(e)) {
                instance.incident_key = None;
            }
        }
    }
}

fn step(state: &mut State, key: Key, lifecycle: Lifecycle, element: &ElementRef) {
    match lifecycle {
        Lifecycle::Activating => enter(state, key, element),
        Lifecycle::Activated | Lifecycle::Completing | Lifecycle::Terminating => {
            state.element_instances.must(key).lifecycle = lifecycle;
        }
        Lifecycle::Completed | Lifecycle::Terminated => leave(state, key, lifecycle, element),
    }
}

fn enter(state: &mut State, key: Key, element: &ElementRef) {
    let incoming = if element.flows_used > 0 {
        let process = state.definitions.process(element.process_key);
        let element = process.element(ElementIdx(element.element));
        matches!(element.kind, ElementKind::ParallelGateway).then(|| element.incoming.clone())
    } else {
        None
    };
    if let Some(scope) = state.element_instances.get_mut(element.scope_key) {
        scope.children.insert(key);
        scope.active_flows -= element.flows_used;
        for flow in incoming.into_iter().flatten() {
            if let Some((_, count)) = scope.joining.iter_mut().find(|(idx, _)| *idx == flow.0) {
                *count -= 1;
            }
        }
        scope.joining.retain(|(_, count)| *count > 0);
        scope.rounds_started = scope.rounds_started.max(element.loop_counter);
    }
    state
        .element_instances
        .insert(ElementInstance::new(key, *element));
}

fn leave(state: &mut State, key: Key, lifecycle: Lifecycle, element: &ElementRef) {
    let instance = state.element_instances.remove(key);
    debug_assert!(
        instance.is_none_or(|i| i.children.is_empty() && i.incident_key.is_none()),
        "an element instance is left when nothing is active in it"
    );
    state.subscriptions.release_start(key);
    let Some(scope) = state.element_instances.get_mut(element.scope_key) else {
        return;
    };
    scope.children.remove(&key);
    if element.loop_counter > 0 {
        if lifecycle == Lifecycle::Completed {
            scope.rounds_completed += 1;
        } else {
            scope.rounds_terminated += 1;
        }
    }
    if lifecycle == Lifecycle::Completed {
        let process = state.definitions.process(element.process_key);
        let kind = &process.element(ElementIdx(element.element)).kind;
        if matches!(kind, ElementKind::EndEvent(EndBehavior::Terminate)) {
            scope.ending = true;
            scope.active_flows = 0;
            scope.joining.clear();
        }
    }
}

fn set_variable(state: &mut State, key: Key, variable: &Variable) {
    let scope = state.element_instances.must(variable.scope_key);
    match scope.locals.iter_mut().find(|v| v.name == variable.name) {
        Some(local) => local.value = Arc::clone(&variable.value),
        None => scope.locals.push(super::Local {
            key,
            name: Arc::clone(&variable.name),
            value: Arc::clone(&variable.value),
        }),
    }
}

fn job(state: &mut State, key: Key, event: &Job) {
    match event {
        Job::Created(created) => {
            state.element_instances.must(created.element.0).job_key = Some(key);
            state.jobs.insert(key, created);
        }
        Job::Completed(_) | Job::Canceled(_) => remove_job(state, key, event),
        Job::Failed {
            retries,
            back_off_until,
            ..
        } => {
            state.jobs.set_retries(key, *retries);
            let status = match back_off_until {
                _ if *retries <= 0 => JobStatus::Failed,
                Some(until) => JobStatus::BackOff(*until),
                None => JobStatus::Activatable,
            };
            state.jobs.set_status(key, status);
        }
        Job::TimedOut(_) | Job::RecurredAfterBackoff(_) | Job::Resolved(_) => {
            state.jobs.set_status(key, JobStatus::Activatable);
        }
        Job::ErrorThrown { caught, .. } => {
            if *caught {
                remove_job(state, key, event);
            } else {
                state.jobs.set_status(key, JobStatus::ErrorThrown);
            }
        }
        Job::RetriesUpdated { retries, .. } => state.jobs.set_retries(key, *retries),
        Job::TimeoutUpdated { deadline, .. } => {
            state.jobs.set_status(key, JobStatus::Activated(*deadline));
        }
    }
}

fn remove_job(state: &mut State, key: Key, event: &Job) {
    state.jobs.remove(key);
    let element = event.job_ref().element_instance_key;
    if let Some(instance) = state.element_instances.get_mut(element) {
        instance.job_key = None;
    }
}

fn subscription(state: &mut State, key: Key, event: &Subscription) {
    match event {
        Subscription::Created(created) => {
            state
                .element_instances
                .must(created.element_instance_key)
                .subscriptions
                .push(key);
            state.subscriptions.insert(key, created);
        }
        Subscription::Correlated {
            message_key,
            element_instance_key,
            closes,
        } => {
            if let Some(subscription) = state.subscriptions.get(key) {
                let id = Arc::clone(&subscription.bpmn_process_id);
                state.messages.correlated(*message_key, &id);
            }
            if *closes {
                remove_subscription(state, key, *element_instance_key);
            }
        }
        Subscription::Deleted {
            element_instance_key,
        } => remove_subscription(state, key, *element_instance_key),
    }
}

fn remove_subscription(state: &mut State, key: Key, element_instance_key: Key) {
    state.subscriptions.remove(key);
    if let Some(instance) = state.element_instances.get_mut(element_instance_key) {
        instance.subscriptions.retain(|other| *other != key);
    }
}

fn start_subscription(state: &mut State, key: Key, event: &StartEvent) {
    match event {
        StartEvent::Created {
            process_key,
            bpmn_process_id,
            element,
            message_name,
        } => state.subscriptions.insert_start(
            key,
            StartSubscription {
                process_key: *process_key,
                bpmn_process_id: Arc::clone(bpmn_process_id),
                element: *element,
                message_name: Arc::clone(message_name),
            },
        ),
        StartEvent::Correlated {
            message_key,
            bpmn_process_id,
            ..
        } => state.messages.correlated(*message_key, bpmn_process_id),
        StartEvent::Deleted => state.subscriptions.remove_start(key),
    }
}

fn timer(state: &mut State, key: Key, event: &Timer) {
    let element_instance_key = match event {
        Timer::Created(created) => {
            state
                .element_instances
                .must(created.element_instance_key)
                .timers
                .push(key);
            state.timers.insert(key, created);
            return;
        }
        Timer::Triggered {
            element_instance_key,
        }
        | Timer::Canceled {
            element_instance_key,
        } => *element_instance_key,
    };
    state.timers.remove(key);
    if let Some(instance) = state.element_instances.get_mut(element_instance_key) {
        instance.timers.retain(|other| *other != key);
    }
}
