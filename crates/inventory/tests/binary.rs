//! The service's binary in its three modes, with a real repository and a real protocol.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../messaging/tests/support/gateway.rs"]
mod gateway;
#[path = "../../messaging/tests/support/binary.rs"]
mod support;

use std::process::{Child, Stdio};

use gateway::Gateway;
use messaging::protocol::ActivatedJob;
use serde_json::{Value, json};
use support::Runner;

const ALE: &str = "Camunda Escalation Ale";
const CANARY: &str = "canary-client-secret";

fn runner() -> Runner {
    Runner::new(env!("CARGO_BIN_EXE_inventory"))
}

fn event(event_type: &str, payload: Value) -> String {
    json!({"action": event_type, "client_payload": payload}).to_string()
}

fn restock() -> String {
    event(
        "restock_item",
        json!({"_id": "r-1/1", "product": ALE, "stock_level": 2}),
    )
}

#[test]
fn a_dispatch_changes_the_repository_and_is_answered() {
    let gateway = Gateway::start();
    let mut runner = runner();
    runner.set("ZEEBE_ADDRESS", gateway.address());
    runner.on_runner(&restock());
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 0, "{run:?}");

    let stock = runner.all("stock");
    assert_eq!(
        (&stock[0]["product"], &stock[0]["stock_level"]),
        (&json!(ALE), &json!(2))
    );
    assert_eq!(runner.all("stock_movements").len(), 1);
    let (subject, trailers) = runner.last_commit();
    assert_eq!(subject, "inventory: restock Camunda Escalation Ale to 2");
    for (key, value) in [
        ("Order-Id", "r-1/1"),
        ("Operation", "restock_item"),
        ("Idempotency-Key", "r-1/1/restock_item"),
    ] {
        assert!(
            trailers.contains(&(key.to_owned(), value.to_owned())),
            "{trailers:?}"
        );
    }
    {
        let state = gateway.state();
        assert_eq!(state.published.len(), 1);
        assert_eq!(state.published[0].name, "RESTOCKED");
        assert_eq!(state.published[0].message_id, "r-1/1/restock_item");
        assert_eq!(state.published[0].variables, r#"{"stock_level":2}"#);
    }
    assert!(runner.text("output").starts_with("result<<ghadelimiter_"));
    assert!(
        runner
            .text("summary")
            .contains("### inventory restock_item")
    );
    // These records stand elsewhere than the workflow: whoever reads the one may not read the other.
    assert!(runner.text("summary").contains("+ product: (a text)"));
    assert!(!format!("{}{}", runner.text("summary"), run.stdout).contains(ALE));
    assert!(
        run.stdout.contains("::group::inventory restock_item"),
        "{run:?}"
    );

    // Delivered a second time: the same answer, and nothing else.
    let before = runner.snapshot().commit().map(str::to_owned);
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(runner.snapshot().commit().map(str::to_owned), before);
    let state = gateway.state();
    assert_eq!((state.published.len(), state.refused_twice.len()), (1, 1));
    assert_eq!(
        state.refused_twice[0].variables,
        state.published[0].variables
    );
}

#[test]
fn without_a_gateway_the_run_fails_and_the_next_one_answers() {
    let mut gateway = Gateway::stopped();
    let mut runner = runner();
    runner.set("ZEEBE_ADDRESS", gateway.address());
    runner.set("BACKROOM_GATEWAY_DEADLINE", "100ms");
    runner.on_runner(&restock());
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(
        run.stdout
            .contains("::error title=inventory failed (exit code 4)::"),
        "{run:?}"
    );
    assert!(run.stdout.contains(&gateway.address()) && run.stdout.contains("ZEEBE_ADDRESS"));
    assert_eq!(
        runner.all("stock_movements").len(),
        1,
        "the change is committed"
    );

    gateway.restart();
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(gateway.state().published.len(), 1);
    assert_eq!(runner.all("stock_movements").len(), 1, "and not done again");
}

#[test]
fn what_is_refused_writes_nothing_and_is_not_answered() {
    let gateway = Gateway::start();
    let mut runner = runner();
    runner.set("ZEEBE_ADDRESS", gateway.address());
    for (event, words) in [
        ("not JSON".to_owned(), "is not JSON: line 1"),
        (
            event("drop_database", json!({"_id": "o"})),
            "unknown event type 'drop_database'; this service knows restock_item, get_stock_level, decrement_stock, increment_stock",
        ),
        (
            event("decrement_stock", json!({"_id": "o", "product": ALE})),
            "missing field 'quantity'",
        ),
        (
            event(
                "decrement_stock",
                json!({"_id": "o", "product": ALE, "quantity": 0}),
            ),
            "'quantity' must be",
        ),
        (
            event(
                "get_stock_level",
                json!({"_id": "o", "product": ALE, "x": "::error::not ours"}),
            ),
            "surplus field 'x'",
        ),
    ] {
        runner.on_runner(&event);
        let run = runner.run(&["action"]);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(
            run.stdout
                .contains("::error title=inventory failed (exit code 3)::"),
            "{run:?}"
        );
        assert!(run.stdout.contains(words), "{run:?}");
    }
    assert_eq!(runner.snapshot().commit(), None);
    assert!(gateway.state().published.is_empty());
}

