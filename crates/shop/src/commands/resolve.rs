//! `shop resolve`: gives an incident another try, in the way that its kind asks for.

use anyhow::Result;
use serde_json::json;
use shop::engine::{self, Resolved};
use shop::failure::{Exit, Failure};
use shop::session::Session;

use crate::ui;

/// Resolve an incident: new retries for a job, acknowledgement for an alarm
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The incident's key, as `shop incidents` shows it
    #[arg(value_name = "KEY")]
    key: String,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let standing = session.view()?.incidents(None).await?;
    let found = standing
        .iter()
        .find(|(_, incident)| incident.key == args.key);
    let Some((instance_key, incident)) = found else {
        return Err(Failure::new(
            Exit::Refused,
            format!("no standing incident has the key '{}'", args.key),
        )
        .hint("`shop incidents` lists them; one that was resolved may stand again under a new key")
        .into());
    };
    let client = session.client().await?;
    let (how, words) = match engine::resolve(&client, instance_key, incident).await? {
        Resolved::Job => ("job", "its job got new retries"),
        Resolved::Alarm => (
            "alarm",
            "the alarm is acknowledged; the order itself goes on",
        ),
        Resolved::Other => ("other", "the engine tries again"),
    };
    if json {
        ui::json(&json!({ "incident_key": args.key, "resolved": true, "kind": how }));
    } else {
        ui::line(&format!("resolved {}: {words}", args.key));
    }
    Ok(())
}
