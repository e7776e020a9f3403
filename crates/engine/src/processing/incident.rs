//! Resolving incidents: the element goes on from where it stopped.

use super::{Refused, not_found};
use crate::command::Response;
use crate::context::Context;
use crate::event::{Event, Incident, Job, JobRef, Lifecycle};
use crate::key::Key;
use crate::step::Step;

pub(super) fn resolve(ctx: &mut Context<'_>, key: Key) -> Result<Response, Refused> {
    let Some(incident) = ctx.state().incidents().get(key).cloned() else {
        return Err(not_found(format!(
            "Expected to resolve incident with key '{key}', but no such incident was found"
        )));
    };
    let (element_instance_key, element) = incident.element;
    if let Some(job_key) = incident.job_key
        && let Some(job) = ctx.state().jobs().get(job_key)
    {
        if job.retries <= 0 {
            // NOT_FOUND although it is there: this is what Zeebe answers.
            return Err(not_found(format!(
                "Expected to resolve incident with key '{key}', but job with key '{job_key}' has no retries left. Please update the job retries and retry resolving the incident"
            )));
        }
        ctx.emit(key, Event::Incident(Incident::Resolved));
        ctx.emit(
            job_key,
            Event::Job(Job::Resolved(JobRef {
                element_instance_key,
                process_instance_key: element.process_instance_key,
            })),
        );
        return Ok(Response::Done);
    }
    ctx.emit(key, Event::Incident(Incident::Resolved));
    let instance = ctx.state().element_instances().get(element_instance_key);
    match instance.map(|instance| instance.lifecycle) {
        Some(Lifecycle::Activating) => ctx.then(Step::ResumeActivating(element_instance_key)),
        Some(Lifecycle::Completing) => ctx.then(Step::ResumeCompleting(element_instance_key)),
        Some(
            Lifecycle::Activated
            | Lifecycle::Completed
            | Lifecycle::Terminating
            | Lifecycle::Terminated,
        )
        | None => {}
    }
    Ok(Response::Done)
}
