//! The topology: one broker, one partition.

use super::Api;
use crate::VERSION;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

pub(super) async fn topology(State(api): State<Api>) -> Json<Value> {
    Json(json!({
        "brokers": [{
            "nodeId": 0,
            "host": api.gateway.ip().to_string(),
            "port": api.gateway.port(),
            "partitions": [{
                "partitionId": engine::key::PARTITION,
                "role": "leader",
                "health": "healthy",
            }],
            "version": VERSION,
        }],
        "clusterSize": 1,
        "partitionsCount": 1,
        "replicationFactor": 1,
        "gatewayVersion": VERSION,
    }))
}
