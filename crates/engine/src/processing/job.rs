//! Jobs: handing them out, and what workers and time make of them.

use super::{Refused, invalid_argument, invalid_state, not_found};
use crate::behavior::incident::{self, Fault};
use crate::behavior::{error, variable};
use crate::command::{ActivateJobs, ActivatedJob, FailJob, Response, Variables};
use crate::context::Context;
use crate::event::{ErrorType, Event, Job as JobEvent, JobBatch, JobRef, ProcessEvent};
use crate::key::Key;
use crate::state::{Job, JobStatus};
use crate::step::Step;
use bpmn::ElementIdx;
use bpmn::process::ElementKind;
use std::sync::Arc;

pub(super) fn activate(
    ctx: &mut Context<'_>,
    activate: &ActivateJobs,
) -> Result<Response, Refused> {
    let expected =
        |what: &str| invalid_argument(format!("Expected to activate job batch with {what}"));
    if activate.job_type.trim().is_empty() {
        return Err(expected("type to be present, but it was blank"));
    }
    if activate.timeout_ms < 1 {
        return Err(expected(&format!(
            "timeout to be greater than zero, but it was '{}'",
            activate.timeout_ms
        )));
    }
    if activate.max_jobs < 1 {
        return Err(expected(&format!(
            "max jobs to activate to be greater than zero, but it was '{}'",
            activate.max_jobs
        )));
    }
    let deadline = ctx.now().plus_ms(activate.timeout_ms);
    let max_jobs = usize::try_from(activate.max_jobs).unwrap_or(usize::MAX);
    let mut jobs: Vec<ActivatedJob> = Vec::new();
    let mut truncated = false;
    let mut bytes = 0;
    for key in candidates(ctx, activate, max_jobs) {
        let Some(job) = ctx.state().jobs().get(key) else {
            continue;
        };
        let job = activated(ctx, key, job, activate, deadline);
        bytes += job.variables.len() + job.custom_headers.len();
        // One job that is too large on its own is handed out alone, or it would never be.
        if bytes > activate.bytes_max && !jobs.is_empty() {
            truncated = true;
            break;
        }
        jobs.push(job);
    }
    if !jobs.is_empty() {
        ctx.emit_new(Event::JobBatchActivated(JobBatch {
            job_type: Arc::clone(&activate.job_type),
            worker: Arc::clone(&activate.worker),
            deadline,
            jobs: jobs.iter().map(|job| job.key).collect(),
        }));
    }
    Ok(Response::Jobs { jobs, truncated })
}

fn candidates(ctx: &Context<'_>, activate: &ActivateJobs, max_jobs: usize) -> Vec<Key> {
    let jobs = ctx.state().jobs();
    if activate.only.is_empty() {
        return jobs
            .activatable(&activate.job_type)
            .take(max_jobs)
            .collect();
    }
    let may_be_handed_out = |key: &&Key| {
        jobs.get(**key).is_some_and(|job| {
            job.status == JobStatus::Activatable && job.job_type == activate.job_type
        })
    };
    activate
        .only
        .iter()
        .filter(may_be_handed_out)
        .take(max_jobs)
        .copied()
        .collect()
}

fn activated(
    ctx: &Context<'_>,
    key: Key,
    job: &Job,
    activate: &ActivateJobs,
    deadline: crate::key::Timestamp,
) -> ActivatedJob {
    let definition = ctx.state().definitions().get(job.element.process_key);
    let definition = definition.expect("a job's definition is there");
    let element = definition.process.element(ElementIdx(job.element.element));
    let custom_headers = match &element.kind {
        ElementKind::JobTask { job, .. } => Arc::clone(&job.headers),
        _ => Arc::from("{}"),
    };
    ActivatedJob {
        key,
        job_type: Arc::clone(&job.job_type),
        process_instance_key: job.element.process_instance_key,
        bpmn_process_id: Arc::clone(&definition.data.bpmn_process_id),
        process_definition_version: definition.data.version,
        process_key: definition.key,
        element_id: Arc::clone(&element.id),
        element_instance_key: job.element_instance_key,
        custom_headers,
        worker: Arc::clone(&activate.worker),
        retries: job.retries,
        deadline,
        variables: variable::document(ctx, job.element_instance_key, &activate.fetch_variables),
    }
}

/// A job that a worker may still finish: `verb` says what it wants, for the refusal.
fn workable(ctx: &Context<'_>, key: Key, verb: &str) -> Result<(JobRef, JobStatus), Refused> {
    let Some(job) = ctx.state().jobs().get(key) else {
        return Err(not_found(format!(
            "Expected to {verb} job with key '{key}', but no such job was found"
        )));
    };
    let state = match job.status {
        JobStatus::Activatable | JobStatus::Activated(_) => return Ok((job_ref(job), job.status)),
        JobStatus::BackOff(_) | JobStatus::Failed => "FAILED",
        JobStatus::ErrorThrown => "ERROR_THROWN",
    };
    Err(invalid_state(format!(
        "Expected to {verb} job with key '{key}', but it is in state '{state}'"
    )))
}

fn job_ref(job: &Job) -> JobRef {
    JobRef {
        element_instance_key: job.element_instance_key,
        process_instance_key: job.element.process_instance_key,
    }
}

