//! The watchdog: what came to nothing is started again, and then told.

use std::time::Duration;

use serde_json::{Value, json};

use crate::store::{Folders, Store, WAIT, eventually};

#[tokio::test]
async fn a_failed_run_is_started_again_and_recovers() {
    let script = r#"[ "$GITHUB_RUN_ID" -ge 3 ] || exit 1"#;
    let store = Store::start(Folders::new(script), |config| {
        config.watchdog.redispatches_max = 2;
    })
    .await;
    store.client.dispatch("restock_item", "o-1").await;
    let delivery = store.client.until("o-1", "succeeded").await;
    assert_eq!(
        (&delivery["redispatches"], &delivery["failure"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(delivery["runs"].as_array().unwrap().len(), 3);
    assert_eq!(store.client.get("/_backroom/failures").await, json!([]));
    store.stop().await;
}

#[tokio::test]
async fn what_stays_failed_is_told_until_it_is_mended() {
    let store = Store::start(Folders::new(r#"[ -e "$SEEN/gate" ] || exit 6"#), |config| {
        config.watchdog.redispatches_max = 1;
    })
    .await;
    store.client.dispatch("restock_item", "o-1").await;
    let failures = store.client.until_some("/_backroom/failures").await;
    assert_eq!(failures[0]["_id"], "o-1");
    let why = failures[0]["failure"].as_str().unwrap();
    for says in ["run 2 of 'inventory.yml'", "exit code 6", "/redeliver"] {
        assert!(why.contains(says), "{why}");
    }
    store.folders.open_gate();
    let id = failures[0]["id"].as_str().unwrap();
    let path = format!("/_backroom/deliveries/{id}/redeliver");
    store.client.post(&path, &Value::Null, 202).await;
    store.client.until("o-1", "succeeded").await;
    assert_eq!(store.client.get("/_backroom/failures").await, json!([]));
    store.stop().await;
}

#[tokio::test]
async fn runs_that_a_group_cancelled_are_all_recovered() {
    let folders = Folders::new("exit 0");
    let script = format!(
        r#"mkdir "$SEEN/lock" || touch "$SEEN/overlap"
{WAIT}
rmdir "$SEEN/lock""#
    );
    let on = "{repository_dispatch: {types: [work]}}";
    folders.service_with("worker", on, "concurrency: one", &script);
    let store = Store::start(folders, |config| config.watchdog.redispatches_max = 1).await;
    for n in 0..10 {
        store.client.dispatch("work", &format!("o-{n}")).await;
    }
    // All but the one that runs and the one that waits.
    for run in 2..=9 {
        store.client.run_until(run, "cancelled").await;
    }
    store.folders.open_gate();
    for n in 0..10 {
        store.client.until(&format!("o-{n}"), "succeeded").await;
    }
    assert!(
        store.folders.seen("overlap").is_none(),
        "two runs of a group overlapped"
    );
    assert_eq!(store.client.get("/_backroom/failures").await, json!([]));
    store.stop().await;
}

#[tokio::test]
async fn what_never_starts_is_told() {
    let folders = Folders::new(&format!(r#"touch "$SEEN/began"; {WAIT}"#));
    let store = Store::start(folders, |config| {
        config.parallel_max = 1;
        config.watchdog.start_limit = Duration::from_millis(50);
    })
    .await;
    store
        .client
        .rule(&json!({"_id": "lost", "action": "drop"}))
        .await;
    store.client.dispatch("restock_item", "o-1").await;
    eventually("the first run", || store.folders.count("began") == 1).await;
    store.client.dispatch("restock_item", "o-2").await;
    store.client.dispatch("restock_item", "lost").await;
    store.client.dispatch("unheard_of", "o-3").await;
    for (id, says) in [
        ("o-2", "waits for its start"),
        ("lost", "got lost"),
        ("o-3", "listens to 'unheard_of'"),
    ] {
        let why = store.client.failure(id).await;
        assert!(why.contains(says), "{why}");
    }
    assert_eq!(
        store.client.delivery("o-2").await["state"],
        "queued",
        "it may still run"
    );
    store.folders.open_gate();
    store.client.until("o-1", "succeeded").await;
    let late = store.client.until("o-2", "succeeded").await;
    assert_eq!(late["failure"], Value::Null);
    let failures = store.client.get("/_backroom/failures").await;
    let ids: Vec<_> = failures
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["_id"])
        .collect();
    assert_eq!(ids, ["lost", "o-3"]);
    store.stop().await;
}

#[tokio::test]
async fn what_never_starts_makes_room_for_another_try() {
    let folders = Folders::new(&format!(r#"touch "$SEEN/began"; {WAIT}"#));
    let store = Store::start(folders, |config| {
        config.parallel_max = 1;
        config.watchdog.start_limit = Duration::from_millis(50);
        config.watchdog.redispatches_max = 1;
    })
    .await;
    store.client.dispatch("restock_item", "o-1").await;
    eventually("the first run", || store.folders.count("began") == 1).await;
    store.client.dispatch("restock_item", "o-2").await;
    let why = store.client.failure("o-2").await;
    assert!(why.contains("waits for its start"), "{why}");
    let late = store.client.delivery("o-2").await;
    assert_eq!(late["runs"][0]["cancelled_by"], "watchdog");
    assert_eq!(late["runs"].as_array().unwrap().len(), 2);
    store.folders.open_gate();
    store.client.until("o-2", "succeeded").await;
    store.stop().await;
}
