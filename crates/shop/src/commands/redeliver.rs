//! `shop redeliver`: hands a dispatch that the dispatcher took to its services again.

use anyhow::Result;
use serde_json::json;
use shop::session::Session;

use crate::ui;

/// Deliver a dispatch again; its effect still happens once
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The delivery's id, as `shop audit` shows it
    #[arg(value_name = "DELIVERY")]
    delivery: String,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let delivery = session.dispatches()?.redeliver(&args.delivery).await?;
    if json {
        ui::json(&json!({
            "delivery": delivery.id,
            "event_type": delivery.event_type,
            "_id": delivery.order_id,
            "runs": delivery.runs.iter().map(|run| run.id).collect::<Vec<_>>(),
        }));
    } else {
        ui::line(&format!(
            "delivered {} again ({} of {})",
            delivery.id,
            delivery.event_type,
            delivery.order_id.as_deref().unwrap_or("no order")
        ));
    }
    Ok(())
}
