//! The outcome of an order, read from its process instance's state and variables.

use std::time::{Duration, Instant};

use messaging::Settings;
use messaging::mode::Failure;
use messaging::payload::one_line;
use messaging::rest::{Error, ProcessInstanceFilter, Rest, Variable, VariableFilter};
use serde_json::Value;

/// How often the API is asked; it shows the engine's state a moment late anyway.
const PAUSE: Duration = Duration::from_millis(250);

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Fulfilled,
    Declined,
    OutOfStock,
    Cancelled,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Fulfilled => "fulfilled",
            Kind::Declined => "declined",
            Kind::OutOfStock => "out of stock",
            Kind::Cancelled => "cancelled",
        }
    }
}

/// An order that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) process_instance_key: String,
    pub(crate) kind: Kind,
    pub(crate) decline_reason: Option<String>,
}

impl Outcome {
    /// For people.
    pub(crate) fn words(&self) -> String {
        match &self.decline_reason {
            Some(reason) => format!("{} ({reason})", self.kind.as_str()),
            None => self.kind.as_str().to_owned(),
        }
    }
}

/// The key of the process instance that has this order's id, whatever its state.
pub(crate) async fn find(settings: &Settings, id: &str) -> Result<Option<String>, Error> {
    find_by(&Rest::new(settings)?, id).await
}

async fn find_by(rest: &Rest, id: &str) -> Result<Option<String>, Error> {
    let filter = VariableFilter {
        name: Some("_id".to_owned()),
        value: Some(Value::from(id).to_string()),
        ..VariableFilter::default()
    };
    let found = rest.variables(&filter).await?;
    Ok(found
        .into_iter()
        .next()
        .map(|variable| variable.process_instance_key))
}

/// Waits until the order's process has ended.
///
/// # Errors
/// When it has not within `patience`, or the API gives no answer.
pub(crate) async fn wait(
    settings: &Settings,
    id: &str,
    patience: Duration,
) -> Result<Outcome, Failure> {
    let rest = Rest::new(settings)?;
    let started = Instant::now();
    loop {
        if let Some(outcome) = look(&rest, id).await? {
            return Ok(outcome);
        }
        if started.elapsed() >= patience {
            return Err(Failure::Waited(format!(
                "order '{}' was placed, but has not ended within {} s",
                one_line(id, 60),
                patience.as_secs_f64()
            )));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(rest: &Rest, id: &str) -> Result<Option<Outcome>, Error> {
    let Some(process_instance_key) = find_by(rest, id).await? else {
        return Ok(None);
    };
    let filter = ProcessInstanceFilter {
        process_instance_key: Some(process_instance_key.clone()),
        ..ProcessInstanceFilter::default()
    };
    let instances = rest.process_instances(&filter).await?;
    let state = match instances.first() {
        Some(instance) if instance.state != "ACTIVE" => instance.state.clone(),
        _ => return Ok(None),
    };
    let filter = VariableFilter {
        process_instance_key: Some(process_instance_key.clone()),
        ..VariableFilter::default()
    };
    let variables = rest.variables(&filter).await?;
    let (kind, decline_reason) = judge(&state, &variables);
    Ok(Some(Outcome {
        process_instance_key,
        kind,
        decline_reason,
    }))
}

/// The first rule that fits, as every reader of an outcome applies them.
fn judge(state: &str, variables: &[Variable]) -> (Kind, Option<String>) {
    let value = |name: &str| {
        let variable = variables.iter().find(|variable| variable.name == name)?;
        let value = serde_json::from_str::<Value>(&variable.value).ok()?;
        (!value.is_null()).then_some(value)
    };
    if state == "TERMINATED" {
        (Kind::Cancelled, None)
    } else if value("shipment_id").is_some() {
        (Kind::Fulfilled, None)
    } else if value("customer_charged") == Some(Value::Bool(false)) {
        let reason = value("decline_reason");
        let reason = reason.and_then(|reason| reason.as_str().map(str::to_owned));
        (Kind::Declined, reason)
    } else {
        (Kind::OutOfStock, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, variables: &[(&str, &str)], kind: Kind, reason: Option<&str>) {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| Variable {
                variable_key: "1".to_owned(),
                name: (*name).to_owned(),
                value: (*value).to_owned(),
                scope_key: "2".to_owned(),
                process_instance_key: "2".to_owned(),
                is_truncated: false,
            })
            .collect();
        assert_eq!(judge(state, &variables), (kind, reason.map(str::to_owned)));
    }

    #[test]
    fn the_first_rule_that_fits() {
        let shipped = ("shipment_id", "\"s-1\"");
        let declined = ("customer_charged", "false");
        check("TERMINATED", &[shipped], Kind::Cancelled, None);
        check(
            "COMPLETED",
            &[("customer_charged", "true"), shipped],
            Kind::Fulfilled,
            None,
        );
        check(
            "COMPLETED",
            &[declined, ("decline_reason", "\"lost_card\"")],
            Kind::Declined,
            Some("lost_card"),
        );
        check(
            "COMPLETED",
            &[declined, ("decline_reason", "null")],
            Kind::Declined,
            None,
        );
        check(
            "COMPLETED",
            &[("shipment_id", "null")],
            Kind::OutOfStock,
            None,
        );
        check(
            "COMPLETED",
            &[("stock_reserved", "false")],
            Kind::OutOfStock,
            None,
        );
    }
}
