//! GitHub's endpoints for workflows, runs, jobs and logs, in its paths and shapes. A run has one
//! job here, whose id is the run's.

use std::io::Write as _;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, blocking, broken, failure, not_found, run_url};
use crate::dispatcher::Dispatcher;
use crate::intake::RunError;
use crate::records::{Delivery, Run, Status};
use crate::runner;
use crate::workflow_file::Workflow;

/// Entries of a page, by default and at most (GitHub's numbers).
const PER_PAGE: (usize, usize) = (30, 100);

type OfRepository = Path<(String, String)>;
type OfEntry = Path<(String, String, String)>;

/// What a list of runs is narrowed to; GitHub's other filters say nothing here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// `repository_dispatch` or `workflow_dispatch`.
    event: Option<String>,
    /// A status or a conclusion.
    status: Option<String>,
    branch: Option<String>,
    per_page: Option<usize>,
    page: Option<usize>,
}

pub(super) async fn list_workflows(
    State(dispatcher): App,
    Path((owner, repo)): OfRepository,
) -> Response {
    let Some(repository) = dispatcher.repository(&owner, &repo) else {
        return not_found("Not Found");
    };
    let shown = dispatcher.workflows().iter();
    let shown: Vec<_> = shown
        .map(|w| workflow(&dispatcher, repository, w))
        .collect();
    Json(json!({"total_count": shown.len(), "workflows": shown})).into_response()
}

pub(super) async fn show_workflow(
    State(dispatcher): App,
    Path((owner, repo, file)): OfEntry,
) -> Response {
    let repository = dispatcher.repository(&owner, &repo);
    match repository.zip(dispatcher.workflow(&file)) {
        Some((repository, found)) => Json(workflow(&dispatcher, repository, found)).into_response(),
        None => not_found("Not Found"),
    }
}

pub(super) async fn list(
    app: App,
    Path((owner, repo)): OfRepository,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    runs(app, (owner, repo), None, filter).await
}

pub(super) async fn list_of_workflow(
    app: App,
    Path((owner, repo, file)): OfEntry,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    match app.workflow(&file).map(|workflow| workflow.file.clone()) {
        Some(file) => runs(app, (owner, repo), Some(file), filter).await,
        None => not_found("Not Found"),
    }
}

/// Runs, newest first.
async fn runs(
    State(dispatcher): App,
    (owner, repo): (String, String),
    file: Option<String>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let Some(repository) = dispatcher.repository(&owner, &repo).map(str::to_owned) else {
        return not_found("Not Found");
    };
    let Ok(Query(filter)) = filter else {
        return failure(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the query takes 'event', 'status', 'branch', 'per_page' and 'page' alone",
        );
    };
    let found = blocking(move || {
        let fits = |delivery: &Delivery| {
            let event = filter.event.as_deref();
            let branch = filter.branch.as_deref();
            delivery.repository == repository
                && event.is_none_or(|event| event == delivery.event.name())
                && branch.is_none_or(|branch| branch == dispatcher.default_branch())
        };
        let mut all = Vec::new();
        for delivery in dispatcher.deliveries(fits) {
            for run in &delivery.runs {
                let of_file = file.as_ref().is_none_or(|file| *file == run.workflow);
                let state = filter.status.as_deref();
                let is = |value: Value| value.as_str() == state;
                if of_file
                    && (state.is_none() || is(json!(run.status)) || is(json!(run.conclusion)))
                {
                    all.push((run.id, run_shown(&dispatcher, &delivery, run)));
                }
            }
        }
        all.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        let per_page = filter.per_page.unwrap_or(PER_PAGE.0).clamp(1, PER_PAGE.1);
        let first = per_page.saturating_mul(filter.page.unwrap_or(1).max(1) - 1);
        let total = all.len();
        let page: Vec<_> = all
            .into_iter()
            .skip(first)
            .take(per_page)
            .map(|(_, run)| run)
            .collect();
        json!({"total_count": total, "workflow_runs": page})
    });
    found
        .await
        .map_or_else(|r| r, |list| Json(list).into_response())
}

pub(super) async fn show(State(dispatcher): App, Path(of): OfEntry) -> Response {
    match find(&dispatcher, of).await {
        Ok((delivery, run)) => Json(run_shown(&dispatcher, &delivery, &run)).into_response(),
        Err(response) => response,
    }
}

