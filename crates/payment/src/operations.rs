//! What the service does with records. What the provider said comes in as an argument.

use ghettodb::{Record, Transaction};
use messaging::operation::{Answer, Error};
use messaging::payload::{Refusal, one_line, stored_number};
use serde_json::{Value, json};

use crate::payload::{ChargeCustomer, RefundCustomer};
use crate::sandbox::Charge;

/// Keeps the provider's answer as a payment, captured or declined.
pub(crate) fn charge_customer(
    order_id: &str,
    payload: &ChargeCustomer,
    charge: &Charge,
    tx: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let status = match charge.decline_reason {
        None => "captured",
        Some(_) => "declined",
    };
    let mut payment = record([
        ("_id", json!(charge.payment_id)),
        ("order_id", json!(order_id)),
        ("customer_id", json!(payload.customer_id)),
        ("amount", json!(payload.amount)),
        ("currency", json!(payload.currency)),
        ("status", json!(status)),
    ]);
    if let Some(reason) = charge.decline_reason {
        payment.insert("decline_reason".to_owned(), json!(reason));
    }
    tx.insert("payments", payment)?;
    Ok(record([
        ("customer_charged", json!(charge.decline_reason.is_none())),
        ("payment_id", json!(charge.payment_id)),
        ("decline_reason", json!(charge.decline_reason)),
    ]))
}

/// Adds a refund to a captured payment that has none yet.
pub(crate) fn refund_customer(
    payload: &RefundCustomer,
    refund_id: &str,
    tx: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let name = one_line(&payload.payment_id, 60);
    let refuse = |why: &str| Error::from(Refusal::State(format!("payment '{name}' {why}")));
    let Some(payment) = tx.get("payments", &payload.payment_id)? else {
        return Err(refuse("does not exist, so it cannot be refunded"));
    };
    if payment.get("status").and_then(Value::as_str) != Some("captured") {
        return Err(refuse("was not captured, so it cannot be refunded"));
    }
    let same = record([("refund_of", json!(payload.payment_id))]);
    if tx.find_one("payments", &same)?.is_some() {
        return Err(refuse("was already refunded"));
    }
    if stored_number(payment.get("amount")).is_none() {
        return Err(Error::Record {
            table: "payments",
            id: payload.payment_id.clone(),
            field: "amount",
            rule: "a whole number",
        });
    }
    let field = |name: &str| payment.get(name).cloned().unwrap_or(Value::Null);
    let refund = record([
        ("_id", json!(refund_id)),
        ("order_id", field("order_id")),
        ("customer_id", field("customer_id")),
        ("amount", field("amount")),
        ("currency", field("currency")),
        ("status", json!("refunded")),
        ("refund_of", json!(payload.payment_id)),
    ]);
    tx.insert("payments", refund)?;
    Ok(record([
        ("refund_id", json!(refund_id)),
        ("amount", field("amount")),
        ("currency", field("currency")),
    ]))
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Record {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
