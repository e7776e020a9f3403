//! The HTTP face: GitHub's dispatches endpoint, and below `/_backroom/` the dispatcher's own.
//!
//! Every request needs the token. Errors have GitHub's shape, a JSON object with `message`.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /repos/{owner}/{repo}/dispatches` | 204, or 400, 401, 404, 422 as on GitHub |
//! | `GET /_backroom/deliveries?event_type=&_id=` | 200, a list without payloads, oldest first |
//! | `GET /_backroom/deliveries/{id}` | 200, one delivery with its `client_payload` |
//! | `POST /_backroom/deliveries/{id}/redeliver` | 202, the delivery with its new runs |
//! | `GET /_backroom/runs/{id}` | 200, the run with `log` and `summary` |
//! | `GET /_backroom/rules` | 200, a list |
//! | `POST /_backroom/rules` | 201, the rule with its `id` |
//! | `DELETE /_backroom/rules`, `DELETE /_backroom/rules/{id}` | 204 |

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::dispatch::{Dispatch, Refusal};
use crate::dispatcher::{Dispatcher, RedeliverError};
use crate::records::{Delivery, Run};
use crate::rules::{self, NewRule};

/// Most bytes of a request's body: white space around a payload that fits is not held against it.
const BODY_BYTES_MAX: usize = 1024 * 1024;
const DISPATCHES_DOCUMENTATION: &str =
    "https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event";

