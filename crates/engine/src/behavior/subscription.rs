//! Opening and closing what an element instance waits for: its own event, and the events on its
//! border.

use super::expression;
use super::incident::Fault;
use crate::context::Context;
use crate::event::{Event, Subscription, SubscriptionCreated, Timer, TimerCreated};
use crate::key::{Key, Timestamp};
use bpmn::ElementIdx;
use bpmn::process::{
    Boundary, BoundaryTrigger, Catch, Element, ElementKind, Message, Process, Timer as TimerText,
};
use std::sync::Arc;

/// What to wait for, with all its expressions evaluated: either all of it is opened or none.
#[derive(Default)]
pub(crate) struct Prepared {
    messages: Vec<PreparedMessage>,
    timers: Vec<PreparedTimer>,
}

struct PreparedMessage {
    name: Arc<str>,
    correlation_key: Arc<str>,
    target: ElementIdx,
    interrupting: bool,
}

struct PreparedTimer {
    due: Timestamp,
    repetitions: i32,
    target: ElementIdx,
}

/// Evaluates what an element and its boundary events wait for.
pub(crate) fn prepare(
    ctx: &Context<'_>,
    key: Key,
    process: &Process,
    idx: ElementIdx,
) -> Result<Prepared, Fault> {
    let element = process.element(idx);
    let mut prepared = Prepared::default();
    match &element.kind {
        ElementKind::IntermediateCatchEvent(Catch::Message(message))
        | ElementKind::ReceiveTask(message) => {
            prepared.message(ctx, key, message, idx, true)?;
        }
        ElementKind::IntermediateCatchEvent(Catch::Timer(timer)) => {
            prepared.timer(ctx, key, timer, idx)?;
        }
        _ => {}
    }
    for (boundary_idx, boundary) in boundaries(process, element) {
        match &boundary.trigger {
            BoundaryTrigger::Message(message) => {
                prepared.message(ctx, key, message, boundary_idx, boundary.interrupting)?;
            }
            BoundaryTrigger::Timer(timer) => prepared.timer(ctx, key, timer, boundary_idx)?,
            BoundaryTrigger::Error(_) => {}
        }
    }
    Ok(prepared)
}

/// The boundary events of an element.
pub(crate) fn boundaries<'a>(
    process: &'a Process,
    element: &'a Element,
) -> impl Iterator<Item = (ElementIdx, &'a Boundary)> {
    element
        .boundary_events
        .iter()
        .filter_map(|idx| match &process.element(*idx).kind {
            ElementKind::BoundaryEvent(boundary) => Some((*idx, boundary)),
            _ => None,
        })
}

impl Prepared {
    fn message(
        &mut self,
        ctx: &Context<'_>,
        key: Key,
        message: &Message,
        target: ElementIdx,
        interrupting: bool,
    ) -> Result<(), Fault> {
        let correlation_key = match &message.correlation_key {
            Some(expression) => expression::correlation_key(ctx, key, expression)?,
            None => Arc::from(""),
        };
        self.messages.push(PreparedMessage {
            name: expression::string(ctx, key, &message.name)?,
            correlation_key,
            target,
            interrupting,
        });
        Ok(())
    }

    fn timer(
        &mut self,
        ctx: &Context<'_>,
        key: Key,
        timer: &TimerText,
        target: ElementIdx,
    ) -> Result<(), Fault> {
        let (due, repetitions) = timer_due(ctx, key, timer)?;
        self.timers.push(PreparedTimer {
            due,
            repetitions,
            target,
        });
        Ok(())
    }
}

/// When a timer is next due and how often it fires, this time included.
pub(crate) fn timer_due(
    ctx: &Context<'_>,
    key: Key,
    timer: &TimerText,
) -> Result<(Timestamp, i32), Fault> {
    Ok(match timer {
        TimerText::Duration(text) => (expression::duration_end(ctx, key, text)?, 1),
        TimerText::Date(text) => (expression::date(ctx, key, text)?, 1),
        TimerText::Cycle(text) => expression::cycle(ctx, key, text)?,
    })
}

/// Opens what was prepared.
pub(crate) fn open(ctx: &mut Context<'_>, key: Key, process: &Process, prepared: Prepared) {
    let Some(instance) = ctx.state().element_instances().get(key) else {
        return;
    };
    let element = instance.element;
    for message in prepared.messages {
        ctx.emit_new(Event::Subscription(Subscription::Created(
            SubscriptionCreated {
                element_instance_key: key,
                process_instance_key: element.process_instance_key,
                process_key: element.process_key,
                bpmn_process_id: Arc::clone(&process.id),
                message_name: message.name,
                correlation_key: message.correlation_key,
                target: message.target.0,
                interrupting: message.interrupting,
            },
        )));
    }
    for timer in prepared.timers {
        ctx.emit_new(Event::Timer(Timer::Created(TimerCreated {
            element_instance_key: key,
            process_instance_key: element.process_instance_key,
            process_key: element.process_key,
            target: timer.target.0,
            due: timer.due,
            repetitions: timer.repetitions,
        })));
    }
}

/// Closes all that an element instance still waits for.
pub(crate) fn close(ctx: &mut Context<'_>, key: Key) {
    let Some(instance) = ctx.state().element_instances().get(key) else {
        return;
    };
    let timers = instance.timers.clone();
    let subscriptions = instance.subscriptions.clone();
    for timer in timers {
        ctx.emit(
            timer,
            Event::Timer(Timer::Canceled {
                element_instance_key: key,
            }),
        );
    }
    for subscription in subscriptions {
        ctx.emit(
            subscription,
            Event::Subscription(Subscription::Deleted {
                element_instance_key: key,
            }),
        );
    }
}
