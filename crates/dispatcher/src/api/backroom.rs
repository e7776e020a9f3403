//! The dispatcher's own endpoints, below `/_backroom/`: deliveries, runs with their logs, rules.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, BODY_BYTES_MAX, blocking, broken, failure, not_found};
use crate::intake::RedeliverError;
use crate::records::{self, Delivery, Run};
use crate::rules::{self, NewRule};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    event_type: Option<String>,
    #[serde(rename = "_id")]
    order_id: Option<String>,
}

pub(super) async fn list_deliveries(
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

/// The deliveries that came to nothing, oldest first; each says why and what to do.
pub(super) async fn list_failures(State(dispatcher): App) -> Response {
    let found = blocking(move || {
        let found = dispatcher.deliveries(|delivery| failure_of(delivery).is_some());
        found.iter().map(shown).collect::<Vec<_>>()
    });
    found
        .await
        .map_or_else(|r| r, |list| Json(list).into_response())
}

pub(super) async fn show_delivery(State(dispatcher): App, Path(id): Path<String>) -> Response {
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

pub(super) async fn redeliver(State(dispatcher): App, Path(id): Path<String>) -> Response {
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

pub(super) async fn show_run(State(dispatcher): App, Path(id): Path<String>) -> Response {
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

pub(super) async fn list_rules(State(dispatcher): App) -> Response {
    Json(dispatcher.rules().list()).into_response()
}

pub(super) async fn add_rule(State(dispatcher): App, body: Body) -> Response {
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

pub(super) async fn remove_rules(State(dispatcher): App) -> Response {
    match blocking(move || dispatcher.rules().remove(None)).await {
        Ok(Ok(_)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => broken(&error),
        Err(response) => response,
    }
}

pub(super) async fn remove_rule(State(dispatcher): App, Path(id): Path<String>) -> Response {
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

/// Why a delivery came to nothing, unless it succeeded after all.
fn failure_of(delivery: &Delivery) -> Option<&str> {
    let failure = delivery.failure.as_deref();
    failure.filter(|_| delivery.state() != records::State::Succeeded)
}

/// A delivery as it is shown: what is told from its runs with it, the payload left out.
fn shown(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "repository": delivery.repository,
        "event_type": delivery.event_type,
        "_id": delivery.order_id(),
        "received_at": delivery.received_at,
        "event": delivery.event,
        "workflow": delivery.workflow,
        "state": delivery.state(),
        "redispatches": delivery.redispatches,
        "failure": failure_of(delivery),
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
