//! Tests against a gateway's protocol and an API's shapes, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod rest;
mod result_message;
#[path = "../support/gateway.rs"]
mod support;
mod token;
mod worker;
