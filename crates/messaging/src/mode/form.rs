//! A form's values as one operation's payload: the `workflow_dispatch` twin of a dispatch.
//!
//! Input `operation` names the operation (a service that has one alone needs none), `_id` the order;
//! the others are the payload's fields, an object's parts as `FIELD_PART`. A blank input is a field
//! that is not given, so each operation refuses what it misses by its own rules.

use serde_json::{Map, Value};

use super::Failure;
use crate::operation::{Field, Kind, Operation, Service};
use crate::payload::{Refusal, number_or_text};
use crate::start::Inputs;

const OPERATION: &str = "operation";
const ID: &str = "_id";

/// The operation that the form asks for, and its payload.
///
/// # Errors
/// When an input is unknown or a placeholder, or names no operation.
pub(super) fn read(
    service: &'static Service,
    inputs: Map<String, Value>,
) -> Result<(&'static Operation, Map<String, Value>), Failure> {
    let fields: Vec<&Field> = service.operations.iter().flat_map(|o| o.fields).collect();
    let mut known = vec![OPERATION.to_owned(), ID.to_owned()];
    known.extend(fields.iter().flat_map(|field| names(field)));
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let inputs = Inputs::of_form(inputs, &known)?;
    let operation = operation(service, &inputs)?;

    let mut payload = Map::new();
    if let Some(id) = inputs.get(ID) {
        payload.insert(ID.to_owned(), id.into());
    }
    // Also what belongs to another operation, so that this one refuses it by name.
    for field in fields {
        if let Some(value) = value(field, &inputs) {
            payload.insert(field.name.to_owned(), value);
        }
    }
    Ok((operation, payload))
}

fn operation(service: &'static Service, inputs: &Inputs) -> Result<&'static Operation, Refusal> {
    match (inputs.get(OPERATION), service.operations) {
        (None, [only]) => Ok(only),
        (given, operations) => service.operation(given.unwrap_or_default()).ok_or_else(|| {
            let names: Vec<_> = operations.iter().map(|o| o.event_type).collect();
            let rule = format!("one of {}", names.join(", "));
            let found = given.map_or("blank", |_| "another text");
            Refusal::field(OPERATION, rule, found)
        }),
    }
}

/// The inputs that make up a field.
fn names(field: &Field) -> Vec<String> {
    match field.kind {
        Kind::Text | Kind::Number => vec![field.name.to_owned()],
        Kind::Object(parts) => {
            let part = |part| format!("{}_{part}", field.name);
            parts.iter().map(part).collect()
        }
    }
}

fn value(field: &Field, inputs: &Inputs) -> Option<Value> {
    match field.kind {
        Kind::Text => inputs.get(field.name).map(Value::from),
        Kind::Number => inputs.get(field.name).map(number_or_text),
        Kind::Object(parts) => {
            let given = parts.iter().zip(names(field));
            let object: Map<_, _> = given
                .filter_map(|(part, name)| Some(((*part).to_owned(), inputs.get(&name)?.into())))
                .collect();
            (!object.is_empty()).then_some(Value::Object(object))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operation::Prepared;

    const fn operation(event_type: &'static str, fields: &'static [Field]) -> Operation {
        Operation {
            event_type,
            about: "",
            fields,
            result_message: None,
            business_error: None,
            prepare: |_| Ok(Prepared::read("", |_| Ok(Map::new()))),
        }
    }

    const fn field(name: &'static str, kind: Kind) -> Field {
        Field {
            name,
            kind,
            about: "",
        }
    }

    const SERVICE: Service = Service {
        name: "echo",
        about: "",
        operations: &[
            operation("count", &[field("times", Kind::Number)]),
            operation("greet", &[field("who", Kind::Object(&["name", "title"]))]),
        ],
    };
    const SINGLE: Service = Service {
        name: "single",
        about: "",
        operations: &[operation("say", &[field("words", Kind::Text)])],
    };

    fn payload(service: &'static Service, inputs: Value) -> Result<(&'static str, Value), String> {
        let Value::Object(inputs) = inputs else {
            panic!("an object");
        };
        read(service, inputs)
            .map(|(operation, payload)| (operation.event_type, Value::Object(payload)))
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn texts_become_the_types_of_the_fields() {
        assert_eq!(
            payload(
                &SERVICE,
                json!({"operation": "count", "_id": "o", "times": " 2 ", "who_name": ""})
            ),
            Ok(("count", json!({"_id": "o", "times": 2})))
        );
        assert_eq!(
            payload(
                &SERVICE,
                json!({"operation": "greet", "_id": "o", "who_name": "$(id)"})
            ),
            Ok(("greet", json!({"_id": "o", "who": {"name": "$(id)"}})))
        );
        assert_eq!(
            payload(&SINGLE, json!({"_id": "o", "words": "2"})),
            Ok(("say", json!({"_id": "o", "words": "2"})))
        );
        // Left for the operation's own rule.
        assert_eq!(
            payload(&SERVICE, json!({"operation": "count", "times": "two"})),
            Ok(("count", json!({"times": "two"})))
        );
    }

    #[test]
    fn what_no_operation_takes_is_named() {
        for (inputs, words) in [
            (json!({"volume": "1"}), "inputs: surplus field 'volume'"),
            (
                json!({}),
                "'operation' must be one of count, greet, but is blank",
            ),
            (json!({"operation": "drop"}), "but is another text"),
            (
                json!({"operation": "greet", "who_name": "{{secrets.X}}"}),
                "'who_name' must be free of placeholders",
            ),
        ] {
            let refusal = payload(&SERVICE, inputs).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
    }
}
