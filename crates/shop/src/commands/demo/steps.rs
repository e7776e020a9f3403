//! The story, step by step. What a step claims it has checked against git and the engine.

mod alarms;
mod closing;
mod crowd;
mod orders;
mod stocking;

use std::time::Duration;

use anyhow::{Context, Result};
use messaging::settings::Flags;
use serde_json::json;
use shop::books::PRODUCTS;
use shop::engine;
use shop::ledger::number;
use shop::store::Store;

use super::report::{Page, Report};
use super::scene::{Scene, check, field};

const T_SHIRT: &str = PRODUCTS[0].0;
const ALE: &str = PRODUCTS[1].0;
const BOOK: &str = PRODUCTS[2].0;
/// The level that each product gets.
const LEVEL: i64 = 2;
/// A little past the timer of an order, which is five minutes.
const PAST_THE_TIMER: Duration = Duration::from_secs(5 * 60 + 5);

const NO_CONTROL: &str = "it needs control over the engine, which the given gateway doesn't offer";
const NO_REST: &str = "it reads the engine's REST API, and the given gateway has none";

/// A step after the first.
#[derive(Clone, Copy)]
enum Act {
    Deploy,
    Restock,
    Orders,
    LostDispatch,
    LostAnswer,
    LastItem,
    Kill,
    Closing,
}

const ACTS: [Act; 8] = [
    Act::Deploy,
    Act::Restock,
    Act::Orders,
    Act::LostDispatch,
    Act::LostAnswer,
    Act::LastItem,
    Act::Kill,
    Act::Closing,
];

/// What a step cannot do without, beside the gateway.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// The engine's REST API.
    Rest,
    /// An engine of our own, which can be killed.
    Control,
}

impl Act {
    /// Its name in the document, its title, its needs.
    fn heading(self) -> (&'static str, &'static str, Needs) {
        match self {
            Self::Deploy => (
                "deploy",
                "Two process models are deployed, twice",
                Needs::Nothing,
            ),
            Self::Restock => (
                "restock",
                "The shelves are filled, one product after another",
                Needs::Rest,
            ),
            Self::Orders => (
                "orders",
                "Three orders: one fulfilled, one out of stock, one declined",
                Needs::Rest,
            ),
            Self::LostDispatch => (
                "lost-dispatch",
                "A dispatch gets lost, and is delivered after all",
                Needs::Rest,
            ),
            Self::LostAnswer => (
                "lost-answer",
                "An answer is lost for good, and an operator steps in",
                Needs::Rest,
            ),
            Self::LastItem => (
                "last-item",
                "Five orders at once for what is left",
                Needs::Rest,
            ),
            Self::Kill => (
                "kill",
                "The broker is killed in the middle of an order",
                Needs::Control,
            ),
            Self::Closing => ("closing", "The books are closed", Needs::Rest),
        }
    }
}

/// Step 1: what stands once the processes are up.
pub(crate) async fn open(store: &Store, flags: &Flags, page: &mut Page) -> Result<Scene> {
    let mut scene = Scene::new(store, flags).await?;
    let books = scene.books()?;
    page.say(&format!(
        "data repository {}",
        store.addresses.data_repository
    ));
    for (product, price) in PRODUCTS {
        let found = books
            .products
            .iter()
            .find(|record| field(record, "product") == product);
        let found = found.with_context(|| format!("db/products has no '{product}'"))?;
        check(number(found, "price") == i64::from(price), || {
            format!("'{product}' costs {}, not {price}", number(found, "price"))
        })?;
        page.say(&format!(
            "  sells {product} at {}.{:02} EUR",
            price / 100,
            price % 100
        ));
    }
    let topology = scene.client.topology().await.map_err(engine::from_client)?;
    let addresses = &store.addresses;
    page.say(&format!(
        "gateway {} (version {})",
        addresses.gateway, topology.gateway_version
    ));
    if let Some(rest) = &addresses.rest {
        page.say(&format!("REST API {rest}"));
    }
    page.say(&format!("dispatcher {}", addresses.dispatcher));
    for (name, id) in store.processes() {
        page.say(&format!("{name} runs as process {id}"));
    }
    let processes: Vec<_> = store
        .processes()
        .into_iter()
        .map(|(name, id)| json!({ "name": name, "pid": id }))
        .collect();
    page.fact("addresses", json!(addresses));
    page.fact("processes", processes);
    scene.engine = json!({
        "kind": if addresses.management.is_some() { "embedded" } else { "gateway" },
        "address": addresses.gateway,
        "rest_address": addresses.rest,
        "version": topology.gateway_version,
    });
    Ok(scene)
}

/// Steps 2 to 9. A step that does not come true stands in the report, and ends the story.
pub(crate) async fn tell(report: &mut Report, store: &mut Store, scene: &mut Scene) {
    report
        .closing
        .insert("engine".to_owned(), scene.engine.clone());
    for act in ACTS {
        let (name, title, needs) = act.heading();
        if needs == Needs::Control && store.addresses.management.is_none() {
            report.skip(name, title, NO_CONTROL);
            continue;
        }
        if needs != Needs::Nothing && !scene.has_view() {
            report.skip(name, title, NO_REST);
            continue;
        }
        let mut closing = serde_json::Map::new();
        let played = report
            .play(name, title, async |page| match act {
                Act::Deploy => stocking::deploy(scene, page).await,
                Act::Restock => stocking::restock(scene, page).await,
                Act::Orders => orders::three(scene, page).await,
                Act::LostDispatch => alarms::lost_dispatch(store, scene, page).await,
                Act::LostAnswer => alarms::lost_answer(store, scene, page).await,
                Act::LastItem => crowd::last_item(scene, page).await,
                Act::Kill => crowd::kill(store, scene, page).await,
                Act::Closing => closing::books(scene, page, &mut closing).await,
            })
            .await;
        report.closing.append(&mut closing);
        if played.is_none() {
            break;
        }
    }
}
