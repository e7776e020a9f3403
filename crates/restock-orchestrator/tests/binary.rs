//! The binary with a real repository and a real protocol.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../messaging/tests/support/gateway.rs"]
mod gateway;
#[path = "../../messaging/tests/support/binary.rs"]
mod support;

use gateway::Gateway;
use serde_json::{Value, json};
use support::Runner;

fn shop(gateway: &Gateway) -> Runner {
    let mut runner = Runner::new(env!("CARGO_BIN_EXE_restock-orchestrator"));
    runner.set("ZEEBE_ADDRESS", gateway.address());
    runner.set("GITHUB_REPOSITORY", "backroom/shop");
    runner.set("GITHUB_API_URL", "http://127.0.0.1:9");
    for (id, product) in [("p-1", "Ale"), ("p-2", "Book, second edition")] {
        let record = json!({"_id": id, "product": product, "price": 1, "currency": "EUR"});
        runner.store("products", record);
    }
    std::fs::create_dir(runner.path("workflows")).unwrap();
    for model in ["populate-stock.bpmn", "restock-parallel.bpmn"] {
        std::fs::write(runner.path("workflows").join(model), "<definitions/>").unwrap();
    }
    runner
}

#[test]
fn a_restock_of_all_products_is_started_once_an_id() {
    let gateway = Gateway::start();
    let runner = shop(&gateway);
    let run = runner.run(&["run", "--stock-level=2", "--id=r-1"]);
    assert_eq!(run.code, 0, "{run:?}");
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&answer["_id"], &answer["started"]),
        (&json!("r-1"), &json!(true))
    );
    let again = runner.run(&["run", "--stock-level=2", "--id=r-1"]);
    let answer: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(answer["started"], false);
    let state = gateway.state();
    assert_eq!(state.published.len(), 1);
    assert_eq!(state.published[0].name, "RESTOCK_REQUESTED");
    assert_eq!(state.published[0].message_id, "r-1");
    let variables: Value = serde_json::from_str(&state.published[0].variables).unwrap();
    let expected = json!({
        "_id": "r-1", "products": ["Ale", "Book, second edition"], "stock_level": 2,
        "repo": "backroom/shop", "github_api_url": "http://127.0.0.1:9",
    });
    assert_eq!(variables, expected);
}

#[test]
fn a_form_on_a_runner_gives_a_parallel_restock() {
    let gateway = Gateway::start();
    let mut runner = shop(&gateway);
    let inputs =
        json!({"stock_level": "5", "products": "Book, second edition", "parallel": "true"});
    runner.on_runner(&json!({"inputs": inputs}).to_string());
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 0, "{run:?}");
    let state = gateway.state();
    assert_eq!(state.published[0].name, "PARALLEL_RESTOCK_REQUESTED");
    assert_eq!(state.deployed[0].name, "restock-parallel.bpmn");
    let variables: Value = serde_json::from_str(&state.published[0].variables).unwrap();
    assert_eq!(variables["products"], json!(["Book, second edition"]));
}

#[test]
fn what_is_refused_starts_nothing() {
    let gateway = Gateway::start();
    let runner = shop(&gateway);
    for (arguments, words) in [
        (
            ["--stock-level=2", "--products=Ale,Ale"],
            "names 'Ale' twice",
        ),
        (
            ["--stock-level=2", "--products=Tea"],
            "unknown product 'Tea'; the shop has Ale, Book",
        ),
        (
            ["--stock-level=many", "--products=Ale"],
            "'stock_level' must be a whole number",
        ),
        (["--stock-level=-1", "--products=Ale"], "'stock_level'"),
        (
            ["--stock-level=2", "--id=secrets.X"],
            "'id' must be free of placeholders",
        ),
    ] {
        let run = runner.run(&arguments);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.stderr.contains(words), "{run:?}");
    }
    let state = gateway.state();
    assert!(state.published.is_empty() && state.deployed.is_empty());
}
