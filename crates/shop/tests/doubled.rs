//! The same orders by dispatches, by workers, and with every dispatch delivered and every answer
//! published twice: nothing shows of it.

use shop::ledger::{Books, number, text};
use shop::outcome::Outcome;

use crate::stage::{ALE, BOOK, DECLINED, Stage, T_SHIRT, VISA, Variant, slow};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_whoever_fulfils_and_however_often_it_is_said() {
    if !slow("doubled") {
        return;
    }
    let (plain, doubled, workers) = tokio::join!(
        play(Variant::Dispatch, false),
        play(Variant::Dispatch, true),
        play(Variant::Grpc, false)
    );
    let plain = plain.unwrap();
    let [fine, greedy, poor] = &plain.0[..] else {
        panic!("three orders");
    };
    assert_eq!((fine, greedy), (&Outcome::Fulfilled, &Outcome::OutOfStock));
    assert!(
        matches!(poor, Outcome::Declined { reason: Some(_) }),
        "{poor:?}"
    );
    for (what, other) in [("doubled", doubled), ("workers", workers)] {
        let other = other.unwrap();
        assert_eq!(plain.0, other.0, "the outcomes, {what}");
        assert_eq!(plain.1, other.1, "the rows, {what}");
    }
}

/// A restock and three orders; outcomes and rows.
async fn play(variant: Variant, double: bool) -> anyhow::Result<(Vec<Outcome>, Vec<String>)> {
    let mut stage = Stage::open_for(variant).await?;
    if double {
        let dispatches = stage.store.dispatches();
        dispatches.add_rule(None, None, "duplicate", None).await?;
        dispatches
            .add_rule(None, None, "double_answer", None)
            .await?;
    }
    stage.restock(2, &[]).await?;
    let mut outcomes = Vec::new();
    for (id, product, quantity, card) in [
        ("fine", T_SHIRT, 1, VISA),
        ("greedy", ALE, 3, VISA),
        ("poor", BOOK, 1, DECLINED),
    ] {
        stage
            .orchestrators
            .order(&variant.form(id, product, quantity, card))
            .await?;
        outcomes.push(stage.ended(id).await?);
    }
    if double {
        // The second runs may still be on their way.
        let dispatches = stage.store.dispatches();
        let deliveries = shop::wait::until(
            "all runs done",
            std::time::Duration::from_secs(120),
            async || {
                let deliveries = dispatches.deliveries(None).await?;
                let done = deliveries
                    .iter()
                    .all(|delivery| delivery.state == "succeeded");
                Ok(done.then_some(deliveries))
            },
        )
        .await?;
        assert!(deliveries.len() >= 3 + 9, "{}", deliveries.len());
        for delivery in deliveries {
            assert_eq!(delivery.runs.len(), 2, "{}", delivery.event_type);
        }
    }
    for id in ["fine", "greedy", "poor"] {
        assert_eq!(stage.problems(id).await?, [""; 0], "{id}");
    }
    let rows = rows(&stage.books()?);
    stage.store.stop().await?;
    Ok((outcomes, rows))
}

/// All records but for what is made up anew each time: ids, times, tracking numbers.
fn rows(books: &Books) -> Vec<String> {
    let mut rows = Vec::new();
    for customer in &books.customers {
        rows.push(format!(
            "customer {} {}",
            text(customer, "email"),
            text(customer, "name")
        ));
    }
    for stock in &books.stock {
        rows.push(format!(
            "stock {} {}",
            text(stock, "product"),
            number(stock, "stock_level")
        ));
    }
    for movement in &books.movements {
        rows.push(format!(
            "movement {} {} {}",
            text(movement, "product"),
            number(movement, "quantity"),
            text(movement, "reason")
        ));
    }
    for payment in &books.payments {
        rows.push(format!(
            "payment {} {} {}",
            text(payment, "order_id"),
            number(payment, "amount"),
            text(payment, "status")
        ));
    }
    for shipment in &books.shipments {
        rows.push(format!(
            "shipment {} {} x {}",
            text(shipment, "order_id"),
            number(shipment, "quantity"),
            text(shipment, "product")
        ));
    }
    for order in &books.orders {
        rows.push(format!(
            "order {} {}",
            text(order, "_id"),
            number(order, "amount")
        ));
    }
    rows.push(format!("operations {}", books.operations.len()));
    rows.sort();
    rows
}
