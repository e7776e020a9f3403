//! `shop cancel`: ends an order, and names what it still holds.

use anyhow::Result;
use serde_json::{Value, json};
use shop::engine;
use shop::failure::{Exit, Failure};
use shop::ledger::{Books, OrderBooks};
use shop::session::Session;

use super::order_instance;
use crate::ui;

/// Cancel an order; says what it still holds
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The order's _id
    #[arg(value_name = "ID")]
    id: String,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let instance = order_instance(&session.view()?, &args.id).await?;
    let client = session.client().await?;
    if !engine::cancel(&client, &instance.key).await? {
        return Err(Failure::new(
            Exit::Refused,
            format!("order '{}' has ended already", args.id),
        )
        .hint(format!("shop status {}", args.id))
        .into());
    }
    let books = match session.settings.repository {
        Some(_) => Some(Books::fetch(&mut session.database()?)?),
        None => None,
    };
    let held = books.as_ref().map(|books| holdings(&books.order(&args.id)));
    if json {
        ui::json(&json!({
            "_id": args.id, "process_instance_key": instance.key, "cancelled": true, "holds": held,
        }));
        return Ok(());
    }
    ui::line(&format!("cancelled {}", args.id));
    if let Some(books) = &books {
        ui::line(&in_words(&args.id, &books.order(&args.id)));
    }
    Ok(())
}

/// What an order took and did not give back.
pub(crate) fn holdings(order: &OrderBooks<'_>) -> Value {
    let payment = order.kept_payment().map(|(id, amount, currency)| {
        json!({ "payment_id": id, "amount": amount, "currency": currency })
    });
    json!({ "pieces_of_stock": order.held(), "payment": payment })
}

pub(crate) fn in_words(id: &str, order: &OrderBooks<'_>) -> String {
    let stock = match order.held() {
        0 => None,
        1 => Some("1 piece of stock".to_owned()),
        pieces => Some(format!("{pieces} pieces of stock")),
    };
    let payment = order.kept_payment().map(|(payment, amount, currency)| {
        format!(
            "payment {payment} of {}.{:02} {currency} (give it back: shop refund {id})",
            amount / 100,
            amount % 100
        )
    });
    match (stock, payment) {
        (None, None) => "it holds neither stock nor a payment".to_owned(),
        (Some(one), None) | (None, Some(one)) => format!("it still holds {one}"),
        (Some(stock), Some(payment)) => format!("it still holds {stock} and {payment}"),
    }
}
