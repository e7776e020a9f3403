//! The store's own models: they compile, are drawn completely, and say what is agreed on.

use std::collections::BTreeSet;
use std::sync::Arc;

use bpmn::Process;
use bpmn::process::{BoundaryTrigger, Catch, ElementKind, EndBehavior, StartTrigger, Text, Timer};

use super::{models, repository};

fn workflows() -> Vec<(String, Vec<u8>, Arc<Process>)> {
    let workflows = models(&repository().join("workflows"));
    let compiled = workflows.into_iter().map(|(name, xml)| {
        let mut processes =
            bpmn::compile(&name, &xml).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(processes.len(), 1, "{name}");
        let process = processes.remove(0);
        assert_eq!(*name, format!("{}.bpmn", process.id));
        (name, xml, process)
    });
    compiled.collect()
}

fn named(name: &str) -> Arc<Process> {
    let mut workflows = workflows().into_iter();
    workflows
        .find(|(_, _, process)| &*process.id == name)
        .expect("the model is there")
        .2
}

fn text(text: &Text) -> String {
    match text {
        Text::Static(text) => text.to_string(),
        Text::Expression(expression) => format!("={}", expression.text()),
    }
}

#[test]
fn all_four_are_there() {
    let ids: Vec<_> = workflows()
        .iter()
        .map(|(_, _, process)| process.id.to_string())
        .collect();
    let expected = [
        "order-fulfilment",
        "order-fulfilment-grpc",
        "populate-stock",
        "restock-parallel",
    ];
    let (ids, expected) = (BTreeSet::from_iter(ids), expected.map(str::to_owned));
    assert_eq!(ids, BTreeSet::from(expected));
}

#[test]
fn each_element_is_drawn_inside_of_its_scope() {
    for (name, xml, process) in workflows() {
        let diagram = bpmn::diagram::parse(&name, &xml).unwrap();
        let shape = |id: &str| {
            let mut shapes = diagram.shapes.iter().filter(|shape| shape.element == id);
            let shape = shapes
                .next()
                .unwrap_or_else(|| panic!("{name}: no shape of {id}"));
            assert_eq!(shapes.next(), None, "{name}: {id} is drawn twice");
            shape.bounds
        };
        for element in &process.elements[1..] {
            let bounds = shape(&element.id);
            let scope = element.parent.map(|scope| process.element(scope));
            let on_border = matches!(element.kind, ElementKind::BoundaryEvent(_));
            if let Some(scope) = scope.filter(|scope| scope.id != element.id && !on_border)
                && scope.id != process.id
            {
                let around = shape(&scope.id);
                assert!(
                    bounds.x > around.x
                        && bounds.y > around.y
                        && bounds.x + bounds.width < around.x + around.width
                        && bounds.y + bounds.height < around.y + around.height,
                    "{name}: {} stands outside of {}",
                    element.id,
                    scope.id
                );
            }
        }
        let drawn: BTreeSet<_> = diagram
            .edges
            .iter()
            .map(|edge| edge.element.as_str())
            .collect();
        let flows: BTreeSet<_> = process.flows.iter().map(|flow| &*flow.id).collect();
        assert_eq!(drawn, flows, "{name}");
        assert_eq!(
            diagram.edges.len(),
            flows.len(),
            "{name}: a flow is drawn twice"
        );
    }
}

#[test]
fn each_starts_by_its_own_message_or_by_a_call_and_ends_all_at_done() {
    let messages = [
        ("order-fulfilment", "ORDER_PLACED"),
        ("order-fulfilment-grpc", "ORDER_PLACED_GRPC"),
        ("populate-stock", "RESTOCK_REQUESTED"),
        ("restock-parallel", "PARALLEL_RESTOCK_REQUESTED"),
    ];
    for (id, expected) in messages {
        let process = named(id);
        assert!(process.none_start.is_some(), "{id}");
        let [start] = process.message_starts[..] else {
            panic!("{id} has one message start event");
        };
        let ElementKind::StartEvent(StartTrigger::Message(message)) = &process.element(start).kind
        else {
            panic!("{id}: a message start event waits for a message");
        };
        assert_eq!(text(&message.name), expected);
        let done = process.element(process.by_id["done"]);
        assert!(
            matches!(done.kind, ElementKind::EndEvent(EndBehavior::Terminate)),
            "{id}"
        );
        assert_eq!(done.name.as_deref(), Some("Done"));
    }
}

