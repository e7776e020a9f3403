//! A job of `io.camunda:http-json:1`: its variables and headers as a call.
//!
//! A mistake of the model is told by the field's name; the job then fails for good, since the
//! same variables would fail the same way again. Secrets are filled in here, and nowhere but in
//! the authentication fields, by [`crate::authentication`].

use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Map, Value};

use crate::authentication::{Authentication, Proof};
use crate::mask::{Mask, url_form};
use crate::models::Named;
use crate::oauth::TokenRequest;
use crate::placeholder::{self, Spelling};
use crate::request::{Call, Credential};
use crate::secrets::{NAMESPACE, Secrets};

/// Both time-outs where the model names none.
pub(crate) const TIMEOUT_DEFAULT: Duration = Duration::from_secs(20);
/// Longest time-out that a model can ask for; the job's deadline is shorter anyway.
const TIMEOUT_MAX: Duration = Duration::from_secs(60 * 60);

/// What is wrong with a job's input; trying again would change nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    #[error("the input '{field}' {problem}")]
    Input { field: String, problem: String },
    #[error(transparent)]
    Secret(#[from] crate::secrets::Error),
}

/// A job that can be sent: the call, what must not show, and what is still to be fetched.
pub(crate) struct Prepared {
    pub(crate) call: Call,
    pub(crate) mask: Mask,
    pub(crate) proof: Proof,
    /// Has to be asked for a token first.
    pub(crate) token: Option<TokenRequest>,
}

pub(crate) fn input(field: &str, problem: impl Into<String>) -> Error {
    Error::Input {
        field: field.to_owned(),
        problem: problem.into(),
    }
}

/// Reads the variables of a job.
pub(crate) fn prepare(
    variables: &Map<String, Value>,
    secrets: &Secrets,
    named: &Named,
    mut mask: Mask,
    job_key: i64,
) -> Result<Prepared, Error> {
    let method = method(text(variables, "method")?.as_deref().unwrap_or("GET"))?;
    let url = text(variables, "url")?.ok_or_else(|| input("url", "is missing"))?;
    let mut url = url_of(&url)?;
    for (name, value) in pairs(variables, "queryParameters")? {
        url.query_pairs_mut().append_pair(&name, &value);
    }
    let mut headers = header_map(pairs(variables, "headers")?)?;
    let mut body = match variables.get("body") {
        None | Some(Value::Null) => None,
        Some(_) if !takes_body(&method) => None,
        Some(value) => Some(value.clone()),
    };
    if flag(variables, "ignoreNullValues")? {
        body = body.and_then(without_nulls);
    }
    let body = body
        .map(|body| body_bytes(&body, &mut headers))
        .transpose()?;
    add_idempotency_key(&mut headers, job_key);
    let timeouts = (
        seconds(variables, "connectionTimeoutInSeconds")?.unwrap_or(TIMEOUT_DEFAULT),
        seconds(variables, "readTimeoutInSeconds")?,
    );
    let mut call = Call {
        method,
        url,
        headers,
        body,
        credentials: Vec::new(),
        connect_timeout: timeouts.0,
        read_timeout: read_timeout(timeouts.1),
        follow_redirects: flag(variables, "followRedirects")?,
    };
    let mut auth = Authentication {
        fields: object(variables, "authentication")?,
        secrets,
        mask: &mut mask,
        named,
        proof: Proof::default(),
    };
    let token = auth.apply(&mut call)?;
    let proof = auth.proof;
    Ok(Prepared {
        call,
        mask,
        proof,
        token,
    })
}

/// Whether some field of `authentication` holds a placeholder of a secret.
pub(crate) fn asks_for_a_secret(variables: &Map<String, Value>) -> bool {
    let fields = variables.get("authentication").and_then(Value::as_object);
    let mut texts = fields
        .into_iter()
        .flat_map(Map::values)
        .filter_map(Value::as_str);
    texts.any(|text| {
        placeholder::names(text, Spelling::Braces).any(|name| name.starts_with(NAMESPACE))
    })
}

impl Prepared {
    /// The call with a token that was fetched for it.
    pub(crate) fn with_token(&mut self, token: &str) -> Result<Call, Error> {
        self.mask.add(token);
        let value = header_value("authentication", &format!("Bearer {token}"))?;
        let mut call = self.call.clone();
        let credential = Credential::Header(header::AUTHORIZATION, value);
        call.credentials.push(credential);
        Ok(call)
    }

    /// The longest that the call can take to begin its answer, where it has a limit.
    pub(crate) fn time_wanted(&self) -> Option<Duration> {
        let one = self.call.time_wanted()?;
        // The token's server gets as long.
        Some(if self.token.is_some() { one * 2 } else { one })
    }
}

