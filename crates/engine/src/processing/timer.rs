//! Timers that are due.

use super::{Refused, not_found};
use crate::behavior::{subscription, trigger};
use crate::command::Response;
use crate::context::Context;
use crate::event::{Event, Timer, TimerCreated};
use crate::key::Key;
use bpmn::ElementIdx;
use bpmn::process::{BoundaryTrigger, ElementKind};

pub(super) fn trigger(ctx: &mut Context<'_>, key: Key) -> Result<Response, Refused> {
    let Some(timer) = ctx.state().timers().get(key).cloned() else {
        return Err(not_found(format!(
            "Expected to trigger a timer with key '{key}', but no such timer was found"
        )));
    };
    let element_instance_key = timer.element_instance_key;
    let reached = trigger::can_be_reached(ctx, element_instance_key);
    ctx.emit(
        key,
        Event::Timer(Timer::Triggered {
            element_instance_key,
        }),
    );
    // An instance that an incident holds on its way out is not reached any more.
    if reached {
        repeat(ctx, &timer);
        trigger::trigger(ctx, element_instance_key, timer.target, Vec::new());
    }
    Ok(Response::Done)
}

/// Starts the next round of a repeating timer.
fn repeat(ctx: &mut Context<'_>, timer: &TimerCreated) {
    if timer.repetitions == 1 {
        return;
    }
    let process = ctx.state().definitions().process(timer.process_key);
    let ElementKind::BoundaryEvent(boundary) = &process.element(ElementIdx(timer.target)).kind
    else {
        return;
    };
    let BoundaryTrigger::Timer(text) = &boundary.trigger else {
        return;
    };
    if boundary.interrupting {
        return;
    }
    // A cycle whose expression no longer gives one ends here.
    if let Ok((due, _)) = subscription::timer_due(ctx, timer.element_instance_key, text) {
        ctx.emit_new(Event::Timer(Timer::Created(TimerCreated {
            due,
            repetitions: if timer.repetitions < 0 {
                -1
            } else {
                timer.repetitions - 1
            },
            ..timer.clone()
        })));
    }
}
