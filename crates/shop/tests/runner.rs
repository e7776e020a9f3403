//! The tests of the whole shop, in one binary, since linking is what costs.
//!
//! Those that run stores are slow, and run with `RUN_SLOW_TESTS=1` alone; they use the binaries
//! that `cargo build --workspace --bins` left beside the shop's own.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where it doesn't get what it needs"
)]

mod bad_input;
mod canary;
mod cli;
mod crash;
mod crowd;
mod customer_name;
mod demo;
mod doubled;
mod lint;
mod operator;
mod restock;
mod stage;
mod store;
mod summaries;
mod tutorial;
mod workers;
