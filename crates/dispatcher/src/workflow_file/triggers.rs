//! The triggers of a workflow file that are dispatches: `repository_dispatch` with its types, and
//! `workflow_dispatch` with its inputs.

use serde_json::{Map, Value};

/// Most inputs of a form (GitHub's limit).
pub const INPUTS_MAX: usize = 25;

/// The event types that a workflow listens to.
#[derive(Clone, Debug, PartialEq)]
pub enum Types {
    /// No `types:`, so every dispatch starts it.
    Every,
    /// Exactly these.
    Named(Vec<String>),
}

/// One field of a `workflow_dispatch` form.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its name in `inputs`.
    pub name: String,
    /// What may stand in it.
    pub kind: InputType,
    /// Whether a form without it is refused, unless there is a default.
    pub required: bool,
    /// What stands in it otherwise, as a text.
    pub default: Option<String>,
}

/// The `type:` of an input; `environment` is taken as a text.
#[derive(Clone, Debug, PartialEq)]
pub enum InputType {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// One of these.
    Choice(Vec<String>),
}

/// The types of `on.repository_dispatch`, in each of the forms that Actions takes.
pub(super) fn dispatch_types(on: &Value) -> Result<Option<Types>, String> {
    const EVENT: &str = "repository_dispatch";
    match on {
        Value::String(event) => Ok((event == EVENT).then_some(Types::Every)),
        Value::Array(events) => Ok(events.iter().any(|e| e == EVENT).then_some(Types::Every)),
        Value::Object(events) => match events.get(EVENT) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(Types::Every)),
            Some(Value::Object(filter)) => {
                if let Some(key) = filter.keys().find(|key| *key != "types") {
                    return Err(format!(
                        "'on.{EVENT}' has the key '{key}'; it takes 'types' alone, \
                         and without it every dispatch would start this workflow"
                    ));
                }
                filter.get("types").map_or(Ok(Some(Types::Every)), |types| {
                    names(types).map(|named| Some(Types::Named(named)))
                })
            }
            Some(_) => Err(format!("'on.{EVENT}' must be a mapping with 'types'")),
        },
        _ => Err("'on' must be an event, a list of events or a mapping".to_owned()),
    }
}

fn names(types: &Value) -> Result<Vec<String>, String> {
    let problem = || "'on.repository_dispatch.types' must be a list of event types".to_owned();
    match types {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(many) => many
            .iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or_else(problem))
            .collect(),
        _ => Err(problem()),
    }
}

/// The inputs of `on.workflow_dispatch`; `None` where that is no trigger.
pub(super) fn inputs(on: &Value) -> Result<Option<Vec<Input>>, String> {
    const EVENT: &str = "workflow_dispatch";
    let form = match on {
        Value::String(event) => return Ok((event == EVENT).then(Vec::new)),
        Value::Array(events) => return Ok(events.iter().any(|e| e == EVENT).then(Vec::new)),
        Value::Object(events) => match events.get(EVENT) {
            None => return Ok(None),
            Some(form) => form,
        },
        _ => return Ok(None),
    };
    let inputs = match form {
        Value::Null => return Ok(Some(Vec::new())),
        Value::Object(form) => match form.get("inputs") {
            None | Some(Value::Null) => return Ok(Some(Vec::new())),
            Some(Value::Object(inputs)) => inputs,
            Some(_) => return Err(format!("'on.{EVENT}.inputs' must be a mapping")),
        },
        _ => return Err(format!("'on.{EVENT}' must be a mapping with 'inputs'")),
    };
    if inputs.len() > INPUTS_MAX {
        return Err(format!(
            "'on.{EVENT}.inputs' has {} inputs; GitHub takes at most {INPUTS_MAX}",
            inputs.len()
        ));
    }
    let each = inputs.iter().map(|(name, about)| {
        input(name, about).map_err(|problem| format!("'on.{EVENT}.inputs.{name}': {problem}"))
    });
    each.collect::<Result<_, _>>().map(Some)
}

