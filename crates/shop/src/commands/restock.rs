//! `shop restock`: sets the stock of products through the orchestrator's binary.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use shop::failure::{Exit, Failure};
use shop::orchestrators::{Orchestrators, RestockForm};
use shop::outcome::State;
use shop::session::Session;
use shop::wait::until;

use crate::ui;

/// Set the stock level of products
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The level that each product is set to
    #[arg(
        long,
        value_name = "N",
        default_value = "2",
        allow_hyphen_values = true
    )]
    stock_level: String,
    /// A product; may be given several times [default: all of db/products]
    #[arg(long = "product", value_name = "NAME")]
    products: Vec<String>,
    /// All products at once instead of one after another
    #[arg(long)]
    parallel: bool,
    /// Wait until every product has its level
    #[arg(long)]
    wait: bool,
    /// How many seconds to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait_timeout: u64,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let form = RestockForm {
        stock_level: args.stock_level,
        products: args.products,
        parallel: args.parallel,
    };
    let begun = Instant::now();
    let id = Orchestrators::new(session)?.restock(&form).await?;
    if args.wait {
        let view = session.view()?;
        let what = format!("the end of restock {id}");
        let instance = until(&what, Duration::from_secs(args.wait_timeout), async || {
            let instance = view.order(&id).await?;
            Ok(instance.filter(|instance| instance.state != State::Active))
        })
        .await?;
        if instance.state == State::Terminated {
            return Err(Failure::new(Exit::Fault, format!("restock {id} was cancelled")).into());
        }
    }
    if json {
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        ui::json(&json!({ "_id": id, "done": args.wait, "duration_ms": millis }));
    } else if args.wait {
        ui::line(&format!(
            "restocked ({id}, {:.1} s)",
            begun.elapsed().as_secs_f64()
        ));
    } else {
        ui::line(&format!("restock {id} is on its way"));
    }
    Ok(())
}
