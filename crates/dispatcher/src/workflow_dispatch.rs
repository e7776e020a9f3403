//! What a form may hold: the body of a `workflow_dispatch`, checked against the inputs of the
//! workflow's file, with GitHub's limits and GitHub's words.

use serde_json::{Map, Value};

use crate::dispatch::{Refusal, wrong_type};
use crate::workflow_file::{INPUTS_MAX, Input, InputType, Workflow, scalar};

/// Most characters of all inputs together (GitHub's limit).
pub const INPUTS_CHARS_MAX: usize = 65_535;

/// A form that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// Every input of the workflow, as a text; defaults are filled in.
    pub inputs: Map<String, Value>,
    /// Whether the caller wants to know the run.
    pub return_run_details: bool,
}

impl Form {
    /// Reads a request's body for a workflow whose runs start from `branch`.
    ///
    /// # Errors
    /// 400 for what is no JSON object, 422 for everything else.
    pub fn parse(body: &[u8], workflow: &Workflow, branch: &str) -> Result<Form, Refusal> {
        let mut body = Refusal::object(body)?;
        let reference = match body.remove("ref") {
            Some(Value::String(text)) => text,
            Some(other) => return Err(wrong_type("ref", &other, "a string")),
            None => return Err(Refusal::invalid("\"ref\" wasn't supplied.")),
        };
        let given = match body.remove("inputs") {
            Some(Value::Object(given)) => given,
            Some(other) => return Err(wrong_type("inputs", &other, "an object")),
            None => Map::new(),
        };
        let return_run_details = match body.remove("return_run_details") {
            Some(Value::Bool(wanted)) => wanted,
            Some(other) => return Err(wrong_type("return_run_details", &other, "a boolean")),
            None => false,
        };
        Refusal::surplus(&body)?;
        if given.len() > INPUTS_MAX {
            return Err(Refusal::invalid(&format!(
                "No more than {INPUTS_MAX} properties are allowed; {} were supplied.",
                given.len()
            )));
        }
        if reference.strip_prefix("refs/heads/").unwrap_or(&reference) != branch {
            return Err(refused(format!("No ref found for: {reference}")));
        }
        let Some(inputs) = &workflow.inputs else {
            return Err(refused(
                "Workflow does not have 'workflow_dispatch' trigger".to_owned(),
            ));
        };
        Ok(Form {
            inputs: filled_in(&given, inputs)?,
            return_run_details,
        })
    }
}

fn filled_in(given: &Map<String, Value>, inputs: &[Input]) -> Result<Map<String, Value>, Refusal> {
    let is_known = |name: &str| inputs.iter().any(|input| input.name == name);
    let unknown: Vec<&String> = given.keys().filter(|name| !is_known(name)).collect();
    if !unknown.is_empty() {
        return Err(refused(format!(
            "Unexpected inputs provided: {}",
            serde_json::json!(unknown)
        )));
    }
    let mut filled = Map::new();
    let mut chars = 0;
    for input in inputs {
        let value = value_of(input, given.get(&input.name))?;
        chars += value.chars().count();
        filled.insert(input.name.clone(), value.into());
    }
    if chars > INPUTS_CHARS_MAX {
        return Err(refused("inputs are too large.".to_owned()));
    }
    Ok(filled)
}

fn value_of(input: &Input, given: Option<&Value>) -> Result<String, Refusal> {
    let name = &input.name;
    let text = match given {
        None | Some(Value::Null) => None,
        Some(value) => Some(scalar(value).ok_or_else(|| {
            refused(format!("Provided value for input '{name}' is not a string"))
        })?),
    };
    // A text field that was left empty is there; a number or a choice is not.
    let text = text.filter(|text| !text.is_empty() || input.kind == InputType::Text);
    let Some(text) = text.or_else(|| input.default.clone()) else {
        return match (input.required, &input.kind) {
            (true, _) => Err(refused(format!("Required input '{name}' not provided"))),
            (false, InputType::Boolean) => Ok("false".to_owned()),
            (false, _) => Ok(String::new()),
        };
    };
    if input.required && text.is_empty() {
        return Err(refused(format!("Required input '{name}' not provided")));
    }
    if !input.kind.takes(&text) {
        return Err(refused(match input.kind {
            InputType::Choice(_) => format!(
                "Provided value '{text}' for input '{name}' not in the list of allowed values"
            ),
            InputType::Boolean => {
                format!("Provided value '{text}' for input '{name}' is not a boolean")
            }
            InputType::Number | InputType::Text => {
                format!("Provided value '{text}' for input '{name}' is not a number")
            }
        }));
    }
    Ok(text)
}

