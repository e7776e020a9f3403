//! Many dispatches at once, a fifth of them delivered twice; and the same in groups that let only one wait.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::PATIENCE;
use super::tree::{self, Tree};
use crate::store::{Dispatcher, Store};

/// Dispatches at once.
const CROWD: usize = 40;
/// Operations that share a group, and how many groups there are, where one run alone may wait.
const GROUPS: usize = 5;
/// How many of the dispatches come twice.
const DUPLICATES: f64 = 0.2;
/// What the draws follow from, so that each run of this meets the same fate.
const SEED: u64 = 7;
const PRODUCT: &str = "Camunda Escalation Ale";
const OTHER: &str = "Real-Life BPMN Book";

/// An event to send.
struct Event {
    kind: &'static str,
    payload: Value,
}

impl Event {
    fn new(kind: &'static str, id: &str, mut payload: Value) -> Self {
        payload["_id"] = json!(id);
        Self { kind, payload }
    }

    /// Its idempotency key, which is its answer's message id.
    fn key(&self) -> String {
        let id = self.payload["_id"].as_str().unwrap_or_default();
        format!("{id}/{}", self.kind)
    }
}

/// As many units as there are dispatches that take one, all at once: none is lost, none is taken twice.
pub(super) fn all_at_once(store: &Store) -> Result<((), String)> {
    stock(store, CROWD)?;
    let events = (0..CROWD).map(|number| {
        let payload = json!({ "product": PRODUCT, "quantity": 1 });
        Event::new("decrement_stock", &format!("crowd-{number:02}"), payload)
    });
    let events: Vec<_> = events.collect();
    let doubled = send(store, &events)?;
    let tree = done_once(store, &events)?;
    let level = tree::number(tree.one("stock", "product", PRODUCT)?, "stock_level")?;
    ensure!(level == 0, "{level} x {PRODUCT} are left, not 0");
    ensure!(
        doubled > 0,
        "no dispatch came twice: the dispatcher minds no rule"
    );
    let detail =
        format!("{CROWD} dispatches, {doubled} of them twice: each done once, {CROWD} answers");
    Ok(((), detail))
}

/// Each group's operations at once, with workflow files that let one run of a group wait: what the others
/// meet is a cancellation, and the watchdog's next try.
pub(super) fn in_groups_without_queue(store: &Store) -> Result<((), String)> {
    stock(store, CROWD)?;
    let level = CROWD + 1;
    let mut events = Vec::new();
    for number in 0..GROUPS {
        let id = format!("group-{number}");
        let one = || json!({ "product": PRODUCT, "quantity": 1 });
        events.push(Event::new("decrement_stock", &id, one()));
        events.push(Event::new("increment_stock", &id, one()));
        events.push(Event::new(
            "get_stock_level",
            &id,
            json!({ "product": PRODUCT }),
        ));
        let other = json!({ "product": OTHER, "stock_level": level });
        events.push(Event::new("restock_item", &id, other));
    }
    let doubled = send(store, &events)?;
    let tree = done_once(store, &events)?;
    for (product, expected) in [(PRODUCT, CROWD), (OTHER, level)] {
        let level = tree::number(tree.one("stock", "product", product)?, "stock_level")?;
        ensure!(
            usize::try_from(level) == Ok(expected),
            "{level} x {product} are left, not {expected}"
        );
    }
    let cancelled = store.dispatcher().runs("cancelled")?;
    ensure!(
        cancelled > 0,
        "no run was cancelled, though only one of a group may wait"
    );
    let deliveries = store.dispatcher().deliveries()?;
    let again = deliveries
        .iter()
        .filter_map(|delivery| delivery["redispatches"].as_u64());
    let again: u64 = again.sum();
    ensure!(again > 0, "the watchdog started nothing again");
    let detail = format!(
        "{} dispatches, {doubled} of them twice: {cancelled} runs cancelled and reported, {again} dispatches started again, each done once",
        events.len()
    );
    Ok(((), detail))
}

/// Puts units on the shelf, as a restock's round does.
fn stock(store: &Store, level: usize) -> Result<()> {
    let event = Event::new(
        "restock_item",
        "shelf",
        json!({ "product": PRODUCT, "stock_level": level }),
    );
    store.dispatcher().dispatch(event.kind, &event.payload)?;
    settled(store)
}

/// Sends all at once, under a rule that doubles some; gives how many were.
fn send(store: &Store, events: &[Event]) -> Result<usize> {
    let rule = json!({ "action": "duplicate", "probability": DUPLICATES, "seed": SEED });
    store.dispatcher().post("/_backroom/rules", &rule)?;
    std::thread::scope(|scope| {
        let dispatcher = store.dispatcher();
        let send = |event| move || send_one(dispatcher, event);
        let sending: Vec<_> = events
            .iter()
            .map(|event| scope.spawn(send(event)))
            .collect();
        for sender in sending {
            sender.join().ok().context("a sender broke off")??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    settled(store)?;
    let deliveries = store.dispatcher().deliveries()?;
    Ok(deliveries
        .iter()
        .filter(|delivery| !delivery["rule"].is_null())
        .count())
}

fn send_one(dispatcher: &Dispatcher, event: &Event) -> Result<()> {
    dispatcher.dispatch(event.kind, &event.payload)
}

/// Waits until every delivery has succeeded.
fn settled(store: &Store) -> Result<()> {
    store.until("success of every dispatch", PATIENCE, || {
        let deliveries = store.dispatcher().deliveries()?;
        let is_done = |delivery: &Value| delivery["state"] == "succeeded";
        Ok(deliveries.iter().all(is_done).then_some(()))
    })
}

/// Checks that each event had its effect and its answer once; gives the books.
fn done_once(store: &Store, events: &[Event]) -> Result<Tree> {
    let messages = store.messages()?;
    let tree = Tree::read(&store.data)?;
    let mut keys = BTreeSet::new();
    for operation in tree.table("operations") {
        let key = tree::text(operation, "key")?;
        ensure!(
            keys.insert(key),
            "the key '{key}' stands twice in db/operations"
        );
    }
    let mut moved = BTreeSet::new();
    for movement in tree.table("stock_movements") {
        let place = (
            tree::text(movement, "order_id")?,
            tree::text(movement, "reason")?,
        );
        ensure!(moved.insert(place), "{place:?} moved stock twice");
    }
    for event in events {
        let key = event.key();
        let is_kept = event.kind == "get_stock_level" || keys.contains(key.as_str());
        ensure!(is_kept, "'{key}' left no trace in db/operations");
        let answers = messages.get(&key).map_or(0, Vec::len);
        ensure!(answers == 1, "'{key}' was answered {answers} times");
    }
    tree.balance()?;
    store.ghettodb(&["fsck"])?;
    Ok(tree)
}
