//! An answer as a process sees it: `{status, reason, headers, body}`, without secrets.

use reqwest::header::{self, HeaderMap};
use serde_json::{Map, Value, json};

use crate::authentication::Proof;
use crate::mask::Mask;
use crate::request::Answer;

/// Most characters of a body within a message.
const EXCERPT_CHARS_MAX: usize = 1000;

/// An answer whose secrets are hidden.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The status's standard phrase.
    pub(crate) reason: &'static str,
    /// Names in small letters; a header that came several times is a list.
    pub(crate) headers: Map<String, Value>,
    /// JSON where it is JSON, text where it is text, null where there is none.
    pub(crate) body: Value,
    /// The `Retry-After` header.
    pub(crate) retry_after: Option<String>,
    /// What stood in the authentication fields, by name.
    proof: Proof,
}

impl Response {
    pub(crate) fn new(answer: &Answer, mask: &Mask, proof: &Proof) -> Response {
        let body = mask.hide_value(body(answer));
        let Value::Object(headers) = mask.hide_value(headers(&answer.headers)) else {
            unreachable!("hiding texts of an object gives an object")
        };
        Response {
            status: answer.status.as_u16(),
            reason: answer.status.canonical_reason().unwrap_or_default(),
            headers,
            body,
            retry_after: text_header(&answer.headers, header::RETRY_AFTER),
            proof: proof.clone(),
        }
    }

    /// The whole of it, as a variable.
    pub(crate) fn to_value(&self) -> Value {
        json!({
            "status": self.status,
            "reason": self.reason,
            "headers": self.headers,
            "body": self.body,
        })
    }

    /// What an operator is told of a status that means failure: the status, what to do about
    /// it, and the beginning of the body, where APIs say more.
    pub(crate) fn failure(&self) -> String {
        let status = format!("{} {}", self.status, self.reason);
        let mut text = format!("the call was answered with status {}", status.trim_end());
        if let Some(advice) = self.advice() {
            text = format!("{text} ({advice})");
        }
        let body = match &self.body {
            Value::Null => return text,
            Value::String(body) => body.clone(),
            other => other.to_string(),
        };
        let mut excerpt: String = body.chars().take(EXCERPT_CHARS_MAX).collect();
        if excerpt.len() < body.len() {
            excerpt.push_str(" [...]");
        }
        format!("{text}: {excerpt}")
    }

    fn advice(&self) -> Option<String> {
        let secrets = || {
            let names: Vec<_> = self
                .proof
                .secrets
                .iter()
                .map(|n| format!("'{n}'"))
                .collect();
            match names.len() {
                0 => None,
                1 => Some(format!("the secret {}", names[0])),
                _ => Some(format!("the secrets {}", names.join(", "))),
            }
        };
        let advice = match self.status {
            401 if !self.proof.left.is_empty() => {
                let placeholder = &self.proof.left[0];
                format!(
                    "the placeholder {{{{secrets.{placeholder}}}}} was sent as text, since the deployed model does not name it in that authentication field"
                )
            }
            401 => match secrets() {
                Some(secrets) => format!("check {secrets}: a wrong or expired one is refused so"),
                None => "the call carried no secret; check its authentication".to_owned(),
            },
            403 => match secrets() {
                Some(secrets) => {
                    format!("check what {secrets} permits; too many calls are answered so, too")
                }
                None => "the call carried no secret; check its authentication".to_owned(),
            },
            404 if secrets().is_some() => format!(
                "check the URL; an API that hides what one may not see answers so, too, then check what {} permits",
                secrets()?
            ),
            404 => "check the URL".to_owned(),
            400 | 422 => "what was sent is refused; the words of the other side follow".to_owned(),
            429 => "too many calls; the next one waits as long as the answer asks for".to_owned(),
            500.. => "the fault is on the other side; the job's retries call again".to_owned(),
            _ => return None,
        };
        Some(advice)
    }
}

fn body(answer: &Answer) -> Value {
    if answer.body.is_empty() {
        return Value::Null;
    }
    let content_type = text_header(&answer.headers, header::CONTENT_TYPE).unwrap_or_default();
    let is_text = content_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("text/");
    if !is_text && let Ok(value) = serde_json::from_slice(&answer.body) {
        return value;
    }
    Value::String(String::from_utf8_lossy(&answer.body).into_owned())
}

fn headers(headers: &HeaderMap) -> Value {
    let mut shown = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let mut values: Vec<Value> = values
            .map(|value| {
                String::from_utf8_lossy(value.as_bytes())
                    .into_owned()
                    .into()
            })
            .collect();
        let value = match values.len() {
            1 => values.remove(0),
            _ => Value::Array(values),
        };
        shown.insert(name.as_str().to_owned(), value);
    }
    Value::Object(shown)
}

fn text_header(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    #[track_caller]
    fn check(content_type: &str, body: &str, expected: &Value) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        let mut mask = Mask::default();
        mask.add("canary-secret");
        let answer = Answer {
            status: StatusCode::OK,
            headers,
            body: body.as_bytes().to_vec(),
        };
        let response = Response::new(&answer, &mask, &Proof::default());
        assert_eq!(&response.body, expected);
    }

    #[test]
    fn bodies() {
        check(
            "application/json",
            "{\"a\": 1.10}",
            &json!({"a": serde_json::from_str::<Value>("1.10").unwrap()}),
        );
        check("application/json; charset=utf-8", "[1]", &json!([1]));
        check("application/json", "{broken", &json!("{broken"));
        check("application/octet-stream", "true", &json!(true));
        check("text/plain", "123", &json!("123"));
        check("Text/HTML", "<p>", &json!("<p>"));
        check("application/json", "", &Value::Null);
        check(
            "application/json",
            "{\"echo\": \"\\u0063anary-secret\"}",
            &json!({"echo": "***"}),
        );
    }

    fn response(status: u16, body: Value, secrets: &[&str]) -> Response {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Response {
            status,
            reason: StatusCode::from_u16(status)
                .unwrap()
                .canonical_reason()
                .unwrap(),
            headers: Map::new(),
            body,
            retry_after: None,
            proof: Proof {
                secrets: names(secrets),
                left: Vec::new(),
            },
        }
    }

    #[test]
    fn failures_are_short_and_say_what_to_do() {
        for (status, body, secrets, expected) in [
            (409, Value::Null, &[][..], "409 Conflict"),
            (409, json!({"m": 1}), &[][..], "409 Conflict: {\"m\":1}"),
            (
                401,
                Value::Null,
                &["A", "B"][..],
                "401 Unauthorized (check the secrets 'A', 'B': a wrong or expired one is refused so)",
            ),
            (404, Value::Null, &[][..], "404 Not Found (check the URL)"),
        ] {
            let expected = format!("the call was answered with status {expected}");
            assert_eq!(response(status, body, secrets).failure(), expected);
        }
        let long = response(409, json!("ü".repeat(1001)), &[]).failure();
        assert!(
            long.ends_with("üü [...]") && long.matches('ü').count() == 1000,
            "{long}"
        );
    }
}
