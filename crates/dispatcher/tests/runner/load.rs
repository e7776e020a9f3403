//! Many dispatches at once, a fifth of them doubled: none is lost, and no group's runs overlap.

use serde_json::json;

use crate::store::{DISPATCHES, Folders, Store};

const DISPATCHED: usize = 40;
const GROUPS: usize = 4;

/// Notes each run of an order, and each time that two runs of a group were there at once.
const SERVICE: &str = r#"group=$(sed -n 's/.*"group": "\([^"]*\)".*/\1/p' "$GITHUB_EVENT_PATH")
mkdir "$SEEN/lock-$group" || touch "$SEEN/overlap-$GITHUB_RUN_ID"
id=$(sed -n 's/.*"_id": "\([^"]*\)".*/\1/p' "$GITHUB_EVENT_PATH")
touch "$SEEN/done-$id-$GITHUB_RUN_ID"
rmdir "$SEEN/lock-$group""#;

/// Sends all of them at once, and waits until each order was served.
async fn dispatch_all(queue: &str) -> Store {
    let folders = Folders::new("exit 0");
    let group = "group: \"g-${{ github.event.client_payload.group }}\"";
    let on = "{repository_dispatch: {types: [work]}}";
    folders.service_with(
        "worker",
        on,
        &format!("concurrency: {{{group}{queue}}}"),
        SERVICE,
    );
    let store = Store::start(folders, |config| {
        config.parallel_max = 8;
        config.watchdog.redispatches_max = 5;
    })
    .await;
    let rule = json!({"event_type": "work", "action": "duplicate", "probability": 0.2, "seed": 1});
    store.client.rule(&rule).await;
    let sent = (0..DISPATCHED).map(|n| {
        let client = store.client.clone();
        let payload = json!({"_id": format!("o-{n}-"), "group": (n % GROUPS).to_string()});
        let body = json!({"event_type": "work", "client_payload": payload});
        tokio::spawn(async move { client.post(DISPATCHES, &body, 204).await })
    });
    for sent in sent.collect::<Vec<_>>() {
        sent.await.unwrap();
    }
    for n in 0..DISPATCHED {
        store.client.until(&format!("o-{n}-"), "succeeded").await;
        assert!(
            store.folders.count(&format!("done-o-{n}-")) >= 1,
            "order {n} is lost"
        );
    }
    assert_eq!(
        store.folders.count("overlap-"),
        0,
        "runs of a group overlapped"
    );
    let rules = store.client.get("/_backroom/rules").await;
    let doubled = rules[0]["used"].as_u64().unwrap();
    assert!(
        (1..20).contains(&doubled),
        "{doubled} of {DISPATCHED} were doubled"
    );
    store
}

#[tokio::test]
async fn with_queue_max_each_run_has_its_turn() {
    let store = dispatch_all(", queue: max").await;
    let cancelled = store
        .client
        .get("/repos/shop/data/actions/runs?status=cancelled")
        .await;
    assert_eq!(cancelled["total_count"], 0);
    store.stop().await;
}

#[tokio::test]
async fn without_queue_the_cancelled_are_told_and_the_watchdog_recovers_them() {
    let store = dispatch_all("").await;
    let cancelled = store
        .client
        .get("/repos/shop/data/actions/runs?status=cancelled")
        .await;
    let recovered = store.client.get("/_backroom/deliveries").await;
    let recovered = recovered.as_array().unwrap().iter();
    let again = recovered
        .filter(|delivery| delivery["redispatches"] != 0)
        .count();
    assert!(
        cancelled["total_count"].as_u64().unwrap() > 0,
        "{cancelled}"
    );
    assert!(again > 0, "nothing was started again");
    assert_eq!(store.client.get("/_backroom/failures").await, json!([]));
    store.stop().await;
}
