//! A call that may last longer than the job is the worker's gets more time from the engine first.

use http_worker::HttpWorker;
use messaging::Gateway as Settings;
use messaging::worker::Outcome;
use serde_json::{Value, json};
use tonic::Status;

use crate::gateway::Gateway;
use crate::jobs::{JOB_KEY, completed, config, connector, failed, older, refused};
use crate::server::Server;

fn worker(server: &Server, gateway: &Gateway) -> HttpWorker {
    let mut settings = config(server);
    settings.gateway = Some(Settings::plain(&gateway.address()).unwrap());
    HttpWorker::new(settings)
}

#[tokio::test]
async fn deadlines_are_moved_where_a_call_may_last_longer() {
    let server = Server::start().await;
    for (headers, limits, moved_ms) in [
        (json!({}), json!({}), None),
        (json!({}), json!({"readTimeoutInSeconds": 30}), None),
        // Connecting, reading, and reporting.
        (
            json!({}),
            json!({"readTimeoutInSeconds": "300"}),
            Some(322_000),
        ),
        (
            json!({}),
            json!({"readTimeoutInSeconds": 100, "connectionTimeoutInSeconds": 1}),
            Some(103_000),
        ),
        // No time-out: whatever is left.
        (json!({}), json!({"readTimeoutInSeconds": 0}), None),
        (
            json!({"jobTimeout": "PT10M"}),
            json!({"readTimeoutInSeconds": 0}),
            Some(600_000),
        ),
        (json!({"jobTimeout": "PT30S"}), json!({}), Some(30_000)),
    ] {
        let gateway = Gateway::start();
        let mut variables = limits.clone();
        variables["url"] = json!(server.url("/any"));
        let job = connector(&headers, &variables);
        completed(worker(&server, &gateway).handle(job).await);
        let moved: Vec<_> = gateway
            .state()
            .moved
            .iter()
            .map(|moved| (moved.job_key, moved.timeout))
            .collect();
        let expected: Vec<_> = moved_ms.map(|ms| (JOB_KEY, ms)).into_iter().collect();
        assert_eq!(moved, expected, "{headers} {limits}");
    }
}

#[tokio::test]
async fn for_the_older_type_too() {
    let server = Server::start().await;
    let gateway = Gateway::start();
    let headers = json!({"url": server.url("/any"), "readTimeoutInSeconds": "120"});
    completed(
        worker(&server, &gateway)
            .handle(older(&headers, &Value::Null))
            .await,
    );
    assert_eq!(gateway.state().moved[0].timeout, 142_000);
}

#[tokio::test]
async fn a_job_that_is_gone_makes_no_call() {
    let server = Server::start().await;
    let gateway = Gateway::start();
    gateway.configure(|state| {
        let gone = Status::not_found("Expected to update the timeout of a job, but no such job");
        state.refuse.push_back(gone);
    });
    let variables = json!({"url": server.url("/any"), "readTimeoutInSeconds": 300});
    let outcome = worker(&server, &gateway)
        .handle(connector(&Value::Null, &variables))
        .await;
    assert_eq!(outcome, Outcome::Leave);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn without_more_time_the_call_is_bounded_by_the_deadline_that_stands() {
    let server = Server::start().await;
    let gateway = Gateway::start();
    gateway.configure(|state| {
        let refused = Status::permission_denied("not for this client");
        state.refuse.push_back(refused);
    });
    let variables = json!({"url": server.url("/slow"), "readTimeoutInSeconds": 300});
    let mut job = connector(&Value::Null, &variables);
    job.deadline_ms = jiff::Timestamp::now().as_millisecond() + 2_000;
    let (message, ..) = failed(worker(&server, &gateway).handle(job).await);
    assert!(message.contains("before the job's deadline"), "{message}");
}

#[tokio::test]
async fn a_duration_that_is_none_is_named() {
    let server = Server::start().await;
    let gateway = Gateway::start();
    let job = connector(
        &json!({"jobTimeout": "10 minutes"}),
        &json!({"url": server.url("/")}),
    );
    refused(
        worker(&server, &gateway).handle(job).await,
        "'jobTimeout' must be an ISO 8601 duration",
    );
}