pub(super) async fn jobs(State(dispatcher): App, Path(of): OfEntry) -> Response {
    match find(&dispatcher, of).await {
        Ok((delivery, run)) => {
            let job = job(&dispatcher, &delivery, &run);
            Json(json!({"total_count": 1, "jobs": [job]})).into_response()
        }
        Err(response) => response,
    }
}

pub(super) async fn rerun(State(dispatcher): App, Path(of): OfEntry) -> Response {
    let run = match find(&dispatcher, of).await {
        Ok((_, run)) => run.id,
        Err(response) => return response,
    };
    match blocking(move || dispatcher.rerun(run)).await {
        Ok(Ok(())) => (StatusCode::CREATED, Json(json!({}))).into_response(),
        Ok(Err(error)) => refused(error),
        Err(response) => response,
    }
}

pub(super) async fn cancel(State(dispatcher): App, Path(of): OfEntry) -> Response {
    let run = match find(&dispatcher, of).await {
        Ok((_, run)) => run.id,
        Err(response) => return response,
    };
    match dispatcher.cancel(run) {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({}))).into_response(),
        Err(error) => refused(error),
    }
}

pub(super) async fn remove(State(dispatcher): App, Path(of): OfEntry) -> Response {
    let run = match find(&dispatcher, of).await {
        Ok((_, run)) => run.id,
        Err(response) => return response,
    };
    match blocking(move || dispatcher.remove_run(run)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => refused(error),
        Err(response) => response,
    }
}

/// GitHub redirects to an archive, and so does this.
pub(super) async fn logs(State(dispatcher): App, Path(of): OfEntry) -> Response {
    match find(&dispatcher, of).await {
        Ok((_, run)) => moved(&dispatcher, run.id, "logs.zip"),
        Err(response) => response,
    }
}

/// As [`logs`], to a text.
pub(super) async fn job_logs(State(dispatcher): App, Path(of): OfEntry) -> Response {
    match find(&dispatcher, of).await {
        Ok((_, run)) => moved(&dispatcher, run.id, "log.txt"),
        Err(response) => response,
    }
}

pub(super) async fn remove_logs(State(dispatcher): App, Path(of): OfEntry) -> Response {
    let run = match find(&dispatcher, of).await {
        Ok((_, run)) => run,
        Err(response) => return response,
    };
    if run.status != Status::Completed {
        return refused(RunError::Running);
    }
    match blocking(move || dispatcher.remove_logs(run.id)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => broken(&error),
        Err(response) => response,
    }
}

/// The log of all attempts as one text.
pub(super) async fn log_text(State(dispatcher): App, Path(id): Path<String>) -> Response {
    match log(&dispatcher, &id).await {
        Ok((_, _, log)) => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], log).into_response()
        }
        Err(response) => response,
    }
}

/// The same as an archive with one text, as GitHub's has one for each job.
pub(super) async fn log_archive(State(dispatcher): App, Path(id): Path<String>) -> Response {
    let (run, job, log) = match log(&dispatcher, &id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    match archive(&job, log.as_bytes()) {
        Ok(bytes) => {
            let name = format!("attachment; filename=\"logs_{run}.zip\"");
            let headers = [
                (header::CONTENT_TYPE, "application/zip".to_owned()),
                (header::CONTENT_DISPOSITION, name),
            ];
            (headers, bytes).into_response()
        }
        Err(error) => {
            tracing::error!(%error, run, "a log could not be packed");
            failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the log could not be packed",
            )
        }
    }
}

fn archive(job: &str, log: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    // A job's name may hold what a file's name must not.
    let is_plain = |c: char| c.is_alphanumeric() || " -_.".contains(c);
    let name: String = job.chars().filter(|c| is_plain(*c)).collect();
    archive.start_file(format!("0_{name}.txt"), stored)?;
    archive.write_all(log)?;
    Ok(archive.finish()?.into_inner())
}

