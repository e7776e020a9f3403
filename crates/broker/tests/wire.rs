//! Requests by short names, and what their answers are held against.

use crate::support::search;
use protocol::{
    CancelProcessInstanceRequest, CompleteJobRequest, FailJobRequest, ResolveIncidentRequest,
    ThrowErrorRequest, UpdateJobRetriesRequest,
};
use std::net::SocketAddr;
use tonic::{Code, Status};

/// A key of the broker's partition that names nothing.
pub(crate) const UNKNOWN: i64 = 2_251_803_813_685_248;

#[track_caller]
pub(crate) fn check<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, text: &str) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, text));
}

pub(crate) fn complete(job_key: i64, variables: &str) -> CompleteJobRequest {
    CompleteJobRequest {
        job_key,
        variables: variables.to_owned(),
    }
}

pub(crate) fn fail(
    job_key: i64,
    retries: i32,
    error_message: &str,
    variables: &str,
) -> FailJobRequest {
    FailJobRequest {
        job_key,
        retries,
        error_message: error_message.to_owned(),
        variables: variables.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn throw(job_key: i64, error_code: &str) -> ThrowErrorRequest {
    ThrowErrorRequest {
        job_key,
        error_code: error_code.to_owned(),
        error_message: "boom".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn retries(job_key: i64, retries: i32) -> UpdateJobRetriesRequest {
    UpdateJobRetriesRequest {
        job_key,
        retries,
        ..Default::default()
    }
}

pub(crate) fn cancel(process_instance_key: i64) -> CancelProcessInstanceRequest {
    CancelProcessInstanceRequest {
        process_instance_key,
        ..Default::default()
    }
}

pub(crate) fn resolve(incident_key: i64) -> ResolveIncidentRequest {
    ResolveIncidentRequest {
        incident_key,
        ..Default::default()
    }
}

/// The open incident of an instance: key, type, element, text.
pub(crate) fn incident(rest: SocketAddr, instance: i64) -> (i64, String, String, String) {
    let filter = format!(r#"{{"filter":{{"processInstanceKey":"{instance}","state":"ACTIVE"}}}}"#);
    let items = search(rest, "incidents", &filter);
    assert_eq!(items.len(), 1, "{items:?}");
    let text = |name: &str| items[0][name].as_str().unwrap().to_owned();
    (
        text("incidentKey").parse().unwrap(),
        text("errorType"),
        text("elementId"),
        text("errorMessage"),
    )
}

/// Variables of an instance: whether at its root, name, value.
pub(crate) fn variables(rest: SocketAddr, instance: i64) -> Vec<(bool, String, String)> {
    let filter = format!(r#"{{"filter":{{"processInstanceKey":"{instance}"}}}}"#);
    let mut all: Vec<_> = search(rest, "variables", &filter)
        .iter()
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            (
                text("scopeKey") == instance.to_string(),
                text("name"),
                text("value"),
            )
        })
        .collect();
    all.sort();
    all
}

pub(crate) fn own(variables: &[(bool, &str, &str)]) -> Vec<(bool, String, String)> {
    let own =
        |(root, name, value): &(bool, &str, &str)| (*root, (*name).to_owned(), (*value).to_owned());
    variables.iter().map(own).collect()
}