fn input(name: &str, about: &Value) -> Result<Input, String> {
    let empty = Map::new();
    let about = match about {
        Value::Null => &empty,
        Value::Object(about) => about,
        _ => return Err("must be a mapping".to_owned()),
    };
    let options = || {
        let options = about.get("options").and_then(Value::as_array);
        let options = options.filter(|options| !options.is_empty());
        let options = options.ok_or("a choice needs 'options', a list")?;
        let texts = options
            .iter()
            .map(|option| scalar(option).ok_or("an option is no text"));
        texts.collect::<Result<Vec<_>, _>>()
    };
    let kind = match about.get("type").map_or(Some("string"), Value::as_str) {
        Some("string" | "environment") => InputType::Text,
        Some("boolean") => InputType::Boolean,
        Some("number") => InputType::Number,
        Some("choice") => InputType::Choice(options()?),
        _ => {
            return Err("'type' must be string, boolean, number, choice or environment".to_owned());
        }
    };
    let required = match about.get("required") {
        None => false,
        Some(Value::Bool(required)) => *required,
        Some(_) => return Err("'required' must be true or false".to_owned()),
    };
    let default = match about.get("default") {
        None | Some(Value::Null) => None,
        Some(value) => Some(scalar(value).ok_or("'default' must be a text, number or boolean")?),
    };
    let input = Input {
        name: name.to_owned(),
        kind,
        required,
        default,
    };
    if let Some(default) = &input.default
        && !input.kind.takes(default)
    {
        return Err(format!("'default' is no value of its type: '{default}'"));
    }
    Ok(input)
}

impl InputType {
    /// Whether a text is a value of this type; the empty text is one of each but a choice.
    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        match self {
            InputType::Text => true,
            InputType::Boolean => matches!(value, "" | "true" | "false"),
            InputType::Number => value.is_empty() || value.parse::<serde_json::Number>().is_ok(),
            InputType::Choice(options) => options.iter().any(|option| option == value),
        }
    }
}

/// A text, number or boolean as a text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms() {
        assert_eq!(inputs(&json!("push")), Ok(None));
        assert_eq!(
            inputs(&json!(["push", "workflow_dispatch"])),
            Ok(Some(vec![]))
        );
        let form = json!({"workflow_dispatch": {"inputs": {
            "b": {"type": "choice", "options": ["x", 2], "default": "x", "required": true},
            "a": null,
            "n": {"type": "number", "default": 2},
            "p": {"type": "boolean", "default": false},
        }}});
        let read = inputs(&form).unwrap().unwrap();
        let shown: Vec<_> = read
            .iter()
            .map(|i| (i.name.as_str(), i.default.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("b", Some("x")),
                ("a", None),
                ("n", Some("2")),
                ("p", Some("false"))
            ]
        );
        assert_eq!(
            read[0].kind,
            InputType::Choice(vec!["x".into(), "2".into()])
        );
        assert!(read[0].required && !read[1].required);
        assert!(InputType::Number.takes("-1.5e3") && !InputType::Number.takes("1 2"));
    }

    #[test]
    fn mistakes_are_named() {
        for (about, says) in [
            (json!({"type": "int"}), "'type' must be"),
            (json!({"type": "choice"}), "needs 'options'"),
            (json!({"type": "number", "default": "x"}), "'x'"),
            (json!({"required": "yes"}), "true or false"),
            (json!([]), "a mapping"),
        ] {
            let form = json!({"workflow_dispatch": {"inputs": {"field": about}}});
            let problem = inputs(&form).unwrap_err();
            assert!(
                problem.contains("inputs.field'") && problem.contains(says),
                "{problem}"
            );
        }
        let many: Map<_, _> = (0..26).map(|n| (format!("i{n}"), Value::Null)).collect();
        let problem = inputs(&json!({"workflow_dispatch": {"inputs": many}})).unwrap_err();
        assert!(
            problem.contains("26") && problem.contains("25"),
            "{problem}"
        );
    }
}
