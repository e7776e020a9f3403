//! The read side against an API of Camunda 8.8's shapes: filters, pages, problems.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use messaging::rest::{Error, IncidentFilter, ProcessInstanceFilter, Rest, VariableFilter};
use messaging::settings::{Flags, Gateway, Settings};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Requests = Arc<Mutex<Vec<Value>>>;

/// An API on a free port.
async fn serve(routes: Router) -> Rest {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Rest::at(&address, &Gateway::plain("127.0.0.1:1").unwrap())
}

fn instance(key: usize) -> Value {
    json!({
        "processInstanceKey": key.to_string(), "processDefinitionId": "order-fulfilment",
        "processDefinitionKey": "7", "processDefinitionVersion": 1, "state": "ACTIVE",
        "startDate": "2026-01-01T00:00:00.000Z", "hasIncident": false, "tenantId": "<default>",
    })
}

/// Answers pages of 250 instances, by cursor or by offset.
async fn instances(State((requests, cursors)): State<(Requests, bool)>, body: String) -> String {
    let body: Value = serde_json::from_str(&body).unwrap();
    let page = &body["page"];
    let from = match page["after"].as_str() {
        Some(cursor) => cursor.parse().unwrap(),
        None => page["from"].as_u64().unwrap_or_default() as usize,
    };
    let to = (from + page["limit"].as_u64().unwrap() as usize).min(250);
    let items: Vec<_> = (from..to).map(instance).collect();
    let end = cursors.then(|| to.to_string());
    requests.lock().unwrap().push(body);
    json!({"items": items, "page": {"totalItems": 250, "endCursor": end}}).to_string()
}

#[tokio::test]
async fn all_pages_are_read_by_cursor_or_offset() {
    for cursors in [true, false] {
        let requests = Requests::default();
        let routes = Router::new()
            .route("/v2/process-instances/search", post(instances))
            .with_state((requests.clone(), cursors));
        let rest = serve(routes).await;
        let filter = ProcessInstanceFilter {
            process_definition_id: Some("order-fulfilment".to_owned()),
            state: Some("ACTIVE".to_owned()),
            ..Default::default()
        };
        let found = rest.process_instances(&filter).await.unwrap();
        let keys: Vec<_> = found
            .iter()
            .map(|one| one.process_instance_key.clone())
            .collect();
        let expected: Vec<_> = (0..250).map(|key: i32| key.to_string()).collect();
        assert_eq!(keys, expected);
        let requests = requests.lock().unwrap();
        assert_eq!(requests.len(), 3);
        let filter = json!({"processDefinitionId": "order-fulfilment", "state": "ACTIVE"});
        assert_eq!(requests[0]["filter"], filter);
    }
}

#[tokio::test]
async fn incidents_variables_and_models() {
    let incident = json!({
        "incidentKey": "9", "processInstanceKey": "1", "processDefinitionId": "order-fulfilment",
        "elementId": "Ship", "elementInstanceKey": "2", "errorType": "JOB_NO_RETRIES",
        "errorMessage": "no", "state": "ACTIVE", "creationTime": "2026-01-01T00:00:00.000Z", "jobKey": "3",
    });
    let variable = json!({
        "variableKey": "5", "name": "_id", "value": "\"o-1\"", "scopeKey": "1",
        "processInstanceKey": "1", "isTruncated": false,
    });
    let one = |item: Value| json!({"items": [item], "page": {"totalItems": 1}}).to_string();
    let (incidents, variables) = (one(incident), one(variable));
    let routes = Router::new()
        .route("/v2/incidents/search", post(|| async { incidents }))
        .route("/v2/variables/search", post(|| async { variables }))
        .route(
            "/v2/process-definitions/{key}/xml",
            get(|Path(key): Path<String>| async move { format!("<definitions id='{key}'/>") }),
        );
    let rest = serve(routes).await;
    let found = rest.incidents(&IncidentFilter::default()).await.unwrap();
    assert_eq!(found[0].job_key.as_deref(), Some("3"));
    assert_eq!(found[0].error_type, "JOB_NO_RETRIES");
    let filter = VariableFilter {
        name: Some("_id".to_owned()),
        value: Some("\"o-1\"".to_owned()),
        ..Default::default()
    };
    let found = rest.variables(&filter).await.unwrap();
    assert_eq!(found[0].value, "\"o-1\"");
    let xml = rest.process_definition_xml("7").await.unwrap();
    assert_eq!(xml, "<definitions id='7'/>");
}

#[tokio::test]
async fn problems_are_told_in_the_api_s_words() {
    let problem =
        json!({"title": "INVALID", "status": 400, "detail": "unknown filter"}).to_string();
    let routes = Router::new()
        .route(
            "/v2/incidents/search",
            post(|| async { (StatusCode::BAD_REQUEST, problem) }),
        )
        .route(
            "/v2/variables/search",
            post(|| async { "{\"items\": [{}], \"page\": {\"totalItems\": 1}}" }),
        );
    let rest = serve(routes).await;
    let error = rest
        .incidents(&IncidentFilter::default())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("status 400: unknown filter"),
        "{error}"
    );
    let error = rest
        .process_instances(&ProcessInstanceFilter::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("status 404"), "{error}");
    assert!(error.hint().unwrap().contains("8.8"));
    let error = rest
        .variables(&VariableFilter::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Shape { cause, .. } if cause.contains("variableKey")),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there_and_nothing_set() {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", probe.local_addr().unwrap());
    drop(probe);
    let rest = Rest::at(&address, &Gateway::plain("127.0.0.1:1").unwrap());
    let error = rest
        .incidents(&IncidentFilter::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { address: at, .. } if *at == address),
        "{error}"
    );

    let settings = Settings::resolve(&Flags::default(), |_| None).unwrap();
    let Err(error) = Rest::new(&settings) else {
        panic!("no address is set");
    };
    assert!(error.hint().unwrap().contains("ZEEBE_REST_ADDRESS"));
}
