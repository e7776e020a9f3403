//! What became of an order, read from its process instance alone: state, variables, and where it waits.
//!
//! Pure: who fetches these, and how they are shown, is elsewhere. An order's records in git say the
//! same when nothing is wrong; `audit` compares the two.

use serde_json::{Map, Value, json};

/// A process instance as far as an outcome needs it.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    /// The engine's key of it.
    pub key: String,
    /// The process's id in its model.
    pub process_id: String,
    /// When it was started, RFC 3339.
    pub started: String,
    /// When it ended, RFC 3339.
    pub ended: Option<String>,
    /// Where the engine says that it stands.
    pub state: State,
    /// The variables of its root scope.
    pub variables: Map<String, Value>,
    /// Element instances that are active now.
    pub active: Vec<Element>,
    /// Incidents that stand now.
    pub incidents: Vec<Incident>,
}

/// State of a process instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It goes on, or waits.
    #[default]
    Active,
    /// It reached an end event.
    Completed,
    /// Somebody cancelled it.
    Terminated,
}

/// An element instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The element's id in the model.
    pub id: String,
    /// Its name in the model, or its id where it has none.
    pub name: String,
    /// Camunda's name of its type, e.g. `SERVICE_TASK`.
    pub kind: String,
    /// When it became active, RFC 3339.
    pub since: String,
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The engine's key of it.
    pub key: String,
    /// The element's id in the model.
    pub element_id: String,
    /// Camunda's name of the kind, e.g. `JOB_NO_RETRIES`.
    pub kind: String,
    /// The engine's words.
    pub message: String,
    /// When it was raised, RFC 3339.
    pub since: String,
    /// The job that failed, where it is a job's incident.
    pub job_key: Option<String>,
}

/// The id of the element that raises the alarm, in every model.
pub const ALARM: &str = "raise_incident";
/// The variable that an operator sets to say: seen.
pub const ACKNOWLEDGED: &str = "operator_acknowledged";

/// Element types in which an instance waits for somebody else.
const WAITING: [&str; 5] = [
    "SERVICE_TASK",
    "SEND_TASK",
    "RECEIVE_TASK",
    "USER_TASK",
    "INTERMEDIATE_CATCH_EVENT",
];

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on: where it waits, and what its alarm says.
    InProgress { waits: Vec<Element>, alarm: Alarm },
    /// Sent to the customer.
    Fulfilled,
    /// The payment was declined; the stock was given back.
    Declined { reason: Option<String> },
    /// There was not enough stock.
    OutOfStock,
    /// An operator cancelled it.
    Cancelled,
}

/// The alarm of an order that takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Not raised yet.
    Quiet,
    /// Raised: its incident stands.
    Standing,
    /// An operator has seen it.
    Acknowledged,
}

/// Reads the outcome: the first that fits.
pub fn of(instance: &Instance) -> Outcome {
    let variable = |name: &str| instance.variables.get(name).unwrap_or(&Value::Null);
    match instance.state {
        State::Terminated => Outcome::Cancelled,
        State::Active => Outcome::InProgress {
            waits: instance
                .active
                .iter()
                .filter(|element| WAITING.contains(&element.kind.as_str()))
                .cloned()
                .collect(),
            alarm: alarm(instance),
        },
        State::Completed if !variable("shipment_id").is_null() => Outcome::Fulfilled,
        State::Completed if *variable("customer_charged") == Value::Bool(false) => {
            Outcome::Declined {
                reason: variable("decline_reason").as_str().map(str::to_owned),
            }
        }
        State::Completed => Outcome::OutOfStock,
    }
}

fn alarm(instance: &Instance) -> Alarm {
    let stands = instance
        .incidents
        .iter()
        .any(|incident| incident.element_id == ALARM);
    if stands {
        Alarm::Standing
    } else if instance.variables.get(ACKNOWLEDGED) == Some(&Value::Bool(true)) {
        Alarm::Acknowledged
    } else {
        Alarm::Quiet
    }
}

