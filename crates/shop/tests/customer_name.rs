//! Names that would do harm if anything took them for more than text.

use serde_json::json;

use crate::stage::{Stage, T_SHIRT, VISA, form, slow};
use shop::ledger::text;
use shop::outcome::Outcome;

const NAME: &str = "O'Brien \"Bob\" $(touch harm) `touch harm` ${HOME}; rm -rf harm\n::error::harm\n\\ ../.. \u{1F37A} é 'x";

#[tokio::test(flavor = "multi_thread")]
async fn stands_literally_in_the_row() {
    if !slow("customer_name") {
        return;
    }
    let mut stage = Stage::open().await.unwrap();
    stage.restock(1, &[T_SHIRT]).await.unwrap();
    let mut form = form("name", T_SHIRT, 1, VISA);
    form.customer_name = NAME.to_owned();
    form.customer_address = NAME.to_owned();
    stage.orchestrators.order(&form).await.unwrap();
    assert_eq!(stage.ended("name").await.unwrap(), Outcome::Fulfilled);
    let books = stage.books().unwrap();
    let row = books
        .customers
        .iter()
        .find(|row| text(row, "email") == "name@example.com");
    let row = row.expect("the customer's row");
    assert_eq!(text(row, "name"), NAME);
    assert_eq!(text(row, "address"), NAME);
    stage.store.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_s_name_goes_through_the_whole_shop() {
    if !slow("product_name") {
        return;
    }
    let mut stage = Stage::open().await.unwrap();
    let emoji = "\u{1F37A}".repeat(200);
    let names = ["$(touch pwned) \"x'; --", emoji.as_str()];
    for (number, product) in names.into_iter().enumerate() {
        let record = json!({ "product": product, "price": 450, "currency": "EUR" });
        let message = ghettodb::Message {
            subject: "test: a product".to_owned(),
            trailers: Vec::new(),
        };
        let inserted = stage.database.transact(&message, |transaction| {
            transaction.insert("products", ghettodb::record_from(record.clone())?)
        });
        inserted.unwrap();
        stage.restock(1, &[product]).await.unwrap();
        let id = format!("product-{number}");
        let order = form(&id, product, 1, VISA);
        stage.orchestrators.order(&order).await.unwrap();
        assert_eq!(stage.ended(&id).await.unwrap(), Outcome::Fulfilled);
        let books = stage.books().unwrap();
        let shipped = &books.order(&id).shipments;
        assert_eq!(text(shipped[0], "product"), product);
        assert!(
            books
                .stock
                .iter()
                .any(|row| text(row, "product") == product)
        );
        assert_eq!(stage.problems(&id).await.unwrap(), Vec::<String>::new());
    }
    stage.store.stop().await.unwrap();
}
