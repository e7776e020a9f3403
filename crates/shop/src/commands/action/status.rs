//! The form of `status.yml`: incidents that stand, and the latest orders.

use anyhow::Result;
use messaging::actions::cell;
use messaging::payload::{Refusal, form_number, one_line};
use messaging::start::Inputs;
use shop::engine::{ORDER_PROCESSES, Which};
use shop::failure::{Exit, Failure};
use shop::outcome::{self, Instance};
use shop::session::Session;

use super::Done;
use crate::commands::incidents::{self, standing};
use crate::commands::orders::row;

/// Room for a text in a cell.
const CELL_CHARS: usize = 200;

pub(super) async fn run(inputs: &Inputs, session: &Session) -> Result<Done> {
    let choice =
        Choice::read(inputs).map_err(|refusal| Failure::new(Exit::Refused, refusal.to_string()))?;
    let view = session.view()?;
    let stuck = standing(&view).await?;
    let orders = view.instances(Which::Processes(&ORDER_PROCESSES)).await?;
    Ok(report(&stuck, orders, &choice, jiff::Timestamp::now()))
}

/// What is to be shown.
struct Choice {
    ended_too: bool,
    limit: usize,
}

impl Choice {
    fn read(inputs: &Inputs) -> Result<Choice, Refusal> {
        let limit = form_number("limit", inputs.get("limit").unwrap_or("50"), 1..=500)?;
        Ok(Choice {
            ended_too: match inputs.get("show").unwrap_or("open") {
                "open" => false,
                "all" => true,
                _ => return Err(Refusal::field("show", "open or all", "another text")),
            },
            limit: usize::try_from(limit).expect("it is at most 500"),
        })
    }
}

fn report(
    stuck: &[Instance],
    mut orders: Vec<Instance>,
    choice: &Choice,
    now: jiff::Timestamp,
) -> Done {
    let open = |order: &Instance| !outcome::of(order).is_final();
    let in_progress = orders.iter().filter(|order| open(order)).count();
    let known = orders.len();
    if !choice.ended_too {
        orders.retain(open);
    }
    orders.sort_by(|one, other| other.started.cmp(&one.started));
    let left_out = orders.len().saturating_sub(choice.limit);
    orders.truncate(choice.limit);

    let incidents = incidents::rows(stuck, now);
    let line = format!(
        "standing incidents: {}; orders in progress: {in_progress} of {known}",
        incidents.len()
    );
    let mut markdown = vec![format!("{line}.")];
    if !incidents.is_empty() {
        markdown.push("\n#### Incidents\n".to_owned());
        let headings = ["incident", "order", "waits at", "kind", "message"];
        markdown.push(table(&headings, &incidents));
        markdown.push("\nResolve one with `shop resolve INCIDENT`, or in Operate.".to_owned());
    }
    if !orders.is_empty() {
        let rows: Vec<Vec<String>> = orders
            .iter()
            .map(|order| [row(order, now), vec![order.started.clone()]].concat())
            .collect();
        markdown.push("\n#### Orders\n".to_owned());
        let headings = ["order", "product", "quantity", "outcome", "started"];
        markdown.push(table(&headings, &rows));
    }
    if left_out > 0 {
        markdown.push(format!("\nand {left_out} more."));
    }
    Done {
        line,
        markdown: markdown.join("\n"),
    }
}

/// A table of Markdown. The headings are ours; what stands below is anybody's.
fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut lines = vec![
        format!("| {} |", headings.join(" | ")),
        format!("|{}", " --- |".repeat(headings.len())),
    ];
    lines.extend(rows.iter().map(|cells| {
        let cells: Vec<_> = cells
            .iter()
            .map(|text| cell(&one_line(text, CELL_CHARS)))
            .collect();
        format!("| {} |", cells.join(" | "))
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use serde_json::{Map, json};
    use shop::outcome::{Element, Incident, State};

    use super::*;

    fn order(id: &str, product: &str, started: &str, state: State) -> Instance {
        let variables = json!({ "_id": id, "product": product, "quantity": 1, "shipment_id": "s" });
        Instance {
            key: "22".to_owned(),
            process_id: "order-fulfilment".to_owned(),
            started: started.to_owned(),
            state,
            variables: variables.as_object().cloned().unwrap_or_else(Map::new),
            ..Instance::default()
        }
    }

    #[test]
    fn what_stands_comes_first_and_nobody_s_text_is_markup() {
        let mut stuck = order(
            "o-2",
            "$(touch pwned) \"x'; -- | <img src=x onerror=alert(1)>",
            "2026-01-01T10:00:00Z",
            State::Active,
        );
        stuck.active.push(Element {
            id: "charged".to_owned(),
            name: "CHARGED_CUSTOMER".to_owned(),
            kind: "RECEIVE_TASK".to_owned(),
            since: "2026-01-01T10:00:00Z".to_owned(),
        });
        stuck.incidents.push(Incident {
            key: "77".to_owned(),
            element_id: "raise_incident".to_owned(),
            kind: "EXTRACT_VALUE_ERROR".to_owned(),
            message: "the order takes too long\n| it waits".to_owned(),
            since: "2026-01-01T10:05:00Z".to_owned(),
            job_key: None,
        });
        let orders = vec![
            order("o-1", "Book", "2026-01-01T09:00:00Z", State::Completed),
            stuck.clone(),
            order("o-3", "Ale", "2026-01-01T11:00:00Z", State::Completed),
        ];
        let choice = Choice {
            ended_too: true,
            limit: 2,
        };
        let now = "2026-01-01T11:06:00Z".parse().unwrap();
        let done = report(&[stuck], orders, &choice, now);
        assert_eq!(
            done.line,
            "standing incidents: 1; orders in progress: 1 of 3"
        );
        expect_file!["../../../tests/expected/status.md"].assert_eq(&done.markdown);
    }

    #[test]
    fn the_form_s_bounds_are_checked_here() {
        let read = |show: &str, limit: &str| {
            let values = [("show", show), ("limit", limit)];
            let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let read = Choice::read(&Inputs::new(values).unwrap());
            read.map_err(|refusal| refusal.to_string())
        };
        assert!(read("all", "500").is_ok_and(|choice| choice.ended_too && choice.limit == 500));
        assert!(read("", "").is_ok_and(|choice| !choice.ended_too && choice.limit == 50));
        for (show, limit, words) in [
            (
                "open",
                "0",
                "'limit' must be a whole number from 1 to 500, but is 0",
            ),
            ("open", "501", "but is 501"),
            ("open", "1.5", "but is another text"),
            ("most", "5", "'show' must be open or all"),
        ] {
            let refusal = read(show, limit).err().unwrap();
            assert!(refusal.contains(words), "{refusal}");
        }
    }
}
