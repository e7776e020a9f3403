//! Rules and redelivery.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::store::{Folders, Store};

async fn redeliver(store: &Store, id: &str) -> Value {
    let delivery = store.client.delivery(id).await;
    let path = format!(
        "/_backroom/deliveries/{}/redeliver",
        delivery["id"].as_str().unwrap()
    );
    let answer = store.client.call(Method::POST, &path, &Value::Null).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_dropped_event_is_delivered_after_all() {
    let store = Store::start(Folders::new("exit 0"), |_| {}).await;
    let rule = store
        .client
        .rule(&json!({"event_type": "restock_item", "_id": "lost", "action": "drop"}))
        .await;
    store.client.dispatch("restock_item", "lost").await;
    store.client.dispatch("restock_item", "other").await;
    let lost = store.client.delivery("lost").await;
    assert_eq!(
        (&lost["state"], &lost["runs"]),
        (&json!("dropped"), &json!([]))
    );
    assert_eq!(lost["rule"], json!({"id": rule["id"], "action": "drop"}));
    store.client.until("other", "succeeded").await;

    redeliver(&store, "lost").await;
    let lost = store.client.until("lost", "succeeded").await;
    assert_eq!(lost["runs"][0]["round"], 2);
    assert_eq!(store.client.get("/_backroom/rules").await[0]["used"], 1);
    store.stop().await;
}

#[tokio::test]
async fn a_failed_delivery_made_again_shows_its_latest_round() {
    let store = Store::start(Folders::new(r#"[ -e "$SEEN/gate" ] || exit 1"#), |_| {}).await;
    store.client.dispatch("restock_item", "o-1").await;
    store.client.until("o-1", "failed").await;
    store.folders.open_gate();
    redeliver(&store, "o-1").await;
    let delivery = store.client.until("o-1", "succeeded").await;
    let ends: Vec<_> = delivery["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (run["round"].clone(), run["conclusion"].clone()))
        .collect();
    assert_eq!(
        ends,
        [(json!(1), json!("failure")), (json!(2), json!("success"))]
    );
    store.stop().await;
}

#[tokio::test]
async fn duplicate_delay_and_fail() {
    let store = Store::start(Folders::new(r#"touch "$SEEN/run-$GITHUB_RUN_ID""#), |_| {}).await;
    for rule in [
        json!({"_id": "twice", "action": "duplicate"}),
        json!({"_id": "late", "action": "delay", "delay_ms": 60}),
        json!({"_id": "much-later", "action": "delay", "delay_ms": 3_600_000}),
        json!({"_id": "bad", "action": "fail", "times": 1}),
    ] {
        store.client.rule(&rule).await;
    }
    for id in ["twice", "late", "much-later", "bad"] {
        store.client.dispatch("restock_item", id).await;
    }
    let twice = store.client.until("twice", "succeeded").await;
    assert_eq!(twice["runs"].as_array().unwrap().len(), 2);

    let late = store.client.until("late", "succeeded").await;
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let started = time(&late["runs"][0]["attempts"][0]["started_at"]);
    assert!(started >= time(&late["not_before"]), "{late}");
    let pause = time(&late["received_at"]).duration_until(time(&late["not_before"]));
    assert_eq!(pause.as_millis(), 60);

    let bad = store.client.until("bad", "failed").await;
    let attempts = bad["runs"][0]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1);
    assert!(
        attempts[0]["note"]
            .as_str()
            .unwrap()
            .contains("failed by rule 4"),
        "{bad}"
    );
    assert_eq!(
        store.folders.count("run-"),
        3,
        "the failed run's service was started"
    );
    redeliver(&store, "bad").await;
    store.client.until("bad", "succeeded").await;

    assert_eq!(store.client.delivery("much-later").await["state"], "queued");
    redeliver(&store, "much-later").await;
    store.client.until("much-later", "succeeded").await;
    store.stop().await;
}

#[tokio::test]
async fn answers_are_lost_or_doubled_for_the_matching_run_alone() {
    let script = r#"echo "answers=${BACKROOM_TEST_ANSWERS-none}"
[ "$GITHUB_RUN_ATTEMPT" = 2 ] || exit 4"#;
    let store = Store::start(Folders::new(script), |_| {}).await;
    store
        .client
        .rule(&json!({"event_type": "restock_item", "action": "drop_answer", "times": 1}))
        .await;
    store
        .client
        .rule(&json!({"_id": "o-2", "action": "double_answer"}))
        .await;
    for (id, answers) in [("o-1", "drop"), ("o-2", "double"), ("o-3", "none")] {
        store.client.dispatch("restock_item", id).await;
        let delivery = store.client.until(id, "succeeded").await;
        let shown = store
            .client
            .get(&format!("/_backroom/runs/{}", delivery["runs"][0]["id"]))
            .await;
        let log = shown["log"].as_str().unwrap();
        let wanted = format!("answers={answers}");
        assert_eq!(log.matches(&wanted).count(), 2, "in each attempt: {log}");
    }
    let rules = store.client.get("/_backroom/rules").await;
    let (first, second) = (rules[0]["id"].clone(), rules[1]["id"].clone());
    assert_eq!(rules[0]["times"], 0);
    let path = format!("/_backroom/rules/{first}");
    let gone = store.client.call(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(store.client.get("/_backroom/rules").await[0]["id"], second);
    let gone = store
        .client
        .call(Method::DELETE, "/_backroom/rules", &Value::Null)
        .await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(store.client.get("/_backroom/rules").await, json!([]));
    store.stop().await;
}
