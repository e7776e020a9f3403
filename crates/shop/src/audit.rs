//! One order from all sides on one time line, and whether the sides fit together.
//!
//! Pure: takes what the engine, the dispatcher and the data repository said, and judges it.

use ghettodb::{ChangeKind, CommitInfo};
use messaging::rest::ElementInstance;
use serde_json::{Value, json};

use crate::dispatches::Delivery;
use crate::ledger::{Books, OrderBooks, number, text};
use crate::outcome::{self, Instance, Outcome};

/// Tables whose records are of one order each.
const ORDER_TABLES: [&str; 4] = ["orders", "stock_movements", "payments", "shipments"];

/// What is known of an order.
pub struct Facts<'a> {
    /// Its `_id`.
    pub id: &'a str,
    /// Its process instance, if the engine knows one.
    pub instance: Option<&'a Instance>,
    /// The elements that it went through.
    pub elements: &'a [ElementInstance],
    /// Its dispatches, where the dispatcher is a local one.
    pub deliveries: &'a [Delivery],
    /// The data repository.
    pub books: &'a Books,
    /// The commits that changed its records, oldest first.
    pub commits: &'a [&'a CommitInfo],
}

/// A line of the time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// RFC 3339, in milliseconds.
    pub time: String,
    /// `engine`, `dispatch`, `run`, `commit`.
    pub source: &'static str,
    /// What happened, in words.
    pub what: String,
}

/// The judgement.
pub struct Audit {
    /// What happened, in order.
    pub timeline: Vec<Event>,
    /// What doesn't fit; empty if all does.
    pub problems: Vec<String>,
}

/// Lays out and judges.
pub fn of(facts: &Facts<'_>) -> Audit {
    let order = facts.books.order(facts.id);
    let mut timeline: Vec<Event> = engine_events(facts.elements)
        .chain(dispatch_events(facts.deliveries))
        .chain(commit_events(facts.commits, &order))
        .collect();
    for event in &mut timeline {
        if let Ok(time) = event.time.parse::<jiff::Timestamp>() {
            event.time = time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        }
    }
    // One form of time: as text it sorts as it should.
    timeline.sort_by(|one, other| one.time.cmp(&other.time));
    Audit {
        timeline,
        problems: problems(facts),
    }
}

impl Audit {
    /// For `--json`.
    pub fn json(&self) -> Value {
        json!({
            "timeline": self.timeline.iter().map(|event| json!({
                "time": event.time, "source": event.source, "what": event.what,
            })).collect::<Vec<_>>(),
            "fits_together": self.problems.is_empty(),
            "problems": self.problems,
        })
    }
}

fn engine_events(elements: &[ElementInstance]) -> impl Iterator<Item = Event> {
    elements.iter().flat_map(|element| {
        let name = element
            .element_name
            .as_deref()
            .unwrap_or(&element.element_id);
        // A catch event that completes is a message that came, or a timer that fired.
        let ended = match (element.kind.as_str(), element.state.as_str()) {
            ("INTERMEDIATE_CATCH_EVENT" | "RECEIVE_TASK", "COMPLETED") => "message received at",
            (_, "TERMINATED" | "CANCELED") => "terminated",
            _ => "completed",
        };
        let start = Event {
            time: element.start_date.clone(),
            source: "engine",
            what: format!("activated '{name}'"),
        };
        let end = element.end_date.as_ref().map(|time| Event {
            time: time.clone(),
            source: "engine",
            what: format!("{ended} '{name}'"),
        });
        std::iter::once(start).chain(end)
    })
}

fn dispatch_events(deliveries: &[Delivery]) -> impl Iterator<Item = Event> {
    deliveries.iter().flat_map(|delivery| {
        let fate = match delivery.state.as_str() {
            "dropped" => " (lost)",
            "unheard" => " (nothing listens to it)",
            _ => "",
        };
        let taken = Event {
            time: delivery.received_at.clone(),
            source: "dispatch",
            what: format!("{} taken as {}{fate}", delivery.event_type, delivery.id),
        };
        let attempts = delivery.runs.iter().flat_map(|run| {
            run.attempts.iter().flat_map(move |attempt| {
                let name = format!("run {} of {}", run.id, run.service);
                let name = match attempt.number {
                    1 => name,
                    number => format!("{name}, attempt {number}"),
                };
                let end = attempt.finished_at.as_ref().map(|time| Event {
                    time: time.clone(),
                    source: "run",
                    what: match attempt.exit_code {
                        Some(0) => format!("{name} done"),
                        Some(code) => format!("{name} ended with exit code {code}"),
                        None => format!("{name} was killed"),
                    },
                });
                let start = Event {
                    time: attempt.started_at.clone(),
                    source: "run",
                    what: format!("{name} started"),
                };
                std::iter::once(start).chain(end)
            })
        });
        std::iter::once(taken).chain(attempts)
    })
}

