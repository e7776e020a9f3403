//! The shipping service: what went out. It owns table `shipments`.

mod operations;
mod payload;

use messaging::operation::{Field, Kind, Operation, Prepared, Service};
use messaging::payload::one_line;

use crate::payload::ShipOrder;

/// The service's table of operations.
pub const SERVICE: Service = Service {
    name: "shipping",
    about: "Ships what was paid, under a tracking number",
    operations: &[Operation {
        event_type: "ship_order",
        about: "Sends a product to a customer and gives its tracking number",
        fields: &[
            Field {
                name: "customer_id",
                kind: Kind::Text,
                about: "Id of the customer's record",
            },
            Field {
                name: "product",
                kind: Kind::Text,
                about: "Name of the product",
            },
            Field {
                name: "quantity",
                kind: Kind::Number,
                about: "How many, at least 1",
            },
        ],
        result_message: Some("SHIPPED_TO_CUSTOMER"),
        business_error: None,
        prepare: |dispatch| {
            let payload = ShipOrder::read(dispatch)?;
            let subject = format!(
                "shipping: ship {} x {}",
                payload.quantity,
                one_line(&payload.product, 48)
            );
            let id = dispatch.id().to_owned();
            let tracking_number = operations::tracking_number(&dispatch.key());
            Ok(Prepared::change(subject, move |tx| {
                operations::ship_order(&id, &payload, &tracking_number, tx)
            }))
        },
    }],
};