#[test]
fn the_conditions_exclude_each_other_and_never_give_null() {
    // With workers, the errors that they throw lead where the other two gateways would.
    for (id, gateways) in [("order-fulfilment", 3), ("order-fulfilment-grpc", 1)] {
        let process = named(id);
        let mut found = Vec::new();
        for element in &process.elements {
            let ElementKind::ExclusiveGateway { default } = element.kind else {
                continue;
            };
            for flow in &element.outgoing {
                let condition = process.flow(*flow).condition.as_ref();
                assert_eq!(condition.is_none(), Some(*flow) == default, "{id}");
                found.push((
                    element.name.clone().unwrap(),
                    condition.map_or("default".to_owned(), |c| c.text().to_owned()),
                ));
            }
        }
        found.sort();
        let expected = [
            ("In stock?", "default"),
            ("In stock?", "not((stock_level >= quantity) = true)"),
            ("Charge succeeded?", "customer_charged = true"),
            ("Charge succeeded?", "default"),
            ("Stock reserved?", "default"),
            ("Stock reserved?", "not(stock_reserved = true)"),
        ];
        let expected = expected[..2 * gateways].iter();
        let mut expected: Vec<_> = expected
            .map(|(gateway, condition)| ((*gateway).to_owned(), (*condition).to_owned()))
            .collect();
        expected.sort();
        assert_eq!(found, expected, "{id}");
    }
}

#[test]
fn where_the_business_says_no_the_workers_variant_catches_an_error_with_the_answer() {
    let process = named("order-fulfilment-grpc");
    for (task, code, next, answer) in [
        (
            "decrement_stock",
            "NOT_ENOUGH_STOCK",
            "order_not_fulfilled",
            r#"{"stock_reserved":false,"stock_level":1}"#,
        ),
        (
            "charge_customer",
            "CHARGE_DECLINED",
            "increment_stock",
            r#"{"customer_charged":false,"payment_id":"p","decline_reason":"lost_card"}"#,
        ),
    ] {
        let mut caught = process.elements.iter().filter(|element| {
            matches!(&element.kind, ElementKind::BoundaryEvent(event)
                if matches!(&event.trigger, BoundaryTrigger::Error(Some(caught)) if &**caught == code))
        });
        let event = caught.next().unwrap_or_else(|| panic!("{code} is caught"));
        let ElementKind::BoundaryEvent(boundary) = &event.kind else {
            unreachable!("only boundary events were looked for");
        };
        assert_eq!(&*process.element(boundary.attached_to).id, task);
        let target = process.flow(event.outgoing[0]).target;
        assert_eq!(&*process.element(target).id, next);
        // An error's variables are the boundary event's own until they are mapped out of it.
        let answer = feel::Value::from_json(answer).unwrap();
        assert_eq!(evaluate(event.outputs.as_ref().unwrap(), &answer), answer);
    }
}

#[test]
fn an_alarm_is_raised_beside_the_running_work() {
    for (id, variable) in [
        ("order-fulfilment", "fulfilment_timeout"),
        ("order-fulfilment-grpc", "fulfilment_timeout"),
        ("populate-stock", "restock_timeout"),
        ("restock-parallel", "restock_timeout"),
    ] {
        let process = named(id);
        let overdue = process.element(process.by_id["overdue"]);
        let ElementKind::BoundaryEvent(event) = &overdue.kind else {
            panic!("{id}: an alarm stands on a border");
        };
        assert!(!event.interrupting, "{id}");
        let BoundaryTrigger::Timer(Timer::Duration(duration)) = &event.trigger else {
            panic!("{id}: an alarm waits for a time");
        };
        let expected =
            format!("=if {variable} = null then duration(\"PT300S\") else duration({variable})");
        assert_eq!(text(duration), expected);
        let ElementKind::ScriptTask(script) =
            &process.element(process.by_id["raise_incident"]).kind
        else {
            panic!("{id}: the alarm needs no worker");
        };
        raises_until_acknowledged(&script.expression);
    }
}

