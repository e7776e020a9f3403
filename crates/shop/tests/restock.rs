//! A restock of many products at once, by dispatches: each writes its row, and none is in another's way.

use std::collections::BTreeSet;

use serde_json::json;
use shop::ledger::{number, text};
use shop::orchestrators::RestockForm;

use crate::stage::{Stage, slow};

const PRODUCTS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_products_at_once_are_twenty_rows_without_a_failed_run() {
    if !slow("restock") {
        return;
    }
    let mut stage = Stage::open().await.unwrap();
    let names: Vec<String> = (1..=PRODUCTS)
        .map(|number| format!("Sticker No. {number}"))
        .collect();
    let message = ghettodb::Message {
        subject: "test: products".to_owned(),
        trailers: Vec::new(),
    };
    let inserted = stage.database.transact(&message, |transaction| {
        names.iter().try_for_each(|product| {
            let record = json!({ "product": product, "price": 100, "currency": "EUR" });
            let record = ghettodb::record_from(record)?;
            transaction.insert("products", record).map(drop)
        })
    });
    inserted.unwrap();
    let form = RestockForm {
        stock_level: "7".to_owned(),
        products: names.clone(),
        parallel: true,
    };
    stage.restocked(&form).await.unwrap();

    let books = stage.books().unwrap();
    let stocked: Vec<_> = books.stock.iter().map(|row| text(row, "product")).collect();
    assert_eq!(stocked.len(), PRODUCTS);
    assert_eq!(
        BTreeSet::from_iter(stocked),
        names.iter().map(String::as_str).collect()
    );
    assert!(
        books
            .stock
            .iter()
            .all(|row| number(row, "stock_level") == 7)
    );
    assert_eq!(books.unbalanced(), []);
    let deliveries = stage.store.dispatches().deliveries(None).await.unwrap();
    assert_eq!(deliveries.len(), PRODUCTS);
    for delivery in &deliveries {
        let [run] = &delivery.runs[..] else {
            panic!("one run for each product: {delivery:?}");
        };
        let ends: Vec<_> = run
            .attempts
            .iter()
            .map(|attempt| attempt.exit_code)
            .collect();
        assert_eq!(ends, [Some(0)], "{delivery:?}");
    }
    // At once indeed: the runs overlap.
    let spans: Vec<_> = deliveries
        .iter()
        .flat_map(|delivery| &delivery.runs)
        .flat_map(|run| &run.attempts)
        .map(|attempt| (&attempt.started_at, attempt.finished_at.as_ref().unwrap()))
        .collect();
    assert!(
        spans.iter().enumerate().any(|(at, (started, _))| {
            spans[..at]
                .iter()
                .any(|(other, ended)| other <= started && started < ended)
        }),
        "{spans:?}"
    );
    stage.store.stop().await.unwrap();
}
