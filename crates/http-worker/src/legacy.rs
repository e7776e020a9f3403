//! A job of the older type `CAMUNDA-HTTP`: its headers and variables as a call, and the answer
//! as its outcome.
//!
//! Placeholders `{{name}}` and `${name}` in `url`, headers and body are filled in from the job's
//! headers, its variables, the worker's variables and the job itself, in this order; a name that
//! none of them has stays as it stands. Secrets are filled in in the variable `authorization`
//! alone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use messaging::worker::{Job, Outcome};
use reqwest::header::{self, HeaderMap};
use serde_json::{Map, Value, json};

use crate::authentication::Proof;
use crate::job::{self, Error, TIMEOUT_DEFAULT, input};
use crate::mask::Mask;
use crate::outcome::cut;
use crate::placeholder::{self, Spelling};
use crate::request::{Call, Credential};
use crate::response::Response;
use crate::retry;
use crate::secrets::Secrets;

/// The job type.
pub const JOB_TYPE: &str = "CAMUNDA-HTTP";
/// Custom headers that begin so are sent, without it.
const HEADER_PREFIX: &str = "header-";

/// A job that can be sent, and how its answer is to be taken.
pub(crate) struct Prepared {
    pub(crate) call: Call,
    pub(crate) mask: Mask,
    pub(crate) proof: Proof,
    pub(crate) reading: Reading,
}

/// How an answer is taken.
pub(crate) struct Reading {
    completion: Option<Statuses>,
    failure: Statuses,
    error_code_path: Option<String>,
    error_message_path: Option<String>,
    retries: i32,
}

/// Reads a job.
pub(crate) fn prepare(
    job: &Job,
    worker_variables: &BTreeMap<String, String>,
    secrets: &Secrets,
    mut mask: Mask,
) -> Result<Prepared, Error> {
    let names = Names {
        job,
        worker_variables,
    };
    let url = names.header("url").or_else(|| {
        let url = job.variables.get("url")?;
        job::scalar(url)
    });
    let url = url.ok_or_else(|| input("url", "is missing"))?;
    let url = job::url_of(&names.fill(&url))?;
    let method = names.header("method").unwrap_or_else(|| "GET".to_owned());
    let method = job::method(&names.fill(&method))?;
    let mut headers = request_headers(&names)?;
    let body = match (job::takes_body(&method), job.variables.get("body")) {
        (false, _) => None,
        (true, None | Some(Value::Null)) => names.header("body").map(Value::String),
        (true, Some(body)) => Some(body.clone()),
    };
    let body = body
        .map(|body| job::body_bytes(&names.fill_body(body, &headers), &mut headers))
        .transpose()?;
    job::add_idempotency_key(&mut headers, job.key);
    let mut credentials = Vec::new();
    let mut proof = Proof::default();
    if let Some(template) = job.variables.get("authorization").filter(|v| !v.is_null()) {
        let template =
            job::scalar(template).ok_or_else(|| input("authorization", "must be a text"))?;
        let filled = secrets.fill_older(&template, &url, |name| names.value(name))?;
        if filled.text != template {
            mask.add(&filled.text);
        }
        proof.secrets = filled.secrets;
        let value = job::header_value("authorization", filled.text.trim())?;
        credentials.push(Credential::Header(header::AUTHORIZATION, value));
    }
    let seconds = |name| names.seconds(name);
    let call = Call {
        method,
        url,
        headers,
        body,
        credentials,
        connect_timeout: seconds("connectionTimeoutInSeconds")?.unwrap_or(TIMEOUT_DEFAULT),
        read_timeout: job::read_timeout(seconds("readTimeoutInSeconds")?),
        follow_redirects: false,
    };
    let statuses = |name: &str| {
        let text = names.header(name);
        text.map(|text| Statuses::parse(name, &text)).transpose()
    };
    let reading = Reading {
        completion: statuses("statusCodeCompletion")?,
        failure: match statuses("statusCodeFailure")? {
            Some(statuses) => statuses,
            None => Statuses::parse("statusCodeFailure", "3xx,4xx,5xx")?,
        },
        error_code_path: names.header("errorCodePath"),
        error_message_path: names.header("errorMessagePath"),
        retries: job.retries,
    };
    Ok(Prepared {
        call,
        mask,
        proof,
        reading,
    })
}

