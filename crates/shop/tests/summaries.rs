//! What every program shows on a runner: annotations, log, outputs and job summary, as files.
//!
//! Real binaries, a real git remote, the real broker. What differs from run to run is written as its
//! name: ids, commits, keys, ports, times and the words that switch commands off.

use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::expect_file;
use regex::Regex;
use serde_json::{Value, json};

use crate::stage::{ALE, BOOK, DECLINED, Stage, VISA, program, run, slow};
use shop::ledger::text;

const REPOSITORY: &str = "ada/shop";
/// Values that would do harm if anything took them for more than text.
const SHELL: &str = "$(touch pwned) \"x'; --";
const MARKUP: &str = "<img src=x onerror=alert(1)>";

/// A checkout of the data repository, as a workflow's first step leaves one.
struct Runner {
    folder: PathBuf,
    gateway: String,
    rest: String,
}

/// What a step left behind.
struct Step {
    code: i32,
    /// Log, outputs and summary, without what differs from run to run.
    shown: String,
}

impl Runner {
    fn of(stage: &Stage, folder: &Path) -> Runner {
        let addresses = &stage.store.addresses;
        let (code, _, err) = run(git(
            folder,
            &["clone", &addresses.data_repository, "checkout"],
        ));
        assert_eq!(code, 0, "{err}");
        Runner {
            folder: folder.join("checkout"),
            gateway: addresses.gateway.clone(),
            rest: addresses.rest.clone().unwrap(),
        }
    }

    /// Runs a step of a workflow with this event file.
    fn step(&self, binary: &str, args: &[&str], event: &Value) -> Step {
        let files = tempfile::tempdir().unwrap();
        let file = |name: &str| files.path().join(name);
        std::fs::write(file("event.json"), event.to_string()).unwrap();
        for name in ["output", "summary"] {
            std::fs::write(file(name), "").unwrap();
        }
        let mut command = program(binary);
        command
            .args(args)
            .current_dir(&self.folder)
            .env("ZEEBE_ADDRESS", &self.gateway)
            .env("ZEEBE_REST_ADDRESS", &self.rest)
            .env("BACKROOM_GATEWAY_DEADLINE", "30s")
            .env("CI", "true")
            .env("NO_COLOR", "1")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_PATH", file("event.json"))
            .env("GITHUB_OUTPUT", file("output"))
            .env("GITHUB_STEP_SUMMARY", file("summary"))
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_API_URL", "http://127.0.0.1:9")
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_RUN_ID", "4711");
        let (code, out, err) = run(command);
        assert_eq!(err.lines().find(|line| line.contains("panicked")), None);
        let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
        let shown = format!(
            "=== exit code {code}, log\n{out}=== outputs\n{}=== summary\n{}",
            read("output"),
            read("summary")
        );
        Step {
            code,
            shown: self.steady(&shown),
        }
    }

    /// The text with names for what differs from run to run.
    fn steady(&self, text: &str) -> String {
        let text = text.replace(&self.gateway, "GATEWAY");
        let names = [
            (r"ghadelimiter_[0-9a-f]{48}", "DELIMITER"),
            (r"\b[0-9a-f]{48}\b", "WORD"),
            (r"\b[0-9a-f]{40}\b", "COMMIT"),
            (r"`[0-9a-f]{8}`", "`COMMIT`"),
            (
                r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
                "ID",
            ),
            (r"\b2[0-9]{15}\b", "KEY"),
            (r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "TIME"),
        ];
        names.iter().fold(text, |text, (pattern, name)| {
            let pattern = Regex::new(pattern).unwrap();
            pattern.replace_all(&text, *name).into_owned()
        })
    }
}

fn git(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(args);
    command
}

fn dispatch(event_type: &str, payload: Value) -> Value {
    json!({ "action": event_type, "branch": "main", "client_payload": payload })
}

fn form(inputs: Value) -> Value {
    json!({ "inputs": inputs, "ref": "refs/heads/main", "workflow": ".github/workflows/w.yml" })
}

#[tokio::test(flavor = "multi_thread")]
async fn are_as_expected_and_harmless() {
    if !slow("summaries") {
        return;
    }
    let mut stage = Stage::open().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let runner = Runner::of(&stage, folder.path());

    services(&mut stage, &runner);
    harmful_texts(&mut stage, &runner);
    failures(&runner);
    orchestrators(&mut stage, &runner).await;
    chores(&mut stage, &runner);
    stage.store.stop().await.unwrap();
    assert!(!runner.folder.join("pwned").exists());
}