impl Outcome {
    /// One word for JSON and scripts.
    pub fn word(&self) -> &'static str {
        match self {
            Self::InProgress { .. } => "in_progress",
            Self::Fulfilled => "fulfilled",
            Self::Declined { .. } => "declined",
            Self::OutOfStock => "out_of_stock",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen by itself.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::InProgress { .. })
    }

    /// The outcome in words, `now` being the time to count the waiting from.
    pub fn words(&self, now: jiff::Timestamp) -> String {
        match self {
            Self::Fulfilled => "fulfilled".to_owned(),
            Self::Declined { reason: None } => "not fulfilled: the card was declined".to_owned(),
            Self::Declined {
                reason: Some(reason),
            } => format!("not fulfilled: the card was declined ({reason})"),
            Self::OutOfStock => "not fulfilled: not enough in stock".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
            Self::InProgress { waits, alarm } => {
                let places: Vec<String> = waits
                    .iter()
                    .map(|element| format!("'{}' for {}", element.name, age(&element.since, now)))
                    .collect();
                let place = if places.is_empty() {
                    "in progress".to_owned()
                } else {
                    format!("in progress, waits at {}", places.join(" and "))
                };
                match alarm {
                    Alarm::Quiet => place,
                    Alarm::Standing => format!("{place}; its alarm stands"),
                    Alarm::Acknowledged => format!("{place}; its alarm was acknowledged"),
                }
            }
        }
    }

    /// The outcome for `--json`.
    pub fn json(&self) -> Value {
        match self {
            Self::InProgress { waits, alarm } => json!({
                "outcome": self.word(),
                "waits_at": waits.iter().map(|element| json!({
                    "element_id": element.id, "element": element.name, "since": element.since,
                })).collect::<Vec<_>>(),
                "alarm": match alarm {
                    Alarm::Quiet => Value::Null,
                    Alarm::Standing => "standing".into(),
                    Alarm::Acknowledged => "acknowledged".into(),
                },
            }),
            Self::Declined { reason } => {
                json!({ "outcome": self.word(), "decline_reason": reason })
            }
            Self::Fulfilled | Self::OutOfStock | Self::Cancelled => {
                json!({ "outcome": self.word() })
            }
        }
    }
}

/// How long ago an RFC 3339 time was, in the two biggest units.
pub fn age(since: &str, now: jiff::Timestamp) -> String {
    let Ok(since) = since.parse::<jiff::Timestamp>() else {
        return format!("an unknown time (since {since})");
    };
    // Clocks of two machines may differ a little: nothing waits for less than no time.
    let seconds = now.duration_since(since).as_secs().max(0);
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

    fn instance(state: State, variables: Value) -> Instance {
        let Value::Object(variables) = variables else {
            panic!("variables are an object");
        };
        Instance {
            state,
            variables,
            ..Instance::default()
        }
    }

    #[track_caller]
    fn check(state: State, variables: Value, expected: &str) {
        assert_eq!(of(&instance(state, variables)).words(NOW), expected);
    }

    #[test]
    fn the_first_that_fits() {
        let sent = json!({"shipment_id": "s", "customer_charged": true});
        check(State::Terminated, sent.clone(), "cancelled");
        check(State::Completed, sent.clone(), "fulfilled");
        check(State::Active, sent, "in progress");
        check(
            State::Completed,
            json!({"customer_charged": false, "decline_reason": "generic_decline", "shipment_id": null}),
            "not fulfilled: the card was declined (generic_decline)",
        );
        check(
            State::Completed,
            json!({"stock_level": 1}),
            "not fulfilled: not enough in stock",
        );
        check(
            State::Completed,
            json!({"customer_charged": "false"}),
            "not fulfilled: not enough in stock",
        );
    }

    #[test]
    fn an_order_that_waits_says_where_and_what_its_alarm_does() {
        let mut stuck = instance(State::Active, json!({}));
        let element = |kind: &str, name: &str| Element {
            id: name.to_lowercase(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            since: "1969-12-31T23:54:30Z".to_owned(),
        };
        stuck.active = vec![
            element("SUB_PROCESS", "Order"),
            element("INTERMEDIATE_CATCH_EVENT", "Charged"),
            element("SCRIPT_TASK", "Raise incident"),
        ];
        stuck.incidents = vec![Incident {
            key: "1".to_owned(),
            element_id: ALARM.to_owned(),
            kind: "EXTRACT_VALUE_ERROR".to_owned(),
            message: String::new(),
            since: String::new(),
            job_key: None,
        }];
        assert_eq!(
            of(&stuck).words(NOW),
            "in progress, waits at 'Charged' for 5 min 30 s; its alarm stands"
        );
        stuck.incidents.clear();
        stuck.variables.insert(ACKNOWLEDGED.to_owned(), true.into());
        assert_eq!(
            of(&stuck).words(NOW),
            "in progress, waits at 'Charged' for 5 min 30 s; its alarm was acknowledged"
        );
    }

    #[test]
    fn the_models_know_the_alarm_by_these_names() {
        for model in [
            include_str!("../../../workflows/order-fulfilment.bpmn"),
            include_str!("../../../workflows/order-fulfilment-grpc.bpmn"),
            include_str!("../../../workflows/populate-stock.bpmn"),
            include_str!("../../../workflows/restock-parallel.bpmn"),
        ] {
            assert!(model.contains(&format!("scriptTask id=\"{ALARM}\"")));
            assert!(model.contains(ACKNOWLEDGED));
        }
    }

    #[test]
    fn ages() {
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        for (since, expected) in [
            ("2026-01-01T23:59:59Z", "1 s"),
            ("2026-01-02T00:00:01Z", "0 s"),
            ("2026-01-01T22:30:00.000+00:00", "1 h 30 min"),
            ("2025-12-30T22:00:00Z", "2 d 2 h"),
            ("soon", "an unknown time (since soon)"),
        ] {
            assert_eq!(age(since, now), expected);
        }
    }
}
