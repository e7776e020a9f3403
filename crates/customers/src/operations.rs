//! What the service does with records.

use ghettodb::{Record, Transaction};
use messaging::operation::{Answer, Error};
use serde_json::json;

use crate::payload::UpsertCustomer;

/// Writes the customer's record, found by e-mail address, and answers with its id.
pub(crate) fn upsert_customer(
    payload: &UpsertCustomer,
    tx: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let by_email = Record::from_iter([("email".to_owned(), json!(payload.email))]);
    let fields = Record::from_iter([
        ("email".to_owned(), json!(payload.email)),
        ("name".to_owned(), json!(payload.name)),
        ("address".to_owned(), json!(payload.address)),
        ("payment_method".to_owned(), json!(payload.payment_method)),
    ]);
    let record = tx.upsert("customers", &by_email, fields)?;
    Ok(Answer::from_iter([(
        "customer_id".to_owned(),
        record["_id"].clone(),
    )]))
}
