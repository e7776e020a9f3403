//! The orders' story: a restock of three products, an order that is fulfilled, one out of stock, one declined,
//! and two of products whose names no shell, no YAML and no table may take for anything but text.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::PATIENCE;
use super::compare::Essence;
use super::tree::{self, Tree};
use crate::store::Store;

/// A name that starts a program where it reaches a shell, and breaks quotes of both kinds.
const SHELL: &str = "$(touch pwned) \"x'; --`";
/// Products that the shop has from its start.
const STOCKED: [&str; 3] = [
    "Limited Edition Zeebe T-shirt",
    "Camunda Escalation Ale",
    "Real-Life BPMN Book",
];
/// Units of each product on the shelf.
const LEVEL: i64 = 5;

/// 200 emoji of four bytes each.
fn emoji() -> String {
    "🎁🧦🚀🐙".repeat(50)
}

/// An order, and what must become of it.
struct Order {
    id: &'static str,
    product: String,
    quantity: i64,
    card: &'static str,
    outcome: &'static str,
}

fn orders() -> [Order; 5] {
    let order = |id, product: &str, quantity, card, outcome| Order {
        id,
        product: product.to_owned(),
        quantity,
        card,
        outcome,
    };
    let visa = "pm_card_visa";
    [
        order("e2e-fulfilled", STOCKED[0], 2, visa, "fulfilled"),
        order(
            "e2e-out-of-stock",
            STOCKED[1],
            LEVEL + 1,
            visa,
            "out_of_stock",
        ),
        order(
            "e2e-declined",
            STOCKED[2],
            1,
            "pm_card_chargeDeclined",
            "declined",
        ),
        order("e2e-shell", SHELL, 1, visa, "fulfilled"),
        order("e2e-emoji", &emoji(), 1, visa, "fulfilled"),
    ]
}

/// Tells the story in a fresh store, by the forms of the workflow files; gives what is in its books then.
pub(super) fn run(store: &Store, wire: &Path) -> Result<(Essence, String)> {
    for product in [SHELL, &emoji()] {
        let record = json!({ "product": product, "price": 100, "currency": "EUR" });
        let query = json!({ "product": product }).to_string();
        let record = record.to_string();
        store.ghettodb(&[
            "upsert", "--table", "products", "--query", &query, "--record", &record,
        ])?;
    }
    let mut made = BTreeMap::new();
    restock(store, &STOCKED, "restock of three", &mut made)?;
    restock(store, &[SHELL, &emoji()], "restock of two", &mut made)?;
    let orders = orders();
    for order in &orders {
        let inputs = json!({
            "product": order.product,
            "quantity": order.quantity,
            "customer_email": format!("{}@example.com", order.id),
            "customer_name": order.id,
            "customer_address": "1 Main Street",
            "payment_method": order.card,
            "order_id": order.id,
        });
        store.dispatcher().form("place-order.yml", &inputs)?;
    }
    for order in &orders {
        ended(store, order)?;
    }
    let tree = Tree::read(&store.data)?;
    literally(&tree, &orders)?;
    tree.balance()?;
    store.ghettodb(&["fsck"])?;
    let touched = std::fs::read_to_string(wire).unwrap_or_default();
    ensure!(
        !touched.contains("pwned"),
        "a product's name ran a program: touch {touched}"
    );
    let essence = Essence::of(&tree, &made);
    let detail = format!(
        "{} orders, 2 restocks, {} records, names of products literally",
        orders.len(),
        tree.len()
    );
    Ok((essence, detail))
}

/// Sets products to their level, and notes the id that the orchestrator gave to the restock.
fn restock(
    store: &Store,
    products: &[&str],
    name: &str,
    made: &mut BTreeMap<String, String>,
) -> Result<()> {
    let inputs = json!({ "stock_level": LEVEL, "products": products.join("\n") });
    store.dispatcher().form("restock-shop.yml", &inputs)?;
    let rounds = store.until(name, PATIENCE, || {
        let deliveries = store.dispatcher().deliveries()?;
        let rounds = deliveries
            .iter()
            .filter(|delivery| delivery["event_type"] == "restock_item")
            .filter(|delivery| delivery["state"] == "succeeded")
            .filter_map(|delivery| delivery["_id"].as_str()?.split_once('/'))
            .map(|(restock, _)| restock.to_owned())
            .filter(|restock| !made.contains_key(restock))
            .collect::<Vec<_>>();
        Ok((rounds.len() == products.len()).then_some(rounds))
    })?;
    made.extend(rounds.into_iter().map(|restock| (restock, name.to_owned())));
    Ok(())
}

/// Waits for an order's end, which must be the right one.
fn ended(store: &Store, order: &Order) -> Result<()> {
    let what = format!("end of order '{}'", order.id);
    let outcome = store.until(&what, PATIENCE, || {
        let orders = store.shop(&["orders"])?;
        let orders = orders["orders"].as_array().context("no list of orders")?;
        let found = orders.iter().find(|known| known["_id"] == order.id);
        let outcome = found.and_then(|known| known["outcome"].as_str());
        Ok(outcome
            .filter(|outcome| *outcome != "in_progress")
            .map(str::to_owned))
    })?;
    if outcome != order.outcome {
        bail!("order '{}' is {outcome}, not {}", order.id, order.outcome);
    }
    Ok(())
}

/// Checks that the odd names stand in the books as they were given, wherever an order leaves one.
fn literally(tree: &Tree, orders: &[Order]) -> Result<()> {
    for order in orders.iter().filter(|order| order.outcome == "fulfilled") {
        for (table, field) in [("orders", "_id"), ("shipments", "order_id")] {
            let record = tree.one(table, field, order.id)?;
            let product = tree::text(record, "product")?;
            ensure!(
                product == order.product,
                "db/{table} has '{product}' of order '{}', not '{}'",
                order.id,
                order.product
            );
        }
        let level = tree::number(tree.one("stock", "product", &order.product)?, "stock_level")?;
        let left = LEVEL - order.quantity;
        ensure!(
            level == left,
            "{level} of '{}' are left, not {left}",
            order.product
        );
    }
    Ok(())
}
