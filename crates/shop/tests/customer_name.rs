//! A name that would do harm if anything took it for more than text.

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