fn commit_events(commits: &[&CommitInfo], order: &OrderBooks<'_>) -> impl Iterator<Item = Event> {
    commits.iter().map(|commit| {
        let changes: Vec<String> = commit
            .changes
            .iter()
            // A commit of a worker may hold other orders' records, too.
            .filter(|change| {
                let is_an_orders = ORDER_TABLES.contains(&change.table.as_str());
                !is_an_orders || order.holds(&change.table, &change.id)
            })
            .filter(|change| change.table != "operations")
            .map(|change| {
                let kind = match change.kind {
                    ChangeKind::Created => "+",
                    ChangeKind::Changed => "~",
                    ChangeKind::Deleted => "-",
                };
                format!("{kind}{}/{}", change.table, change.id)
            })
            .collect();
        let short = commit.id.get(..10).unwrap_or(&commit.id);
        Event {
            time: commit_time(commit, order),
            source: "commit",
            what: format!("{short} {} [{}]", commit.subject, changes.join(" ")),
        }
    })
}

/// When a commit was made: git knows the second, its journal entry more.
fn commit_time(commit: &CommitInfo, order: &OrderBooks<'_>) -> String {
    let mut entries = order.operations.iter().filter(|entry| {
        let mut changes = commit.changes.iter();
        changes.any(|change| change.table == "operations" && change.id == text(entry, "_id"))
    });
    let written = entries.next().map(|entry| text(entry, "_updated"));
    let written = written.filter(|time| !time.is_empty());
    written.unwrap_or(&commit.time).to_owned()
}

