//! What may be dispatched: the body of `POST /repos/{owner}/{repo}/dispatches`, with GitHub's
//! limits and GitHub's words. Knows nothing of HTTP servers, workflows or runs.

use serde_json::{Map, Value};

/// Longest event type, in characters (GitHub's limit).
pub const EVENT_TYPE_CHARS_MAX: usize = 100;
/// Most top-level properties of a payload (GitHub's limit).
pub const PAYLOAD_PROPERTIES_MAX: usize = 10;
/// A payload whose compact JSON has this many bytes is refused (GitHub: 64 KB).
pub const PAYLOAD_BYTES_LIMIT: usize = 64 * 1024;

/// An event that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// Chooses the workflows that start; at most 100 characters, not empty.
    pub event_type: String,
    /// At most 10 properties, under 64 KB.
    pub client_payload: Map<String, Value>,
}

/// Why a body was not taken, in GitHub's words and with its status.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// 400 for what is no JSON object, 422 for everything else.
    pub status: u16,
    /// GitHub's `message`.
    pub message: String,
}

impl Refusal {
    fn malformed(message: &str) -> Refusal {
        Refusal {
            status: 400,
            message: message.to_owned(),
        }
    }

    /// Reads a body that must be a JSON object.
    pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(body)) => Ok(body),
            Ok(_) => Err(Refusal::malformed("Body should be a JSON object")),
            Err(_) => Err(Refusal::malformed("Problems parsing JSON")),
        }
    }

    /// Refuses a body with a key that nobody took out of it.
    pub(crate) fn surplus(body: &Map<String, Value>) -> Result<(), Refusal> {
        match body.keys().next() {
            None => Ok(()),
            Some(key) => Err(Refusal::invalid(&format!(
                "{key:?} is not a permitted key."
            ))),
        }
    }

    pub(crate) fn invalid(detail: &str) -> Refusal {
        Refusal {
            status: 422,
            message: format!("Invalid request.\n\n{detail}"),
        }
    }

    /// The payload (or the body that holds it) is over the limit.
    pub fn too_large() -> Refusal {
        Refusal {
            status: 422,
            message: "client_payload is too large.".to_owned(),
        }
    }
}

impl Dispatch {
    /// Reads a request's body.
    pub fn parse(body: &[u8]) -> Result<Dispatch, Refusal> {
        let mut body = Refusal::object(body)?;
        let event_type = match body.remove("event_type") {
            Some(Value::String(text)) => text,
            Some(other) => return Err(wrong_type("event_type", &other, "a string")),
            None => return Err(Refusal::invalid("\"event_type\" wasn't supplied.")),
        };
        let client_payload = match body.remove("client_payload") {
            Some(Value::Object(payload)) => payload,
            Some(other) => return Err(wrong_type("client_payload", &other, "an object")),
            None => Map::new(),
        };
        Refusal::surplus(&body)?;
        let chars = event_type.chars().count();
        if chars == 0 {
            return Err(Refusal::invalid(
                "At least 1 character is required for \"event_type\"; 0 were supplied.",
            ));
        }
        if chars > EVENT_TYPE_CHARS_MAX {
            return Err(Refusal::invalid(&format!(
                "Only {EVENT_TYPE_CHARS_MAX} characters are allowed for \"event_type\"; {chars} were supplied."
            )));
        }
        if client_payload.len() > PAYLOAD_PROPERTIES_MAX {
            return Err(Refusal::invalid(&format!(
                "No more than {PAYLOAD_PROPERTIES_MAX} properties are allowed; {} were supplied.",
                client_payload.len()
            )));
        }
        let bytes = serde_json::to_vec(&client_payload)
            .expect("a map of JSON values has a JSON text")
            .len();
        if bytes >= PAYLOAD_BYTES_LIMIT {
            return Err(Refusal::too_large());
        }
        Ok(Dispatch {
            event_type,
            client_payload,
        })
    }
}

/// GitHub's words for a wrong type; only the kind of the value is told, never the value.
pub(crate) fn wrong_type(field: &str, value: &Value, wanted: &str) -> Refusal {
    let kind = match value {
        Value::Null => "nil",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Refusal::invalid(&format!(
        "For 'properties/{field}', {kind} is not {wanted}."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn refused(body: &Value, status: u16, says: &str) {
        let refusal = Dispatch::parse(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refusal.status, status, "{refusal}");
        assert!(refusal.message.contains(says), "{refusal}");
    }

    fn properties(count: usize) -> Value {
        (0..count).map(|n| (format!("p{n}"), json!(n))).collect()
    }

    /// A payload whose compact JSON has exactly so many bytes.
    fn payload_of(bytes: usize) -> Value {
        json!({ "x": "a".repeat(bytes - r#"{"x":""}"#.len()) })
    }

    #[test]
    fn limits_at_and_past_each_edge() {
        let fits = [
            json!({"event_type": "e"}),
            json!({"event_type": "e".repeat(100)}),
            json!({"event_type": "ü".repeat(100)}),
            json!({"event_type": "e", "client_payload": {}}),
            json!({"event_type": "e", "client_payload": properties(10)}),
            json!({"event_type": "e", "client_payload": payload_of(65_535)}),
        ];
        for body in fits {
            Dispatch::parse(body.to_string().as_bytes()).unwrap();
        }
        refused(&json!({"event_type": ""}), 422, "At least 1 character");
        refused(
            &json!({"event_type": "e".repeat(101)}),
            422,
            "101 were supplied",
        );
        refused(
            &json!({"event_type": "e", "client_payload": properties(11)}),
            422,
            "No more than 10 properties are allowed; 11 were supplied.",
        );
        refused(
            &json!({"event_type": "e", "client_payload": payload_of(65_536)}),
            422,
            "too large",
        );
    }

    #[test]
    fn wrong_shapes() {
        refused(&json!({}), 422, "\"event_type\" wasn't supplied.");
        refused(&json!({"event_type": 1}), 422, "a number is not a string");
        refused(
            &json!({"event_type": "e", "client_payload": "secret text"}),
            422,
            "'properties/client_payload', a string is not an object",
        );
        refused(
            &json!({"event_type": "e", "client_payload": null}),
            422,
            "nil is not an object",
        );
        refused(
            &json!({"event_type": "e", "ref": "main"}),
            422,
            "\"ref\" is not a permitted key.",
        );
        refused(&json!([]), 400, "JSON object");
        assert_eq!(Dispatch::parse(b"{").unwrap_err().status, 400);
        assert_eq!(Dispatch::parse(b"\xff").unwrap_err().status, 400);
    }

    #[test]
    fn white_space_does_not_count_and_values_stay_as_they_are() {
        let body = format!(
            "{{\"event_type\": \"e\", \"client_payload\": {{ {} \"n\": 1.10 }} }}",
            " ".repeat(70_000)
        );
        let taken = Dispatch::parse(body.as_bytes()).unwrap();
        assert_eq!(taken.client_payload["n"].to_string(), "1.10");
    }
}
