//! `shop incidents`: what waits for an operator, with the order, where it waits and for how long.

use anyhow::Result;
use serde_json::json;
use shop::engine::{ORDER_PROCESSES, View, Which};
use shop::outcome::{self, Instance, Outcome};
use shop::session::Session;

use super::shown;
use crate::ui;

/// The processes of a restock: their alarms are incidents too.
const RESTOCK_PROCESSES: [&str; 2] = ["populate-stock", "restock-parallel"];

/// List the incidents that stand, with the order and where it waits
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, session: &Session, json: bool) -> Result<()> {
    let view = session.view()?;
    let stuck = standing(&view).await?;
    let now = session.engine_now().await;
    if json {
        let list: Vec<_> = stuck
            .iter()
            .flat_map(|instance| {
                instance.incidents.iter().map(|incident| {
                    json!({
                        "incident_key": incident.key,
                        "_id": instance.variables.get("_id"),
                        "process": instance.process_id,
                        "process_instance_key": instance.key,
                        "element_id": incident.element_id,
                        "error_type": incident.kind,
                        "message": incident.message,
                        "since": incident.since,
                        "waits_at": outcome::of(instance).json()["waits_at"],
                    })
                })
            })
            .collect();
        ui::json(&json!({ "incidents": list }));
        return Ok(());
    }
    if stuck.is_empty() {
        ui::note("no incidents");
        return Ok(());
    }
    let rows = rows(&stuck, now);
    ui::table(&["INCIDENT", "ORDER", "WAITS AT", "KIND", "MESSAGE"], &rows);
    ui::note("resolve one: shop resolve INCIDENT");
    Ok(())
}

/// The orders and restocks that have an incident.
pub(crate) async fn standing(view: &View) -> Result<Vec<Instance>> {
    let processes = [&ORDER_PROCESSES[..], &RESTOCK_PROCESSES[..]].concat();
    let mut stuck = view.instances(Which::Processes(&processes)).await?;
    stuck.retain(|instance| !instance.incidents.is_empty());
    Ok(stuck)
}

/// The incidents for people: key, order, where it waits, kind, and the engine's words.
pub(crate) fn rows(stuck: &[Instance], now: jiff::Timestamp) -> Vec<Vec<String>> {
    stuck
        .iter()
        .flat_map(|instance| {
            instance.incidents.iter().map(move |incident| {
                vec![
                    incident.key.clone(),
                    shown(instance, "_id"),
                    waits(instance, now),
                    incident.kind.clone(),
                    plain(&incident.message).to_owned(),
                ]
            })
        })
        .collect()
}

/// The words of the model's author, where an `assert` of theirs failed; else the engine's own.
///
/// Zeebe quotes the expression before them, and every warning of its evaluation behind them.
fn plain(message: &str) -> &str {
    let Some(quoted) = message.strip_prefix("Assertion failure on evaluate the expression '")
    else {
        return message;
    };
    let Some((_, words)) = quoted.split_once("': ") else {
        return message;
    };
    words
        .split_once(" The evaluation reported the following warnings:")
        .map_or(words, |(words, _)| words)
}

/// Where an instance waits, and for how long; empty where it does not.
fn waits(instance: &Instance, now: jiff::Timestamp) -> String {
    let Outcome::InProgress { waits, .. } = outcome::of(instance) else {
        return String::new();
    };
    let places: Vec<String> = waits
        .iter()
        .map(|element| format!("{} ({})", element.name, outcome::age(&element.since, now)))
        .collect();
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_failed_assertion_is_told_in_the_words_of_the_model() {
        let message = "Assertion failure on evaluate the expression 'assert(a, a = true, \"Look!\")': \
            Look! The evaluation reported the following warnings:\n[ASSERT_FAILURE] Look!";
        assert_eq!(plain(message), "Look!");
        for other in [
            "no retries left",
            "Assertion failure on evaluate the expression 'x",
        ] {
            assert_eq!(plain(other), other);
        }
    }
}
