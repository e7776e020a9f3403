//! The answer of a dispatch, with a gateway that is late, and with the faults that tests ask for.

use messaging::payload::Dispatch;
use messaging::result_message::{Delivery, deliver};
use messaging::settings::{Flags, Settings};
use serde_json::{Map, Value, json};

use crate::support::Gateway;

fn settings(gateway: &Gateway, answers: Option<&str>) -> Settings {
    Settings::resolve(&Flags::default(), |name| match name {
        "ZEEBE_ADDRESS" => Some(gateway.address()),
        "BACKROOM_GATEWAY_DEADLINE" => Some("20s".to_owned()),
        "BACKROOM_TEST_ANSWERS" => answers.map(str::to_owned),
        _ => None,
    })
    .unwrap()
}

async fn answer(gateway: &Gateway, answers: Option<&str>) -> Delivery {
    let payload = Map::from_iter([("_id".to_owned(), json!("o-1"))]);
    let dispatch = Dispatch::new("ship_order", payload).unwrap();
    let variables = Map::from_iter([("shipment_id".to_owned(), Value::from("s-1"))]);
    deliver(
        &settings(gateway, answers),
        "SHIPPED_TO_CUSTOMER",
        &dispatch,
        &variables,
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn the_key_is_the_message_id_and_a_second_one_counts_as_done() {
    let gateway = Gateway::start();
    assert_eq!(answer(&gateway, None).await, Delivery::Delivered);
    assert_eq!(answer(&gateway, None).await, Delivery::WasDelivered);
    let state = gateway.state();
    assert_eq!(state.published.len(), 1);
    assert_eq!(state.published[0].name, "SHIPPED_TO_CUSTOMER");
    assert_eq!(state.published[0].message_id, "o-1/ship_order");
    assert_eq!(state.published[0].correlation_key, "o-1");
    assert_eq!(state.published[0].time_to_live, 3_600_000);
    assert_eq!(state.published[0].variables, r#"{"shipment_id":"s-1"}"#);
}

#[tokio::test]
async fn a_gateway_that_is_late_gets_it() {
    let mut gateway = Gateway::stopped();
    let address = gateway.address();
    let waiting = tokio::spawn(async move {
        let gateway = gateway_at(&address);
        deliver(&gateway.0, "SHIPPED_TO_CUSTOMER", &gateway.1, &Map::new()).await
    });
    // The first try has failed for sure only if it ran; both orders of events must go well.
    tokio::task::yield_now().await;
    gateway.restart();
    assert_eq!(waiting.await.unwrap().unwrap(), Delivery::Delivered);
    assert_eq!(gateway.state().published.len(), 1);
}

fn gateway_at(address: &str) -> (Settings, Dispatch) {
    let settings = Settings::resolve(&Flags::default(), |name| {
        (name == "ZEEBE_ADDRESS").then(|| address.to_owned())
    });
    let payload = Map::from_iter([("_id".to_owned(), json!("o-1"))]);
    (
        settings.unwrap(),
        Dispatch::new("ship_order", payload).unwrap(),
    )
}

#[tokio::test]
async fn a_test_may_lose_or_double_answers_of_one_event_type() {
    let gateway = Gateway::start();
    assert_eq!(answer(&gateway, Some("drop")).await, Delivery::Dropped);
    assert_eq!(
        answer(&gateway, Some("drop:ship_order")).await,
        Delivery::Dropped
    );
    assert!(gateway.state().published.is_empty());
    assert_eq!(
        answer(&gateway, Some("drop:charge_customer")).await,
        Delivery::Delivered
    );
    assert_eq!(gateway.state().published.len(), 1);

    let gateway = Gateway::start();
    assert_eq!(answer(&gateway, Some("double")).await, Delivery::Delivered);
    let state = gateway.state();
    assert_eq!((state.published.len(), state.refused_twice.len()), (1, 1));
}
