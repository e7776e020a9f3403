//! The binary with a real repository and a real protocol.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../messaging/tests/support/gateway.rs"]
mod gateway;
#[path = "../../messaging/tests/support/binary.rs"]
mod support;

use axum::routing::post;
use axum::{Json, Router};
use gateway::Gateway;
use serde_json::{Value, json};
use support::{Run, Runner};

const BOOK: &str = "Real-Life BPMN Book";
const NAME: &str = "Robert \"Bob\" O'Neil\n$(reboot) 🎉";

fn shop(gateway: &Gateway) -> Runner {
    let mut runner = Runner::new(env!("CARGO_BIN_EXE_order-orchestrator"));
    runner.set("ZEEBE_ADDRESS", gateway.address());
    runner.set("GITHUB_REPOSITORY", "backroom/shop");
    runner.set("GITHUB_API_URL", "http://127.0.0.1:9/");
    runner.store(
        "products",
        json!({"product": BOOK, "price": 3900, "currency": "EUR"}),
    );
    std::fs::create_dir(runner.path("workflows")).unwrap();
    for model in ["order-fulfilment.bpmn", "order-fulfilment-grpc.bpmn"] {
        std::fs::write(runner.path("workflows").join(model), "<definitions/>").unwrap();
    }
    runner
}

fn order(runner: &Runner, changes: &[&str]) -> Run {
    let name = format!("--customer-name={NAME}");
    let product = format!("--product={BOOK}");
    let mut arguments = vec![
        "run",
        "--quantity=2",
        "--customer-email=ada@example.com",
        "--customer-address=1 Engine Street",
        "--payment-method=pm_card_visa",
        &name,
        &product,
    ];
    for change in changes {
        let flag = change.split('=').next().unwrap();
        arguments.retain(|argument| argument.split('=').next() != Some(flag));
        arguments.push(change);
    }
    runner.run(&arguments)
}

