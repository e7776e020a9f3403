//! Starting and canceling process instances.

use super::{Refused, invalid_state, not_found};
use crate::behavior::variable;
use crate::command::{CreateInstance, Response, Variables};
use crate::context::Context;
use crate::event::{ElementRef, Event, InstanceCreation, Lifecycle};
use crate::key::Key;
use crate::state::Definition;
use crate::step::Step;
use bpmn::ElementIdx;
use std::sync::Arc;

pub(super) fn create(ctx: &mut Context<'_>, create: CreateInstance) -> Result<Response, Refused> {
    let definition = find(ctx, &create)?;
    let Some(start) = definition.process.none_start else {
        return Err(invalid_state(
            "Expected to create instance of process with none start event, but there is no such event"
                .into(),
        ));
    };
    let response = |process_instance_key| Response::InstanceCreated {
        process_key: definition.key,
        bpmn_process_id: Arc::clone(&definition.data.bpmn_process_id),
        version: definition.data.version,
        process_instance_key,
    };
    let key = start_instance(ctx, definition.key, None);
    variable::set_local(ctx, key, &create.variables);
    enter_at(ctx, key, start);
    if let Some(fetch) = create.await_result {
        ctx.await_result(key, fetch);
    }
    Ok(response(key))
}

fn find(ctx: &Context<'_>, create: &CreateInstance) -> Result<Definition, Refused> {
    let definitions = ctx.state().definitions();
    let id = &create.bpmn_process_id;
    let (found, sought) = if id.is_empty() {
        (
            definitions.get(Key(create.process_key)),
            format!("key '{}'", create.process_key),
        )
    } else if create.version == -1 {
        (definitions.latest(id), format!("process ID '{id}'"))
    } else {
        (
            definitions.version(id, create.version),
            format!("process ID '{id}' and version '{}'", create.version),
        )
    };
    found.cloned().ok_or_else(|| {
        not_found(format!(
            "Expected to find process definition with {sought}, but none found"
        ))
    })
}

/// Makes a process instance that is entered but has not started anywhere: variables come next,
/// then [`enter_at`] or a start event that brings its own.
pub(super) fn start_instance(
    ctx: &mut Context<'_>,
    process_key: Key,
    correlation_key: Option<Arc<str>>,
) -> Key {
    // The instance's key is the one after the creation's own.
    let process_instance_key = ctx.state().next_key().next();
    ctx.emit_new(Event::InstanceCreated(InstanceCreation {
        process_key,
        process_instance_key,
        correlation_key,
    }));
    let element = ElementRef {
        process_instance_key,
        process_key,
        element: ElementIdx::PROCESS.0,
        scope_key: Key::NONE,
        flows_used: 0,
        loop_counter: 0,
    };
    let key = ctx.emit_new(Event::Element(Lifecycle::Activating, element));
    debug_assert_eq!(key, process_instance_key, "keys are given one by one");
    ctx.emit(key, Event::Element(Lifecycle::Activated, element));
    key
}

fn enter_at(ctx: &mut Context<'_>, key: Key, start: ElementIdx) {
    ctx.then(Step::Activate {
        element: start.0,
        scope_key: key,
        flows_used: 0,
        loop_counter: 0,
    });
}

pub(super) fn cancel(ctx: &mut Context<'_>, key: Key) -> Result<Response, Refused> {
    let instance = ctx.state().element_instances().get(key);
    let is_active_root = instance.is_some_and(|instance| {
        instance.element.process_instance_key == key && instance.lifecycle != Lifecycle::Terminating
    });
    if !is_active_root {
        return Err(not_found(format!(
            "Expected to cancel a process instance with key '{key}', but no such process was found"
        )));
    }
    ctx.then(Step::Terminate(key));
    Ok(Response::Done)
}

/// Starts an instance at a message start event, which lets the message's variables out to it.
pub(super) fn start_by_message(
    ctx: &mut Context<'_>,
    process_key: Key,
    start: u32,
    correlation_key: &Arc<str>,
    variables: Variables,
) -> Key {
    let lock = (!correlation_key.is_empty()).then(|| Arc::clone(correlation_key));
    let key = start_instance(ctx, process_key, lock);
    let element = ElementRef {
        process_instance_key: key,
        process_key,
        element: start,
        scope_key: key,
        flows_used: 0,
        loop_counter: 0,
    };
    let incoming = crate::behavior::transition::Incoming::Merge(variables);
    crate::behavior::transition::enter(ctx, element, incoming);
    key
}
