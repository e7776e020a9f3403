//! The inventory service: what is in stock. It owns tables `stock` and `stock_movements`.
//!
//! *Invariant:* whoever changes a level writes a movement of the same difference in the same
//! commit, so a level is the sum of its movements.

mod operations;
mod payload;

use messaging::operation::{BusinessError, Field, Kind, Operation, Prepared, Service};
use messaging::payload::one_line;

use crate::payload::{Change, GetStockLevel, RestockItem};

const PRODUCT: Field = Field {
    name: "product",
    kind: Kind::Text,
    about: "Name of the product",
};
const QUANTITY: Field = Field {
    name: "quantity",
    kind: Kind::Number,
    about: "How many, at least 1",
};

/// Room for a product's name in a commit's subject.
const SUBJECT_NAME_CHARS: usize = 48;

/// The service's table of operations.
pub const SERVICE: Service = Service {
    name: "inventory",
    about: "Keeps the shop's stock, each level the sum of its movements",
    operations: &[
        Operation {
            event_type: "restock_item",
            about: "Sets a product's stock level",
            fields: &[
                PRODUCT,
                Field {
                    name: "stock_level",
                    kind: Kind::Number,
                    about: "The new level, at least 0",
                },
            ],
            result_message: Some("RESTOCKED"),
            business_error: None,
            prepare: |dispatch| {
                let payload = RestockItem::read(dispatch)?;
                let subject = format!(
                    "inventory: restock {} to {}",
                    one_line(&payload.product, SUBJECT_NAME_CHARS),
                    payload.stock_level
                );
                let id = dispatch.id().to_owned();
                Ok(Prepared::change(subject, move |tx| {
                    operations::restock_item(&id, &payload, tx)
                }))
            },
        },
        Operation {
            event_type: "get_stock_level",
            about: "Reads a product's stock level; 0 for a product that was never in stock",
            fields: &[PRODUCT],
            result_message: Some("GOT_STOCK_LEVEL"),
            business_error: None,
            prepare: |dispatch| {
                let payload = GetStockLevel::read(dispatch)?;
                Ok(Prepared::read("inventory: read a level", move |tx| {
                    operations::get_stock_level(&payload, tx)
                }))
            },
        },
        Operation {
            event_type: "decrement_stock",
            about: "Takes from a product's stock if there is enough, and says whether there was",
            fields: &[PRODUCT, QUANTITY],
            result_message: Some("DECREMENTED_STOCK"),
            business_error: Some(BusinessError {
                unless: "stock_reserved",
                code: "NOT_ENOUGH_STOCK",
                message: "there is not enough of the product in stock",
            }),
            prepare: |dispatch| {
                let payload = Change::read(dispatch)?;
                let subject = subject("reserve", &payload);
                let id = dispatch.id().to_owned();
                Ok(Prepared::change(subject, move |tx| {
                    operations::decrement_stock(&id, &payload, tx)
                }))
            },
        },
        Operation {
            event_type: "increment_stock",
            about: "Gives back to a product's stock",
            fields: &[PRODUCT, QUANTITY],
            result_message: Some("INCREMENTED_STOCK"),
            business_error: None,
            prepare: |dispatch| {
                let payload = Change::read(dispatch)?;
                let subject = subject("give back", &payload);
                let id = dispatch.id().to_owned();
                Ok(Prepared::change(subject, move |tx| {
                    operations::increment_stock(&id, &payload, tx)
                }))
            },
        },
    ],
};

fn subject(verb: &str, change: &Change) -> String {
    format!(
        "inventory: {verb} {} x {}",
        change.quantity,
        one_line(&change.product, SUBJECT_NAME_CHARS)
    )
}