fn refused(message: String) -> Refusal {
    Refusal {
        status: 422,
        message,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workflow_file::parse;

    const FORM: &str = "
on:
  workflow_dispatch:
    inputs:
      product: {type: string, required: true, default: Shirt}
      email: {type: string, required: true}
      quantity: {type: number, default: 1}
      method: {type: choice, required: true, options: [visa, declined]}
      parallel: {type: boolean}
      note: {}
jobs: {run: {steps: []}}
";

    fn read(body: &Value) -> Result<Form, Refusal> {
        let workflow = parse("w.yml", FORM).unwrap().unwrap();
        Form::parse(body.to_string().as_bytes(), &workflow, "main")
    }

    #[test]
    fn defaults_are_filled_in_and_values_are_texts() {
        let inputs = json!({"email": "a@b.c", "quantity": 3, "method": "visa", "note": ""});
        let form = read(&json!({"ref": "refs/heads/main", "inputs": inputs})).unwrap();
        assert!(!form.return_run_details);
        assert_eq!(
            Value::Object(form.inputs),
            json!({
                "product": "Shirt", "email": "a@b.c", "quantity": "3", "method": "visa",
                "parallel": "false", "note": "",
            })
        );
        let inputs =
            json!({"email": "e", "method": "declined", "parallel": true, "quantity": "2.5"});
        let body = json!({"ref": "main", "inputs": inputs, "return_run_details": true});
        let form = read(&body).unwrap();
        assert!(form.return_run_details);
        assert_eq!(
            (&form.inputs["parallel"], &form.inputs["quantity"]),
            (&json!("true"), &json!("2.5"))
        );
    }

    #[test]
    fn refusals_have_githubs_words() {
        let good = json!({"email": "a@b.c", "method": "visa"});
        let with = |name: &str, value: Value| {
            let mut inputs = good.clone();
            inputs[name] = value;
            json!({"ref": "main", "inputs": inputs})
        };
        let many: Map<_, _> = (0..26).map(|n| (format!("i{n}"), json!("x"))).collect();
        for (body, says) in [
            (json!({"inputs": good}), "\"ref\" wasn't supplied."),
            (
                json!({"ref": "dev", "inputs": good}),
                "No ref found for: dev",
            ),
            (
                json!({"ref": "main", "inputs": []}),
                "For 'properties/inputs', an array is not an object.",
            ),
            (
                json!({"ref": "main", "odd": 1}),
                "\"odd\" is not a permitted key.",
            ),
            (
                json!({"ref": "main", "inputs": many}),
                "No more than 25 properties are allowed; 26",
            ),
            (
                json!({"ref": "main", "inputs": {"method": "visa"}}),
                "Required input 'email' not provided",
            ),
            (
                with("email", json!("")),
                "Required input 'email' not provided",
            ),
            (
                with("foo", json!("x")),
                "Unexpected inputs provided: [\"foo\"]",
            ),
            (
                with("method", json!("cash")),
                "'cash' for input 'method' not in the list of allowed values",
            ),
            (
                with("method", json!("")),
                "Required input 'method' not provided",
            ),
            (
                with("quantity", json!("two")),
                "'two' for input 'quantity' is not a number",
            ),
            (
                with("parallel", json!("yes")),
                "'yes' for input 'parallel' is not a boolean",
            ),
            (with("note", json!({})), "input 'note' is not a string"),
            (with("note", json!("x".repeat(65_536))), "too large"),
        ] {
            let refusal = read(&body).unwrap_err();
            assert_eq!(refusal.status, 422, "{refusal}");
            assert!(refusal.message.contains(says), "{refusal}");
        }
        assert_eq!(read(&json!(1)).unwrap_err().status, 400);
        let other = parse(
            "w.yml",
            "on: repository_dispatch\njobs: {a: {steps: [{uses: ./.github/actions/setup-service, with: {service: a}}]}}",
        );
        let refusal = Form::parse(br#"{"ref":"main"}"#, &other.unwrap().unwrap(), "main");
        assert!(
            refusal
                .unwrap_err()
                .message
                .contains("'workflow_dispatch' trigger")
        );
    }
}