/// Every operation of every service.
fn services(stage: &mut Stage, runner: &Runner) {
    let address = json!({
        "email": "ada@example.com", "name": "Ada", "address": "1 Engine Street",
        "payment_method": VISA,
    });
    let event = dispatch(
        "upsert_customer",
        json!({ "_id": "o-1", "customer": address }),
    );
    let step = runner.step("customers", &["action"], &event);
    expect_file!["expected/customers-upsert_customer.txt"].assert_eq(&step.shown);

    let inventory = |event_type: &str, payload: Value| {
        runner.step("inventory", &["action"], &dispatch(event_type, payload))
    };
    let restock = json!({ "_id": "r-1/1", "product": ALE, "stock_level": 2 });
    let step = inventory("restock_item", restock.clone());
    expect_file!["expected/inventory-restock_item.txt"].assert_eq(&step.shown);
    let step = inventory("restock_item", restock);
    expect_file!["expected/inventory-restock_item-again.txt"].assert_eq(&step.shown);
    let step = inventory("get_stock_level", json!({ "_id": "o-1", "product": ALE }));
    expect_file!["expected/inventory-get_stock_level.txt"].assert_eq(&step.shown);
    let take = |id: &str, quantity: u32| json!({ "_id": id, "product": ALE, "quantity": quantity });
    let step = inventory("decrement_stock", take("o-1", 1));
    expect_file!["expected/inventory-decrement_stock.txt"].assert_eq(&step.shown);
    let step = inventory("decrement_stock", take("o-2", 5));
    expect_file!["expected/inventory-decrement_stock-too-many.txt"].assert_eq(&step.shown);
    let step = inventory("increment_stock", take("o-1", 1));
    expect_file!["expected/inventory-increment_stock.txt"].assert_eq(&step.shown);

    let charge = |id: &str, card: &str| {
        let payload = json!({
            "_id": id, "customer_id": "c-1", "payment_method": card, "amount": 450,
            "currency": "EUR",
        });
        runner.step(
            "payment",
            &["action"],
            &dispatch("charge_customer", payload),
        )
    };
    let step = charge("o-1", VISA);
    expect_file!["expected/payment-charge_customer.txt"].assert_eq(&step.shown);
    let step = charge("o-2", DECLINED);
    expect_file!["expected/payment-charge_customer-declined.txt"].assert_eq(&step.shown);
    let books = stage.books().unwrap();
    let order = books.order("o-1");
    let (payment, ..) = order.kept_payment().unwrap();
    let refund =
        form(json!({ "operation": "refund_customer", "_id": "o-1", "payment_id": payment }));
    let step = runner.step("payment", &["action"], &refund);
    expect_file!["expected/payment-refund_customer.txt"].assert_eq(&step.shown);

    let ship = form(json!({ "_id": "o-1", "customer_id": "c-1", "product": ALE, "quantity": "1" }));
    let step = runner.step("shipping", &["action"], &ship);
    expect_file!["expected/shipping-ship_order.txt"].assert_eq(&step.shown);
}

