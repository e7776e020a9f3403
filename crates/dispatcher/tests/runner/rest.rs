//! Runs in GitHub's paths and shapes: lists, re-run, cancel, logs, deletion, retention.

use std::io::Read as _;

use reqwest::Method;
use serde_json::{Value, json};

use crate::store::{Folders, Store, WAIT, eventually};

const RUNS: &str = "/repos/shop/data/actions/runs";

#[tokio::test]
async fn lists_are_newest_first_narrowed_and_paged() {
    let folders = Folders::new("exit 0");
    folders.service("second", "[other]", 1.0, "exit 1");
    let store = Store::start(folders, |_| {}).await;
    for n in 0..5 {
        store
            .client
            .dispatch("restock_item", &format!("o-{n}"))
            .await;
        store.client.until(&format!("o-{n}"), "succeeded").await;
    }
    store.client.dispatch("other", "o-9").await;
    store.client.until("o-9", "failed").await;
    let ids = |list: &Value| -> Vec<u64> {
        let runs = list["workflow_runs"].as_array().unwrap().iter();
        runs.map(|run| run["id"].as_u64().unwrap()).collect()
    };
    let all = store.client.get(RUNS).await;
    assert_eq!(
        (ids(&all), &all["total_count"]),
        (vec![6, 5, 4, 3, 2, 1], &json!(6))
    );
    let page = store.client.get(&format!("{RUNS}?per_page=2&page=2")).await;
    assert_eq!((ids(&page), &page["total_count"]), (vec![4, 3], &json!(6)));
    for (query, expected) in [
        ("?status=failure", vec![6]),
        ("?status=completed&per_page=1", vec![6]),
        ("?event=workflow_dispatch", vec![]),
        ("?branch=main&per_page=1", vec![6]),
        ("?branch=dev", vec![]),
        ("?page=99", vec![]),
    ] {
        assert_eq!(
            ids(&store.client.get(&format!("{RUNS}{query}")).await),
            expected,
            "{query}"
        );
    }
    let of_file = store
        .client
        .get("/repos/shop/data/actions/workflows/second.yml/runs")
        .await;
    assert_eq!(ids(&of_file), [6]);
    let run = &of_file["workflow_runs"][0];
    assert_eq!(
        (&run["run_number"], &run["name"]),
        (&json!(1), &json!("The second"))
    );
    assert_eq!(all["workflow_runs"][1]["run_number"], 5);
    let workflows = store.client.get("/repos/shop/data/actions/workflows").await;
    assert_eq!(workflows["total_count"], 2);
    assert_eq!(workflows["workflows"][1]["id"], run["workflow_id"]);
    let answer = store
        .client
        .call(Method::GET, &format!("{RUNS}?actor=x"), &Value::Null)
        .await;
    assert_eq!(answer.status().as_u16(), 422);
    store.stop().await;
}

#[tokio::test]
async fn a_rerun_has_the_old_payload_and_counts_its_attempts_up() {
    let keep = r#"cp "$GITHUB_EVENT_PATH" "$SEEN/event-$GITHUB_RUN_ATTEMPT"; echo "attempt $GITHUB_RUN_ATTEMPT"
[ "$GITHUB_RUN_ATTEMPT" -gt 3 ] || exit 4"#;
    let store = Store::start(Folders::new(keep), |_| {}).await;
    store.client.dispatch("restock_item", "o-1").await;
    store.client.until("o-1", "failed").await;
    let rerun = format!("{RUNS}/1/rerun");
    assert_eq!(
        store.client.post(&rerun, &Value::Null, 201).await,
        json!({})
    );
    let delivery = store.client.until("o-1", "succeeded").await;
    assert_eq!(delivery["runs"].as_array().unwrap().len(), 1);
    let run = store.client.get(&format!("{RUNS}/1")).await;
    assert_eq!(
        (&run["run_attempt"], &run["conclusion"]),
        (&json!(4), &json!("success"))
    );
    assert_eq!(store.folders.seen("event-4"), store.folders.seen("event-1"));

    // A run that goes wrong again after a re-run has as many attempts as a new one.
    store
        .client
        .post(&format!("{RUNS}/1/rerun-failed-jobs"), &Value::Null, 201)
        .await;
    store.client.run_until(1, "success").await;
    store.stop().await;
}

