//! The searches, in the shapes of Camunda 8.8's REST API.

use crate::support::{
    Local, activate, call, create, deploy, get, one_message, one_task, poll, post, search, start,
    take_job,
};
use protocol::FailJobRequest;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_shows_with_all_that_belongs_to_it() {
    let Local { broker, mut client } = start().await;
    let xml = one_task("shop", "rest");
    deploy(&mut client, "shop.bpmn", &xml).await;
    let instance = create(&mut client, "shop", r#"{"_id":"order-1","n":1}"#).await;
    let job = take_job(&mut client, "rest").await;
    let fail = FailJobRequest {
        job_key: job.key,
        error_message: "no stock".to_owned(),
        ..Default::default()
    };
    client.fail_job(fail).await.unwrap();
    let rest = broker.rest;
    let key = instance.to_string();

    let definition = &search(rest, "process-definitions", "")[0];
    let definition_key = definition["processDefinitionKey"].as_str().unwrap();
    assert_eq!(
        without(definition, &["processDefinitionKey"]),
        json!({
            "processDefinitionId": "shop", "name": "Test", "version": 1, "versionTag": null,
            "resourceName": "shop.bpmn", "tenantId": "<default>", "hasStartForm": false,
        })
    );
    let path = format!("/v2/process-definitions/{definition_key}/xml");
    assert_eq!(get(rest, &path), (200, xml));

    let shown = &search(rest, "process-instances", "{}")[0];
    assert_time(&shown["startDate"]);
    assert_eq!(
        without(shown, &["startDate"]),
        json!({
            "processInstanceKey": key, "processDefinitionId": "shop",
            "processDefinitionName": "Test", "processDefinitionVersion": 1,
            "processDefinitionVersionTag": null, "processDefinitionKey": definition_key,
            "parentProcessInstanceKey": null, "parentElementInstanceKey": null,
            "endDate": null, "state": "ACTIVE", "hasIncident": true, "tenantId": "<default>",
        })
    );

    let filter = format!(r#"{{"filter":{{"processInstanceKey":"{key}"}}}}"#);
    let elements = search(rest, "element-instances", &filter);
    let path: Vec<_> = elements
        .iter()
        .map(|it| (&it["elementId"], &it["type"], &it["state"]))
        .map(|(id, kind, state)| [id, kind, state].map(|it| it.as_str().unwrap()))
        .collect();
    assert_eq!(
        path,
        [
            ["s", "START_EVENT", "COMPLETED"],
            ["t", "SERVICE_TASK", "ACTIVE"]
        ]
    );
    let incident = &search(rest, "incidents", &filter)[0];
    assert_time(&incident["creationTime"]);
    assert_eq!(elements[1]["elementName"], "Do it");
    assert_eq!(elements[1]["hasIncident"], true);
    assert_eq!(elements[1]["incidentKey"], incident["incidentKey"]);
    assert_eq!(elements[0]["incidentKey"], Value::Null);
    assert_eq!(
        without(incident, &["incidentKey", "creationTime"]),
        json!({
            "errorType": "JOB_NO_RETRIES", "errorMessage": "no stock", "state": "ACTIVE",
            "elementId": "t", "elementInstanceKey": job.element_instance_key.to_string(),
            "jobKey": job.key.to_string(), "processInstanceKey": key,
            "processDefinitionId": "shop", "processDefinitionKey": definition_key,
            "tenantId": "<default>",
        })
    );
    let variable = &search(rest, "variables", r#"{"filter":{"name":"_id"}}"#)[0];
    assert_eq!(
        without(variable, &["variableKey"]),
        json!({
            "name": "_id", "value": "\"order-1\"", "isTruncated": false, "scopeKey": key,
            "processInstanceKey": key, "tenantId": "<default>",
        })
    );
    let (status, body) = get(rest, &format!("/v2/process-instances/{key}"));
    assert_eq!(
        (status, &serde_json::from_str::<Value>(&body).unwrap()),
        (200, shown)
    );
    broker.stop().await;
}

fn without(item: &Value, names: &[&str]) -> Value {
    let mut item = item.as_object().unwrap().clone();
    for name in names {
        assert!(item.remove(*name).is_some(), "{name}");
    }
    item.into()
}

#[track_caller]
fn assert_time(time: &Value) {
    let text = time.as_str().unwrap();
    assert!(
        text.len() == 24 && text.ends_with('Z') && text.contains('T'),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_sort_orders_and_pages_do_what_they_say() {
    let Local { broker, mut client } = start().await;
    let rest = broker.rest;
    deploy(&mut client, "a.bpmn", &one_task("a", "rest")).await;
    deploy(&mut client, "a.bpmn", &one_task("a", "rest2")).await;
    deploy(&mut client, "m.bpmn", &one_message("m", "GOT")).await;
    let mut keys = Vec::new();
    for number in 0..5 {
        let variables = format!(r#"{{"_id":"order-{number}"}}"#);
        keys.push(create(&mut client, "a", &variables).await.to_string());
    }
    let failing = create(&mut client, "m", "").await.to_string();
    let found = |filter: &str| -> Vec<String> {
        let items = search(
            rest,
            "process-instances",
            &format!(r#"{{"filter":{filter}}}"#),
        );
        items
            .iter()
            .map(|it| it["processInstanceKey"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(found("{}").len(), 6);
    assert_eq!(
        found(r#"{"processDefinitionId":"m"}"#),
        std::slice::from_ref(&failing)
    );
    assert_eq!(
        found(r#"{"hasIncident":true}"#),
        std::slice::from_ref(&failing)
    );
    assert_eq!(found(r#"{"hasIncident":false,"state":"ACTIVE"}"#), keys);
    assert_eq!(
        found(r#"{"state":{"$in":["COMPLETED","TERMINATED"]}}"#),
        Vec::<String>::new()
    );
    assert_eq!(
        found(r#"{"processDefinitionId":{"$like":"*"},"processDefinitionVersion":2}"#),
        keys
    );
    assert_eq!(
        found(r#"{"processDefinitionId":{"$neq":"a"}}"#),
        std::slice::from_ref(&failing)
    );
    assert_eq!(
        found(r#"{"endDate":{"$exists":true}}"#),
        Vec::<String>::new()
    );
    assert_eq!(
        found(r#"{"startDate":{"$gt":"2020-01-01T00:00:00Z"}}"#).len(),
        6
    );
    assert_eq!(
        found(r#"{"variables":[{"name":"_id","value":"\"order-3\""}]}"#),
        [keys[3].clone()]
    );
    let two = format!(
        r#"{{"processInstanceKey":{{"$in":["{}","{}"]}}}}"#,
        keys[0], keys[4]
    );
    assert_eq!(found(&two), [keys[0].clone(), keys[4].clone()]);

    let (_, page) = post(
        rest,
        "/v2/process-instances/search",
        r#"{"sort":[{"field":"processInstanceKey","order":"DESC"}],"page":{"from":1,"limit":2}}"#,
    );
    assert_eq!(page["page"]["totalItems"], 6);
    assert_eq!(page["items"][0]["processInstanceKey"], keys[4]);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = format!(
        r#"{{"sort":[{{"field":"processInstanceKey","order":"DESC"}}],
            "page":{{"after":{},"limit":2}}}}"#,
        page["page"]["endCursor"]
    );
    let items = search(rest, "process-instances", &next);
    assert_eq!(items[0]["processInstanceKey"], keys[2]);

    let latest = search(
        rest,
        "process-definitions",
        r#"{"filter":{"isLatestVersion":true},"sort":[{"field":"processDefinitionId"}]}"#,
    );
    let versions: Vec<_> = latest
        .iter()
        .map(|it| it["version"].as_i64().unwrap())
        .collect();
    assert_eq!(versions, [2, 1]);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_values_are_cut_unless_asked_for_whole() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "rest")).await;
    let long = format!("\"{}\"", "é".repeat(9000));
    create(&mut client, "a", &format!("{{\"long\":{long}}}")).await;
    let cut = &search(broker.rest, "variables", "")[0];
    assert_eq!(cut["isTruncated"], true);
    assert_eq!(cut["value"].as_str().unwrap().chars().count(), 8191);
    let (_, whole) = post(broker.rest, "/v2/variables/search?truncateValues=false", "");
    assert_eq!(whole["items"][0]["value"], long);
    assert_eq!(whole["items"][0]["isTruncated"], false);
    // A long value is found by all of it, not by its head.
    let by_value = |value: &str| {
        let filter = json!({"filter": {"name": "long", "value": value}}).to_string();
        search(broker.rest, "variables", &filter).len()
    };
    assert_eq!(by_value(&long), 1);
    assert_eq!(by_value(&long.replace("é\"", "e\"")), 0);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_refused_with_the_field_named() {
    let Local { broker, .. } = start().await;
    for (body, named) in [
        ("{oops", "not JSON"),
        ("[]", "JSON object"),
        (r#"{"filter":{"nope":1}}"#, "'nope'"),
        (r#"{"filter":{"state":"RUNNING"}}"#, "'state'"),
        (
            r#"{"filter":{"processInstanceKey":"x"}}"#,
            "'processInstanceKey'",
        ),
        (r#"{"filter":{"state":{"$regex":"x"}}}"#, "'$regex'"),
        (r#"{"filter":{"startDate":"yesterday"}}"#, "'startDate'"),
        (r#"{"sort":[{"field":"nope"}]}"#, "'nope'"),
        (r#"{"sort":[{"field":"state","order":"UP"}]}"#, "'UP'"),
        (r#"{"page":{"limit":10001}}"#, "'page.limit'"),
        (r#"{"page":{"after":"x"}}"#, "'page.after'"),
        (r#"{"pages":{}}"#, "'pages'"),
    ] {
        let (status, head, answer) =
            call(broker.rest, "POST", "/v2/process-instances/search", body);
        assert_eq!(status, 400, "{body}");
        assert!(head.contains("application/problem+json"), "{head}");
        let problem: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(problem["status"], 400);
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{body}: {answer}"
        );
    }
    for (method, path, status) in [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/process-definitions/1/xml", 404),
        ("GET", "/v2/process-instances/1", 404),
        ("GET", "/v2/process-instances/x", 400),
        ("DELETE", "/v2/topology", 405),
    ] {
        let (got, head, _) = call(broker.rest, method, path, "");
        assert_eq!(got, status, "{method} {path}");
        assert!(head.contains("application/problem+json"), "{head}");
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_sees_what_was_acknowledged_before_it() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "rest")).await;
    let mut last_position = 0;
    for round in 1..=100 {
        create(&mut client, "a", "{}").await;
        let (status, head, body) = call(
            broker.rest,
            "POST",
            "/v2/process-instances/search",
            r#"{"page":{"limit":0}}"#,
        );
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["page"]["totalItems"], round);
        let (_, after) = head.split_once("x-backroom-position: ").unwrap();
        let position: u64 = after.lines().next().unwrap().parse().unwrap();
        assert!(position > last_position);
        last_position = position;
    }
    assert_eq!(
        activate(&mut client, poll("rest", 1000, -1))
            .await
            .unwrap()
            .len(),
        100
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topology_and_management_answer() {
    let Local { broker, .. } = start().await;
    let (status, body) = get(broker.rest, "/v2/topology");
    let topology: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &topology["gatewayVersion"]),
        (200, &json!(broker::VERSION))
    );
    assert_eq!(topology["brokers"][0]["partitions"][0]["role"], "leader");
    let (status, body) = get(broker.management, "/actuator/health/readiness");
    assert_eq!((status, body.as_str()), (200, r#"{"status":"UP"}"#));
    let (_, body) = get(broker.management, "/actuator/prometheus");
    assert!(body.contains("\nbackroom_position 0\n"), "{body}");
    let (status, _) = post(
        broker.management,
        "/actuator/clock/add",
        r#"{"offsetMilli":1}"#,
    );
    assert_eq!(status, 403, "the clock is not controlled");
    broker.stop().await;
}
