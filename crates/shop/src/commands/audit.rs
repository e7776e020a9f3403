//! `shop audit`: one order from all sides, and whether they fit together.

use anyhow::Result;
use jiff::SignedDuration;
use shop::audit::{self, Facts};
use shop::failure::{Exit, Failure};
use shop::ledger::{self, Books};
use shop::session::Session;

use crate::ui;

/// A question to the engine's clock takes a moment itself.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// Show everything that happened to an order, and whether it fits together
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The order's _id
    #[arg(value_name = "ID")]
    id: String,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let view = session.view()?;
    let instance = view.order(&args.id).await?;
    let elements = match &instance {
        Some(instance) => view.history(&instance.key).await?,
        None => Vec::new(),
    };
    let deliveries = match &session.addresses {
        Some(_) => session.dispatches()?.deliveries(Some(&args.id)).await?,
        None => Vec::new(),
    };
    let mut database = session.database()?;
    let books = Books::fetch(&mut database)?;
    let commits = ledger::commits(&mut database)?;
    let own = ledger::commits_of(&books.order(&args.id), &commits);
    let audit = audit::of(&Facts {
        id: &args.id,
        instance: instance.as_ref(),
        elements: &elements,
        deliveries: &deliveries,
        books: &books,
        commits: &own,
    });
    if json {
        let mut document = audit.json();
        document["_id"] = args.id.as_str().into();
        ui::json(&document);
    } else {
        let ahead = session
            .engine_now()
            .await
            .duration_since(jiff::Timestamp::now());
        if ahead > CLOCK_TOLERANCE {
            let seconds = ahead.as_secs();
            ui::note(&format!(
                "the engine's clock was moved: it is {seconds} s ahead of everything else now"
            ));
        }
        let rows: Vec<Vec<String>> = audit
            .timeline
            .into_iter()
            .map(|event| vec![event.time, event.source.to_owned(), event.what])
            .collect();
        ui::table(&["TIME", "SOURCE", "WHAT"], &rows);
        for problem in &audit.problems {
            ui::line(&format!("does not fit: {problem}"));
        }
    }
    if audit.problems.is_empty() {
        if !json {
            ui::line("it all fits together");
        }
        return Ok(());
    }
    let count = audit.problems.len();
    Err(Failure::new(
        Exit::Fault,
        format!("order '{}': {count} things do not fit", args.id),
    )
    .into())
}
