//! The order's record: written once, compared ever after.

use ghettodb::{Database, Record, Snapshot, TransactError, Transaction, canonical_sha256};
use messaging::mode::Failure;
use messaging::operation::{self, Error};
use messaging::payload::{AMOUNT_MAX, Refusal, one_line, stored_number};
use messaging::repository;
use serde_json::{Map, Value, json};

use crate::input::Form;

/// Name of what is done, as in idempotency keys and commits.
pub(crate) const OPERATION: &str = "place_order";

/// An order that stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// In the currency's minor unit.
    pub(crate) amount: i64,
    pub(crate) currency: String,
    /// When it was first placed, RFC 3339.
    pub(crate) placed_at: String,
    /// The time of this transaction, RFC 3339.
    pub(crate) now: String,
    /// The commit that this run wrote, once it is pushed.
    pub(crate) commit: Option<String>,
}

impl Placed {
    /// Whether this run placed it.
    pub(crate) fn is_new(&self) -> bool {
        self.placed_at == self.now
    }
}

/// Writes the order's record if it is absent. The price is that of the first time.
///
/// # Errors
/// When the product is unknown, or the id was used for an order with other content.
pub(crate) fn place(form: &Form, tx: &mut Transaction<'_>) -> Result<Placed, Error> {
    let mut payload = form.content();
    payload.insert("_id".to_owned(), json!(form.id));
    let digest = canonical_sha256(&Value::Object(payload));
    let now = tx.now().to_owned();
    match ghettodb::once(tx, &form.key(), &digest, |tx| insert(form, tx)) {
        Ok(kept) => {
            let (Some(amount), Some(currency), Some(placed_at)) = (
                stored_number(kept.get("amount")),
                kept["currency"].as_str(),
                kept["placed_at"].as_str(),
            ) else {
                return Err(Error::Journal(form.key()));
            };
            Ok(Placed {
                amount,
                currency: currency.to_owned(),
                placed_at: placed_at.to_owned(),
                now,
                commit: None,
            })
        }
        Err(Error::Database(ghettodb::Error::KeyReused { .. })) => Err(other_content(form, tx)?),
        Err(error) => Err(error),
    }
}

/// Gives what the journal keeps: price and time, and a digest of each field of the form, so that
/// a later order of this id can be told which field differs without keeping what it was.
fn insert(form: &Form, tx: &mut Transaction<'_>) -> Result<Value, Error> {
    let (mut amount, mut currency) = price(form, tx)?;
    let mut placed_at = tx.now().to_owned();
    match tx.get("orders", &form.id)? {
        None => {
            let order = json!({
                "_id": form.id,
                "customer": form.customer_email,
                "product": form.product,
                "quantity": form.quantity,
                "amount": amount,
                "currency": currency,
            });
            tx.insert("orders", ghettodb::record_from(order)?)?;
        }
        // A record of another hand, without a journal.
        Some(order) => {
            compare(form, &order)?;
            if let Some(kept) = stored_number(order.get("amount")) {
                amount = kept;
            }
            if let Some(kept) = text(&order, "currency") {
                currency = kept;
            }
            if let Some(kept) = text(&order, "_updated") {
                placed_at = kept;
            }
        }
    }
    Ok(json!({
        "amount": amount,
        "currency": currency,
        "placed_at": placed_at,
        "fields": digests(&form.content()),
    }))
}

fn compare(form: &Form, order: &Record) -> Result<(), Refusal> {
    let same = [
        (
            "customer_email",
            text(order, "customer").as_ref() == Some(&form.customer_email),
        ),
        (
            "product",
            text(order, "product").as_ref() == Some(&form.product),
        ),
        (
            "quantity",
            stored_number(order.get("quantity")) == Some(form.quantity),
        ),
    ];
    match same.iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(differs(form, field)),
        None => Ok(()),
    }
}

/// Names the field in which an order differs from the one of the same id.
fn other_content(form: &Form, tx: &Transaction<'_>) -> Result<Error, Error> {
    let kept = ghettodb::kept(tx, &form.key())?;
    let kept = kept
        .as_ref()
        .and_then(|record| record.get("result")?.get("fields"));
    let ours = digests(&form.content());
    let field = ours
        .iter()
        .find(|(name, digest)| kept.and_then(|kept| kept.get(name.as_str())) != Some(digest))
        .map_or("_id", |(name, _)| name);
    Ok(differs(form, field).into())
}

