//! Bad input of every kind: a clear error that names the thing, a code, nothing written, nothing lost.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};
use shop::ledger::text;

use crate::stage::{ALE, BOOK, Stage, VISA, form, program, run, shop, slow};

/// A program's refusal: its code, and what its words must hold.
#[track_caller]
fn refused(command: Command, code: i32, words: &[&str]) -> String {
    let (found, out, err) = run(command);
    assert_eq!(found, code, "{out}{err}");
    for word in words {
        assert!(err.contains(word), "no '{word}' in: {err}");
    }
    assert!(!err.contains("panicked"), "{err}");
    err
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_and_changes_nothing() {
    if !slow("bad_input") {
        return;
    }
    let mut stage = Stage::open().await.unwrap();
    stage.restock(2, &[]).await.unwrap();
    let before = stage.books().unwrap().commit;
    let data = stage.store.folder.root().to_owned();

    orders(&data);
    restocks(&data);
    payloads(&stage);
    models(&data);
    names_with_path_tricks(&stage);
    dispatches(&stage).await;

    let after = stage.books().unwrap();
    assert_eq!(after.commit, before, "nothing was written");
    assert!(
        stage.view.order("bad").await.unwrap().is_none(),
        "nothing was started"
    );

    broken_record(&stage);
    placeholder_that_arrives_all_the_same(&mut stage).await;
    stage.store.stop().await.unwrap();
}

fn orders(data: &Path) {
    let order = |args: &[&str]| {
        let mut command = shop(data, &["order", "--order-id", "bad"]);
        command.args(args);
        command
    };
    refused(order(&["--product", "Nonesuch"]), 3, &["Nonesuch"]);
    for quantity in ["0", "-1", "two", "1.5", ""] {
        let flag = format!("--quantity={quantity}");
        refused(order(&["--product", ALE, &flag]), 3, &["quantity"]);
    }
    for email in ["nobody", "a@", "@b", "a b@example.com", ""] {
        let flag = format!("--customer-email={email}");
        refused(order(&["--product", ALE, &flag]), 3, &["email"]);
    }
    let card = "4242424242424242";
    for number in [card, "4242 4242 4242 4242", "4242-4242-4242-4242"] {
        let flag = format!("--payment-method={number}");
        let err = refused(order(&["--product", ALE, &flag]), 3, &["payment_method"]);
        assert!(!err.contains("4242"), "a card number in: {err}");
    }
    for name in [
        "{{secrets.GitHubToken}}",
        "x secrets.GitHubToken",
        "camunda.secrets.X",
    ] {
        let flag = format!("--customer-name={name}");
        refused(order(&["--product", ALE, &flag]), 3, &["customer_name"]);
    }
}

fn restocks(data: &Path) {
    let twice = ["restock", "--product", ALE, "--product", ALE];
    refused(shop(data, &twice), 3, &[ALE, "twice"]);
    refused(
        shop(data, &["restock", "--product", "Nonesuch"]),
        3,
        &["Nonesuch"],
    );
    for level in ["--stock-level=-1", "--stock-level=two"] {
        refused(shop(data, &["restock", level]), 3, &["stock_level"]);
    }
}

/// Events as a runner would hand them over.
fn payloads(stage: &Stage) {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("event.json");
    let action = |service: &str| {
        let mut command = program(service);
        command
            .arg("action")
            .env("ZEEBE_ADDRESS", &stage.store.addresses.gateway)
            .env("GHETTODB_REPO", &stage.store.addresses.data_repository)
            .env("GITHUB_EVENT_PATH", &file);
        command
    };
    refused(action("inventory"), 3, &["event.json"]);
    std::fs::write(&file, "{").unwrap();
    refused(action("inventory"), 3, &["event.json", "JSON"]);
    let event = |action: &str, payload: Value| {
        let event = json!({ "action": action, "client_payload": payload });
        std::fs::write(&file, event.to_string()).unwrap();
    };
    event("steal_stock", json!({ "_id": "bad" }));
    refused(action("inventory"), 3, &["steal_stock"]);
    event("decrement_stock", json!({ "_id": "bad", "product": ALE }));
    refused(action("inventory"), 3, &["quantity"]);
    event("decrement_stock", json!({ "product": ALE, "quantity": 1 }));
    refused(action("inventory"), 3, &["_id"]);
    event(
        "decrement_stock",
        json!({ "_id": "bad", "product": ALE, "quantity": 1, "discount": 1 }),
    );
    refused(action("inventory"), 3, &["discount"]);
    for quantity in [json!(0), json!(-1), json!(1.5), json!("two"), json!(null)] {
        event(
            "decrement_stock",
            json!({ "_id": "bad", "product": ALE, "quantity": quantity }),
        );
        refused(action("inventory"), 3, &["quantity"]);
    }
    let number = "4242424242424242";
    event(
        "charge_customer",
        json!({
            "_id": "bad", "customer_id": "c", "payment_method": number, "amount": 1,
            "currency": "EUR",
        }),
    );
    let err = refused(action("payment"), 3, &["payment_method"]);
    assert!(!err.contains(number), "a card number in: {err}");
    let mut without = program("inventory");
    without.arg("action");
    refused(without, 2, &["GITHUB_EVENT_PATH"]);
}

fn models(data: &Path) {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("not-xml.bpmn");
    std::fs::write(&file, "this is no XML").unwrap();
    let path = file.to_str().unwrap();
    refused(shop(data, &["deploy", path]), 3, &["not-xml.bpmn"]);
    refused(shop(data, &["deploy", "absent.bpmn"]), 1, &["absent.bpmn"]);
}

fn names_with_path_tricks(stage: &Stage) {
    for (table, id) in [
        ("../outside", "x"),
        ("stock/../../x", "x"),
        ("/etc", "x"),
        ("stock", "../../outside"),
        ("stock", "a/b"),
        ("stock", ".git"),
        ("stock", "con"),
    ] {
        let mut command = program("ghettodb");
        command.args(["upsert", "--repo", &stage.store.addresses.data_repository]);
        command.args([
            "--table",
            table,
            "--query",
            &json!({ "_id": id }).to_string(),
        ]);
        command.args(["--record", r#"{"a":1}"#]);
        refused(command, 2, &[]);
    }
}

async fn dispatches(stage: &Stage) {
    let addresses = &stage.store.addresses;
    let url = format!(
        "{}/repos/{}/dispatches",
        addresses.dispatcher, addresses.repository
    );
    let body = json!({ "event_type": "restock_item", "client_payload": {} });
    let client = reqwest::Client::new();
    for token in [None, Some("a-wrong-token")] {
        let mut request = client.post(&url).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    let data = stage.store.folder.root();
    refused(
        shop(data, &["redeliver", "no-such-delivery"]),
        3,
        &["no-such-delivery"],
    );
    refused(
        shop(data, &["status", "no-such-order"]),
        3,
        &["no-such-order"],
    );
    refused(
        shop(data, &["cancel", "no-such-order"]),
        3,
        &["no-such-order"],
    );
    refused(shop(data, &["resolve", "42"]), 3, &["42"]);
    refused(
        shop(data, &["refund", "no-such-order"]),
        3,
        &["no-such-order"],
    );
}

/// A record that somebody broke by hand: named, and no other is harmed.
fn broken_record(stage: &Stage) {
    let root = tempfile::tempdir().unwrap();
    let clone = root.path().join("clone");
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        let author = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
        command.args(author).arg("-C").arg(root.path()).args(args);
        let (code, _, err) = run(command);
        assert_eq!(code, 0, "{err}");
    };
    let (origin, folder) = (
        &stage.store.addresses.data_repository,
        clone.to_str().unwrap(),
    );
    git(&["clone", "--quiet", origin, folder]);
    let stock = clone.join("db/stock");
    let broken = std::fs::read_dir(&stock)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| std::fs::read_to_string(path).unwrap().contains(BOOK))
        .expect("the book has a row");
    let whole = std::fs::read(&broken).unwrap();
    std::fs::write(&broken, [&whole[..], b"<<<<<<< ours"].concat()).unwrap();
    git(&[
        "-C",
        folder,
        "commit",
        "--quiet",
        "--all",
        "--message=break a record",
    ]);
    git(&["-C", folder, "push", "--quiet"]);
    let level = |product: &str| {
        let mut command = program("inventory");
        command
            .args(["run", "get_stock_level", "--product", product])
            .env("GHETTODB_REPO", origin);
        command
    };
    let name = broken.file_name().unwrap().to_str().unwrap();
    refused(level(BOOK), 1, &[name]);
    let (code, out, err) = run(level(ALE));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("\"stock_level\""), "{out}");
    std::fs::write(&broken, whole).unwrap();
    git(&[
        "-C",
        folder,
        "commit",
        "--quiet",
        "--all",
        "--message=mend it",
    ]);
    git(&["-C", folder, "push", "--quiet"]);
}

/// Whoever starts a process without the orchestrator can put a placeholder in a name: it is text.
async fn placeholder_that_arrives_all_the_same(stage: &mut Stage) {
    let name = "{{secrets.GitHubToken}}";
    let form = form("placeholder", ALE, 1, VISA);
    let addresses = &stage.store.addresses;
    let variables = json!({
        "_id": "placeholder",
        "customer": {
            "email": form.customer_email, "name": name, "address": "1 Main Street",
            "payment_method": VISA,
        },
        "product": ALE,
        "quantity": 1,
        "amount": 450,
        "currency": "EUR",
        "repo": addresses.repository,
        "github_api_url": addresses.dispatcher,
    });
    let Value::Object(variables) = variables else {
        unreachable!("an object was written");
    };
    start(stage, &variables).await;
    stage.ended("placeholder").await.unwrap();
    let books = stage.books().unwrap();
    let row = books
        .customers
        .iter()
        .find(|row| text(row, "email") == form.customer_email);
    assert_eq!(text(row.expect("the customer's row"), "name"), name);
}

/// The model must be there: an orchestrator brings it, and none of these orders came so far.
async fn start(stage: &Stage, variables: &Map<String, Value>) {
    let model = shop::project::Project::find()
        .unwrap()
        .model("order-fulfilment.bpmn");
    let file = (
        "order-fulfilment.bpmn".to_owned(),
        std::fs::read(model).unwrap(),
    );
    stage.client.deploy(&[file]).await.unwrap();
    stage
        .client
        .create_process_instance("order-fulfilment", None, variables)
        .await
        .unwrap();
}

#[test]
fn a_gateway_that_cannot_be_reached_is_named() {
    if !slow("bad_input") {
        return;
    }
    // A port that was free a moment ago, and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    let root = tempfile::tempdir().unwrap();
    let mut command = shop(root.path(), &["deploy", "--zeebe-address", &address]);
    command.args(["--gateway-deadline", "1s"]);
    refused(command, 4, &[&address, "hint: "]);
}
