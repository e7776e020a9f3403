//! The rounds of a multi-instance: starting them, giving each its item, collecting results,
//! knowing when the last one is over.

use super::expression;
use super::incident::Fault;
use super::variable;
use crate::context::Context;
use crate::event::{ErrorType, Event, Lifecycle, ProcessEvent};
use crate::key::Key;
use crate::step::Step;
use bpmn::ElementIdx;
use bpmn::process::{ElementKind, MultiInstance, Process};
use feel::Value;
use std::sync::Arc;

/// The multi-instance around the round `key`, with its body's key.
fn around<'p>(
    ctx: &Context<'_>,
    process: &'p Process,
    key: Key,
) -> Option<(Key, &'p MultiInstance)> {
    let instances = ctx.state().element_instances();
    let body = instances.get(instances.get(key)?.element.scope_key)?;
    match &process.element(ElementIdx(body.element.element)).kind {
        ElementKind::MultiInstanceBody(multi_instance) => Some((body.key, multi_instance)),
        _ => None,
    }
}

fn items(
    ctx: &mut Context<'_>,
    body: Key,
    multi_instance: &MultiInstance,
) -> Result<Arc<[Value]>, Fault> {
    // Rounds side by side start in one go from the list as it was; parsing it for each of them
    // would take the square of its length.
    if !multi_instance.sequential
        && let Some(items) = ctx.cached_items(body)
    {
        return Ok(items);
    }
    let items = expression::list(ctx, body, &multi_instance.input_collection)?;
    Ok(ctx.cache_items(body, items))
}

/// Prepares a body: its list must be one, and the results' list is made with a null a round.
pub(crate) fn open(
    ctx: &mut Context<'_>,
    body: Key,
    multi_instance: &MultiInstance,
) -> Result<(), Fault> {
    let items = items(ctx, body, multi_instance)?;
    if let Some(output) = &multi_instance.output {
        let nulls = vec!["null"; items.len()].join(",");
        let list = (
            Arc::clone(&output.collection),
            Arc::from(format!("[{nulls}]")),
        );
        variable::set_local(ctx, body, &[list]);
    }
    Ok(())
}

/// Starts the first round, or all of them; without items the body is done at once.
pub(crate) fn start_rounds(ctx: &mut Context<'_>, body: Key, multi_instance: &MultiInstance) {
    let count = items(ctx, body, multi_instance).map_or(0, |items| items.len());
    if count == 0 {
        ctx.then(Step::Complete(body));
        return;
    }
    let first = if multi_instance.sequential { 1 } else { count };
    for round in 1..=first {
        start_round(ctx, body, multi_instance, round);
    }
}

fn start_round(ctx: &mut Context<'_>, body: Key, multi_instance: &MultiInstance, round: usize) {
    ctx.then(Step::Activate {
        element: multi_instance.inner.0,
        scope_key: body,
        flows_used: 0,
        loop_counter: u32::try_from(round).unwrap_or(u32::MAX),
    });
}

/// Gives a round its variables: the counter, its item, and null for its result.
pub(crate) fn enter_round(
    ctx: &mut Context<'_>,
    process: &Process,
    key: Key,
    round: u32,
) -> Result<(), Fault> {
    let Some((body, multi_instance)) = around(ctx, process, key) else {
        return Ok(());
    };
    let items = items(ctx, body, multi_instance)?;
    let mut variables = vec![(Arc::from("loopCounter"), Arc::from(round.to_string()))];
    if let Some(name) = &multi_instance.input_element {
        let item = items.get(round as usize - 1).unwrap_or(&Value::Null);
        variables.push((Arc::clone(name), Arc::from(item.to_json())));
    }
    let output = multi_instance.output.as_ref();
    if let Some(name) = output.and_then(|output| output.element_variable.as_ref()) {
        variables.push((Arc::clone(name), Arc::from("null")));
    }
    variable::set_local(ctx, key, &variables);
    Ok(())
}