fn differs(form: &Form, field: &str) -> Refusal {
    Refusal::State(format!(
        "order '{}' was placed before with another '{field}'; give a new order its own id",
        one_line(&form.id, 60)
    ))
}

fn digests(content: &Map<String, Value>) -> Map<String, Value> {
    let digest = |value: &Value| Value::from(canonical_sha256(value));
    content
        .iter()
        .map(|(name, value)| (name.clone(), digest(value)))
        .collect()
}

/// Quantity times the product's price, and its currency.
fn price(form: &Form, tx: &Transaction<'_>) -> Result<(i64, String), Error> {
    let by_name = Record::from_iter([("product".to_owned(), json!(form.product))]);
    let Some(product) = tx.find_one("products", &by_name)? else {
        let names = tx.find("products", &Record::new())?;
        let names: Vec<_> = names
            .iter()
            .filter_map(|record| text(record, "product"))
            .collect();
        return Err(unknown(&form.product, &names).into());
    };
    let broken = |field, rule| Error::Record {
        table: "products",
        id: text(&product, "_id").unwrap_or_default(),
        field,
        rule,
    };
    let price = stored_number(product.get("price"))
        .filter(|price| *price > 0)
        .ok_or_else(|| broken("price", "a whole number above 0"))?;
    let currency = text(&product, "currency").ok_or_else(|| broken("currency", "a text"))?;
    let amount = price
        .checked_mul(form.quantity)
        .filter(|amount| *amount <= AMOUNT_MAX)
        .ok_or_else(|| {
            let rule = format!(
                "so few that they cost at most {AMOUNT_MAX} in the minor unit of {currency}"
            );
            Refusal::field("quantity", rule, form.quantity.to_string())
        })?;
    Ok((amount, currency))
}

fn unknown(product: &str, names: &[String]) -> Refusal {
    let shelf = match names {
        [] => "the shop has no products: table 'products' is empty".to_owned(),
        names => format!("the shop has {}", one_line(&names.join(", "), 300)),
    };
    Refusal::State(format!(
        "unknown product '{}'; {shelf}",
        one_line(product, 60)
    ))
}

/// The inputs of an order that stands in the books, as far as they are kept: the customer's are in
/// the customer's own record, once the order got that far.
pub(crate) fn known_inputs(
    id: &str,
    snapshot: &Snapshot,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let database = |error| Failure::Repository(repository::Error::Database(error));
    let Some(order) = snapshot.get("orders", id).map_err(database)? else {
        let why = format!("unknown order '{}'", one_line(id, 60));
        return Err(Failure::from(Refusal::State(why)));
    };
    let mut inputs = vec![("order_id", id.to_owned())];
    inputs.extend(text(&order, "product").map(|text| ("product", text)));
    let quantity = stored_number(order.get("quantity"));
    inputs.extend(quantity.map(|number| ("quantity", number.to_string())));
    let Some(email) = text(&order, "customer") else {
        return Ok(inputs);
    };
    let by_email = Record::from_iter([("email".to_owned(), json!(email))]);
    inputs.push(("customer_email", email));
    let customers = snapshot.find("customers", &by_email).map_err(database)?;
    if let Some(customer) = customers.first() {
        for (input, field) in [
            ("customer_name", "name"),
            ("customer_address", "address"),
            ("payment_method", "payment_method"),
        ] {
            inputs.extend(text(customer, field).map(|text| (input, text)));
        }
    }
    Ok(inputs)
}

/// Keeps the key of the order's process instance in its record.
pub(crate) fn keep_instance(
    database: &mut Database,
    form: &Form,
    process_instance_key: &str,
) -> Result<(), Failure> {
    let message = ghettodb::Message {
        subject: format!("orders: process instance {process_instance_key}"),
        trailers: vec![("Order-Id".to_owned(), form.id.clone())],
    };
    let key = json!(process_instance_key);
    let result = database.transact(&message, |tx| {
        let order = tx.get("orders", &form.id)?;
        let known = order.is_some_and(|order| order.get("process_instance_key") == Some(&key));
        if !known {
            let field = ("process_instance_key".to_owned(), key.clone());
            tx.update("orders", &form.id, Record::from_iter([field]))?;
        }
        Ok::<_, ghettodb::Error>(())
    });
    match result {
        Ok(_) => Ok(()),
        Err(TransactError::Operation(error) | TransactError::Database(error)) => {
            Err(operation::Error::Database(error).into())
        }
    }
}

fn text(record: &Record, field: &str) -> Option<String> {
    record.get(field).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests;
