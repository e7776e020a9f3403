//! `shop rules`: makes dispatches go wrong on purpose, and stops it again.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use serde_json::json;
use shop::dispatches::{Rule, StandingRule};
use shop::session::Session;

use crate::ui;

/// What a rule can do, as the dispatcher names it.
const ACTIONS: [&str; 8] = [
    "drop",
    "duplicate",
    "delay",
    "reorder",
    "fail",
    "cancel",
    "drop_answer",
    "double_answer",
];

/// List what goes wrong on purpose; add to it, or let everything go right again
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(clap::Subcommand)]
enum Change {
    Add(Add),
    /// Let everything go right again
    Clear,
}

/// Make dispatches go wrong; docs/dispatcher.md says what each action does
#[derive(clap::Args)]
struct Add {
    /// What happens to the dispatch, or to its run
    #[arg(value_name = "ACTION", value_parser = PossibleValuesParser::new(ACTIONS))]
    action: String,
    /// Only dispatches of this event type [default: any]
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// Only dispatches of this order [default: any]
    #[arg(long, value_name = "ID")]
    order_id: Option<String>,
    /// How often [default: until `shop rules clear`]
    #[arg(long, value_name = "N")]
    times: Option<u32>,
    /// How long delay, reorder and cancel wait, in milliseconds
    #[arg(long, value_name = "N")]
    delay_ms: Option<u64>,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let dispatches = session.dispatches()?;
    match args.change {
        None => {}
        Some(Change::Clear) => dispatches.remove_rules().await?,
        Some(Change::Add(add)) => {
            let rule = Rule {
                event_type: add.event_type,
                order_id: add.order_id,
                action: add.action,
                times: add.times,
                delay_ms: add.delay_ms,
            };
            dispatches.add(&rule).await?;
        }
    }
    let rules = dispatches.rules().await?;
    if json {
        ui::json(&json!({ "rules": rules }));
    } else if rules.is_empty() {
        ui::note("no rules: nothing goes wrong on purpose");
    } else {
        let rows: Vec<_> = rules.iter().map(row).collect();
        let headings = [
            "RULE",
            "ACTION",
            "EVENT TYPE",
            "ORDER",
            "TIMES LEFT",
            "USED",
        ];
        ui::table(&headings, &rows);
    }
    Ok(())
}

fn row(standing: &StandingRule) -> Vec<String> {
    let rule = &standing.rule;
    let any = |field: &Option<String>| field.clone().unwrap_or_else(|| "any".to_owned());
    let action = match rule.delay_ms {
        Some(delay) => format!("{} {delay} ms", rule.action),
        None => rule.action.clone(),
    };
    let times = rule.times.map(|times| times.to_string());
    vec![
        standing.id.to_string(),
        action,
        any(&rule.event_type),
        any(&rule.order_id),
        times.unwrap_or_else(|| "no end".to_owned()),
        standing.used.to_string(),
    ]
}
