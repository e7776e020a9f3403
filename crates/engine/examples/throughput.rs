//! How many orders a second the engine decides by itself: no log, no network, one thread.
//!
//! `cargo run --release -p engine --example throughput [ORDERS]`, on the model of the broker's load
//! client.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for the terminal around the pure engine, with a clock"
)]

use engine::command::{ActivateJobs, Command, CreateInstance, PublishMessage, Resource, Response};
use engine::{Batch, Engine, Timestamp};
use std::sync::Arc;

const MODEL: &[u8] = include_bytes!("../../broker/examples/load-order.bpmn");

fn main() {
    let orders = std::env::args().nth(1);
    let orders: u64 = orders.map_or(100_000, |n| n.parse().expect("a number of orders"));
    let mut engine = Engine::new();
    let mut out = Batch::default();
    let deploy = Command::Deploy(vec![Resource {
        name: Arc::from("load-order.bpmn"),
        content: Arc::from(MODEL),
    }]);
    let deployed = engine.process(deploy, Timestamp(0), &mut out);
    assert!(
        matches!(deployed, Response::Deployed { .. }),
        "{deployed:?}"
    );
    let start = std::time::Instant::now();
    let mut records = 0;
    for number in 0..orders {
        let id: Arc<str> = Arc::from(format!("\"o-{number}\""));
        let key = Arc::from(id.trim_matches('"'));
        let mut process = |command| {
            let response = engine.process(command, Timestamp(1), &mut out);
            records += out.records.len();
            out.clear();
            response
        };
        process(Command::CreateInstance(CreateInstance {
            bpmn_process_id: Arc::from("load-order"),
            version: -1,
            variables: vec![
                (Arc::from("_id"), id),
                (Arc::from("quantity"), Arc::from("1")),
            ],
            ..CreateInstance::default()
        }));
        finish_job(&mut process, "load-reserve");
        process(Command::PublishMessage(PublishMessage {
            name: Arc::from("LOAD_RESERVED"),
            correlation_key: key,
            message_id: Arc::from(""),
            time_to_live_ms: 0,
            variables: vec![(Arc::from("stock_level"), Arc::from("5"))],
        }));
        finish_job(&mut process, "load-ship");
    }
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(
        engine.state().counts().element_instances,
        0,
        "all have ended"
    );
    println!(
        "{:.0} orders/s, {:.1} records an order, {:.2} us a record",
        orders as f64 / seconds,
        records as f64 / orders as f64,
        seconds * 1e6 / records as f64
    );
}

fn finish_job(process: &mut impl FnMut(Command) -> Response, job_type: &str) {
    let activated = process(Command::ActivateJobs(ActivateJobs {
        job_type: Arc::from(job_type),
        worker: Arc::from("worker"),
        timeout_ms: 60_000,
        max_jobs: 1,
        fetch_variables: Vec::new(),
        only: Vec::new(),
        bytes_max: usize::MAX,
    }));
    let Response::Jobs { jobs, .. } = activated else {
        panic!("jobs were asked for")
    };
    process(Command::CompleteJob {
        key: jobs.first().expect("there is a job").key,
        variables: Vec::new(),
    });
}
