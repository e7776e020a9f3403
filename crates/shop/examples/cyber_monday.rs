//! Cyber monday: many orders at once, served by gRPC workers, for fewer items than there are orders.
//!
//! The store is up with its workers, and stocked. The orders' records are written beforehand, in one
//! commit; what is measured goes from the start messages, all published at once, to the end of the last
//! process. Then the books must fit: nothing is oversold.
//!
//! `cargo run --example cyber_monday -- --data backroom-data --orders 1000`

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use ghettodb::Database;
use messaging::client::Message;
use messaging::rest::{ProcessInstanceFilter, Rest};
use messaging::settings::Flags;
use messaging::start::Model;
use serde_json::{Value, json};
use shop::folder::Folder;
use shop::ledger::{Books, number, text};
use shop::outcome::{self, Outcome};
use shop::session::Session;
use shop::wait::until;
use tokio::task::JoinSet;

/// Places many orders at once in a store that runs with its workers.
#[derive(Parser)]
struct Options {
    /// Folder of the store
    #[arg(long)]
    data: PathBuf,
    /// How many orders
    #[arg(long, default_value_t = 1000)]
    orders: usize,
    /// How many seconds all of them may take
    #[arg(long, default_value_t = 600)]
    timeout: u64,
}

const PROCESS: &str = "order-fulfilment-grpc";
const START_MESSAGE: &str = "ORDER_PLACED_GRPC";

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let folder = Folder::at(&options.data)?;
    let session = Session::open(folder, true, &Flags::default())?;
    let mut database = session.database()?;
    let client = session.client().await?;
    let model = Model::read(None, &format!("{PROCESS}.bpmn"))?;
    client.deploy(&[(model.name, model.content)]).await?;

    let before = Books::fetch(&mut database)?;
    let stocked: i64 = before.stock.iter().map(level).sum();
    let orders = place(&mut database, &before, options.orders)?;
    let commits = database.log(usize::MAX)?.len();

    let begun = Instant::now();
    let mut publishing = JoinSet::new();
    for order in orders {
        let client = client.clone();
        publishing.spawn(async move { client.publish(&order).await });
    }
    for published in publishing.join_all().await {
        published?;
    }
    let rest = Rest::new(&session.settings)?;
    let active = ProcessInstanceFilter {
        process_definition_id: Some(PROCESS.to_owned()),
        state: Some("ACTIVE".to_owned()),
        ..ProcessInstanceFilter::default()
    };
    let timeout = Duration::from_secs(options.timeout);
    until("the end of all orders", timeout, async || {
        let left = rest.process_instances(&active).await?;
        Ok(left.is_empty().then_some(()))
    })
    .await?;
    let took = begun.elapsed();

    let (times, fulfilled) = ends(&session, options.orders).await?;
    let commits = database.log(usize::MAX)?.len() - commits;
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64();
    println!(
        "cyber monday, {} orders at once for {stocked} items by gRPC workers: {:.0} orders/s, p50 {:.1} s, p99 {:.1} s, {commits} commits pushed; {fulfilled} fulfilled, {} out of stock",
        options.orders,
        options.orders as f64 / took.as_secs_f64(),
        at(50),
        at(99),
        options.orders - fulfilled
    );
    check(&mut database, stocked, options.orders, fulfilled)
}

fn level(record: &ghettodb::Record) -> i64 {
    number(record, "stock_level")
}

/// Writes the orders' records, turn by turn of each product in stock; gives their start messages.
fn place(database: &mut Database, books: &Books, orders: usize) -> Result<Vec<Message>> {
    ensure!(!books.stock.is_empty(), "nothing is in stock: shop restock");
    let prices: BTreeMap<&str, &ghettodb::Record> = books
        .products
        .iter()
        .map(|product| (text(product, "product"), product))
        .collect();
    let mut messages = Vec::new();
    for place in 0..orders {
        let product = text(&books.stock[place % books.stock.len()], "product");
        let priced = prices.get(product);
        let priced = priced.with_context(|| format!("'{product}' has no price"))?;
        let id = uuid::Uuid::now_v7().to_string();
        let variables = json!({
            "_id": id,
            "customer": {
                "email": format!("customer-{place}@example.com"),
                "name": format!("Customer {place}"),
                "address": "1 Main Street, Springfield",
                "payment_method": "pm_card_visa",
            },
            "product": product,
            "quantity": 1,
            "amount": number(priced, "price"),
            "currency": text(priced, "currency"),
        });
        let Value::Object(variables) = variables else {
            unreachable!("it was written as an object");
        };
        messages.push(Message {
            name: START_MESSAGE.to_owned(),
            correlation_key: id.clone(),
            message_id: id,
            time_to_live: Duration::from_secs(3600),
            variables,
        });
    }
    let head = ghettodb::Message {
        subject: format!("orders: {orders} on cyber monday"),
        trailers: Vec::new(),
    };
    let written = database.transact(&head, |transaction| {
        messages.iter().try_for_each(|message| {
            let mut record = message.variables.clone();
            record.insert("customer".to_owned(), record["customer"]["email"].clone());
            transaction.insert("orders", record).map(drop)
        })
    });
    written.map_err(ghettodb::Error::from)?;
    Ok(messages)
}

/// How long each order took by the engine's own clock, shortest first, and how many were fulfilled.
async fn ends(session: &Session, orders: usize) -> Result<(Vec<Duration>, usize)> {
    let which = shop::engine::Which::Processes(&[PROCESS]);
    let instances = session.view()?.instances(which).await?;
    ensure!(
        instances.len() == orders,
        "{orders} orders, but {} processes",
        instances.len()
    );
    let mut fulfilled = 0;
    let mut times = Vec::new();
    for instance in &instances {
        match outcome::of(instance) {
            Outcome::Fulfilled => fulfilled += 1,
            Outcome::OutOfStock => {}
            other => anyhow::bail!("order of instance {}: {other:?}", instance.key),
        }
        let started: jiff::Timestamp = instance.started.parse()?;
        let ended: jiff::Timestamp = instance.ended.as_deref().unwrap_or_default().parse()?;
        times.push(ended.duration_since(started).unsigned_abs());
    }
    times.sort_unstable();
    Ok((times, fulfilled))
}

/// Nothing is oversold, and nothing is kept from anyone: in no commit was a level below zero, each is
/// the sum of its movements, and what left the stock was paid and sent.
fn check(database: &mut Database, stocked: i64, orders: usize, fulfilled: usize) -> Result<()> {
    let books = Books::fetch(database)?;
    for record in &books.stock {
        let history = database.history("stock", text(record, "_id"), usize::MAX)?;
        for entry in &history.entries {
            let was = entry.diff.after.as_ref().map_or(0, level);
            let commit = &entry.commit.id;
            ensure!(was >= 0, "commit {commit} leaves a level of {was}");
        }
    }
    ensure!(books.unbalanced().is_empty(), "{:?}", books.unbalanced());
    let left: i64 = books.stock.iter().map(level).sum();
    let sold = usize::try_from(stocked - left)?;
    ensure!(sold == orders.min(usize::try_from(stocked)?), "{sold} sold");
    for (what, count) in [
        ("orders fulfilled", fulfilled),
        ("shipments", books.shipments.len()),
        ("payments", books.payments.len()),
    ] {
        ensure!(count == sold, "{sold} sold, but {count} {what}");
    }
    println!(
        "cyber monday: nothing oversold; {sold} taken from stock, paid and shipped, {left} left"
    );
    Ok(())
}