#[test]
fn secrets_are_masked_before_a_setting_is_refused() {
    let mut runner = runner();
    runner.set("ZEEBE_ADDRESS", format!("no:{CANARY}"));
    runner.set(
        "ZEEBE_CLIENT_CONFIG",
        format!("{{\"ZEEBE_CLIENT_SECRET\": \"{CANARY}\""),
    );
    runner.on_runner(&restock());
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 2, "{run:?}");
    let first = run.stdout.lines().next().unwrap();
    assert_eq!(first, format!("::add-mask::{CANARY}"));
    assert!(
        run.stdout.contains("ZEEBE_CLIENT_CONFIG, line 1"),
        "{run:?}"
    );
}

#[test]
fn a_form_is_the_twin_of_a_dispatch() {
    let gateway = Gateway::start();
    let mut runner = runner();
    runner.set("ZEEBE_ADDRESS", gateway.address());
    let inputs = json!({
        "operation": "restock_item", "_id": "r-1/1", "product": ALE, "stock_level": "2",
        "quantity": "",
    });
    runner.on_runner(&json!({"inputs": inputs, "ref": "refs/heads/main"}).to_string());
    assert_eq!(runner.run(&["action"]).code, 0);
    assert_eq!(
        gateway.state().published[0].message_id,
        "r-1/1/restock_item"
    );
    // The dispatch with the same values is the same thing, done already.
    runner.on_runner(&restock());
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("done before: restock_item"), "{run:?}");
    assert_eq!(runner.all("stock_movements").len(), 1);

    for (inputs, words) in [
        (
            json!({"operation": "restock_item", "_id": "o", "product": ALE, "stock_level": "-1"}),
            "'stock_level' must be a whole number from 0 to 1000000, but is -1",
        ),
        (
            json!({"operation": "get_stock_level", "_id": "o", "product": ALE, "quantity": "1"}),
            "surplus field 'quantity'",
        ),
        (
            json!({"operation": "get_stock_level", "product": ALE}),
            "missing field '_id'",
        ),
        (json!({"product": ALE}), "'operation' must be one of"),
    ] {
        runner.on_runner(&json!({ "inputs": inputs }).to_string());
        let run = runner.run(&["action"]);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.stdout.contains(words), "{run:?}");
    }
}

#[test]
fn surroundings_that_are_wrong_are_named() {
    let mut runner = runner();
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.contains("GITHUB_EVENT_PATH is not set"),
        "{run:?}"
    );

    runner.set("GITHUB_EVENT_PATH", "nowhere.json");
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(
        run.stderr
            .contains("event file nowhere.json cannot be read"),
        "{run:?}"
    );

    runner.set("ZEEBE_ADDRESS", "no:port");
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("gateway address 'no:port'"), "{run:?}");

    let run = runner.run(&["run", "drop_database"]);
    assert_eq!(run.code, 2, "{run:?}");

    runner.set("ZEEBE_ADDRESS", "");
    runner.set("GHETTODB_REPO", "nowhere.git");
    let run = runner.run(&["run", "get_stock_level", "--product", ALE]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("nowhere.git"), "{run:?}");
    runner.set("GHETTODB_REPO", "");
    let run = runner.run(&["run", "get_stock_level", "--product", ALE]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("GHETTODB_REPO"), "{run:?}");
}

#[test]
fn secrets_are_masked_first_and_shown_nowhere() {
    let gateway = Gateway::stopped();
    let mut runner = runner();
    runner.set("ZEEBE_ADDRESS", format!("http://{}", gateway.address()));
    runner.set(
        "ZEEBE_CLIENT_CONFIG",
        format!("export ZEEBE_CLIENT_ID='an-id'\nexport ZEEBE_CLIENT_SECRET='{CANARY}'"),
    );
    runner.set("BACKROOM_GATEWAY_DEADLINE", "100ms");
    runner.set("RUST_LOG", "trace");
    runner.on_runner(&restock());
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 4, "{run:?}");
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "::add-mask::an-id",
            format!("::add-mask::{CANARY}").as_str()
        ]
    );
    assert!(lines[2].starts_with("::stop-commands::"), "{run:?}");
    assert!(!lines[2..].join("\n").contains(CANARY));
    assert!(!run.stderr.contains(CANARY));
    assert!(!runner.text("summary").contains(CANARY));
}

