//! The broker is killed again and again while orders are on their way.
//!
//! A failure prints its seed; `BACKROOM_SEED=N` plays the same moments again.

use std::time::Duration;

use shop::outcome::Outcome;
use tokio::task::JoinSet;

use crate::stage::{BOOK, DECLINED, Stage, VISA, Variant, both_variants, slow};

const ORDERS: u32 = 20;
const KILLS: u32 = 50;
/// One order in so many has a card that is declined.
const DECLINED_EVERY: u32 = 5;
/// The broker lives at most this long between two kills: from the middle of its start to the
/// middle of an order.
const LIFE_MS_MAX: u64 = 600;
const SEED: u64 = 20_260_101;

both_variants!(fifty_kills_during_twenty_orders);

#[expect(clippy::print_stdout, reason = "a failure is played again by its seed")]
async fn fifty_kills_during_twenty_orders(variant: Variant) {
    if !slow("crash") {
        return;
    }
    let seed = std::env::var("BACKROOM_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(SEED);
    println!("BACKROOM_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let mut stage = Stage::open_for(variant).await.unwrap();
    stage.restock(ORDERS, &[BOOK]).await.unwrap();
    let mut placing = JoinSet::new();
    for kill in 0..KILLS {
        // The orders come spread over the kills.
        for number in (0..ORDERS).filter(|number| number * KILLS / ORDERS == kill) {
            let card = if number % DECLINED_EVERY == 0 {
                DECLINED
            } else {
                VISA
            };
            let (orchestrators, form) = (
                stage.orchestrators.clone(),
                variant.form(&id(number), BOOK, 1, card),
            );
            placing.spawn(async move { orchestrators.order(&form).await });
        }
        tokio::time::sleep(Duration::from_millis(random.u64(0..LIFE_MS_MAX))).await;
        stage.store.kill("broker").await.unwrap();
        stage.store.start_again("broker").await.unwrap();
    }
    for placed in placing.join_all().await {
        placed.unwrap();
    }
    // A job that was on its way to its worker when the broker was killed.
    stage.time_jobs_out().await.unwrap();
    for number in 0..ORDERS {
        let id = id(number);
        let outcome = stage.ended(&id).await.unwrap();
        match number % DECLINED_EVERY {
            0 => assert!(
                matches!(outcome, Outcome::Declined { .. }),
                "{id}: {outcome:?}"
            ),
            _ => assert_eq!(outcome, Outcome::Fulfilled, "{id}"),
        }
        assert_eq!(stage.problems(&id).await.unwrap(), [""; 0], "{id}");
    }
    let declined = ORDERS.div_ceil(DECLINED_EVERY);
    let books = stage.books().unwrap();
    assert_eq!(books.stock_level(BOOK), i64::from(declined));
    assert_eq!(books.shipments.len(), (ORDERS - declined) as usize);
    assert_eq!(books.payments.len(), ORDERS as usize);

    // Nothing goes on any more: what is replayed must be what was there.
    let before = stage.state().await.unwrap();
    stage.store.kill("broker").await.unwrap();
    stage.store.start_again("broker").await.unwrap();
    let after = stage.state().await.unwrap();
    assert_eq!(before, after, "the state after a replay");
    stage.store.stop().await.unwrap();
}

fn id(number: u32) -> String {
    format!("crash-{number:02}")
}