/// At the end of a round: puts its result in the list, and says whether the completion condition
/// holds.
pub(crate) fn leave_round(
    ctx: &mut Context<'_>,
    process: &Process,
    key: Key,
    round: u32,
) -> Result<bool, Fault> {
    let Some((body, multi_instance)) = around(ctx, process, key) else {
        return Ok(false);
    };
    if let Some(output) = &multi_instance.output {
        let evaluation = expression::evaluate(ctx, key, &output.element);
        let result = expression::value(evaluation, ErrorType::ExtractValueError)?;
        let instances = ctx.state().element_instances();
        let collected = instances
            .get(body)
            .and_then(|body| body.local(&output.collection))
            .and_then(|local| Value::from_json(&local.value).ok());
        let mut list = collected
            .as_ref()
            .and_then(Value::as_list)
            .map(<[Value]>::to_vec)
            .unwrap_or_default();
        if let Some(place) = list.get_mut(round as usize - 1) {
            *place = result;
        }
        let list = Arc::from(Value::list(list).to_json());
        variable::set_local(ctx, body, &[(Arc::clone(&output.collection), list)]);
    }
    let Some(condition) = &multi_instance.completion_condition else {
        return Ok(false);
    };
    let count = items(ctx, body, multi_instance)?.len();
    let Some(instance) = ctx.state().element_instances().get(body) else {
        return Ok(false);
    };
    let number = |n: usize| Value::from(i64::try_from(n).unwrap_or(i64::MAX));
    let counts = [
        ("numberOfInstances", number(count)),
        (
            "numberOfActiveInstances",
            number(instance.children.len().saturating_sub(1)),
        ),
        (
            "numberOfCompletedInstances",
            number(instance.rounds_completed as usize + 1),
        ),
        (
            "numberOfTerminatedInstances",
            number(instance.rounds_terminated as usize),
        ),
    ];
    expression::condition(ctx, key, condition, &counts)
}

/// After a round: starts the next one, or ends the body when it was the last.
pub(crate) fn round_ended(ctx: &mut Context<'_>, body: Key, satisfied: bool) {
    let Some(instance) = ctx.state().element_instances().get(body) else {
        return;
    };
    if instance.lifecycle != Lifecycle::Activated {
        return;
    }
    let element = instance.element;
    let children: Vec<Key> = instance.children.iter().copied().collect();
    if satisfied && instance.pending_event.is_none() {
        // Marks the body: no round is started any more, and it completes with its last one.
        ctx.emit_new(Event::ProcessEventTriggering(ProcessEvent {
            element_instance_key: body,
            target: element.element,
            variables: Vec::new(),
        }));
        for child in &children {
            ctx.then(Step::Terminate(*child));
        }
    }
    let process = ctx.state().definitions().process(element.process_key);
    let ElementKind::MultiInstanceBody(multi_instance) =
        &process.element(ElementIdx(element.element)).kind
    else {
        return;
    };
    let Some(instance) = ctx.state().element_instances().get(body) else {
        return;
    };
    let started = instance.rounds_started as usize;
    if multi_instance.sequential && instance.pending_event.is_none() {
        let more = items(ctx, body, multi_instance).is_ok_and(|items| started < items.len());
        if more {
            start_round(ctx, body, multi_instance, started + 1);
            return;
        }
    }
    if children.is_empty() && !ctx.will_enter(body) {
        ctx.then(Step::Complete(body));
    }
}

/// The results of a body, for the scope around it.
pub(crate) fn results(
    ctx: &Context<'_>,
    body: Key,
    multi_instance: &MultiInstance,
) -> Vec<(Arc<str>, Arc<str>)> {
    let instances = ctx.state().element_instances();
    multi_instance
        .output
        .iter()
        .filter_map(|output| instances.get(body)?.local(&output.collection))
        .map(|local| (Arc::clone(&local.name), Arc::clone(&local.value)))
        .collect()
}
