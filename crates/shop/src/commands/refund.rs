//! `shop refund`: asks the payment service to give an order's payment back.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use shop::failure::{Exit, Failure};
use shop::ledger::Books;
use shop::session::Session;
use shop::wait::until;

use crate::ui;

/// How long the refund may take to appear in the data repository.
const REFUND_TIMEOUT: Duration = Duration::from_secs(120);

/// Give the payment of an order back
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The order's _id
    #[arg(value_name = "ID")]
    id: String,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let mut database = session.database()?;
    let books = Books::fetch(&mut database)?;
    let order = books.order(&args.id);
    let Some((payment, amount, currency)) = order.kept_payment() else {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "order '{}' has no captured payment that was not refunded",
                args.id
            ),
        )
        .hint(format!("shop audit {}", args.id))
        .into());
    };
    let (dispatches, repository) = session.dispatch_target()?;
    let payload = json!({ "_id": args.id, "payment_id": payment });
    dispatches
        .dispatch(&repository, "refund_customer", &payload)
        .await?;
    let what = format!("refund of payment {payment}");
    until(&what, REFUND_TIMEOUT, async || {
        let books = Books::fetch(&mut database)?;
        let refunded = books.order(&args.id).payments_of("refunded") > 0;
        Ok(refunded.then_some(()))
    })
    .await?;
    if json {
        ui::json(&json!({
            "_id": args.id, "payment_id": payment, "amount": amount, "currency": currency,
            "refunded": true,
        }));
    } else {
        ui::line(&format!(
            "refunded {}.{:02} {currency} of order {} (payment {payment})",
            amount / 100,
            amount % 100,
            args.id
        ));
    }
    Ok(())
}
