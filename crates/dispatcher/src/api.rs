//! The HTTP face: GitHub's endpoints for dispatches and runs, and below `/_backroom/` the
//! dispatcher's own. `docs/dispatcher.md` lists all of them.
//!
//! Every request needs the token. Errors have GitHub's shape, a JSON object with `message`.

mod backroom;
mod dispatches;
mod runs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::json;

use crate::dispatcher::Dispatcher;

/// Most bytes of a request's body: white space around a payload that fits is not held against it.
const BODY_BYTES_MAX: usize = 1024 * 1024;
const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// The routes of a dispatcher.
pub fn router(dispatcher: Arc<Dispatcher>) -> Router {
    Router::new()
        .nest("/repos/{owner}/{repo}", github(&dispatcher))
        .nest("/_backroom", own())
        .fallback(async || not_found("Not Found"))
        .method_not_allowed_fallback(async || {
            failure(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .layer(middleware::from_fn_with_state(
            Arc::clone(&dispatcher),
            require_token,
        ))
        .with_state(dispatcher)
}

/// What GitHub has, in its paths and shapes.
fn github(dispatcher: &Arc<Dispatcher>) -> Router<Arc<Dispatcher>> {
    Router::new()
        .route("/dispatches", post(dispatches::repository_dispatch))
        .route("/actions/workflows", get(runs::list_workflows))
        .route("/actions/workflows/{file}", get(runs::show_workflow))
        .route(
            "/actions/workflows/{file}/dispatches",
            post(dispatches::workflow_dispatch),
        )
        .route(
            "/actions/workflows/{file}/runs",
            get(runs::list_of_workflow),
        )
        .route("/actions/runs", get(runs::list))
        .route("/actions/runs/{id}", get(runs::show).delete(runs::remove))
        .route("/actions/runs/{id}/rerun", post(runs::rerun))
        .route("/actions/runs/{id}/rerun-failed-jobs", post(runs::rerun))
        .route("/actions/runs/{id}/cancel", post(runs::cancel))
        .route("/actions/runs/{id}/force-cancel", post(runs::cancel))
        .route("/actions/runs/{id}/jobs", get(runs::jobs))
        .route(
            "/actions/runs/{id}/logs",
            get(runs::logs).delete(runs::remove_logs),
        )
        .route("/actions/jobs/{id}/logs", get(runs::job_logs))
        .layer(middleware::from_fn_with_state(
            Arc::clone(dispatcher),
            limit_requests,
        ))
}

/// What GitHub has not.
fn own() -> Router<Arc<Dispatcher>> {
    Router::new()
        .route("/deliveries", get(backroom::list_deliveries))
        .route("/deliveries/{id}", get(backroom::show_delivery))
        .route("/deliveries/{id}/redeliver", post(backroom::redeliver))
        .route("/failures", get(backroom::list_failures))
        .route("/runs/{id}", get(backroom::show_run))
        .route("/runs/{id}/log.txt", get(runs::log_text))
        .route("/runs/{id}/logs.zip", get(runs::log_archive))
        .route(
            "/rules",
            get(backroom::list_rules)
                .post(backroom::add_rule)
                .delete(backroom::remove_rules),
        )
        .route("/rules/{id}", delete(backroom::remove_rule))
}

type App = State<Arc<Dispatcher>>;

async fn require_token(State(dispatcher): App, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    match given.map(|given| given.to_str().is_ok_and(|text| dispatcher.opens(text))) {
        Some(true) => next.run(request).await,
        Some(false) => failure(StatusCode::UNAUTHORIZED, "Bad credentials"),
        None => failure(StatusCode::UNAUTHORIZED, "Requires authentication"),
    }
}

/// Refuses what is over GitHub's limit of requests, where that is kept.
async fn limit_requests(State(dispatcher): App, request: Request, next: Next) -> Response {
    let limits = dispatcher.limits.as_ref();
    match limits.map(|limits| limits.requests.take(Instant::now())) {
        Some(Err(wait)) => limited(
            StatusCode::FORBIDDEN,
            "API rate limit exceeded. Wait as long as 'retry-after' says.",
            wait,
        ),
        Some(Ok(())) | None => next.run(request).await,
    }
}

/// A refusal for now, with the whole seconds that it lasts.
fn limited(status: StatusCode, message: &str, wait: Duration) -> Response {
    let mut response = failure(status, message);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, seconds.into());
    if status == StatusCode::FORBIDDEN {
        let none = header::HeaderValue::from_static("0");
        response.headers_mut().insert("x-ratelimit-remaining", none);
    }
    response
}

/// Takes an event's token from GitHub's limit, where that is kept; gives the refusal.
fn limit_events(dispatcher: &Dispatcher) -> Option<Response> {
    let limits = dispatcher.limits.as_ref();
    match limits.map(|limits| limits.events.take(Instant::now())) {
        Some(Err(wait)) => Some(limited(
            StatusCode::TOO_MANY_REQUESTS,
            "You have exceeded a secondary rate limit. Wait as long as 'retry-after' says.",
            wait,
        )),
        Some(Ok(())) | None => None,
    }
}

/// A run's address in the API.
fn run_url(dispatcher: &Dispatcher, repository: &str, run: u64) -> String {
    format!("{}/repos/{repository}/actions/runs/{run}", dispatcher.url())
}

fn not_found(message: &str) -> Response {
    failure(StatusCode::NOT_FOUND, message)
}

fn broken(error: &std::io::Error) -> Response {
    tracing::error!(%error, "a request failed on the data folder");
    failure(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the data folder could not be written; see the dispatcher's log",
    )
}

fn failure(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message,
        "documentation_url": DOCUMENTATION,
        "status": status.as_u16().to_string(),
    });
    (status, Json(body)).into_response()
}

/// Runs what blocks on the disk off the async threads.
async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Response> {
    tokio::task::spawn_blocking(f).await.map_err(|error| {
        tracing::error!(%error, "a request ended in a panic");
        failure(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
    })
}