/// The routes of a dispatcher.
pub fn router(dispatcher: Arc<Dispatcher>) -> Router {
    Router::new()
        .route("/repos/{owner}/{repo}/dispatches", post(create_dispatch))
        .route("/_backroom/deliveries", get(list_deliveries))
        .route("/_backroom/deliveries/{id}", get(show_delivery))
        .route("/_backroom/deliveries/{id}/redeliver", post(redeliver))
        .route("/_backroom/runs/{id}", get(show_run))
        .route(
            "/_backroom/rules",
            get(list_rules).post(add_rule).delete(remove_rules),
        )
        .route("/_backroom/rules/{id}", delete(remove_rule))
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

type App = State<Arc<Dispatcher>>;

async fn require_token(State(dispatcher): App, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    match given.map(|given| given.to_str().is_ok_and(|text| dispatcher.opens(text))) {
        Some(true) => next.run(request).await,
        Some(false) => failure(StatusCode::UNAUTHORIZED, "Bad credentials"),
        None => failure(StatusCode::UNAUTHORIZED, "Requires authentication"),
    }
}

async fn create_dispatch(
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
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status)
                .expect("the statuses of refusals are those of HTTP");
            return failure(status, &refusal.message);
        }
    };
    let taken = blocking(move || dispatcher.accept(&repository, dispatch)).await;
    match taken {
        Ok(Ok(_)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => broken(&error),
        Err(response) => response,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    event_type: Option<String>,
    #[serde(rename = "_id")]
    order_id: Option<String>,
}

async fn list_deliveries(
    State(dispatcher): App,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let Ok(Query(filter)) = filter else {
        return failure(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the query takes 'event_type' and '_id' alone",
        );
    };
    let found = blocking(move || {
        let fits = |delivery: &Delivery| {
            let of_type = filter.event_type.as_ref();
            let of_order = filter.order_id.as_deref();
            of_type.is_none_or(|wanted| *wanted == delivery.event_type)
                && of_order.is_none_or(|wanted| delivery.order_id() == Some(wanted))
        };
        let found = dispatcher.deliveries(fits);
        found.iter().map(shown).collect::<Vec<_>>()
    });
    found
        .await
        .map_or_else(|r| r, |list| Json(list).into_response())
}

async fn show_delivery(State(dispatcher): App, Path(id): Path<String>) -> Response {
    let found = blocking(move || {
        let delivery = dispatcher
            .delivery(&id)
            .ok_or(RedeliverError::Unknown(id))?;
        let mut shown = shown(&delivery);
        shown["client_payload"] = Value::Object(delivery.client_payload);
        Ok::<_, RedeliverError>(shown)
    });
    match found.await {
        Ok(Ok(delivery)) => Json(delivery).into_response(),
        Ok(Err(error)) => not_found(&error.to_string()),
        Err(response) => response,
    }
}

async fn redeliver(State(dispatcher): App, Path(id): Path<String>) -> Response {
    match blocking(move || dispatcher.redeliver(&id)).await {
        Ok(Ok(delivery)) => (StatusCode::ACCEPTED, Json(shown(&delivery))).into_response(),
        Ok(Err(error @ RedeliverError::Unknown(_))) => not_found(&error.to_string()),
        Ok(Err(error @ RedeliverError::Unheard(_))) => {
            failure(StatusCode::CONFLICT, &error.to_string())
        }
        Ok(Err(RedeliverError::Write(error))) => broken(&error),
        Err(response) => response,
    }
}

async fn show_run(State(dispatcher): App, Path(id): Path<String>) -> Response {
    let Some(number) = id.parse().ok() else {
        return not_found(&format!("'{id}' is no run's id, which is a number"));
    };
    match blocking(move || dispatcher.run(number)).await {
        Ok(Some((delivery, run, log, summary))) => {
            let mut shown = shown_run(&run);
            shown["delivery"] = json!(delivery.id);
            shown["event_type"] = json!(delivery.event_type);
            shown["_id"] = json!(delivery.order_id());
            shown["repository"] = json!(delivery.repository);
            shown["log"] = json!(log);
            shown["summary"] = json!(summary);
            Json(shown).into_response()
        }
        Ok(None) => not_found(&format!("no run has the id {number}")),
        Err(response) => response,
    }
}

async fn list_rules(State(dispatcher): App) -> Response {
    Json(dispatcher.rules().list()).into_response()
}

async fn add_rule(State(dispatcher): App, body: Body) -> Response {
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return failure(
            StatusCode::PAYLOAD_TOO_LARGE,
            "a rule is one small JSON object",
        );
    };
    let new: NewRule = match serde_json::from_slice(&bytes) {
        Ok(new) => new,
        Err(error) => {
            return failure(
                StatusCode::UNPROCESSABLE_ENTITY,
                &format!("no rule: {error}"),
            );
        }
    };
    match blocking(move || dispatcher.rules().add(new)).await {
        Ok(Ok(rule)) => (StatusCode::CREATED, Json(rule)).into_response(),
        Ok(Err(error @ rules::Error::Invalid(_))) => {
            failure(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string())
        }
        Ok(Err(rules::Error::Write(error))) => broken(&error),
        Err(response) => response,
    }
}

async fn remove_rules(State(dispatcher): App) -> Response {
    match blocking(move || dispatcher.rules().remove(None)).await {
        Ok(Ok(_)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => broken(&error),
        Err(response) => response,
    }
}

async fn remove_rule(State(dispatcher): App, Path(id): Path<String>) -> Response {
    let Ok(number) = id.parse() else {
        return not_found(&format!("'{id}' is no rule's id, which is a number"));
    };
    match blocking(move || dispatcher.rules().remove(Some(number))).await {
        Ok(Ok(0)) => not_found(&format!("no rule has the id {number}")),
        Ok(Ok(_)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => broken(&error),
        Err(response) => response,
    }
}

/// A delivery as it is shown: what is told from its runs with it, the payload left out.
fn shown(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "repository": delivery.repository,
        "event_type": delivery.event_type,
        "_id": delivery.order_id(),
        "received_at": delivery.received_at,
        "state": delivery.state(),
        "rule": delivery.rule,
        "not_before": delivery.not_before,
        "runs": delivery.runs.iter().map(shown_run).collect::<Vec<_>>(),
    })
}

fn shown_run(run: &Run) -> Value {
    let mut shown = json!(run);
    shown["attempt"] = json!(run.attempts.len());
    shown
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
        "documentation_url": DISPATCHES_DOCUMENTATION,
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
