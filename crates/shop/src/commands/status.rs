//! `shop status`: one order, its outcome, and the way it took through the model.

use anyhow::Result;
use serde_json::{Value, json};
use shop::outcome;
use shop::session::Session;

use super::{order_instance, order_json, shown};
use crate::ui;

/// Show one order: its outcome, where it waits, the way it took
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The order's _id
    #[arg(value_name = "ID")]
    id: String,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let view = session.view()?;
    let order = order_instance(&view, &args.id).await?;
    let path = view.history(&order.key).await?;
    if json {
        let mut document = order_json(&order);
        let elements = path.iter().map(|element| {
            json!({
                "element_id": element.element_id,
                "type": element.kind,
                "state": element.state,
                "started": element.start_date,
                "ended": element.end_date,
            })
        });
        document["elements"] = Value::Array(elements.collect());
        ui::json(&document);
        return Ok(());
    }
    let now = session.engine_now().await;
    ui::line(&format!("order {}", args.id));
    ui::line(&format!(
        "  {} x {}",
        shown(&order, "quantity"),
        ui::one_line(&shown(&order, "product"))
    ));
    ui::line(&format!("  {}", outcome::of(&order).words(now)));
    ui::line(&format!("  process instance {}", order.key));
    for element in path {
        let name = element.element_name.filter(|name| !name.is_empty());
        ui::line(&format!(
            "    {}  {} ({})",
            element.start_date,
            ui::one_line(&name.unwrap_or(element.element_id)),
            element.state.to_lowercase()
        ));
    }
    Ok(())
}
