//! The event that started a run, read from the file that `GITHUB_EVENT_PATH` names.
//!
//! In GitHub's file the event type of a repository dispatch is the field `action`, the data is
//! `client_payload`; a form's values are `inputs`. No value leaves this module as anything but data.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// What started a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// A repository dispatch.
    Dispatch(Event),
    /// A form (`workflow_dispatch`): its values, all of them texts.
    Form(Map<String, Value>),
}

/// A repository dispatch.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What is to be done.
    pub event_type: String,
    /// With what.
    pub client_payload: Map<String, Value>,
}

/// Why there is no event. None of the messages quotes the file, which holds customers' data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The variable is not set.
    #[error("GITHUB_EVENT_PATH is not set")]
    NotSet,
    /// The file cannot be read.
    #[error("event file {path} cannot be read: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file is not JSON.
    #[error("event file {path} is not JSON: line {line}, column {column}", path = .path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The file is JSON of another shape.
    #[error("event file {path}: {what}", path = .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is missing or of another type.
        what: &'static str,
    },
}

impl Error {
    /// What to do about it, in one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::NotSet => "a runner sets it; by hand, use `run` instead of `action`",
            Error::Unreadable { .. } => {
                "GITHUB_EVENT_PATH names the file of the event, as on a runner"
            }
            Error::NotJson { .. } | Error::Shape { .. } => {
                "the file has the shape of GitHub's event: {\"action\": EVENT_TYPE, \"client_payload\": {...}}, or of a form's: {\"inputs\": {...}}"
            }
        }
    }
}

/// Reads what started the run: a repository dispatch, or a form.
///
/// # Errors
/// When the file cannot be read or is neither.
pub fn read(path: &Path) -> Result<Trigger, Error> {
    let mut event = object(path)?;
    // A dispatch has no `inputs`, and a form neither of the other two.
    let is_form = !event.contains_key("action") && !event.contains_key("client_payload");
    match event.shift_remove("inputs") {
        Some(Value::Object(inputs)) if is_form => Ok(Trigger::Form(inputs)),
        _ => dispatch(path, event).map(Trigger::Dispatch),
    }
}

fn dispatch(path: &Path, mut event: Map<String, Value>) -> Result<Event, Error> {
    let shape = |what| Error::Shape {
        path: path.to_owned(),
        what,
    };
    let event_type = match event.shift_remove("action") {
        Some(Value::String(text)) if !text.is_empty() => text,
        Some(_) => return Err(shape("field 'action' is not a text with the event type")),
        None => {
            return Err(shape(
                "field 'action', which names the event type, is missing",
            ));
        }
    };
    let client_payload = match event.shift_remove("client_payload") {
        Some(Value::Object(payload)) => payload,
        Some(_) => return Err(shape("field 'client_payload' is not an object")),
        None => return Err(shape("field 'client_payload' is missing")),
    };
    Ok(Event {
        event_type,
        client_payload,
    })
}

/// Reads the values of the form that started the run, all of them texts.
///
/// # Errors
/// When the file cannot be read or holds no form's values.
pub fn read_inputs(path: &Path) -> Result<Map<String, Value>, Error> {
    match object(path)?.shift_remove("inputs") {
        Some(Value::Object(inputs)) => Ok(inputs),
        // GitHub's file says null where a form has no inputs.
        Some(Value::Null) => Ok(Map::new()),
        Some(_) | None => Err(Error::Shape {
            path: path.to_owned(),
            what: "field 'inputs' with the form's values is missing or not an object",
        }),
    }
}

fn object(path: &Path) -> Result<Map<String, Value>, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(event)) => Ok(event),
        Ok(_) => Err(Error::Shape {
            path: path.to_owned(),
            what: "is JSON, but not an object",
        }),
        // The error's own text may quote what it met.
        Err(error) => Err(Error::NotJson {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let (_folder, path) = file(text);
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("event.json"), "{error}");
    }

    #[test]
    fn github_s_event_gives_type_and_payload() {
        let (_folder, path) = file(
            r#"{"action": "get_stock_level", "branch": "main", "client_payload": {"_id": "o"},
                "repository": {"full_name": "o/r"}}"#,
        );
        let Trigger::Dispatch(event) = read(&path).unwrap() else {
            panic!("a dispatch");
        };
        assert_eq!(event.event_type, "get_stock_level");
        assert_eq!(event.client_payload["_id"], "o");
    }

    #[test]
    fn what_is_wrong_is_named() {
        check("", "is not JSON: line 1, column 0");
        check(
            "{\"action\": \"x\",\n \"client_payload\": {\"card\": 4242",
            "is not JSON: line 2",
        );
        check("[]", "not an object");
        check(
            "{}",
            "field 'action', which names the event type, is missing",
        );
        check(r#"{"action": 1}"#, "field 'action' is not a text");
        check(r#"{"action": ""}"#, "field 'action' is not a text");
        check(r#"{"action": "x"}"#, "field 'client_payload' is missing");
        check(
            r#"{"action": "x", "client_payload": null}"#,
            "'client_payload' is not an object",
        );
    }

    #[test]
    fn a_file_that_is_not_there() {
        let error = read(Path::new("/nowhere/event.json")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("event file /nowhere/event.json cannot be read:")
        );
        assert!(matches!(error, Error::Unreadable { .. }));
    }

    #[test]
    fn a_form_s_values_are_inputs() {
        let (_folder, path) = file(r#"{"inputs": {"product": "Book"}, "ref": "refs/heads/main"}"#);
        let inputs = read_inputs(&path).unwrap();
        assert_eq!(inputs["product"], "Book");
        assert_eq!(read(&path).unwrap(), Trigger::Form(inputs));
        let (_folder, path) = file(r#"{"inputs": null}"#);
        assert_eq!(read_inputs(&path).unwrap(), Map::new());
        let (_folder, path) = file("{}");
        assert!(matches!(read_inputs(&path), Err(Error::Shape { .. })));
    }

    #[test]
    fn a_dispatch_may_carry_a_field_called_inputs() {
        let (_folder, path) =
            file(r#"{"action": "x", "client_payload": {}, "inputs": {"a": "b"}}"#);
        assert!(matches!(read(&path), Ok(Trigger::Dispatch(_))));
    }
}
