//! An answer as a process sees it: `{status, reason, headers, body}`, without secrets.

use reqwest::header::{self, HeaderMap};
use serde_json::{Map, Value, json};

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
}

impl Response {
    pub(crate) fn new(answer: &Answer, mask: &Mask) -> Response {
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

    /// `404 Not Found`, and the beginning of the body if there is one.
    pub(crate) fn summary(&self) -> String {
        let status = format!("{} {}", self.status, self.reason);
        let status = status.trim_end();
        let body = match &self.body {
            Value::Null => return status.to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut excerpt: String = body.chars().take(EXCERPT_CHARS_MAX).collect();
        if excerpt.len() < body.len() {
            excerpt.push_str(" [...]");
        }
        format!("{status}: {excerpt}")
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
        assert_eq!(&Response::new(&answer, &mask).body, expected);
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

    #[test]
    fn summaries_are_short() {
        let response = |body: Value| Response {
            status: 422,
            reason: "Unprocessable Entity",
            headers: Map::new(),
            body,
            retry_after: None,
        };
        assert_eq!(response(Value::Null).summary(), "422 Unprocessable Entity");
        assert_eq!(
            response(json!({"m": 1})).summary(),
            "422 Unprocessable Entity: {\"m\":1}"
        );
        let long = response(json!("ü".repeat(1001))).summary();
        assert!(
            long.ends_with("üü [...]") && long.chars().count() == 26 + 1000 + 6,
            "{long}"
        );
    }
}