fn request_headers(names: &Names<'_>) -> Result<HeaderMap, Error> {
    let mut pairs = Vec::new();
    for (own, sent, default) in [
        ("accept", "accept", Some("application/json")),
        ("contentType", "content-type", None),
    ] {
        let value = names.header(own).or_else(|| default.map(str::to_owned));
        pairs.extend(value.map(|value| (sent.to_owned(), names.fill(&value))));
    }
    for (name, value) in &names.job.custom_headers {
        let is_ours = name
            .get(..HEADER_PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(HEADER_PREFIX));
        if let (true, Some(value)) = (is_ours, value.as_str()) {
            pairs.push((name[HEADER_PREFIX.len()..].to_owned(), names.fill(value)));
        }
    }
    job::header_map(pairs)
}

/// Where the names of placeholders are looked up.
struct Names<'a> {
    job: &'a Job,
    worker_variables: &'a BTreeMap<String, String>,
}

impl Names<'_> {
    /// A custom header, its name in any case; empty counts as absent.
    fn header(&self, name: &str) -> Option<String> {
        let headers = &self.job.custom_headers;
        let (_, value) = headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        value.as_str().filter(|v| !v.is_empty()).map(str::to_owned)
    }

    fn lookup(&self, name: &str) -> Option<Value> {
        let of_worker = || {
            let value = self.worker_variables.get(name)?;
            Some(Value::String(value.clone()))
        };
        self.header(name)
            .map(Value::String)
            .or_else(|| variable(&self.job.variables, name))
            .or_else(of_worker)
            .or_else(|| self.of_job(name))
    }

    fn value(&self, name: &str) -> Option<String> {
        self.lookup(name).map(|value| plain(&value))
    }

    fn of_job(&self, name: &str) -> Option<Value> {
        let job = self.job;
        Some(match name {
            "jobKey" => json!(job.key),
            "jobType" => json!(job.job_type),
            "processInstanceKey" | "workflowInstanceKey" => json!(job.process_instance_key),
            "bpmnProcessId" => json!(job.bpmn_process_id),
            "processDefinitionKey" | "workflowKey" => json!(job.process_definition_key),
            "processDefinitionVersion" => json!(job.process_definition_version),
            "elementId" => json!(job.element_id),
            "elementInstanceKey" => json!(job.element_instance_key),
            "retries" => json!(job.retries),
            "worker" => json!(job.worker),
            _ => return None,
        })
    }

    fn fill(&self, text: &str) -> String {
        self.fill_with(text, |value| plain(&value))
    }

    fn fill_with(&self, text: &str, shown: impl Fn(Value) -> String) -> String {
        let filled = placeholder::fill(text, Spelling::BracesAndDollar, |name| {
            Ok::<_, Infallible>(self.lookup(name).map(&shown))
        });
        let Ok(filled) = filled;
        filled
    }

    /// Fills in the texts within a body.
    ///
    /// A body that is written as JSON text is read first and filled in afterwards, so that a
    /// value with quotes stays a value; what isn't JSON as it stands (a placeholder in place
    /// of a number) gets its values as JSON text.
    fn fill_body(&self, body: Value, headers: &HeaderMap) -> Value {
        let content_type = headers.get(header::CONTENT_TYPE);
        let is_json = content_type.is_none_or(|v| v.to_str().is_ok_and(|v| v.contains("json")));
        let body = match body {
            Value::String(text) if is_json => match serde_json::from_str::<Value>(&text) {
                Ok(parsed @ (Value::Object(_) | Value::Array(_))) => parsed,
                Ok(_) => return Value::String(self.fill(&text)),
                Err(_) => return Value::String(self.fill_with(&text, within_json)),
            },
            other => other,
        };
        let mut lookup = |name: &str| Ok::<_, Infallible>(self.value(name));
        let Ok(filled) = placeholder::fill_value(body, Spelling::BracesAndDollar, &mut lookup);
        filled
    }

    fn seconds(&self, name: &str) -> Result<Option<Duration>, Error> {
        let value = self
            .header(name)
            .map(|text| Value::String(self.fill(&text)));
        let fields = value.map(|value| (name.to_owned(), value));
        job::seconds(&fields.into_iter().collect(), name)
    }
}

/// A variable, or `a.b.c` within one.
fn variable(variables: &Map<String, Value>, name: &str) -> Option<Value> {
    if let Some(value) = variables.get(name) {
        return Some(value.clone());
    }
    let (first, rest) = name.split_once('.')?;
    variable(variables.get(first)?.as_object()?, rest)
}