/// Names that stand literally in the records, and do nothing in a summary.
fn harmful_texts(stage: &mut Stage, runner: &Runner) {
    let address = json!({
        "email": "eve@example.com", "name": MARKUP, "address": "a\n::error::not ours\n```\n# b",
        "payment_method": VISA,
    });
    let event = dispatch(
        "upsert_customer",
        json!({ "_id": "o-3", "customer": address }),
    );
    let step = runner.step("customers", &["action"], &event);
    expect_file!["expected/harmful-customer.txt"].assert_eq(&step.shown);
    let emoji = "\u{1F37A}".repeat(200);
    for (name, product) in [("shell", SHELL), ("emoji", &emoji)] {
        let payload = json!({ "_id": format!("r-{name}"), "product": product, "stock_level": 1 });
        let step = runner.step("inventory", &["action"], &dispatch("restock_item", payload));
        let expected = format!(
            "{}/tests/expected/harmful-{name}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        expect_file![expected].assert_eq(&step.shown);
    }
    let books = stage.books().unwrap();
    let customer = books
        .customers
        .iter()
        .find(|row| text(row, "email") == "eve@example.com");
    assert_eq!(text(customer.unwrap(), "name"), MARKUP);
    let stocked = |product: &str| {
        books
            .stock
            .iter()
            .any(|row| text(row, "product") == product)
    };
    assert!(stocked(SHELL) && stocked(&emoji));
}

/// Runs that fail, by a refusal and by a setting.
fn failures(runner: &Runner) {
    let event = dispatch(
        "decrement_stock",
        json!({ "_id": "o-4", "product": ALE, "quantity": "1\n::warning::x" }),
    );
    let step = runner.step("inventory", &["action"], &event);
    assert_eq!(step.code, 3);
    expect_file!["expected/failed-refused.txt"].assert_eq(&step.shown);
    let step = runner.step(
        "payment",
        &["action"],
        &dispatch("ship_order", json!({ "_id": "o" })),
    );
    assert_eq!(step.code, 3);
    expect_file!["expected/failed-unknown-event.txt"].assert_eq(&step.shown);
    let branch = ["action", "--ghettodb-branch", "no such branch"];
    let step = runner.step(
        "shipping",
        &branch,
        &form(json!({ "_id": "o", "customer_id": "c", "product": ALE, "quantity": "1" })),
    );
    assert_ne!(step.code, 0);
    expect_file!["expected/failed-branch.txt"].assert_eq(&step.shown);
}

/// The forms that start a process.
async fn orchestrators(stage: &mut Stage, runner: &Runner) {
    let order = form(json!({
        "product": BOOK, "quantity": "1", "customer_email": "ada@example.com",
        "customer_name": MARKUP, "customer_address": "1 Engine Street", "payment_method": VISA,
        "order_id": "", "variant": "dispatch",
    }));
    let step = runner.step("order-orchestrator", &["action"], &order);
    expect_file!["expected/place-order.txt"].assert_eq(&step.shown);
    // A re-run of the form has the run's id, and is the same order.
    let step = runner.step("order-orchestrator", &["action"], &order);
    expect_file!["expected/place-order-again.txt"].assert_eq(&step.shown);
    let orders = stage.books().unwrap().orders;
    assert_eq!(
        orders
            .iter()
            .map(|row| text(row, "_id"))
            .collect::<Vec<_>>(),
        ["run-4711"]
    );
    stage.until("run-4711", |_| true).await.unwrap();

    let restock = form(json!({ "stock_level": "1", "products": BOOK, "parallel": "false" }));
    let step = runner.step("restock-orchestrator", &["action"], &restock);
    expect_file!["expected/restock-shop.txt"].assert_eq(&step.shown);
    let restock = form(json!({ "stock_level": "1000001", "products": "", "parallel": "false" }));
    let step = runner.step("restock-orchestrator", &["action"], &restock);
    assert_eq!(step.code, 3);
    expect_file!["expected/restock-shop-out-of-bounds.txt"].assert_eq(&step.shown);
}

/// The forms of the operator.
fn chores(stage: &mut Stage, runner: &Runner) {
    let step = runner.step(
        "shop",
        &["action", "deploy-models"],
        &form(json!({ "model": "restock-parallel" })),
    );
    expect_file!["expected/deploy-models.txt"].assert_eq(&step.shown);
    let step = runner.step(
        "shop",
        &["action", "status"],
        &form(json!({ "show": "all", "limit": "501" })),
    );
    assert_eq!(step.code, 3);
    expect_file!["expected/status-out-of-bounds.txt"].assert_eq(&step.shown);
    let step = runner.step(
        "shop",
        &["action", "status"],
        &form(json!({ "show": "all", "limit": "500" })),
    );
    assert_eq!(step.code, 0, "{}", step.shown);
    assert!(
        step.shown
            .contains("| run-4711 | Real-Life BPMN Book | 1 |"),
        "{}",
        step.shown
    );

    let reset = |confirm: &str| {
        let inputs = json!({ "scope": "everything", "confirm": confirm });
        runner.step("shop", &["action", "reset-db"], &form(inputs))
    };
    let before = stage.books().unwrap();
    let step = reset("yes");
    assert_eq!(step.code, 3);
    expect_file!["expected/reset-db-not-meant.txt"].assert_eq(&step.shown);
    assert_eq!(stage.books().unwrap().commit, before.commit);
    let step = reset(REPOSITORY);
    assert_eq!(step.code, 0, "{}", step.shown);
    let after = stage.books().unwrap();
    assert!(after.orders.is_empty() && after.stock.is_empty() && after.operations.is_empty());
    assert_eq!(after.products.len(), 3);
}