pub(super) fn complete(
    ctx: &mut Context<'_>,
    key: Key,
    variables: Variables,
) -> Result<Response, Refused> {
    let (job, _) = workable(ctx, key, "complete")?;
    ctx.emit(key, Event::Job(JobEvent::Completed(job)));
    let instance = ctx
        .state()
        .element_instances()
        .get(job.element_instance_key);
    if let Some(instance) = instance.filter(|_| !variables.is_empty()) {
        let target = instance.element.element;
        ctx.emit_new(Event::ProcessEventTriggering(ProcessEvent {
            element_instance_key: job.element_instance_key,
            target,
            variables,
        }));
    }
    ctx.then(Step::Complete(job.element_instance_key));
    Ok(Response::Done)
}

pub(super) fn fail(ctx: &mut Context<'_>, fail: &FailJob) -> Result<Response, Refused> {
    let (job, _) = workable(ctx, fail.key, "fail")?;
    let back_off_until = (fail.back_off_ms > 0).then(|| ctx.now().plus_ms(fail.back_off_ms));
    variable::set_local(ctx, job.element_instance_key, &fail.variables);
    ctx.emit(
        fail.key,
        Event::Job(JobEvent::Failed {
            job,
            retries: fail.retries,
            back_off_until,
            error_message: Arc::clone(&fail.error_message),
        }),
    );
    if fail.retries <= 0 {
        let message = if fail.error_message.is_empty() {
            "No more retries left."
        } else {
            &fail.error_message
        };
        let fault = Fault::new(ErrorType::JobNoRetries, message);
        incident::raise(ctx, job.element_instance_key, Some(fail.key), fault);
    }
    Ok(Response::Done)
}

pub(super) fn throw_error(
    ctx: &mut Context<'_>,
    key: Key,
    error_code: &Arc<str>,
    error_message: &Arc<str>,
    variables: Variables,
) -> Result<Response, Refused> {
    let (job, _) = workable(ctx, key, "throw an error for")?;
    let catcher = error::find_catcher(ctx, job.element_instance_key, error_code, error_message);
    ctx.emit(
        key,
        Event::Job(JobEvent::ErrorThrown {
            job,
            error_code: Arc::clone(error_code),
            error_message: Arc::clone(error_message),
            caught: catcher.is_ok(),
        }),
    );
    match catcher {
        Ok(catcher) => error::catch(ctx, catcher, variables),
        Err(message) => {
            let fault = Fault::new(ErrorType::UnhandledErrorEvent, message);
            incident::raise(ctx, job.element_instance_key, Some(key), fault);
        }
    }
    Ok(Response::Done)
}

pub(super) fn update_retries(
    ctx: &mut Context<'_>,
    key: Key,
    retries: i32,
) -> Result<Response, Refused> {
    if retries < 1 {
        return Err(invalid_argument(format!(
            "Expected to update retries for job with key '{key}' with a positive amount of retries, but the amount given was '{retries}'"
        )));
    }
    let job = find(ctx, key)?;
    ctx.emit(key, Event::Job(JobEvent::RetriesUpdated { job, retries }));
    Ok(Response::Done)
}

pub(super) fn update_timeout(
    ctx: &mut Context<'_>,
    key: Key,
    timeout_ms: i64,
) -> Result<Response, Refused> {
    let job = find(ctx, key)?;
    let status = ctx.state().jobs().get(key).map(|job| job.status);
    if !matches!(status, Some(JobStatus::Activated(_))) {
        return Err(invalid_state(format!(
            "Expected to update the timeout of job with key '{key}', but it is not active"
        )));
    }
    let deadline = ctx.now().plus_ms(timeout_ms);
    ctx.emit(key, Event::Job(JobEvent::TimeoutUpdated { job, deadline }));
    Ok(Response::Done)
}

fn find(ctx: &Context<'_>, key: Key) -> Result<JobRef, Refused> {
    ctx.state().jobs().get(key).map(job_ref).ok_or_else(|| {
        not_found(format!(
            "Expected to update job with key '{key}', but no such job was found"
        ))
    })
}

/// The worker took too long, or never got the job: somebody else may have it.
pub(super) fn time_out(ctx: &mut Context<'_>, key: Key) -> Result<Response, Refused> {
    match ctx.state().jobs().get(key) {
        Some(job) if matches!(job.status, JobStatus::Activated(_)) => {
            let job = job_ref(job);
            ctx.emit(key, Event::Job(JobEvent::TimedOut(job)));
            Ok(Response::Done)
        }
        _ => Err(not_found(format!(
            "Expected to time out activated job with key '{key}', but no such job was found"
        ))),
    }
}

pub(super) fn recur(ctx: &mut Context<'_>, key: Key) -> Result<Response, Refused> {
    match ctx.state().jobs().get(key) {
        Some(job) if matches!(job.status, JobStatus::BackOff(_)) => {
            let job = job_ref(job);
            ctx.emit(key, Event::Job(JobEvent::RecurredAfterBackoff(job)));
            Ok(Response::Done)
        }
        _ => Err(not_found(format!(
            "Expected to make failed job with key '{key}' activatable again after its back-off, but no such job was found"
        ))),
    }
}