fn answer(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn an_order_is_written_deployed_and_started() {
    let gateway = Gateway::start();
    let runner = shop(&gateway);
    let placed = answer(&order(
        &runner,
        &["--fulfilment-timeout=2s", "--dispatch-job-type=local"],
    ));
    let id = placed["_id"].as_str().unwrap();
    assert_eq!(
        (&placed["amount"], &placed["started"]),
        (&json!(7800), &json!(true))
    );
    assert_eq!(placed["process_version"], 1);

    let record = runner.snapshot().get("orders", id).unwrap().unwrap();
    assert_eq!(record["customer"], "ada@example.com");
    assert_eq!(runner.last_commit().0, "orders: 2 x Real-Life BPMN Book");
    let state = gateway.state();
    assert_eq!(state.deployed[0].name, "order-fulfilment.bpmn");
    let message = &state.published[0];
    assert_eq!(message.name, "ORDER_PLACED");
    assert_eq!(
        (
            message.message_id.as_str(),
            message.correlation_key.as_str()
        ),
        (id, id)
    );
    assert_eq!(message.time_to_live, 3_600_000);
    let variables: Value = serde_json::from_str(&message.variables).unwrap();
    let expected = json!({
        "_id": id, "product": BOOK, "quantity": 2, "amount": 7800, "currency": "EUR",
        "customer": {"email": "ada@example.com", "name": NAME, "address": "1 Engine Street",
                     "payment_method": "pm_card_visa"},
        "repo": "backroom/shop", "github_api_url": "http://127.0.0.1:9",
        "fulfilment_timeout": "PT2S", "dispatch_job_type": "local",
    });
    assert_eq!(variables, expected);
}

#[test]
fn the_same_order_twice_is_one() {
    let gateway = Gateway::start();
    let runner = shop(&gateway);
    let first = answer(&order(&runner, &["--order-id=o-1"]));
    let second = answer(&order(&runner, &["--order-id=o-1", "--json"]));
    assert_eq!(
        (&first["placed"], &first["started"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&second["placed"], &second["started"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        second["process_version"], 1,
        "the unchanged model keeps its version"
    );
    assert_eq!(runner.all("orders").len(), 1);
    assert_eq!(gateway.state().published.len(), 1);

    let other = order(&runner, &["--order-id=o-1", "--customer-address=elsewhere"]);
    assert_eq!(other.code, 3, "{other:?}");
    assert!(
        other.stderr.contains("another 'customer_address'"),
        "{other:?}"
    );
    assert_eq!(gateway.state().published.len(), 1);
}

#[test]
fn a_form_on_a_runner_gives_the_order() {
    let gateway = Gateway::start();
    let mut runner = shop(&gateway);
    let inputs = json!({
        "product": BOOK, "quantity": "1", "customer_email": "ada@example.com", "customer_name": NAME,
        "customer_address": "1 Engine Street", "payment_method": "pm_card_visa", "order_id": "",
        "variant": "grpc",
    });
    runner.on_runner(&json!({"inputs": inputs}).to_string());
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(gateway.state().published[0].name, "ORDER_PLACED_GRPC");
    assert_eq!(
        gateway.state().deployed[0].name,
        "order-fulfilment-grpc.bpmn"
    );
    assert!(runner.text("output").starts_with("_id<<"));

    runner.on_runner(r#"{"inputs": {"product": "x", "colour": "red"}}"#);
    let run = runner.run(&["action"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains("surplus field 'colour'"), "{run:?}");
}

#[test]
fn what_is_refused_writes_and_starts_nothing() {
    let gateway = Gateway::start();
    let runner = shop(&gateway);
    let before = runner.snapshot().commit().map(str::to_owned);
    for (change, words) in [
        (
            "--product=Unreal",
            "unknown product 'Unreal'; the shop has Real-Life BPMN Book",
        ),
        ("--quantity=0", "'quantity'"),
        ("--quantity=two", "'quantity'"),
        ("--customer-email=ada", "'customer_email'"),
        (
            "--customer-name={{secrets.GitHubToken}}",
            "'customer_name' must be free of placeholders",
        ),
        ("--payment-method=4242424242424242", "'payment_method'"),
        ("--order-id=../x", "_id"),
    ] {
        let run = order(&runner, &[change]);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(
            run.stderr.starts_with("error: ") && run.stderr.contains(words),
            "{run:?}"
        );
        assert!(
            !run.stderr.contains("4242") && run.stdout.is_empty(),
            "{run:?}"
        );
    }
    let run = order(&runner, &["--model=nowhere.bpmn"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(runner.snapshot().commit().map(str::to_owned), before);
    let state = gateway.state();
    assert!(state.published.is_empty() && state.deployed.is_empty());
}

#[test]
fn without_a_gateway_the_order_is_kept_and_started_by_the_next_run() {
    let mut gateway = Gateway::stopped();
    let mut runner = shop(&gateway);
    runner.set("BACKROOM_GATEWAY_DEADLINE", "100ms");
    let run = order(&runner, &["--order-id=o-1"]);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stderr.contains(&gateway.address()), "{run:?}");
    gateway.restart();
    let placed = answer(&order(&runner, &["--order-id=o-1"]));
    assert_eq!(
        (&placed["placed"], &placed["started"]),
        (&json!(false), &json!(true))
    );
}

#[test]
fn an_old_order_is_not_started_again_unless_asked() {
    let gateway = Gateway::start();
    let runner = shop(&gateway);
    answer(&order(&runner, &["--order-id=o-1"]));
    // A message that lives for a nanosecond has expired by the time of the next run.
    let again = order(&runner, &["--order-id=o-1", "--message-ttl=1ns"]);
    assert_eq!(answer(&again)["started"], false);
    assert!(again.stderr.contains("--restart"), "{again:?}");
    assert!(
        gateway.state().refused_twice.is_empty(),
        "no second message was sent"
    );

    let restart = runner.run(&["run", "--restart=o-1"]);
    assert_eq!(restart.code, 2, "{restart:?}");
    assert!(restart.stderr.contains("ZEEBE_REST_ADDRESS"), "{restart:?}");
}

/// A read side that knows one instance with these variables, or none.
struct ReadSide {
    address: String,
    _runtime: tokio::runtime::Runtime,
}

impl ReadSide {
    fn start(variables: Vec<(&'static str, Value)>, state: &'static str) -> ReadSide {
        let page =
            |items: Vec<Value>| Json(json!({"page": {"totalItems": items.len()}, "items": items}));
        let variables = move |Json(request): Json<Value>| async move {
            let wanted = |field: &str| {
                request["filter"]
                    .get(field)
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            let (name, value) = (wanted("name"), wanted("value"));
            let known = variables
                .iter()
                .map(|(name, value)| (*name, value.to_string()));
            let known =
                known.filter(|(known, _)| name.as_deref().is_none_or(|name| name == *known));
            let known =
                known.filter(|(_, known)| value.as_ref().is_none_or(|value| value == known));
            page(
                known
                    .map(|(name, value)| {
                        json!({"variableKey": "1", "name": name, "value": value, "scopeKey": "77",
                               "processInstanceKey": "77"})
                    })
                    .collect(),
            )
        };
        let instances = move || async move {
            page(vec![json!({
                "processInstanceKey": "77", "processDefinitionId": "order-fulfilment",
                "processDefinitionKey": "7", "processDefinitionVersion": 1, "state": state,
                "startDate": "2026-01-01T00:00:00.000Z",
            })])
        };
        let routes = Router::new()
            .route("/v2/variables/search", post(variables))
            .route("/v2/process-instances/search", post(instances));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        ReadSide {
            address,
            _runtime: runtime,
        }
    }
}

#[test]
fn an_order_that_is_waited_for_shows_its_outcome_and_keeps_its_instance() {
    let gateway = Gateway::start();
    let mut runner = shop(&gateway);
    let variables = vec![
        ("_id", json!("o-1")),
        ("customer_charged", json!(false)),
        ("decline_reason", json!("insufficient_funds")),
    ];
    let read_side = ReadSide::start(variables, "COMPLETED");
    runner.set("ZEEBE_REST_ADDRESS", &read_side.address);
    let run = order(&runner, &["--order-id=o-1", "--wait=20s"]);
    let ended = answer(&run);
    assert_eq!(ended["outcome"], "declined");
    assert_eq!(ended["decline_reason"], "insufficient_funds");
    assert_eq!(ended["process_instance_key"], "77");
    assert!(
        run.stderr.contains("declined (insufficient_funds)"),
        "{run:?}"
    );
    assert_eq!(runner.all("orders")[0]["process_instance_key"], "77");
}

#[test]
fn an_order_that_does_not_end_in_time_is_placed_all_the_same() {
    let gateway = Gateway::start();
    let mut runner = shop(&gateway);
    let read_side = ReadSide::start(vec![("_id", json!("o-1"))], "ACTIVE");
    runner.set("ZEEBE_REST_ADDRESS", &read_side.address);
    let run = order(&runner, &["--order-id=o-1", "--wait=1ms"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.stderr.contains("was placed, but has not ended within"),
        "{run:?}"
    );
    assert_eq!(gateway.state().published.len(), 1);
}

#[test]
fn a_restart_looks_for_an_instance_first_and_takes_what_is_stored() {
    let gateway = Gateway::start();
    let mut runner = shop(&gateway);
    answer(&order(&runner, &["--order-id=o-1", "--customer-name=Ada"]));

    let read_side = ReadSide::start(vec![("_id", json!("o-1"))], "COMPLETED");
    runner.set("ZEEBE_REST_ADDRESS", &read_side.address);
    let run = runner.run(&["run", "--restart=o-1"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("has process instance 77"), "{run:?}");

    let read_side = ReadSide::start(Vec::new(), "ACTIVE");
    runner.set("ZEEBE_REST_ADDRESS", &read_side.address);
    let run = runner.run(&["run", "--restart=o-2"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("unknown order 'o-2'"), "{run:?}");
    // No customer's record yet: the order never got so far.
    let run = runner.run(&["run", "--restart=o-1"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(
        run.stderr.contains("missing field 'customer_name'"),
        "{run:?}"
    );
    runner.store(
        "customers",
        json!({"email": "ada@example.com", "name": "Ada", "address": "1 Engine Street",
               "payment_method": "pm_card_visa"}),
    );
    let run = runner.run(&["run", "--restart=o-1"]);
    assert_eq!(answer(&run)["_id"], "o-1");
    let state = gateway.state();
    assert_eq!(
        state.refused_twice.len(),
        1,
        "its first message still lives, and that is fine"
    );
    assert_eq!(
        state.refused_twice[0].variables,
        state.published[0].variables
    );
}
