//! Commands to events: one processor a command. A processor looks at the state, and emits; what
//! follows inside the process instances is done in steps until nothing is left to do.

mod deployment;
mod incident;
mod job;
mod message;
mod process_instance;
mod timer;
mod variable;

pub(crate) use message::{correlate_buffered, start_next};

use crate::behavior::transition;
use crate::command::{Command, Response};
use crate::context::Context;
use crate::engine::{STEPS_MAX, defer};
use crate::event::Event;
use crate::record::{Body, Rejection, RejectionCode};

/// Why a command is refused.
pub(crate) struct Refused(RejectionCode, String);

pub(crate) fn not_found(reason: String) -> Refused {
    Refused(RejectionCode::NotFound, reason)
}

pub(crate) fn invalid_argument(reason: String) -> Refused {
    Refused(RejectionCode::InvalidArgument, reason)
}

pub(crate) fn invalid_state(reason: String) -> Refused {
    Refused(RejectionCode::InvalidState, reason)
}

pub(crate) fn already_exists(reason: String) -> Refused {
    Refused(RejectionCode::AlreadyExists, reason)
}

/// Decides one command, whose own record is written already.
pub(crate) fn process(ctx: &mut Context<'_>, command: Command) -> Response {
    let (value_type, intent, key) = command.names();
    let decided = match command {
        Command::Deploy(resources) => deployment::create(ctx, &resources),
        Command::CreateInstance(create) => process_instance::create(ctx, create),
        Command::CancelInstance(key) => process_instance::cancel(ctx, key),
        Command::ActivateJobs(activate) => job::activate(ctx, &activate),
        Command::CompleteJob { key, variables } => job::complete(ctx, key, variables),
        Command::FailJob(fail) => job::fail(ctx, &fail),
        Command::ThrowError {
            key,
            error_code,
            error_message,
            variables,
        } => job::throw_error(ctx, key, &error_code, &error_message, variables),
        Command::UpdateJobRetries { key, retries } => job::update_retries(ctx, key, retries),
        Command::UpdateJobTimeout { key, timeout_ms } => job::update_timeout(ctx, key, timeout_ms),
        Command::PublishMessage(publish) => message::publish(ctx, publish),
        Command::ResolveIncident(key) => incident::resolve(ctx, key),
        Command::SetVariables {
            scope_key,
            variables,
            local,
        } => variable::set(ctx, scope_key, &variables, local),
        Command::TriggerTimer(key) => timer::trigger(ctx, key),
        Command::TimeOutJob(key) => job::time_out(ctx, key),
        Command::RecurJob(key) => job::recur(ctx, key),
        Command::ExpireMessage(key) => message::expire(ctx, key),
        Command::Continue => resume(ctx),
    };
    match decided {
        Ok(response) => {
            run_steps(ctx);
            response
        }
        Err(Refused(code, reason)) => {
            let rejection = Rejection {
                value_type,
                intent,
                code,
                reason,
            };
            ctx.record(key, Body::Rejection(rejection.clone()));
            Response::Rejected(rejection)
        }
    }
}

fn run_steps(ctx: &mut Context<'_>) {
    for _ in 0..STEPS_MAX {
        let Some(step) = ctx.next_step() else {
            return;
        };
        transition::run(ctx, step);
    }
    defer(ctx);
}

fn resume(ctx: &mut Context<'_>) -> Result<Response, Refused> {
    let steps = ctx.state().deferred().to_vec();
    ctx.emit_new(Event::StepsResumed);
    for step in steps {
        ctx.then(step);
    }
    Ok(Response::Done)
}
