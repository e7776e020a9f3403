//! `shop order`: places an order through the orchestrator's binary.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use shop::failure::{Exit, Failure};
use shop::orchestrators::{Orchestrators, OrderForm};
use shop::outcome;
use shop::session::Session;
use shop::wait::until;

use super::order_json;
use crate::ui;

/// Place an order
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Name of the product, as in db/products
    #[arg(long, value_name = "NAME", required_unless_present = "restart")]
    product: Option<String>,
    /// How many
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        allow_hyphen_values = true
    )]
    quantity: String,
    /// E-mail address of the customer
    #[arg(long, value_name = "EMAIL", default_value = "jo@example.com")]
    customer_email: String,
    /// Name of the customer
    #[arg(long, value_name = "NAME", default_value = "Jo Example")]
    customer_name: String,
    /// Address of the customer
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "1 Main Street, Springfield"
    )]
    customer_address: String,
    /// Payment token, never a card number
    #[arg(long, value_name = "TOKEN", default_value = "pm_card_visa")]
    payment_method: String,
    /// The order's own _id; the same _id twice is one order [default: a new one]
    #[arg(long, value_name = "ID")]
    order_id: Option<String>,
    /// Which process: dispatch or grpc
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
    /// When an alarm is raised for it, such as PT10S or 5m [default: after five minutes]
    #[arg(long, value_name = "DURATION")]
    fulfilment_timeout: Option<String>,
    /// Start a recorded order again that never got a process
    #[arg(long, value_name = "ID", conflicts_with = "product")]
    restart: Option<String>,
    /// Wait until the order has its outcome
    #[arg(long)]
    wait: bool,
    /// How many seconds to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait_timeout: u64,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let orchestrators = Orchestrators::new(session)?;
    let begun = Instant::now();
    let id = match args.restart {
        Some(id) => {
            // An order with a process needs no second one, whatever became of the first.
            if let Some(instance) = session.view()?.order(&id).await? {
                return Err(Failure::new(
                    Exit::Refused,
                    format!(
                        "order '{id}' has a process already (instance {})",
                        instance.key
                    ),
                )
                .hint(format!("shop status {id}"))
                .into());
            }
            orchestrators.restart(&id).await?
        }
        None => {
            let form = OrderForm {
                id: args.order_id,
                product: args.product.unwrap_or_default(),
                quantity: args.quantity,
                customer_email: args.customer_email,
                customer_name: args.customer_name,
                customer_address: args.customer_address,
                payment_method: args.payment_method,
                variant: args.variant,
                fulfilment_timeout: args.fulfilment_timeout,
            };
            orchestrators.order(&form).await?
        }
    };
    if !args.wait {
        if json {
            ui::json(&json!({ "_id": id }));
        } else {
            ui::line(&format!(
                "placed {id}; see what becomes of it: shop status {id}"
            ));
        }
        return Ok(());
    }
    let view = session.view()?;
    let what = format!("the outcome of order {id}");
    let order = until(&what, Duration::from_secs(args.wait_timeout), async || {
        let order = view.order(&id).await?;
        Ok(order.filter(|order| outcome::of(order).is_final()))
    })
    .await?;
    let duration = begun.elapsed();
    if json {
        let mut document = order_json(&order);
        document["duration_ms"] = json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        ui::json(&document);
    } else {
        let words = outcome::of(&order).words(session.engine_now().await);
        ui::line(&format!("{id}: {words} ({:.1} s)", duration.as_secs_f64()));
    }
    Ok(())
}