#[tokio::test]
async fn what_is_running_is_cancelled_and_cannot_be_rerun_or_deleted() {
    let store = Store::start(
        Folders::new(&format!(r#"touch "$SEEN/began"; {WAIT}"#)),
        |_| {},
    )
    .await;
    store.client.dispatch("restock_item", "o-1").await;
    eventually("the run", || store.folders.count("began") == 1).await;
    let answer = store
        .client
        .post(&format!("{RUNS}/1/rerun"), &Value::Null, 403)
        .await;
    assert_eq!(answer["message"], "This workflow is already running");
    for path in ["/1", "/1/logs"] {
        let answer = store
            .client
            .call(Method::DELETE, &format!("{RUNS}{path}"), &Value::Null)
            .await;
        assert_eq!(answer.status().as_u16(), 403, "{path}");
    }
    assert_eq!(
        store
            .client
            .post(&format!("{RUNS}/1/cancel"), &Value::Null, 202)
            .await,
        json!({})
    );
    let run = store.client.run_until(1, "cancelled").await;
    assert_eq!(run["status"], "completed");
    let shown = store.client.get("/_backroom/runs/1").await;
    assert_eq!(shown["cancelled_by"], "request");
    assert_eq!(store.client.delivery("o-1").await["state"], "cancelled");
    let answer = store
        .client
        .post(&format!("{RUNS}/1/cancel"), &Value::Null, 409)
        .await;
    assert_eq!(
        answer["message"],
        "Cannot cancel a workflow run that is completed."
    );
    for path in ["/7/cancel", "/7/rerun", "/x/rerun"] {
        store
            .client
            .post(&format!("{RUNS}{path}"), &Value::Null, 404)
            .await;
    }
    store.stop().await;
}

#[tokio::test]
async fn logs_come_as_an_archive_and_as_a_text() {
    let store = Store::start(Folders::new("echo it works"), |_| {}).await;
    store.client.dispatch("restock_item", "o-1").await;
    store.client.until("o-1", "succeeded").await;
    let jobs = store.client.get(&format!("{RUNS}/1/jobs")).await;
    assert_eq!(
        (&jobs["total_count"], &jobs["jobs"][0]["conclusion"]),
        (&json!(1), &json!("success"))
    );
    // The client follows the redirects.
    let path = format!(
        "/repos/shop/data/actions/jobs/{}/logs",
        jobs["jobs"][0]["id"]
    );
    let text = store
        .client
        .call(Method::GET, &path, &Value::Null)
        .await
        .text()
        .await
        .unwrap();
    assert!(text.lines().any(|line| line == "it works"), "{text}");
    let packed = store
        .client
        .call(Method::GET, &format!("{RUNS}/1/logs"), &Value::Null)
        .await;
    assert_eq!(packed.headers()["content-type"], "application/zip");
    let bytes = packed.bytes().await.unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut unpacked = String::new();
    let mut file = archive.by_index(0).unwrap();
    assert_eq!(file.name().unwrap(), "0_run.txt");
    file.read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, text);

    let answer = store
        .client
        .call(Method::DELETE, &format!("{RUNS}/1/logs"), &Value::Null)
        .await;
    assert_eq!(answer.status().as_u16(), 204);
    let gone = store
        .client
        .call(Method::GET, &format!("{RUNS}/1/logs"), &Value::Null)
        .await;
    assert_eq!(gone.status().as_u16(), 404);
    store.stop().await;
}

#[tokio::test]
async fn old_deliveries_go_and_numbers_are_never_given_twice() {
    let store = Store::start(Folders::new("echo it"), |config| config.deliveries_max = 2).await;
    for n in 1..=4 {
        store
            .client
            .dispatch("restock_item", &format!("o-{n}"))
            .await;
        store.client.until(&format!("o-{n}"), "succeeded").await;
    }
    let list = store.client.get("/_backroom/deliveries").await;
    let ids: Vec<_> = list.as_array().unwrap().iter().map(|d| &d["_id"]).collect();
    assert_eq!(ids, ["o-3", "o-4"]);
    let logs = |folders: &Folders| {
        let entries = std::fs::read_dir(folders.path("data/logs")).unwrap();
        entries
            .filter(|e| e.as_ref().unwrap().path().extension().unwrap() == "log")
            .count()
    };
    assert_eq!(logs(&store.folders), 2);
    for run in [3, 4] {
        let answer = store
            .client
            .call(Method::DELETE, &format!("{RUNS}/{run}"), &Value::Null)
            .await;
        assert_eq!(answer.status().as_u16(), 204);
    }
    assert_eq!(store.client.get(RUNS).await["total_count"], 0);
    assert_eq!(logs(&store.folders), 0);
    assert_eq!(store.client.get("/_backroom/deliveries").await, json!([]));
    let folders = store.stop().await;

    let store = Store::start(folders, |_| {}).await;
    store.client.dispatch("restock_item", "o-5").await;
    store.client.until("o-5", "succeeded").await;
    let run = store.client.get(&format!("{RUNS}/5")).await;
    assert_eq!(run["run_number"], 5);
    store.stop().await;
}