#[test]
fn by_hand_an_operation_prints_its_result() {
    let runner = runner();
    let payload = json!({"_id": "r-1/1", "product": ALE, "stock_level": 2});
    std::fs::write(runner.path("payload.json"), payload.to_string()).unwrap();
    let run = runner.run(&["run", "restock_item", "--payload", "payload.json"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "{\"stock_level\":2}\n"),
        "{run:?}"
    );
    let run = runner.run(&[
        "run",
        "decrement_stock",
        "--product",
        ALE,
        "--quantity",
        "3",
    ]);
    assert_eq!(run.stdout, "{\"stock_reserved\":false,\"stock_level\":2}\n");
    let run = runner.run(&["run", "get-stock-level", "--product", ALE]);
    assert_eq!(run.stdout, "{\"stock_level\":2}\n");
    for quantity in ["0", "-1", "two"] {
        let run = runner.run(&[
            "run",
            "decrement_stock",
            "--product",
            ALE,
            "--quantity",
            quantity,
        ]);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(
            run.stderr.starts_with("error: field 'quantity' must be"),
            "{run:?}"
        );
    }
    let run = runner.run(&["run", "decrement_stock", "--product", ALE]);
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("missing field 'quantity'"), "{run:?}");
}

/// A worker's process, which ends with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn job(key: i64, job_type: &str, variables: &Value) -> ActivatedJob {
    ActivatedJob {
        key,
        r#type: job_type.to_owned(),
        retries: 3,
        deadline: i64::MAX,
        variables: variables.to_string(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_worker_serves_each_operation_as_a_job_type() {
    let gateway = Gateway::start();
    let mut runner = runner();
    runner.set("ZEEBE_ADDRESS", gateway.address());
    let mut command = runner.command(&["worker"]);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let worker = Worker(child);
    gateway
        .until("all types are served", |state| {
            [
                "restock-item",
                "get-stock-level",
                "decrement-stock",
                "increment-stock",
            ]
            .iter()
            .all(|job_type| state.is_streaming(job_type))
        })
        .await;
    let asked = |job_type: &str| {
        let state = gateway.state();
        let stream = state
            .streamed
            .iter()
            .find(|stream| stream.r#type == job_type);
        stream.unwrap().fetch_variable.clone()
    };
    assert_eq!(asked("get-stock-level"), ["product", "_id"]);
    assert_eq!(asked("decrement-stock"), ["product", "quantity", "_id"]);

    gateway.make_job(job(
        1,
        "restock-item",
        &json!({"_id": "r-1", "product": ALE, "stock_level": 2}),
    ));
    gateway
        .until("it is restocked", |state| state.completed.len() == 1)
        .await;
    let take = json!({"_id": "o-1", "product": ALE, "quantity": 2});
    gateway.make_job(job(2, "decrement-stock", &take));
    gateway
        .until("it is taken", |state| state.completed.len() == 2)
        .await;
    // The engine timed the job out and gave it again.
    gateway.make_job(job(3, "decrement-stock", &take));
    gateway
        .until("it is answered again", |state| state.completed.len() == 3)
        .await;
    gateway.make_job(job(
        4,
        "decrement-stock",
        &json!({"_id": "o-2", "product": ALE, "quantity": 0}),
    ));
    gateway
        .until("it is refused", |state| state.failed.len() == 1)
        .await;

    // A no of the business is an error that a model can catch, and the same when it is asked again.
    for key in [5, 6] {
        let more = json!({"_id": "o-3", "product": ALE, "quantity": 1});
        gateway.make_job(job(key, "decrement-stock", &more));
    }
    gateway
        .until("there is not enough", |state| state.thrown.len() == 2)
        .await;

    let state = gateway.state();
    for error in &state.thrown {
        assert_eq!(error.error_code, "NOT_ENOUGH_STOCK");
        let answer = r#"{"stock_reserved":false,"stock_level":0}"#;
        assert_eq!(error.variables, answer);
    }
    let answer = r#"{"stock_reserved":true,"stock_level":0}"#;
    assert_eq!(state.completed[1].variables, answer);
    assert_eq!(state.completed[2].variables, answer);
    assert_eq!((state.failed[0].job_key, state.failed[0].retries), (4, 0));
    assert!(state.failed[0].error_message.contains("'quantity' must be"));
    assert!(
        state.published.is_empty(),
        "a job is answered by its completion alone"
    );
    drop(state);
    assert_eq!(runner.all("stock_movements").len(), 2);
    drop(worker);
}
