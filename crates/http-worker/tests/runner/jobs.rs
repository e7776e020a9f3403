//! Jobs as an engine would give them, workers for them, and what is expected of the outcome.

use std::time::Duration;

use http_worker::{Config, Egress, HttpWorker, JOB_TYPE, Models, Secrets, legacy};
use messaging::worker::{Job, Outcome};
use serde_json::{Map, Value};

use crate::server::Server;

pub(crate) const JOB_KEY: i64 = 2_251_799_813_685_260;
pub(crate) const SECRET: &str = "canary-github-token";

pub(crate) fn job(job_type: &str, headers: &Value, variables: &Value) -> Job {
    let object = |value: &Value| match value {
        Value::Null => Map::new(),
        value => value.as_object().unwrap().clone(),
    };
    Job {
        key: JOB_KEY,
        job_type: job_type.to_owned(),
        process_instance_key: 2_251_799_813_685_251,
        bpmn_process_id: "order-fulfilment".to_owned(),
        process_definition_key: 2_251_799_813_685_249,
        process_definition_version: 1,
        element_id: "charge".to_owned(),
        element_instance_key: 2_251_799_813_685_258,
        custom_headers: object(headers),
        variables: object(variables),
        retries: 3,
        // As good as "not known": the worker then counts by itself.
        deadline_ms: 0,
        worker: "test".to_owned(),
    }
}

pub(crate) fn connector(headers: &Value, variables: &Value) -> Job {
    job(JOB_TYPE, headers, variables)
}

pub(crate) fn older(headers: &Value, variables: &Value) -> Job {
    job(legacy::JOB_TYPE, headers, variables)
}

/// A worker that may call the server, and has the secret `GitHubToken` for it.
pub(crate) fn worker(server: &Server) -> HttpWorker {
    HttpWorker::new(config(server))
}

pub(crate) fn config(server: &Server) -> Config {
    let secrets = [
        ("BACKROOM_SECRET_GitHubToken", SECRET.to_owned()),
        ("BACKROOM_SECRET_HOSTS_GitHubToken", server.host()),
        ("BACKROOM_SECRET_Elsewhere", "canary-elsewhere".to_owned()),
        (
            "BACKROOM_SECRET_HOSTS_Elsewhere",
            "api.example.com".to_owned(),
        ),
    ];
    let secrets = secrets.map(|(name, value)| (name.to_owned(), value));
    Config {
        secrets: Secrets::read(secrets, None).unwrap(),
        models: Models::nowhere(),
        egress: allowed(&[&server.host()]),
        variables: [("region".to_owned(), "eu".to_owned())].into(),
        job_timeout: Duration::from_secs(60),
        gateway: None,
    }
}

/// Lets a worker call these hosts.
pub(crate) fn allowed(hosts: &[&str]) -> Egress {
    let hosts = hosts.iter().map(|host| host.parse().unwrap());
    Egress::new(hosts.collect(), Vec::new())
}

#[track_caller]
pub(crate) fn completed(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Complete(variables) => Value::Object(variables),
        other => panic!("not completed: {other:?}"),
    }
}

/// Message, retries and back-off of a failure.
#[track_caller]
pub(crate) fn failed(outcome: Outcome) -> (String, i32, Duration) {
    match outcome {
        Outcome::Fail {
            message,
            retries,
            back_off,
            ..
        } => (message, retries, back_off),
        other => panic!("not failed: {other:?}"),
    }
}

/// Code and message of a BPMN error.
#[track_caller]
pub(crate) fn bpmn_error(outcome: Outcome) -> (String, String) {
    match outcome {
        Outcome::Error { code, message, .. } => (code, message),
        other => panic!("no BPMN error: {other:?}"),
    }
}

/// The job failed for good, and its message says so.
#[track_caller]
pub(crate) fn refused(outcome: Outcome, says: &str) {
    let (message, retries, _) = failed(outcome);
    assert!(message.contains(says), "{message}");
    assert_eq!(retries, 0, "{message}");
    assert!(!message.contains("canary"), "{message}");
}
