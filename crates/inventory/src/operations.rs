//! What the service does with records.

use ghettodb::{Record, Transaction};
use messaging::operation::{Answer, Error};
use messaging::payload::stored_number;
use serde_json::{Value, json};

use crate::payload::{Change, GetStockLevel, RestockItem};

/// Why a level changed, as its movement says.
#[derive(Clone, Copy)]
enum Reason {
    Restock,
    Order,
    Return,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Reason::Restock => "restock",
            Reason::Order => "order",
            Reason::Return => "return",
        }
    }
}

/// Sets the level; the movement is the difference to what was there.
pub(crate) fn restock_item(
    id: &str,
    payload: &RestockItem,
    tx: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let difference = payload.stock_level - level(&payload.product, tx)?;
    move_stock(id, &payload.product, difference, Reason::Restock, tx)?;
    Ok(answer([("stock_level", json!(payload.stock_level))]))
}

/// Reads the level.
pub(crate) fn get_stock_level(
    payload: &GetStockLevel,
    tx: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let level = level(&payload.product, tx)?;
    Ok(answer([("stock_level", json!(level))]))
}

/// Takes from the level only if enough is left.
pub(crate) fn decrement_stock(
    id: &str,
    payload: &Change,
    tx: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let before = level(&payload.product, tx)?;
    let reserved = before >= payload.quantity;
    let after = if reserved {
        move_stock(id, &payload.product, -payload.quantity, Reason::Order, tx)?
    } else {
        before
    };
    Ok(answer([
        ("stock_reserved", json!(reserved)),
        ("stock_level", json!(after)),
    ]))
}

/// Gives back to the level.
pub(crate) fn increment_stock(
    id: &str,
    payload: &Change,
    tx: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let after = move_stock(id, &payload.product, payload.quantity, Reason::Return, tx)?;
    Ok(answer([("stock_level", json!(after))]))
}

/// Changes the level and writes the movement: the only way in which a level changes.
fn move_stock(
    order_id: &str,
    product: &str,
    difference: i64,
    reason: Reason,
    tx: &mut Transaction<'_>,
) -> Result<i64, Error> {
    let after = level(product, tx)?.saturating_add(difference);
    let fields = answer([("product", json!(product)), ("stock_level", json!(after))]);
    tx.upsert("stock", &by_product(product), fields)?;
    let movement = answer([
        ("order_id", json!(order_id)),
        ("product", json!(product)),
        ("quantity", json!(difference)),
        ("reason", json!(reason.as_str())),
    ]);
    tx.insert("stock_movements", movement)?;
    Ok(after)
}

/// A product without a record has level 0; an older record may keep its level as text.
fn level(product: &str, tx: &Transaction<'_>) -> Result<i64, Error> {
    let Some(record) = tx.find_one("stock", &by_product(product))? else {
        return Ok(0);
    };
    stored_number(record.get("stock_level")).ok_or_else(|| Error::Record {
        table: "stock",
        id: record["_id"].as_str().unwrap_or_default().to_owned(),
        field: "stock_level",
        rule: "a whole number",
    })
}

fn by_product(product: &str) -> Record {
    answer([("product", json!(product))])
}

fn answer<const N: usize>(fields: [(&str, Value); N]) -> Record {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
