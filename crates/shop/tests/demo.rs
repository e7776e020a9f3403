//! The story comes true, twice on the same data, and leaves no secret behind.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::stage::{Stage, run, shop, slow};

const STEPS: [&str; 9] = [
    "open",
    "deploy",
    "restock",
    "orders",
    "lost-dispatch",
    "lost-answer",
    "last-item",
    "kill",
    "closing",
];

fn tell(data: &Path) -> Value {
    let document = tell_on(data, &[]);
    let steps = document["steps"].as_array().expect("steps");
    for step in steps {
        assert_eq!(step["ok"], true, "{step}");
    }
    assert_eq!(document["engine"]["kind"], "embedded");
    document
}

fn tell_on(data: &Path, flags: &[&str]) -> Value {
    let (code, out, err) = run(shop(data, &[&["demo", "--exit", "--json"], flags].concat()));
    assert_eq!(code, 0, "{err}\n{out}");
    let document: Value = serde_json::from_str(&out).expect("one JSON document");
    assert_eq!(document["ok"], true);
    let steps = document["steps"].as_array().expect("steps");
    let names: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["name"].as_str())
        .collect();
    assert_eq!(names, STEPS);
    for step in steps {
        assert!(step["duration_ms"].is_u64(), "{step}");
    }
    document
}

/// Label and outcome of each order.
fn outcomes(document: &Value) -> Vec<(String, String)> {
    let orders = document["orders"].as_array().expect("orders");
    orders
        .iter()
        .map(|order| {
            assert!(!order["commits"].as_array().expect("commits").is_empty());
            assert!(!order["elements"].as_array().expect("elements").is_empty());
            let text = |field: &str| order[field].as_str().expect("text").to_owned();
            (text("label"), text("outcome"))
        })
        .collect()
}

fn records(document: &Value, table: &str) -> u64 {
    document["tables"][table].as_u64().expect("a count")
}

#[test]
fn the_story_comes_true_and_a_second_telling_goes_on_with_the_store() {
    if !slow("demo") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("store");
    let first = tell(&data);
    let told = outcomes(&first);
    let of = |label: &str| {
        let found = told.iter().find(|(own, _)| own == label);
        found.expect("the order was told").1.as_str()
    };
    for (label, outcome) in [
        ("A", "fulfilled"),
        ("B", "out_of_stock"),
        ("C", "declined"),
        ("D", "fulfilled"),
        ("E", "cancelled"),
        ("K", "fulfilled"),
    ] {
        assert_eq!(of(label), outcome, "order {label}");
    }
    let crowd = ["F", "G", "H", "I", "J"].map(of);
    assert_eq!(
        crowd
            .iter()
            .filter(|outcome| **outcome == "fulfilled")
            .count(),
        1
    );
    assert_eq!(
        crowd
            .iter()
            .filter(|outcome| **outcome == "out_of_stock")
            .count(),
        4
    );
    assert_eq!(records(&first, "orders"), 11);
    assert_eq!(records(&first, "shipments"), 4);
    assert!(data.join("origin.git").is_dir() && data.join("broker").is_dir());

    let second = tell(&data);
    assert_eq!(records(&second, "orders"), 22);
    assert_eq!(records(&second, "shipments"), 8);
    // The customers are the same people.
    assert_eq!(records(&second, "customers"), records(&first, "customers"));
    let key = |document: &Value| document["steps"][1]["facts"]["deployed"].clone();
    assert_eq!(key(&second), key(&first), "the models are unchanged");

    // No process is left that holds the folder.
    assert!(!data.join("shop.json").exists());
    let status = Command::new("git")
        .args([
            "-C",
            data.join("origin.git").to_str().unwrap(),
            "fsck",
            "--strict",
        ])
        .status()
        .unwrap();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_given_gateway_what_it_cannot_play_is_skipped_by_name() {
    if !slow("demo") {
        return;
    }
    let stage = Stage::open().await.unwrap();
    let addresses = &stage.store.addresses;
    let rest = addresses.rest.as_deref().unwrap();
    let skipped = |document: &Value| -> Vec<String> {
        let steps = document["steps"].as_array().unwrap();
        let skipped = steps.iter().filter(|step| step["skipped"].is_string());
        skipped
            .map(|step| step["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let root = tempfile::tempdir().unwrap();
    let gateway = ["--zeebe-address", addresses.gateway.as_str()];
    let told = tell_on(
        root.path(),
        &[&gateway[..], &["--zeebe-rest-address", rest]].concat(),
    );
    assert_eq!(skipped(&told), ["kill"]);
    assert_eq!(told["engine"]["kind"], "gateway");
    assert_eq!(told["orders"].as_array().unwrap().len(), 10);

    // Without a REST API hardly anything can be looked at, and nothing is claimed.
    let root = tempfile::tempdir().unwrap();
    let told = tell_on(root.path(), &gateway);
    assert_eq!(skipped(&told), STEPS[2..]);
    stage.store.stop().await.unwrap();
}
