//! Single calls: waiting for a gateway, errors that keep their code, calls that are repeated.

use std::time::Duration;

use messaging::client::{Client, Code, Error, Message, Published};
use messaging::settings::Gateway as Settings;
use serde_json::{Map, json};
use tonic::Status;

use crate::support::Gateway;

const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(gateway: &Gateway, deadline: Duration) -> Result<Client, Error> {
    Client::connect(&Settings::plain(&gateway.address()).unwrap(), deadline).await
}

fn message(id: &str) -> Message {
    Message {
        name: "RESTOCKED".to_owned(),
        correlation_key: "r-1/1".to_owned(),
        message_id: id.to_owned(),
        time_to_live: Duration::from_secs(3600),
        variables: json!({"stock_level": 2}).as_object().unwrap().clone(),
    }
}

#[tokio::test]
async fn a_message_is_published_as_given_and_once() {
    let gateway = Gateway::start();
    let client = connect(&gateway, PATIENCE).await.unwrap();
    let first = client
        .publish(&message("r-1/1/restock_item"))
        .await
        .unwrap();
    assert_eq!(first, Published::New { key: 1 });
    let second = client
        .publish(&message("r-1/1/restock_item"))
        .await
        .unwrap();
    assert_eq!(second, Published::AlreadyExists);
    let state = gateway.state();
    let published = &state.published[0];
    assert_eq!(published.time_to_live, 3_600_000);
    assert_eq!(published.correlation_key, "r-1/1");
    assert_eq!(published.message_id, "r-1/1/restock_item");
    assert_eq!(published.variables, r#"{"stock_level":2}"#);
}

#[tokio::test]
async fn a_message_without_variables_has_an_empty_object() {
    let gateway = Gateway::start();
    let client = connect(&gateway, PATIENCE).await.unwrap();
    let empty = Message {
        variables: Map::new(),
        ..message("x")
    };
    client.publish(&empty).await.unwrap();
    assert_eq!(gateway.state().published[0].variables, "{}");
}

#[tokio::test]
async fn nobody_there_is_said_with_address_and_hint_after_the_deadline() {
    let gateway = Gateway::stopped();
    let Err(error) = connect(&gateway, Duration::from_millis(120)).await else {
        panic!("nothing listens there");
    };
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&gateway.address()) && text.contains("refused"),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("ZEEBE_ADDRESS"));
}

#[tokio::test]
async fn a_refusal_keeps_code_and_words() {
    let gateway = Gateway::start();
    let client = connect(&gateway, PATIENCE).await.unwrap();
    gateway.configure(|state| {
        state
            .refuse
            .push_back(Status::not_found("no such message name"));
    });
    let error = client.publish(&message("x")).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NotFound));
    assert!(
        error.to_string().contains("no such message name"),
        "{error}"
    );
}

#[tokio::test]
async fn back_pressure_and_outages_are_waited_for() {
    let mut gateway = Gateway::start();
    let client = connect(&gateway, PATIENCE).await.unwrap();
    gateway.configure(|state| {
        let busy = Status::resource_exhausted("busy");
        state
            .refuse
            .extend([busy.clone(), busy, Status::unavailable("starting")]);
    });
    client.publish(&message("1")).await.unwrap();

    gateway.stop();
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.publish(&message("2")).await }
    });
    gateway.restart();
    assert_eq!(call.await.unwrap().unwrap(), Published::New { key: 2 });
}

#[tokio::test]
async fn a_call_that_would_do_it_twice_is_not_repeated() {
    let gateway = Gateway::start();
    let client = connect(&gateway, PATIENCE).await.unwrap();
    gateway.configure(|state| state.refuse.push_back(Status::unavailable("who knows")));
    let error = client.publish(&message("")).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(gateway.state().published.is_empty());
}

#[tokio::test]
async fn an_unchanged_model_keeps_its_version() {
    let gateway = Gateway::start();
    let client = connect(&gateway, PATIENCE).await.unwrap();
    let deploy = |text: &'static str| {
        let files = vec![("order.bpmn".to_owned(), text.as_bytes().to_vec())];
        let client = client.clone();
        async move {
            client
                .deploy(&files)
                .await
                .map(|mut deployed| deployed.remove(0))
        }
    };
    let first = deploy("<a/>").await.unwrap();
    assert_eq!(
        (first.bpmn_process_id.as_str(), first.version),
        ("order", 1)
    );
    assert_eq!(deploy("<a/>").await.unwrap(), first);
    assert_eq!(deploy("<b/>").await.unwrap().version, 2);
    let error = deploy("not a model").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InvalidArgument));
}

#[tokio::test]
async fn topology_tells_the_version() {
    let gateway = Gateway::start();
    let client = connect(&gateway, PATIENCE).await.unwrap();
    assert_eq!(client.topology().await.unwrap().gateway_version, "8.6.0");
}