/// A time-out of 0 means none: then the job's deadline alone ends the call.
pub(crate) fn read_timeout(given: Option<Duration>) -> Option<Duration> {
    match given {
        None => Some(TIMEOUT_DEFAULT),
        Some(Duration::ZERO) => None,
        some => some,
    }
}

/// The content type of an HTML form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The body as bytes, with a content type for it where the headers name none.
pub(crate) fn body_bytes(body: &Value, headers: &mut HeaderMap) -> Result<Vec<u8>, Error> {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let given = given.trim_start().to_ascii_lowercase();
    if given.starts_with("multipart/") {
        return Err(input(
            "headers",
            "name a multipart content type, which is not supported",
        ));
    }
    if given.is_empty() {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    Ok(match body {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(fields) if given.starts_with(FORM) => fields
            .iter()
            .filter_map(|(name, value)| Some((url_form(name), url_form(&scalar(value)?))))
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&")
            .into_bytes(),
        other => other.to_string().into_bytes(),
    })
}

/// A retried job is the same call: whoever knows the header can tell.
pub(crate) fn add_idempotency_key(headers: &mut HeaderMap, job_key: i64) {
    headers
        .entry("idempotency-key")
        .or_insert_with(|| HeaderValue::from(job_key));
}

pub(crate) fn takes_body(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

pub(crate) fn method(name: &str) -> Result<Method, Error> {
    match name.trim().to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        _ => Err(input("method", "must be GET, POST, PUT, PATCH or DELETE")),
    }
}

pub(crate) fn url_of(text: &str) -> Result<Url, Error> {
    parse_url("url", text)
}

pub(crate) fn parse_url(field: &str, text: &str) -> Result<Url, Error> {
    let url =
        Url::parse(text.trim()).map_err(|error| input(field, format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(input(field, "must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(input(
            field,
            "must not hold a user or a password; use 'authentication'",
        ));
    }
    Ok(url)
}

pub(crate) fn header_map(pairs: Vec<(String, String)>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let field = format!("headers.{name}");
        let name = header_name(&field, &name)?;
        headers.append(name, header_value(&field, &value)?);
    }
    Ok(headers)
}

pub(crate) fn header_name(field: &str, name: &str) -> Result<HeaderName, Error> {
    let parsed = HeaderName::from_bytes(name.trim().as_bytes());
    let name = parsed.map_err(|_| input(field, "is no name of an HTTP header"))?;
    // These belong to the connection, not to the call.
    if ["host", "content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
        return Err(input(
            field,
            "names a header that the HTTP client sets itself",
        ));
    }
    Ok(name)
}

/// A header's value; the text is not told, since it may be a secret.
pub(crate) fn header_value(field: &str, text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text)
        .map_err(|_| input(field, "holds characters that no HTTP header takes"))
}

/// A text, or what reads as one; `None` if it is absent or null.
pub(crate) fn text(fields: &Map<String, Value>, field: &str) -> Result<Option<String>, Error> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => scalar(value)
            .map(Some)
            .ok_or_else(|| input(field, "must be a text")),
    }
}

fn object(fields: &Map<String, Value>, field: &str) -> Result<Map<String, Value>, Error> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => Err(input(field, "must be a context")),
    }
}

/// The entries of a context as pairs of texts; a list gives several, null none.
fn pairs(fields: &Map<String, Value>, field: &str) -> Result<Vec<(String, String)>, Error> {
    let mut pairs = Vec::new();
    for (name, value) in object(fields, field)? {
        let values = match value {
            Value::Null => continue,
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let problem = || {
                input(
                    &format!("{field}.{name}"),
                    "must be a text, a number or a boolean",
                )
            };
            pairs.push((name.clone(), scalar(&value).ok_or_else(problem)?));
        }
    }
    Ok(pairs)
}

pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn flag(fields: &Map<String, Value>, field: &str) -> Result<bool, Error> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text == "true" => Ok(true),
        Some(Value::String(text)) if text == "false" || text.is_empty() => Ok(false),
        Some(_) => Err(input(field, "must be true or false")),
    }
}

/// A number of seconds; models write it as a number or as a text.
pub(crate) fn seconds(fields: &Map<String, Value>, field: &str) -> Result<Option<Duration>, Error> {
    let Some(text) = text(fields, field)?.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    let seconds = text.trim().parse::<f64>().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(|duration| Some(duration.min(TIMEOUT_MAX)))
        .ok_or_else(|| input(field, "must be a number of seconds, 0 or more"))
}

/// The value without null entries, at every depth; `None` if it is null itself.
fn without_nulls(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(entries) => Some(Value::Object(
            entries
                .into_iter()
                .filter_map(|(key, value)| Some((key, without_nulls(value)?)))
                .collect(),
        )),
        other => Some(other),
    }
}