fn raises_until_acknowledged(script: &feel::Expression) {
    let environment = feel::Environment::utc(0);
    let with = |value: Option<feel::Value>| {
        let value = value.map(|value| ("operator_acknowledged".to_owned(), value));
        script
            .evaluate(&feel::ValueContext::from_iter(value), &environment)
            .result
    };
    for value in [
        None,
        Some(feel::Value::Null),
        Some(false.into()),
        Some("yes".into()),
    ] {
        let failure = with(value.clone()).expect_err("it is not acknowledged");
        assert!(
            failure.message.contains("operator_acknowledged"),
            "{value:?}: {failure}"
        );
    }
    assert_eq!(with(Some(true.into())), Ok(true.into()));
}

#[test]
fn each_operation_is_dispatched_with_its_payload_and_the_answer_is_awaited() {
    let process = named("order-fulfilment");
    let operations = [
        (
            "upsert_customer",
            "upsert_customer",
            "_id customer",
            "GOT_CUSTOMER",
        ),
        (
            "get_stock_level",
            "get_stock_level",
            "_id product",
            "GOT_STOCK_LEVEL",
        ),
        (
            "decrement_stock",
            "decrement_stock",
            "_id product quantity",
            "DECREMENTED_STOCK",
        ),
        (
            "charge_customer",
            "charge_customer",
            "_id customer_id payment_method amount currency",
            "CHARGED_CUSTOMER",
        ),
        (
            "increment_stock",
            "increment_stock",
            "_id product quantity",
            "INCREMENTED_STOCK",
        ),
        (
            "ship",
            "ship_order",
            "_id customer_id product quantity",
            "SHIPPED_TO_CUSTOMER",
        ),
    ];
    let variables = r#"{"_id": "o-1", "customer": {"payment_method": "pm_card_visa"}, "product": "x",
        "quantity": 1, "amount": 100, "currency": "EUR", "customer_id": "c-1", "repo": "a/b",
        "github_api_url": "http://127.0.0.1:1"}"#;
    for (id, event_type, fields, message) in operations {
        dispatches(&process, id, variables, event_type, fields);
        let task = process.element(process.by_id[id]);
        let next = process.element(process.flow(task.outgoing[0]).target);
        awaits(next, message, "_id");
    }
}