fn plain(value: &Value) -> String {
    job::scalar(value).unwrap_or_else(|| value.to_string())
}

/// A value within JSON text: a text is escaped but brings no quotes of its own.
fn within_json(value: Value) -> String {
    let json = value.to_string();
    match value {
        Value::String(_) => json[1..json.len() - 1].to_owned(),
        _ => json,
    }
}

/// A list of statuses: `200,4xx`.
#[derive(Debug, PartialEq)]
struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    fn parse(field: &str, text: &str) -> Result<Statuses, Error> {
        let range = |part: &str| {
            let part = part.trim().to_ascii_lowercase();
            if let Some(class) = part.strip_suffix("xx") {
                let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
                return Some((class * 100, class * 100 + 99));
            }
            let status: u16 = part.parse().ok().filter(|s| (100..600).contains(s))?;
            Some((status, status))
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges
            .map(Statuses)
            .ok_or_else(|| input(field, "must be a list of statuses such as '2xx,404'"))
    }

    fn contains(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&status))
    }
}

impl Reading {
    /// The outcome of an answer.
    ///
    /// A completion list that is given stands before the failure list. A status in neither of
    /// two given lists leaves the job open: whoever was called completes it by its key.
    pub(crate) fn answered(&self, response: &Response) -> Outcome {
        let completed = self
            .completion
            .as_ref()
            .map(|list| list.contains(response.status));
        match (completed, self.failure.contains(response.status)) {
            (Some(true), _) | (None, false) => Outcome::Complete(Map::from_iter([
                ("statusCode".to_owned(), json!(response.status)),
                ("body".to_owned(), response.body.clone()),
            ])),
            (_, true) => self.failed(response),
            (Some(false), false) => Outcome::Leave,
        }
    }

    /// Nothing came back.
    pub(crate) fn unanswered(&self, message: &str) -> Outcome {
        self.fail(message.to_owned(), None)
    }

    fn failed(&self, response: &Response) -> Outcome {
        let at =
            |path: &Option<String>| path.as_deref().and_then(|path| find(&response.body, path));
        match at(&self.error_code_path).and_then(job::scalar) {
            Some(code) if !code.is_empty() => Outcome::Error {
                code,
                message: at(&self.error_message_path)
                    .and_then(job::scalar)
                    .unwrap_or_default(),
                variables: Map::new(),
            },
            _ => self.fail(response.failure(), response.retry_after.as_deref()),
        }
    }

    fn fail(&self, message: String, retry_after: Option<&str>) -> Outcome {
        let retries = (self.retries - 1).max(0);
        let asked = retry_after.and_then(|text| retry::retry_after(text, Timestamp::now()));
        Outcome::Fail {
            retries,
            message: cut(message),
            back_off: retry::back_off(retries).max(asked.unwrap_or_default()),
            variables: Map::new(),
        }
    }
}

/// What stands at a path in a body: `/error/code` or `$.error.code`.
fn find<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.trim();
    if path.starts_with('/') {
        return body.pointer(path);
    }
    let path = path.strip_prefix("$.").unwrap_or(path);
    path.split('.').try_fold(body, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_statuses() {
        let list = Statuses::parse("f", "2xx, 404,5XX").unwrap();
        for (status, is_in) in [
            (200, true),
            (299, true),
            (300, false),
            (404, true),
            (405, false),
            (500, true),
        ] {
            assert_eq!(list.contains(status), is_in, "{status}");
        }
        for bad in ["", "x", "6xx", "20x", "99", "600", "200,"] {
            assert!(Statuses::parse("f", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_in_bodies() {
        let body = json!({"error": {"code": "c", "list": [1, {"x": 2}]}, "a/b": 3});
        for (path, value) in [
            ("/error/code", Some(json!("c"))),
            ("$.error.code", Some(json!("c"))),
            ("error.code", Some(json!("c"))),
            ("error.list.1.x", Some(json!(2))),
            ("/error/list/0", Some(json!(1))),
            ("/a~1b", Some(json!(3))),
            ("error.none", None),
            ("error.code.deeper", None),
            ("", None),
        ] {
            assert_eq!(find(&body, path), value.as_ref(), "{path}");
        }
        assert_eq!(find(&json!("text"), "error"), None);
    }
}
