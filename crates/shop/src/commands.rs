//! The commands, one a file: each reads its arguments, asks the library, and lays the answer out.

pub(crate) mod action;
pub(crate) mod audit;
pub(crate) mod buttons;
pub(crate) mod cancel;
pub(crate) mod clock;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod incidents;
pub(crate) mod lint;
pub(crate) mod order;
pub(crate) mod orders;
pub(crate) mod redeliver;
pub(crate) mod refund;
pub(crate) mod resolve;
pub(crate) mod restock;
pub(crate) mod rules;
pub(crate) mod status;
pub(crate) mod up;

use anyhow::Result;
use serde_json::{Value, json};
use shop::engine::View;
use shop::failure::{Exit, Failure};
use shop::outcome::{self, Instance};

/// The instance of an order, or an error that names it.
async fn order_instance(view: &View, id: &str) -> Result<Instance> {
    match view.order(id).await? {
        Some(instance) => Ok(instance),
        None => Err(
            Failure::new(Exit::Refused, format!("the engine knows no order '{id}'"))
                .hint("`shop orders` lists them")
                .into(),
        ),
    }
}

/// An order for `--json`: what identifies it, and its outcome.
fn order_json(instance: &Instance) -> Value {
    let variable = |name: &str| instance.variables.get(name).cloned().unwrap_or_default();
    let mut document = json!({
        "_id": variable("_id"),
        "process": instance.process_id,
        "process_instance_key": instance.key,
        "product": variable("product"),
        "quantity": variable("quantity"),
        "started": instance.started,
        "ended": instance.ended,
    });
    if let (Value::Object(document), Value::Object(outcome)) =
        (&mut document, outcome::of(instance).json())
    {
        document.extend(outcome);
    }
    document
}

/// A variable as text for people: texts without quotes, nothing for what isn't there.
fn shown(instance: &Instance, name: &str) -> String {
    match instance.variables.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