#[test]
fn each_round_of_a_restock_has_its_own_id() {
    for id in ["populate-stock", "restock-parallel"] {
        let process = named(id);
        let body = process.element(process.by_id["restock_product"]);
        let ElementKind::MultiInstanceBody(rounds) = &body.kind else {
            panic!("{id}: the sub-process runs for each product");
        };
        assert_eq!(rounds.sequential, id == "populate-stock");
        assert_eq!(rounds.input_collection.text(), "products");
        assert_eq!(rounds.input_element.as_deref(), Some("product"));
        let inputs = process.element(rounds.inner).inputs.as_ref().unwrap();
        let context =
            feel::Value::from_json(r#"{"_id": "r-1", "loopCounter": 2, "stock_level": 5}"#);
        let inputs = evaluate(inputs, &context.unwrap());
        assert_eq!(inputs.to_json(), r#"{"round_id":"r-1/2","stock_level":5}"#);
        let variables = r#"{"round_id": "r-1/2", "product": "x", "stock_level": 5, "repo": "a/b",
            "github_api_url": "http://127.0.0.1:1"}"#;
        let fields = "_id product stock_level";
        dispatches(
            &process,
            "create_stock_record",
            variables,
            "restock_item",
            fields,
        );
        awaits(
            process.element(process.by_id["restocked"]),
            "RESTOCKED",
            "round_id",
        );
    }
}

/// The task calls the dispatches endpoint with just these fields, and leaks no variable.
#[track_caller]
fn dispatches(process: &Process, id: &str, variables: &str, event_type: &str, fields: &str) {
    let task = process.element(process.by_id[id]);
    let ElementKind::JobTask { job, .. } = &task.kind else {
        panic!("{id} is done by a worker");
    };
    let job_type =
        "=if dispatch_job_type = null then \"io.camunda:http-json:1\" else dispatch_job_type";
    assert_eq!(text(&job.job_type), job_type);
    assert!(task.outputs.is_none(), "{id}");
    let variables = feel::Value::from_json(variables).unwrap();
    let inputs = evaluate(task.inputs.as_ref().unwrap(), &variables);
    assert_eq!(inputs.get("method"), Some("POST".into()));
    let url = "http://127.0.0.1:1/repos/a/b/dispatches";
    assert_eq!(inputs.get("url"), Some(url.into()));
    let authentication = inputs.get("authentication").unwrap().to_json();
    assert_eq!(
        authentication,
        r#"{"type":"bearer","token":"{{secrets.GitHubToken}}"}"#
    );
    let body = inputs.get("body").unwrap();
    assert_eq!(body.get("event_type"), Some(event_type.into()));
    let Some(feel::Value::Context(payload)) = body.get("client_payload") else {
        panic!("{id} sends a payload");
    };
    let names: Vec<_> = payload.iter().map(|(name, _)| name).collect();
    assert_eq!(names.join(" "), fields);
    assert!(
        payload.iter().all(|(_, value)| *value != feel::Value::Null),
        "{id}"
    );
}

#[track_caller]
fn awaits(element: &bpmn::process::Element, expected: &str, key: &str) {
    let ElementKind::IntermediateCatchEvent(Catch::Message(message)) = &element.kind else {
        panic!("{} waits for a message", element.id);
    };
    assert_eq!(element.name.as_deref(), Some(expected));
    assert_eq!(text(&message.name), expected);
    assert_eq!(message.correlation_key.as_ref().unwrap().text(), key);
}

fn evaluate(expression: &feel::Expression, variables: &feel::Value) -> feel::Value {
    let feel::Value::Context(map) = variables else {
        panic!("variables are a context");
    };
    let variables = map
        .iter()
        .map(|(name, value)| (name.to_owned(), value.clone()));
    let variables = feel::ValueContext::from_iter(variables);
    expression
        .evaluate(&variables, &feel::Environment::utc(0))
        .result
        .unwrap()
}

#[test]
fn the_workers_variant_has_a_job_type_an_operation() {
    let process = named("order-fulfilment-grpc");
    let mut types = Vec::new();
    for element in &process.elements {
        if let ElementKind::JobTask { job, .. } = &element.kind {
            types.push(text(&job.job_type));
        }
    }
    let expected = [
        "upsert-customer",
        "get-stock-level",
        "decrement-stock",
        "charge-customer",
        "ship-order",
        "increment-stock",
    ];
    assert_eq!(
        BTreeSet::from_iter(types),
        BTreeSet::from(expected.map(str::to_owned))
    );
}

/// The older form: headers name url and method, a variable holds the token's placeholder.
#[test]
fn the_older_form_compiles() {
    let models = models(&repository().join("crates/bpmn/tests/models"));
    let [(name, xml)] = &models[..] else {
        panic!("one model of the older form is kept");
    };
    let process = bpmn::compile(name, xml)
        .unwrap_or_else(|refusal| panic!("{refusal}"))
        .remove(0);
    let task = process.element(process.by_id["upsert_customer"]);
    let ElementKind::JobTask { job, .. } = &task.kind else {
        panic!("it is done by a worker");
    };
    assert_eq!(text(&job.job_type), "CAMUNDA-HTTP");
    let headers = r#"{"method":"post","url":"{{github_api_url}}/repos/{{repo}}/dispatches"}"#;
    assert_eq!(&*job.headers, headers);
    let variables = r#"{"authorization": "Bearer {{GitHubToken}}", "_id": "o-1", "customer": {}}"#;
    let variables = feel::Value::from_json(variables).unwrap();
    let inputs = evaluate(task.inputs.as_ref().unwrap(), &variables);
    assert_eq!(
        inputs.to_json(),
        r#"{"authorization":"Bearer {{GitHubToken}}","body":{"event_type":"upsert_customer","client_payload":{"_id":"o-1","customer":{}}}}"#
    );
}
