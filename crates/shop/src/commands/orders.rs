//! `shop orders`: every order that the engine knows, newest first.

use anyhow::Result;
use serde_json::json;
use shop::engine::{ORDER_PROCESSES, Which};
use shop::outcome::{self, Instance};
use shop::session::Session;

use super::{order_json, shown};
use crate::ui;

/// List the orders, newest first
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, session: &Session, json: bool) -> Result<()> {
    let view = session.view()?;
    let mut orders = view.instances(Which::Processes(&ORDER_PROCESSES)).await?;
    orders.sort_by(|one, other| other.started.cmp(&one.started));
    if json {
        let orders: Vec<_> = orders.iter().map(order_json).collect();
        ui::json(&json!({ "orders": orders }));
        return Ok(());
    }
    if orders.is_empty() {
        ui::note("no orders yet; place one: shop order --product ...");
        return Ok(());
    }
    let now = session.engine_now().await;
    let rows: Vec<Vec<String>> = orders.iter().map(|order| row(order, now)).collect();
    ui::table(&["ORDER", "PRODUCT", "QUANTITY", "OUTCOME"], &rows);
    Ok(())
}

/// An order for people: id, product, quantity, and its outcome at this time.
pub(crate) fn row(order: &Instance, now: jiff::Timestamp) -> Vec<String> {
    vec![
        shown(order, "_id"),
        shown(order, "product"),
        shown(order, "quantity"),
        outcome::of(order).words(now),
    ]
}
