//! What the service does with records.

use ghettodb::{Record, Transaction};
use messaging::operation::{Answer, Error};
use serde_json::{Value, json};

use crate::payload::ShipOrder;

/// Writes the shipment.
pub(crate) fn ship_order(
    order_id: &str,
    payload: &ShipOrder,
    tracking_number: &str,
    tx: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let shipment = record([
        ("order_id", json!(order_id)),
        ("customer_id", json!(payload.customer_id)),
        ("product", json!(payload.product)),
        ("quantity", json!(payload.quantity)),
        ("tracking_number", json!(tracking_number)),
    ]);
    let shipment = tx.insert("shipments", shipment)?;
    Ok(record([
        ("shipment_id", shipment["_id"].clone()),
        ("tracking_number", json!(tracking_number)),
    ]))
}

/// The carrier's number, a function of the idempotency key: one parcel has one, however often its
/// label is asked for.
pub(crate) fn tracking_number(key: &str) -> String {
    let digest = ghettodb::canonical_sha256(&Value::from(key));
    format!("BR{}", digest[..14].to_uppercase())
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Record {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
