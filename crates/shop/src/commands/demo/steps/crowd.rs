//! Steps 7 and 8: many orders for one thing, and a broker that dies.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;
use shop::outcome::{self, Outcome};
use shop::store::Store;

use super::orders::tell_end;
use super::{ALE, BOOK};
use crate::commands::demo::report::Page;
use crate::commands::demo::scene::{Scene, VISA, check};

/// F to J: five orders, each for all that is left; exactly one gets it.
pub(super) async fn last_item(scene: &mut Scene, page: &mut Page) -> Result<()> {
    let left = scene.books()?.stock_level(ALE);
    check(left > 0, || format!("no '{ALE}' is left to fight over"))?;
    page.say(&format!(
        "{left} x {ALE} left; five orders ask for {left} each"
    ));
    let orders = scene
        .place_at_once(&["F", "G", "H", "I", "J"], ALE, left)
        .await?;
    let mut fulfilled = 0;
    for order in &orders {
        match tell_end(scene, page, order).await? {
            Outcome::Fulfilled => fulfilled += 1,
            Outcome::OutOfStock => {}
            other => anyhow::bail!("order {}: {other:?}", order.label),
        }
    }
    check(fulfilled == 1, || {
        format!("{fulfilled} of five orders got what only one can have")
    })?;
    let books = scene.books()?;
    check(books.stock_level(ALE) == 0, || {
        format!("{} x {ALE} are left, not 0", books.stock_level(ALE))
    })?;
    let payments: usize = orders
        .iter()
        .map(|order| books.order(&order.id).payments.len())
        .sum();
    check(payments == 1, || {
        format!("{payments} payments for one order that could pay")
    })?;
    for order in &orders {
        scene.fits_together(order).await?;
    }
    page.fact("fulfilled", fulfilled);
    page.fact("stock_level", 0);
    Ok(())
}

/// K: the broker dies as by a power cut while the order is on its way.
pub(super) async fn kill(store: &mut Store, scene: &mut Scene, page: &mut Page) -> Result<()> {
    let k = scene.place("K", BOOK, 1, VISA).await?;
    scene
        .delivery(&k, "decrement_stock", &["queued", "running", "succeeded"])
        .await?;
    let before = scene
        .until(&k, "being known to the engine", |_| true)
        .await?;
    check(!outcome::of(&before).is_final(), || {
        "order K ended too early".to_owned()
    })?;
    store.kill("broker").await?;
    let killed = Instant::now();
    page.say(&format!(
        "order K: 1 x {BOOK}: on its way; the broker is killed (kill -9)"
    ));
    store.start_again("broker").await?;
    let back = killed.elapsed();
    page.say(&format!(
        "started again on the same data: ready after {:.2} s",
        back.as_secs_f64()
    ));
    let outcome = tell_end(scene, page, &k).await?;
    check(outcome == Outcome::Fulfilled, || {
        format!("order K: {outcome:?}")
    })?;
    let after = scene
        .until(&k, "its end", |_| true)
        .await
        .context("the order is gone")?;
    check(after.key == before.key, || {
        format!("order K was {} and is {} now", before.key, after.key)
    })?;
    let books = scene.books()?;
    let captured = books.order(&k.id).payments_of("captured");
    check(captured == 1, || {
        format!("order K was charged {captured} times")
    })?;
    page.say("charged once, shipped once");
    page.fact(
        "ready_after_ms",
        json!(u64::try_from(back.as_millis()).unwrap_or(u64::MAX)),
    );
    page.fact("captured_payments", captured);
    scene.fits_together(&k).await
}
