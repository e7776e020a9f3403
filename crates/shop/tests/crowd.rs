//! Many orders at once for the few things that are left.

use shop::outcome::Outcome;
use tokio::task::JoinSet;

use crate::stage::{ALE, Stage, VISA, Variant, both_variants, slow};

const ORDERS: usize = 50;
const LEFT: u32 = 2;

both_variants!(fifty_parallel_orders_for_the_last_two);

async fn fifty_parallel_orders_for_the_last_two(variant: Variant) {
    if !slow("crowd") {
        return;
    }
    let mut stage = Stage::open_for(variant).await.unwrap();
    stage.restock(LEFT, &[ALE]).await.unwrap();
    let ids: Vec<String> = (0..ORDERS)
        .map(|number| format!("crowd-{number:02}"))
        .collect();
    let mut placing = JoinSet::new();
    for id in &ids {
        let (orchestrators, form) = (stage.orchestrators.clone(), variant.form(id, ALE, 1, VISA));
        placing.spawn(async move { orchestrators.order(&form).await });
    }
    for placed in placing.join_all().await {
        placed.unwrap();
    }
    let mut fulfilled = 0;
    let mut out_of_stock = 0;
    for id in &ids {
        match stage.ended(id).await.unwrap() {
            Outcome::Fulfilled => fulfilled += 1,
            Outcome::OutOfStock => out_of_stock += 1,
            other => panic!("{id}: {other:?}"),
        }
    }
    assert_eq!((fulfilled, out_of_stock), (2, 48));
    let books = stage.books().unwrap();
    assert_eq!(books.stock_level(ALE), 0);
    assert_eq!(books.payments.len(), 2);
    assert_eq!(books.shipments.len(), 2);
    assert_eq!(books.orders.len(), ORDERS);
    assert_eq!(books.unbalanced(), []);
    for id in &ids {
        assert_eq!(stage.problems(id).await.unwrap(), [""; 0], "{id}");
    }
    stage.store.stop().await.unwrap();
}
