//! A task that a job worker does: service, send, business rule and script tasks with a
//! `zeebe:taskDefinition`. Its job is made when it is entered, and it waits.

use super::Next;
use crate::behavior::expression;
use crate::behavior::incident::Fault;
use crate::context::Context;
use crate::event::{Event, Job, JobCreated};
use crate::key::Key;
use bpmn::process::JobDefinition;

pub(super) fn activate(
    ctx: &mut Context<'_>,
    key: Key,
    job: &JobDefinition,
) -> Result<Next, Fault> {
    let job_type = expression::string(ctx, key, &job.job_type)?;
    let retries = expression::retries(ctx, key, &job.retries)?;
    if let Some(instance) = ctx.state().element_instances().get(key) {
        let element = instance.element;
        ctx.emit_new(Event::Job(Job::Created(JobCreated {
            job_type,
            retries,
            element: (key, element),
        })));
    }
    Ok(Next::Wait)
}
