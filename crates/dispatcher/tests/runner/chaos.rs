//! Chaos switches: reorder, cancel, fail n times, and what a probability and its seed do.

use serde_json::{Value, json};

use crate::store::{Folders, Store, WAIT, eventually};

#[tokio::test]
async fn a_reordered_event_starts_after_the_next_one_or_after_its_time() {
    let store = Store::start(Folders::new("exit 0"), |config| config.parallel_max = 1).await;
    let rule = json!({"_id": "first", "action": "reorder", "delay_ms": 3_600_000});
    store.client.rule(&rule).await;
    store
        .client
        .rule(&json!({"_id": "alone", "action": "reorder", "delay_ms": 20}))
        .await;
    store.client.dispatch("restock_item", "first").await;
    assert_eq!(store.client.delivery("first").await["state"], "queued");
    store.client.dispatch("restock_item", "second").await;
    let second = store.client.until("second", "succeeded").await;
    let first = store.client.until("first", "succeeded").await;
    let start = |d: &Value| {
        d["runs"][0]["attempts"][0]["started_at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(start(&second) < start(&first), "{first} before {second}");
    store.client.dispatch("restock_item", "alone").await;
    store.client.until("alone", "succeeded").await;
    store.stop().await;
}

#[tokio::test]
async fn runs_are_cancelled_before_or_while_they_run() {
    let folders = Folders::new(&format!(r#"touch "$SEEN/began-$GITHUB_RUN_ID"; {WAIT}"#));
    let store = Store::start(folders, |_| {}).await;
    store
        .client
        .rule(&json!({"_id": "before", "action": "cancel"}))
        .await;
    store
        .client
        .rule(&json!({"_id": "while", "action": "cancel", "delay_ms": 1}))
        .await;
    store.client.dispatch("restock_item", "before").await;
    let before = store.client.until("before", "cancelled").await;
    assert_eq!(before["runs"][0]["cancelled_by"], "rule");
    assert_eq!(store.folders.count("began-"), 0);
    store.client.dispatch("restock_item", "while").await;
    store.client.until("while", "cancelled").await;
    store.client.dispatch("restock_item", "other").await;
    eventually("the other run", || store.folders.count("began-3") == 1).await;
    store.folders.open_gate();
    store.client.until("other", "succeeded").await;
    store.stop().await;
}

#[tokio::test]
async fn fails_as_often_as_it_should_of_one_event_type_alone() {
    let folders = Folders::new("exit 0");
    folders.service("second", "[other]", 1.0, "exit 0");
    let store = Store::start(folders, |_| {}).await;
    let rule = json!({"event_type": "restock_item", "action": "fail", "times": 2});
    store.client.rule(&rule).await;
    store.client.dispatch("other", "o-0").await;
    store.client.until("o-0", "succeeded").await;
    for (id, state) in [("o-1", "failed"), ("o-2", "failed"), ("o-3", "succeeded")] {
        store.client.dispatch("restock_item", id).await;
        store.client.until(id, state).await;
    }
    store.stop().await;
}

#[tokio::test]
async fn the_same_seed_makes_the_same_events_lost() {
    let mut fates = Vec::new();
    for _ in 0..2 {
        let store = Store::start(Folders::new("exit 0"), |_| {}).await;
        let rule = json!({"action": "drop", "probability": 0.4, "seed": 42});
        let made = store.client.rule(&rule).await;
        assert_eq!(
            (&made["seed"], &made["probability"]),
            (&json!(42), &json!(0.4))
        );
        let mut states = Vec::new();
        for n in 0..12 {
            let id = format!("o-{n}");
            store.client.dispatch("restock_item", &id).await;
            states.push(store.client.delivery(&id).await["state"] == "dropped");
        }
        assert!(
            states.contains(&true) && states.contains(&false),
            "{states:?}"
        );
        assert_eq!(store.client.get("/_backroom/rules").await[0]["asked"], 12);
        fates.push(states);
        store.stop().await;
    }
    assert_eq!(fates[0], fates[1]);
}
