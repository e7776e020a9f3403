//! Step 4: three orders that end by themselves.

use anyhow::Result;
use shop::outcome::Outcome;

use super::{ALE, BOOK, LEVEL, T_SHIRT};
use crate::commands::demo::report::Page;
use crate::commands::demo::scene::{DECLINED, Scene, Told, VISA, check};

/// A is fulfilled, B asks for more than there is, C's card is declined.
pub(super) async fn three(scene: &mut Scene, page: &mut Page) -> Result<()> {
    let level = scene.books()?.stock_level(T_SHIRT);
    let a = scene.place("A", T_SHIRT, 1, VISA).await?;
    let outcome = tell_end(scene, page, &a).await?;
    check(outcome == Outcome::Fulfilled, || {
        format!("order A: {outcome:?}")
    })?;
    let books = scene.books()?;
    let records = books.order(&a.id);
    check(
        records.shipments.len() == 1 && records.payments_of("captured") == 1,
        || "order A has not exactly one shipment and one captured payment".to_owned(),
    )?;
    check(books.stock_level(T_SHIRT) == level - 1, || {
        format!(
            "order A took one of {level}, and {} are left",
            books.stock_level(T_SHIRT)
        )
    })?;

    let b = scene.place("B", ALE, LEVEL + 3, VISA).await?;
    let outcome = tell_end(scene, page, &b).await?;
    check(outcome == Outcome::OutOfStock, || {
        format!("order B: {outcome:?}")
    })?;
    let books = scene.books()?;
    check(books.order(&b.id).payments.is_empty(), || {
        "order B was out of stock, and has a payment".to_owned()
    })?;
    page.say("   no payment was asked for");

    let level = books.stock_level(BOOK);
    let c = scene.place("C", BOOK, 1, DECLINED).await?;
    let outcome = tell_end(scene, page, &c).await?;
    check(
        matches!(&outcome, Outcome::Declined { reason: Some(_) }),
        || format!("order C: {outcome:?}"),
    )?;
    let books = scene.books()?;
    let records = books.order(&c.id);
    check(
        records.payments_of("captured") == 0 && records.shipments.is_empty(),
        || "order C was declined, and has a captured payment or a shipment".to_owned(),
    )?;
    check(
        books.stock_level(BOOK) == level && records.held() == 0,
        || {
            format!(
                "order C's stock was not given back: {level} before, {} now",
                books.stock_level(BOOK)
            )
        },
    )?;
    page.say("   its book is back on the shelf");
    for order in [&a, &b, &c] {
        scene.fits_together(order).await?;
    }
    page.fact("stock_given_back", true);
    page.fact("decline_reason", outcome.json()["decline_reason"].clone());
    Ok(())
}

/// Waits for an order's end and says it in a line.
pub(super) async fn tell_end(scene: &mut Scene, page: &Page, order: &Told) -> Result<Outcome> {
    let outcome = scene.ended(order).await?;
    let noted = scene.orders.iter().find(|noted| noted.id == order.id);
    let took = noted.and_then(|noted| noted.took).unwrap_or_default();
    page.say(&format!(
        "order {}: {} x {}: {} ({:.1} s)",
        order.label,
        order.quantity,
        order.product,
        outcome.words(jiff::Timestamp::now()),
        took.as_secs_f64()
    ));
    Ok(outcome)
}
