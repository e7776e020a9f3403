//! Runs: what a service gets, what is kept of it, when it is tried again, how many run at once.

use serde_json::{Value, json};

use crate::store::{Folders, Store, TOKEN, WAIT, eventually};

fn only_run(delivery: &Value) -> &Value {
    assert_eq!(delivery["runs"].as_array().unwrap().len(), 1, "{delivery}");
    &delivery["runs"][0]
}

#[tokio::test]
async fn a_service_gets_a_runners_environment_and_its_event() {
    let script = r##"
test "$1" = action && test $# = 1 || exit 9
env | sort > "$SEEN/env"
cat "$GITHUB_EVENT_PATH" > "$SEEN/event"
pwd > "$SEEN/pwd"; ls -A > "$SEEN/ls"
echo "# Done" >> "$GITHUB_STEP_SUMMARY"; echo "got canary-dispatch-token" >> "$GITHUB_STEP_SUMMARY"
echo "to standard output"; echo "to standard error: canary-client-secret" >&2
echo "::add-mask::canary-added"; echo "canary-added canary-dispatch-token"
touch clone "$RUNNER_TEMP/t"
for f in "$GITHUB_OUTPUT" "$GITHUB_ENV" "$GITHUB_PATH" "$GITHUB_STATE" "$GITHUB_STEP_SUMMARY"; do test -w "$f" || exit 8; done
test -d "$RUNNER_TOOL_CACHE" && test -n "$RUNNER_OS" && test -n "$RUNNER_ARCH"
"##;
    let store = Store::start(Folders::new(script), |_| {}).await;
    let name = "O'Neil \"x\" $(touch pwned) `id`\n\u{1f600} ${{ github.token }}";
    let payload = json!({"_id": "o-1", "product": name, "stock_level": 2});
    let body = json!({"event_type": "restock_item", "client_payload": payload});
    let answer = store
        .client
        .call(reqwest::Method::POST, crate::store::DISPATCHES, &body)
        .await;
    assert_eq!(answer.status().as_u16(), 204);
    let delivery = store.client.until("o-1", "succeeded").await;
    let run = only_run(&delivery);
    assert_eq!(run["workflow"], "inventory.yml");
    assert_eq!(run["service"], "inventory");
    assert_eq!(
        (&run["status"], &run["conclusion"]),
        (&json!("completed"), &json!("success"))
    );
    assert_eq!(run["attempts"][0]["exit_code"], 0);

    let event: Value = serde_json::from_str(&store.folders.seen("event").unwrap()).unwrap();
    assert_eq!(
        event,
        json!({
            "action": "restock_item",
            "branch": "main",
            "client_payload": payload,
            "repository": {
                "name": "data", "full_name": "shop/data", "default_branch": "main",
                "owner": {"login": "shop"},
            },
            "sender": {"login": "shop"},
        })
    );
    let env = store.folders.seen("env").unwrap();
    for line in [
        "CI=true",
        "GITHUB_ACTIONS=true",
        "GITHUB_EVENT_NAME=repository_dispatch",
        "GITHUB_REPOSITORY=shop/data",
        "GITHUB_RUN_ATTEMPT=1",
        "GITHUB_RUN_NUMBER=1",
        "GITHUB_REF=refs/heads/main",
        "GITHUB_WORKFLOW=The inventory",
        "GITHUB_WORKFLOW_REF=shop/data/.github/workflows/inventory.yml@refs/heads/main",
        "RUNNER_ENVIRONMENT=self-hosted",
        "ZEEBE_ADDRESS=127.0.0.1:26500",
        &format!("GITHUB_API_URL={}", store.client.url),
        &format!("GITHUB_RUN_ID={}", run["id"]),
    ] {
        assert!(env.lines().any(|l| l == line), "{line} is not in\n{env}");
    }
    for absent in ["BACKROOM_", "UNLISTED", TOKEN, "canary-worker-secret"] {
        assert!(!env.contains(absent), "{absent} is in\n{env}");
    }
    let workspace = store.folders.seen("pwd").unwrap();
    assert!(env.contains(&format!("GITHUB_WORKSPACE={}", workspace.trim())));
    assert_eq!(
        store.folders.seen("ls").unwrap(),
        "",
        "the workspace is not empty"
    );

    let shown = store
        .client
        .get(&format!("/_backroom/runs/{}", run["id"]))
        .await;
    assert_eq!(shown["summary"], "# Done\ngot ***\n");
    let log = shown["log"].as_str().unwrap();
    for line in [
        "to standard output",
        "to standard error: ***",
        "::add-mask::***",
        "*** ***",
    ] {
        assert!(log.lines().any(|l| l == line), "{line} is not in\n{log}");
    }
    assert_eq!(
        (&shown["_id"], &shown["delivery"]),
        (&json!("o-1"), &delivery["id"])
    );
    let whole = store
        .client
        .get(&format!(
            "/_backroom/deliveries/{}",
            delivery["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(whole["client_payload"], payload);
    assert_eq!(
        delivery.get("client_payload"),
        None,
        "the list is without payloads"
    );

    let folders = store.stop().await;
    folders.assert_clean();
}

#[tokio::test]
async fn which_ends_are_tried_again() {
    for (script, state, attempts, signal) in [
        (
            r#"[ "$GITHUB_RUN_ATTEMPT" = 3 ] || exit 4"#,
            "succeeded",
            3,
            Value::Null,
        ),
        (
            r#"[ "$GITHUB_RUN_ATTEMPT" = 2 ] || exit 5"#,
            "succeeded",
            2,
            Value::Null,
        ),
        ("exit 4", "failed", 3, Value::Null),
        ("kill -KILL $$", "failed", 3, json!(9)),
        ("exit 1", "failed", 1, Value::Null),
        ("exit 3", "failed", 1, Value::Null),
        ("exit 6", "failed", 1, Value::Null),
    ] {
        let keep = r#"cp "$GITHUB_EVENT_PATH" "$SEEN/event-$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT""#;
        let store = Store::start(Folders::new(&format!("{keep}\n{script}")), |_| {}).await;
        store.client.dispatch("restock_item", "o-1").await;
        let delivery = store.client.until("o-1", state).await;
        let run = only_run(&delivery);
        assert_eq!(run["attempt"], attempts, "{script}");
        assert_eq!(run["attempts"][0]["signal"], signal, "{script}");
        let first = store.folders.seen(&format!("event-{}-1", run["id"]));
        let last = store
            .folders
            .seen(&format!("event-{}-{attempts}", run["id"]));
        assert!(
            first.is_some() && first == last,
            "{script}: not the same payload"
        );
        let shown = store
            .client
            .get(&format!("/_backroom/runs/{}", run["id"]))
            .await;
        let headings = shown["log"].as_str().unwrap().matches("--- run").count();
        assert_eq!(headings, attempts, "{script}");
        store.stop().await;
    }
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_a_failed_run_that_says_so() {
    let folders = Folders::new("exit 0");
    std::fs::remove_file(folders.path("bin/inventory")).unwrap();
    let store = Store::start(folders, |_| {}).await;
    store.client.dispatch("restock_item", "o-1").await;
    let delivery = store.client.until("o-1", "failed").await;
    let note = only_run(&delivery)["attempts"][0]["note"].as_str().unwrap();
    assert!(
        note.contains("bin/inventory") && note.contains("--bin-dir"),
        "{note}"
    );
    store.stop().await;
}

#[tokio::test]
async fn a_run_past_its_time_limit_is_ended() {
    let folders = Folders::new("exit 0");
    folders.service("hung", "[hung]", 0.002, "sleep 60");
    let store = Store::start(folders, |_| {}).await;
    store.client.dispatch("hung", "o-1").await;
    let delivery = store.client.until("o-1", "failed").await;
    assert_eq!(only_run(&delivery)["conclusion"], "timed_out");
    assert_eq!(only_run(&delivery)["attempt"], 1);
    store.stop().await;
}

#[tokio::test]
async fn no_more_run_at_once_than_allowed() {
    let script = format!(
        r#"touch "$SEEN/on-$GITHUB_RUN_ID"
ls "$SEEN" | grep -c '^on-' > "$SEEN/peak-$GITHUB_RUN_ID"
{WAIT}
rm "$SEEN/on-$GITHUB_RUN_ID""#
    );
    let store = Store::start(Folders::new(&script), |config| config.parallel_max = 2).await;
    let ids: Vec<String> = (0..6).map(|n| format!("o-{n}")).collect();
    for id in &ids {
        store.client.dispatch("restock_item", id).await;
    }
    eventually("two runs", || store.folders.count("peak-") == 2).await;
    let list = store.client.get("/_backroom/deliveries").await;
    let states: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["state"])
        .collect();
    assert_eq!(
        states,
        ["running", "running", "queued", "queued", "queued", "queued"]
    );
    store.folders.open_gate();
    for id in &ids {
        store.client.until(id, "succeeded").await;
    }
    for n in 1..=6 {
        let peak = store.folders.seen(&format!("peak-{n}")).unwrap();
        assert!(peak.trim().parse::<u32>().unwrap() <= 2, "{peak} at once");
    }
    store.stop().await;
}

#[tokio::test]
async fn two_files_that_listen_both_run() {
    let folders = Folders::new("exit 0");
    folders.service("second", "[restock_item, other]", 1.0, "exit 1");
    let store = Store::start(folders, |_| {}).await;
    store.client.dispatch("restock_item", "o-1").await;
    let delivery = store.client.until("o-1", "failed").await;
    let ends: Vec<_> = delivery["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (run["service"].clone(), run["conclusion"].clone()))
        .collect();
    assert_eq!(
        ends,
        [
            (json!("inventory"), json!("success")),
            (json!("second"), json!("failure"))
        ]
    );
    store.stop().await;
}
