//! The management port: is it ready, how does it do, what is its state, and the controlled clock.

use crate::clock::Clock;
use crate::handle::Handle;
use crate::metrics::Metrics;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Management {
    /// The engine.
    pub engine: Handle,
    /// Its figures.
    pub metrics: Arc<Metrics>,
    /// Its time.
    pub clock: Arc<Clock>,
    /// Whether that may be moved.
    pub controlled_clock: bool,
}

/// All routes.
pub(crate) fn routes(management: Management) -> Router {
    let up = async || Json(json!({ "status": "UP" }));
    Router::new()
        .route("/actuator/health", get(up))
        .route("/actuator/health/readiness", get(up))
        .route("/actuator/health/liveness", get(up))
        .route("/actuator/prometheus", get(prometheus))
        .route("/actuator/clock", get(clock))
        .route("/actuator/clock/add", post(add_to_clock))
        .route("/_backroom/state-hash", get(state_hash))
        .with_state(management)
}

async fn prometheus(State(management): State<Management>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (content_type, management.metrics.render()).into_response()
}

async fn state_hash(State(management): State<Management>) -> Response {
    match management.engine.state_hash().await {
        Ok((position, hash)) => {
            Json(json!({ "position": position.0, "hash": hash })).into_response()
        }
        Err(error) => fault(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn clock(State(management): State<Management>) -> Json<Value> {
    Json(time(&management.clock))
}

/// What an operator asks of the clock.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Add {
    offset_milli: i64,
}

/// Moves the clock; answers once all that became due by it is done.
async fn add_to_clock(State(management): State<Management>, body: String) -> Response {
    if !management.controlled_clock {
        let text = "the clock is not controlled: start the broker with --controlled-clock";
        return fault(StatusCode::FORBIDDEN, text);
    }
    let add: Add = match serde_json::from_str(&body) {
        Ok(add) => add,
        Err(error) => {
            let text = format!("the body must be {{\"offsetMilli\": N}}: {error}");
            return fault(StatusCode::BAD_REQUEST, &text);
        }
    };
    if add.offset_milli < 0 {
        let text = format!("time does not go back: offsetMilli is {}", add.offset_milli);
        return fault(StatusCode::BAD_REQUEST, &text);
    }
    if let Err(error) = management.clock.add(add.offset_milli) {
        let text = format!("cannot keep the clock's offset: {error}");
        return fault(StatusCode::INTERNAL_SERVER_ERROR, &text);
    }
    match management.engine.clock_moved().await {
        Ok(()) => Json(time(&management.clock)).into_response(),
        Err(error) => fault(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

fn time(clock: &Clock) -> Value {
    let now = clock.now().0;
    let instant = jiff::Timestamp::from_millisecond(now);
    json!({
        "epochMilli": now,
        "instant": instant.map(|instant| instant.to_string()).ok(),
    })
}

fn fault(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}