fn problems(facts: &Facts<'_>) -> Vec<String> {
    let order = facts.books.order(facts.id);
    let mut problems = each_effect_once(&order);
    if order.order.is_none() && facts.instance.is_none() {
        problems.push("neither the engine nor the data repository knows this order".to_owned());
    }
    if let Some(instance) = facts.instance {
        problems.extend(outcome_fits(&outcome::of(instance), &order));
    }
    for movement in &order.movements {
        let product = text(movement, "product");
        let unbalanced = facts.books.unbalanced();
        let found = unbalanced.iter().find(|(name, ..)| name == product);
        if let Some((name, level, moved)) = found {
            let problem =
                format!("stock of '{name}' is {level}, but its movements add up to {moved}");
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems.extend(journal_fits(&order, facts.commits));
    problems
}

/// No operation took effect twice, however often it was dispatched.
fn each_effect_once(order: &OrderBooks<'_>) -> Vec<String> {
    let taken = |sign: i64| {
        let quantities = order
            .movements
            .iter()
            .map(|record| number(record, "quantity"));
        quantities
            .filter(|quantity| quantity.signum() == sign)
            .count()
    };
    let effects = [
        ("stock was taken", taken(-1)),
        ("stock was given back", taken(1)),
        ("a payment was captured", order.payments_of("captured")),
        ("a payment was declined", order.payments_of("declined")),
        ("a payment was refunded", order.payments_of("refunded")),
        ("a shipment was made", order.shipments.len()),
    ];
    effects
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(effect, count)| format!("{effect} {count} times"))
        .collect()
}

/// What the engine says became of the order, and what its records say.
fn outcome_fits(outcome: &Outcome, order: &OrderBooks<'_>) -> Vec<String> {
    let held = order.held();
    let captured = order.payments_of("captured");
    let shipments = order.shipments.len();
    let wanted = order.order.map_or(0, |record| number(record, "quantity"));
    let expected = match outcome {
        Outcome::Fulfilled => (wanted, 1, 1),
        Outcome::Declined { .. } | Outcome::OutOfStock => (0, 0, 0),
        // On its way, or given up half-way: any part of it may be there.
        Outcome::InProgress { .. } | Outcome::Cancelled => return Vec::new(),
    };
    let facts = [
        ("pieces taken from the stock", held, expected.0),
        ("captured payments", as_i64(captured), expected.1),
        ("shipments", as_i64(shipments), expected.2),
    ];
    facts
        .into_iter()
        .filter(|(_, found, expected)| found != expected)
        .map(|(what, found, expected)| {
            format!(
                "the order is {}, but there are {found} {what}, not {expected}",
                outcome.word()
            )
        })
        .collect()
}

/// Every change of the order came in a commit that also wrote its journal entry.
fn journal_fits(order: &OrderBooks<'_>, commits: &[&CommitInfo]) -> Vec<String> {
    let effects = ["stock_movements", "payments", "shipments"];
    commits
        .iter()
        .filter(|commit| {
            let mut changes = commit.changes.iter();
            let has_effect = changes.any(|change| {
                effects.contains(&change.table.as_str()) && order.holds(&change.table, &change.id)
            });
            let mut changes = commit.changes.iter();
            has_effect && !changes.any(|change| change.table == "operations")
        })
        .map(|commit| {
            format!(
                "commit {} changed the order without a journal entry: it was not made by a service",
                commit.id
            )
        })
        .collect()
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::State;
    use ghettodb::RecordChange;

    fn books(value: Value) -> Books {
        let table = |name: &str| {
            let records = value[name].as_array().cloned().unwrap_or_default();
            records
                .into_iter()
                .map(|record| ghettodb::record_from(record).unwrap())
                .collect()
        };
        Books {
            orders: table("orders"),
            stock: table("stock"),
            movements: table("stock_movements"),
            payments: table("payments"),
            shipments: table("shipments"),
            ..Books::default()
        }
    }

    fn fulfilled() -> Value {
        json!({
            "orders": [{"_id": "o", "product": "ale", "quantity": 2}],
            "stock": [{"_id": "s", "product": "ale", "stock_level": 0}],
            "stock_movements": [
                {"_id": "m1", "order_id": "r", "product": "ale", "quantity": 2},
                {"_id": "m2", "order_id": "o", "product": "ale", "quantity": -2},
            ],
            "payments": [{"_id": "p", "order_id": "o", "status": "captured"}],
            "shipments": [{"_id": "h", "order_id": "o"}],
        })
    }

    #[track_caller]
    fn check(books: &Books, commits: &[&CommitInfo], expected: &[&str]) {
        let instance = Instance {
            state: State::Completed,
            variables: serde_json::Map::from_iter([("shipment_id".to_owned(), json!("h"))]),
            ..Instance::default()
        };
        let facts = Facts {
            id: "o",
            instance: Some(&instance),
            elements: &[],
            deliveries: &[],
            books,
            commits,
        };
        assert_eq!(of(&facts).problems, expected);
    }

    #[test]
    fn an_order_that_fits_has_no_problems() {
        check(&books(fulfilled()), &[], &[]);
    }

    #[test]
    fn a_second_payment_is_found() {
        let mut value = fulfilled();
        value["payments"] = json!([
            {"_id": "p", "order_id": "o", "status": "captured"},
            {"_id": "q", "order_id": "o", "status": "captured"},
        ]);
        check(
            &books(value),
            &[],
            &[
                "a payment was captured 2 times",
                "the order is fulfilled, but there are 2 captured payments, not 1",
            ],
        );
    }

    #[test]
    fn a_level_without_its_movement_is_found() {
        let mut value = fulfilled();
        value["stock"][0]["stock_level"] = json!(7);
        check(
            &books(value),
            &[],
            &["stock of 'ale' is 7, but its movements add up to 0"],
        );
    }

    #[test]
    fn a_change_by_hand_is_found() {
        let commit = CommitInfo {
            id: "abc".to_owned(),
            changes: vec![RecordChange {
                table: "payments".to_owned(),
                id: "p".to_owned(),
                kind: ChangeKind::Created,
            }],
            ..CommitInfo::default()
        };
        check(
            &books(fulfilled()),
            &[&commit],
            &["commit abc changed the order without a journal entry: it was not made by a service"],
        );
    }
}