/// A run's id, the name of its job and its log.
async fn log(
    dispatcher: &std::sync::Arc<Dispatcher>,
    id: &str,
) -> Result<(u64, String, String), Response> {
    let number: u64 = id.parse().map_err(|_| not_found("Not Found"))?;
    let this = dispatcher.clone();
    let found = blocking(move || this.run(number)).await?;
    let (_, run, log, _) = found.ok_or_else(|| not_found("Not Found"))?;
    if log.is_empty() {
        return Err(not_found("Not Found"));
    }
    let job = dispatcher.workflow(&run.workflow);
    let job = job.map_or_else(|| run.workflow.clone(), |w| w.job_name.clone());
    Ok((number, job, log))
}

/// The run of an id, if it is one of this repository.
async fn find(
    dispatcher: &std::sync::Arc<Dispatcher>,
    (owner, repo, id): (String, String, String),
) -> Result<(Delivery, Run), Response> {
    let repository = dispatcher.repository(&owner, &repo).map(str::to_owned);
    let wanted = repository.zip(id.parse().ok());
    let (repository, id) = wanted.ok_or_else(|| not_found("Not Found"))?;
    let this = dispatcher.clone();
    let found = blocking(move || this.run_record(id)).await?;
    found
        .filter(|(delivery, _)| delivery.repository == repository)
        .ok_or_else(|| not_found("Not Found"))
}

fn refused(error: RunError) -> Response {
    let status = match error {
        RunError::Unknown => StatusCode::NOT_FOUND,
        RunError::Running => StatusCode::FORBIDDEN,
        RunError::Completed => StatusCode::CONFLICT,
    };
    failure(status, &error.to_string())
}

fn moved(dispatcher: &Dispatcher, run: u64, file: &str) -> Response {
    let to = format!("{}/_backroom/runs/{run}/{file}", dispatcher.url());
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

fn workflow(dispatcher: &Dispatcher, repository: &str, workflow: &Workflow) -> Value {
    let repository_url = format!("{}/repos/{repository}", dispatcher.url());
    json!({
        "id": workflow.id(),
        "name": workflow.name,
        "path": runner::path(&workflow.file),
        "state": "active",
        "url": format!("{repository_url}/actions/workflows/{}", workflow.id()),
    })
}

/// A run in GitHub's shape: its fields that mean something here.
fn run_shown(dispatcher: &Dispatcher, delivery: &Delivery, run: &Run) -> Value {
    let url = run_url(dispatcher, &delivery.repository, run.id);
    let workflow_id = dispatcher.workflow(&run.workflow).map(Workflow::id);
    let (owner, name) = delivery.repository.split_once('/').unwrap_or_default();
    let repository = format!("{}/repos/{}", dispatcher.url(), delivery.repository);
    let first = run
        .attempts
        .first()
        .map_or(run.created_at, |a| a.started_at);
    let started = run.attempts.last().map_or(first, |a| a.started_at);
    json!({
        "id": run.id,
        "name": run.name,
        "display_title": run.title,
        "run_number": run.number,
        "run_attempt": run.attempts.len().max(1),
        "event": delivery.event.name(),
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": workflow_id,
        "path": runner::path(&run.workflow),
        "head_branch": dispatcher.default_branch(),
        "head_sha": run.head_sha,
        "created_at": run.created_at,
        "updated_at": run.updated_at(),
        "run_started_at": started,
        "actor": {"login": owner},
        "triggering_actor": {"login": owner},
        "repository": {
            "name": name,
            "full_name": delivery.repository,
            "owner": {"login": owner},
            "url": repository,
        },
        "url": url,
        "html_url": format!("{}/_backroom/runs/{}", dispatcher.url(), run.id),
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "workflow_url": workflow_id.map(|id| format!("{repository}/actions/workflows/{id}")),
    })
}

fn job(dispatcher: &Dispatcher, delivery: &Delivery, run: &Run) -> Value {
    let workflow = dispatcher.workflow(&run.workflow);
    let attempt = run.attempts.last();
    json!({
        "id": run.id,
        "run_id": run.id,
        "run_url": run_url(dispatcher, &delivery.repository, run.id),
        "run_attempt": run.attempts.len().max(1),
        "workflow_name": run.name,
        "name": workflow.map_or(run.workflow.as_str(), |w| &w.job_name),
        "head_branch": dispatcher.default_branch(),
        "head_sha": run.head_sha,
        "status": run.status,
        "conclusion": run.conclusion,
        "created_at": run.created_at,
        "started_at": attempt.map(|a| a.started_at),
        "completed_at": attempt.and_then(|a| a.finished_at),
        "steps": [],
    })
}
