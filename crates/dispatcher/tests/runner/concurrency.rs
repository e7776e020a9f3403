//! Concurrency groups: who runs, who waits, who is cancelled, and that all of it is seen.

use reqwest::Method;
use serde_json::{Value, json};

use crate::store::{Folders, Store, WAIT, eventually};

const ON: &str = "{repository_dispatch: {types: [work]}}";

/// A service that notes each start and waits for the gate.
fn grouped(lines: &str) -> Folders {
    let folders = Folders::new("exit 0");
    let script = format!(r#"touch "$SEEN/began-$GITHUB_RUN_ID"; {WAIT}"#);
    folders.service_with("worker", ON, lines, &script);
    folders
}

/// The state of each delivery's first run: its conclusion, or else its status.
async fn states(store: &Store) -> Vec<String> {
    let list = store.client.get("/_backroom/deliveries").await;
    let runs = list.as_array().unwrap().iter().map(|d| &d["runs"][0]);
    runs.map(|run| {
        let ended = run["conclusion"].as_str().or(run["status"].as_str());
        ended.unwrap().to_owned()
    })
    .collect()
}

#[tokio::test]
async fn an_older_run_that_waits_is_cancelled_and_says_so() {
    let folders = grouped("concurrency: work-${{ github.event.client_payload._id }}");
    let store = Store::start(folders, |_| {}).await;
    for _ in 0..3 {
        store.client.dispatch("work", "Same").await;
    }
    store.client.dispatch("work", "other").await;
    store.client.run_until(2, "cancelled").await;
    eventually("two groups", || store.folders.count("began-") == 2).await;
    assert_eq!(
        states(&store).await,
        ["in_progress", "cancelled", "pending", "in_progress"]
    );
    store.folders.open_gate();
    let last = store.client.run_until(3, "success").await;
    assert_eq!(last["conclusion"], "success");

    let list = store.client.get("/_backroom/deliveries?_id=Same").await;
    assert_eq!(list[1]["state"], "cancelled");
    assert_eq!(list[1]["runs"][0]["cancelled_by"], "group");
    assert_eq!(
        list[1]["runs"][0]["attempts"],
        json!([]),
        "it was never started"
    );
    assert_eq!(list[0]["runs"][0]["concurrency"]["group"], "work-Same");
    let shown = store
        .client
        .get("/repos/shop/data/actions/runs?status=cancelled")
        .await;
    assert_eq!(
        (&shown["total_count"], &shown["workflow_runs"][0]["id"]),
        (&json!(1), &json!(2))
    );
    store.stop().await;
}

#[tokio::test]
async fn names_dont_mind_case_and_forms_have_groups_too() {
    let folders = Folders::new("exit 0");
    let lines = "concurrency: {group: \"${{ inputs.name || github.event.client_payload._id }}\"}";
    let on = "{repository_dispatch: {types: [work]}, workflow_dispatch: {inputs: {name: {}}}}";
    folders.service_with(
        "worker",
        on,
        lines,
        &format!(r#"touch "$SEEN/began"; {WAIT}"#),
    );
    let store = Store::start(folders, |_| {}).await;
    store.client.dispatch("work", "Group-A").await;
    let path = "/repos/shop/data/actions/workflows/worker.yml/dispatches";
    let body = json!({"ref": "main", "inputs": {"name": "group-a"}});
    store.client.post(path, &body, 204).await;
    store.client.run_until(2, "pending").await;
    store.folders.open_gate();
    store.client.run_until(2, "success").await;
    store.stop().await;
}

#[tokio::test]
async fn cancel_in_progress_ends_the_run_that_runs() {
    let folders = grouped("concurrency: {group: one, cancel-in-progress: true}");
    let store = Store::start(folders, |_| {}).await;
    store.client.dispatch("work", "o-1").await;
    eventually("the first run", || store.folders.count("began-1") == 1).await;
    store.client.dispatch("work", "o-2").await;
    let first = store.client.run_until(1, "cancelled").await;
    assert_eq!(first["run_attempt"], 1);
    eventually("the second run", || store.folders.count("began-2") == 1).await;
    store.folders.open_gate();
    store.client.until("o-2", "succeeded").await;
    let shown = store.client.get("/_backroom/runs/1").await;
    assert!(
        shown["log"]
            .as_str()
            .unwrap()
            .contains("a newer run of its concurrency group")
    );
    assert_eq!(
        shown["attempts"][0]["note"],
        shown["log"].as_str().unwrap().lines().last().unwrap()
    );
    store.stop().await;
}

#[tokio::test]
async fn with_queue_max_a_hundred_wait_in_order_and_the_next_is_cancelled() {
    let folders = grouped("concurrency: {group: one, queue: max}");
    let store = Store::start(folders, |_| {}).await;
    for _ in 0..102 {
        store.client.dispatch("work", "many").await;
    }
    let refused = store.client.run_until(102, "cancelled").await;
    assert_eq!(refused["event"], "repository_dispatch");
    let states = states(&store).await;
    assert_eq!(states.iter().filter(|s| *s == "pending").count(), 100);
    let last = store.client.get("/_backroom/runs/102").await;
    assert_eq!(last["cancelled_by"], "queue_full");

    // Of those that wait one may be taken out; the others keep their order.
    store
        .client
        .post("/repos/shop/data/actions/runs/2/cancel", &Value::Null, 202)
        .await;
    store.client.run_until(2, "cancelled").await;
    store.folders.open_gate();
    store.client.run_until(101, "success").await;
    let list = store.client.get("/_backroom/deliveries").await;
    let mut starts: Vec<(String, u64)> = Vec::new();
    for delivery in list.as_array().unwrap() {
        let run = &delivery["runs"][0];
        if let Some(start) = run["attempts"][0]["started_at"].as_str() {
            starts.push((start.to_owned(), run["id"].as_u64().unwrap()));
        }
    }
    starts.sort();
    assert!(starts.is_sorted_by_key(|(_, run)| *run), "{starts:?}");
    assert_eq!(starts.len(), 100);
    store.stop().await;
}

#[tokio::test]
async fn a_group_is_the_same_after_a_restart() {
    let folders = grouped("concurrency: {group: one, queue: max}");
    let store = Store::start(folders, |config| {
        config.stop_grace = std::time::Duration::ZERO;
    })
    .await;
    for id in ["o-1", "o-2", "o-3"] {
        store.client.dispatch("work", id).await;
    }
    eventually("the first run", || store.folders.count("began-") == 1).await;
    let folders = store.stop().await;
    let store = Store::start(folders, |_| {}).await;
    store.client.run_until(1, "in_progress").await;
    assert_eq!(states(&store).await, ["in_progress", "pending", "pending"]);
    store.folders.open_gate();
    store.client.run_until(3, "success").await;
    store.stop().await;
}

#[tokio::test]
async fn a_group_without_a_name_is_no_start() {
    let folders = grouped("concurrency: ${{ github.event.client_payload.none }}");
    let store = Store::start(folders, |_| {}).await;
    store.client.dispatch("work", "o-1").await;
    store.client.until("o-1", "failed").await;
    store.client.run_until(1, "startup_failure").await;
    let answer = store.client.call(
        Method::POST,
        "/repos/shop/data/actions/runs/1/cancel",
        &Value::Null,
    );
    assert_eq!(answer.await.status().as_u16(), 409);
    store.stop().await;
}
