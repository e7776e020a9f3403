//! The customers service: who orders. It owns table `customers` and knows no other.

mod operations;
mod payload;

use messaging::operation::{Field, Kind, Operation, Prepared, Service};
use messaging::payload::one_line;

use crate::payload::UpsertCustomer;

/// The service's table of operations.
pub const SERVICE: Service = Service {
    name: "customers",
    about: "Keeps the shop's customers, one record each by e-mail address",
    operations: &[Operation {
        event_type: "upsert_customer",
        about: "Writes a customer's record, new or not, and gives its id",
        fields: &[Field {
            name: "customer",
            kind: Kind::Object(&["email", "name", "address", "payment_method"]),
            about: "{\"email\", \"name\", \"address\", \"payment_method\"}",
        }],
        result_message: Some("GOT_CUSTOMER"),
        business_error: None,
        prepare: |dispatch| {
            let payload = UpsertCustomer::read(dispatch)?;
            let subject = format!("customers: upsert {}", one_line(&payload.email, 50));
            Ok(Prepared::change(subject, move |tx| {
                operations::upsert_customer(&payload, tx)
            }))
        },
    }],
};
