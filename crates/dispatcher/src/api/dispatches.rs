//! GitHub's two endpoints that start runs: `repository_dispatch` and `workflow_dispatch`.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{App, BODY_BYTES_MAX, blocking, broken, failure, limit_events, not_found, run_url};
use crate::dispatch::{Dispatch, Refusal};
use crate::workflow_dispatch::Form;

/// `POST /repos/{owner}/{repo}/dispatches`: 204, whether or not anything listens.
pub(super) async fn repository_dispatch(
    State(dispatcher): App,
    Path((owner, repo)): Path<(String, String)>,
    body: Body,
) -> Response {
    let Some(repository) = dispatcher.repository(&owner, &repo).map(str::to_owned) else {
        return not_found("Not Found");
    };
    let parsed = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(bytes) => Dispatch::parse(&bytes),
        Err(_) => Err(Refusal::too_large()),
    };
    let dispatch = match parsed {
        Ok(dispatch) => dispatch,
        Err(refusal) => return refused(&refusal),
    };
    if let Some(response) = limit_events(&dispatcher) {
        return response;
    }
    match blocking(move || dispatcher.accept(&repository, dispatch)).await {
        Ok(Ok(_)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => broken(&error),
        Err(response) => response,
    }
}

/// `POST /repos/{owner}/{repo}/actions/workflows/{file}/dispatches`: 204, or with
/// `return_run_details` 200 and the run's id and addresses.
pub(super) async fn workflow_dispatch(
    State(dispatcher): App,
    Path((owner, repo, file)): Path<(String, String, String)>,
    body: Body,
) -> Response {
    let Some(repository) = dispatcher.repository(&owner, &repo).map(str::to_owned) else {
        return not_found("Not Found");
    };
    let Some(workflow) = dispatcher.workflow(&file).cloned() else {
        return not_found("Not Found");
    };
    let parsed = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(bytes) => Form::parse(&bytes, &workflow, dispatcher.default_branch()),
        Err(_) => Err(Refusal::invalid("inputs are too large.")),
    };
    let form = match parsed {
        Ok(form) => form,
        Err(refusal) => return refused(&refusal),
    };
    if let Some(response) = limit_events(&dispatcher) {
        return response;
    }
    let (this, details) = (dispatcher.clone(), form.return_run_details);
    let taken = blocking(move || this.accept_form(&repository, &workflow.file, form)).await;
    match taken {
        Ok(Ok(delivery)) => match delivery.runs.first().filter(|_| details) {
            None => StatusCode::NO_CONTENT.into_response(),
            Some(run) => Json(json!({
                "workflow_run_id": run.id,
                "run_url": run_url(&dispatcher, &delivery.repository, run.id),
                "html_url": format!("{}/_backroom/runs/{}", dispatcher.url(), run.id),
            }))
            .into_response(),
        },
        Ok(Err(error)) => broken(&error),
        Err(response) => response,
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status =
        StatusCode::from_u16(refusal.status).expect("the statuses of refusals are those of HTTP");
    failure(status, &refusal.message)
}
