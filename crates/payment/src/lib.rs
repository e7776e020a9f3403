//! The payment service: who paid. It owns table `payments`.
//!
//! The provider is asked before the transaction, with the dispatch's idempotency key, since a
//! transaction may run again on a newer tip. A declined card is a result, not an error.

mod operations;
mod payload;
pub mod sandbox;

use messaging::operation::{BusinessError, Field, Kind, Operation, Prepared, Service};
use messaging::payload::{money, one_line};

use crate::payload::{ChargeCustomer, RefundCustomer};

/// The service's table of operations.
pub const SERVICE: Service = Service {
    name: "payment",
    about: "Charges and refunds customers over a payment provider, here a sandbox",
    operations: &[
        Operation {
            event_type: "charge_customer",
            about: "Charges a customer and says whether that went well",
            fields: &[
                Field {
                    name: "customer_id",
                    kind: Kind::Text,
                    about: "Id of the customer's record",
                },
                Field {
                    name: "payment_method",
                    kind: Kind::Text,
                    about: "Token of the provider, such as pm_card_visa; never a card number",
                },
                Field {
                    name: "amount",
                    kind: Kind::Number,
                    about: "Amount in the currency's minor unit",
                },
                Field {
                    name: "currency",
                    kind: Kind::Text,
                    about: "Currency, such as EUR",
                },
            ],
            result_message: Some("CHARGED_CUSTOMER"),
            business_error: Some(BusinessError {
                unless: "customer_charged",
                code: "CHARGE_DECLINED",
                message: "the payment provider declined the charge",
            }),
            prepare: |dispatch| {
                let payload = ChargeCustomer::read(dispatch)?;
                let charge = sandbox::charge(&dispatch.key(), &payload.payment_method);
                let amount = money(payload.amount, &payload.currency);
                let subject = match &charge.decline_reason {
                    None => format!("payment: charge {amount}"),
                    Some(reason) => format!("payment: decline {amount}, {reason}"),
                };
                let id = dispatch.id().to_owned();
                Ok(Prepared::change(subject, move |tx| {
                    operations::charge_customer(&id, &payload, &charge, tx)
                }))
            },
        },
        Operation {
            event_type: "refund_customer",
            about: "Gives a captured payment back, whole and once",
            fields: &[Field {
                name: "payment_id",
                kind: Kind::Text,
                about: "Id of the payment's record",
            }],
            result_message: None,
            business_error: None,
            prepare: |dispatch| {
                let payload = RefundCustomer::read(dispatch)?;
                let subject = format!("payment: refund {}", one_line(&payload.payment_id, 48));
                let refund_id = sandbox::refund(&dispatch.key());
                Ok(Prepared::change(subject, move |tx| {
                    operations::refund_customer(&payload, &refund_id, tx)
                }))
            },
        },
    ],
};
