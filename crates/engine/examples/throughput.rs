//! How many orders a second the engine decides by itself: no log, no network, one thread.
//!
//! `cargo run --release -p engine --example throughput -- MODEL.bpmn [ORDERS]`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for the terminal around the pure engine"
)]

use engine::command::{ActivateJobs, Command, CreateInstance, PublishMessage, Resource, Response};
use engine::{Batch, Engine, Timestamp};
use std::sync::Arc;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().expect("the path of the model");
    let orders: u64 = arguments
        .next()
        .map_or(100_000, |n| n.parse().expect("a number"));
    let mut engine = Engine::new();
    let mut out = Batch::default();
    let content = std::fs::read(&model).expect("the model can be read");
    let deploy = Command::Deploy(vec![Resource {
        name: Arc::from("order-shape.bpmn"),
        content: Arc::from(content),
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
            bpmn_process_id: Arc::from("order-shape"),
            version: -1,
            variables: vec![
                (Arc::from("_id"), id),
                (Arc::from("quantity"), Arc::from("1")),
            ],
            ..CreateInstance::default()
        }));
        finish_job(&mut process, "ask-stock");
        process(Command::PublishMessage(PublishMessage {
            name: Arc::from("GOT_STOCK_LEVEL"),
            correlation_key: key,
            message_id: Arc::from(""),
            time_to_live_ms: 0,
            variables: vec![(Arc::from("stock_level"), Arc::from("5"))],
        }));
        finish_job(&mut process, "ship");
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
