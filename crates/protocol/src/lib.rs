//! The gateway protocol: messages, client and server stubs.
//!
//! This is the one thing that the services and the broker share. Names, field numbers and types
//! are those of the service `gateway_protocol.Gateway` as its clients know it; the stubs are made
//! from `proto/gateway.proto` at build time.

#[allow(clippy::all, unreachable_pub, missing_docs, let_underscore_drop)]
mod generated {
    tonic::include_proto!("gateway_protocol");
}

pub use generated::*;
