//! What the older worker, `CAMUNDA-HTTP`, is known to do.

use std::time::Duration;

use http_worker::HttpWorker;
use messaging::worker::Outcome;
use serde_json::{Value, json};

use crate::jobs::{JOB_KEY, bpmn_error, completed, config, failed, older, refused, worker};
use crate::server::Server;

/// Headers with the server's URL put in.
fn with_url(server: &Server, path: &str, mut headers: Value) -> Value {
    headers["url"] = json!(server.url(path));
    headers
}

#[tokio::test]
async fn methods_and_json_bodies() {
    for (method, sent) in [
        (None, ("GET", "")),
        (Some("get"), ("GET", "")),
        (Some("POST"), ("POST", r#"{"x":1}"#)),
        (Some("put"), ("PUT", r#"{"x":1}"#)),
        (Some("PATCH"), ("PATCH", r#"{"x":1}"#)),
        (Some("delete"), ("DELETE", "")),
    ] {
        let server = Server::start().await;
        let mut headers = with_url(&server, "/any", json!({}));
        if let Some(method) = method {
            headers["method"] = json!(method);
        }
        let outcome = worker(&server)
            .handle(older(&headers, &json!({"body": {"x": 1}})))
            .await;
        assert_eq!(
            completed(outcome),
            json!({"statusCode": 200, "body": {"ok": true}})
        );
        let seen = server.only();
        assert_eq!((seen.method.as_str(), seen.body.as_str()), sent);
        assert_eq!(
            seen.header("idempotency-key"),
            Some(JOB_KEY.to_string().as_str())
        );
    }
}

#[tokio::test]
async fn plain_text_both_ways() {
    let server = Server::start().await;
    let headers = with_url(
        &server,
        "/text",
        json!({"method": "post", "contentType": "text/plain", "accept": "text/plain"}),
    );
    let outcome = worker(&server)
        .handle(older(&headers, &json!({"body": "as it is: {x}"})))
        .await;
    assert_eq!(
        completed(outcome),
        json!({"statusCode": 200, "body": "plain text"})
    );
    let seen = server.only();
    assert_eq!(
        (seen.header("accept"), seen.header("content-type")),
        (Some("text/plain"), Some("text/plain"))
    );
    assert_eq!(seen.body, "as it is: {x}");
}

#[tokio::test]
async fn names_of_headers_in_any_case() {
    let server = Server::start().await;
    let headers = json!({"URL": server.url("/status/404"), "METHOD": "PUT", "StatusCodecompletion": "404",
        "HEADER-X-Order": "o-1", "ContentTYPE": "application/vnd.shop+json"});
    let outcome = worker(&server)
        .handle(older(&headers, &json!({"body": {}})))
        .await;
    assert_eq!(completed(outcome)["statusCode"], 404);
    let seen = server.only();
    assert_eq!(
        (seen.method.as_str(), seen.header("x-order")),
        ("PUT", Some("o-1"))
    );
    assert_eq!(
        seen.header("content-type"),
        Some("application/vnd.shop+json")
    );
}

#[tokio::test]
async fn statuses_decide_the_outcome() {
    let server = Server::start().await;
    let outcome = async |status: u16, headers: Value| {
        let headers = with_url(&server, &format!("/status/{status}"), headers);
        worker(&server).handle(older(&headers, &Value::Null)).await
    };
    for status in [302, 400, 404, 500] {
        let (message, retries, back_off) = failed(outcome(status, json!({})).await);
        assert!(message.contains(&format!("status {status}")), "{message}");
        assert_eq!((retries, back_off), (2, Duration::from_secs(1)));
    }
    let not_404 = json!({"statusCodeFailure": "5xx,400"});
    assert_eq!(
        completed(outcome(404, not_404.clone()).await)["statusCode"],
        404
    );
    failed(outcome(400, not_404).await);
    let also_404 = json!({"statusCodeCompletion": "2xx,404"});
    assert_eq!(
        completed(outcome(404, also_404.clone()).await)["statusCode"],
        404
    );
    failed(outcome(403, also_404).await);
    refused(
        outcome(200, json!({"statusCodeFailure": "4yy"})).await,
        "'statusCodeFailure' must be a list",
    );
}

#[tokio::test]
async fn accepted_for_later_leaves_the_job_open() {
    let server = Server::start().await;
    let headers = with_url(
        &server,
        "/status/202",
        json!({"method": "POST", "statusCodeCompletion": "200,201", "header-X-Job": "{{jobKey}}"}),
    );
    let variables = json!({"body": {"job": "{{jobKey}}", "instance": "{{processInstanceKey}}"}});
    let outcome = worker(&server).handle(older(&headers, &variables)).await;
    assert_eq!(outcome, Outcome::Leave);
    let seen = server.only();
    assert_eq!(seen.header("x-job"), Some(JOB_KEY.to_string().as_str()));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        body,
        json!({"job": JOB_KEY.to_string(), "instance": "2251799813685251"})
    );
}

#[tokio::test]
async fn a_slow_answer_fails_the_attempt_and_the_next_one_completes() {
    let server = Server::start().await;
    let limits = json!({"readTimeoutInSeconds": "0.05", "connectionTimeoutInSeconds": "0.05"});
    let headers = with_url(&server, "/slow-once", limits);
    let worker = worker(&server);
    let (message, retries, _) = failed(worker.handle(older(&headers, &Value::Null)).await);
    assert!(message.contains("read time-out"), "{message}");
    let mut again = older(&headers, &Value::Null);
    again.retries = retries;
    assert_eq!(completed(worker.handle(again).await)["statusCode"], 200);
}

#[tokio::test]
async fn authorization_and_further_headers() {
    let server = Server::start().await;
    for (authorization, sent) in [
        ("Bearer {{GitHubToken}}", "Bearer canary-github-token"),
        ("token ${GitHubToken}", "token canary-github-token"),
        (
            "Bearer {{secrets.GitHubToken}}",
            "Bearer canary-github-token",
        ),
        ("Basic abc {{region}} {{repo}}", "Basic abc eu shop/data"),
    ] {
        let headers = with_url(&server, "/", json!({"header-X-Custom": "{{repo}}"}));
        let variables = json!({"authorization": authorization, "repo": "shop/data"});
        completed(worker(&server).handle(older(&headers, &variables)).await);
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.header("authorization"), Some(sent));
        assert_eq!(seen.header("x-custom"), Some("shop/data"));
    }
}

#[tokio::test]
async fn error_codes_in_answers_are_bpmn_errors() {
    let server = Server::start().await;
    let outcome = async |path: &str, code_path: &str| {
        let paths = json!({"errorCodePath": code_path, "errorMessagePath": "error.text"});
        let headers = with_url(&server, path, paths);
        worker(&server).handle(older(&headers, &Value::Null)).await
    };
    let code = |text: &str| ("E42".to_owned(), text.to_owned());
    for path in ["error.code", "/error/code", "$.error.code"] {
        assert_eq!(bpmn_error(outcome("/status/400", path).await), code("why"));
    }
    assert_eq!(
        bpmn_error(outcome("/code-only", "error.code").await),
        code("")
    );
    let (message, ..) = failed(outcome("/status/400", "error.nothing").await);
    assert!(message.contains("status 400"), "{message}");
    let (message, ..) = failed(outcome("/not-json", "error.code").await);
    assert!(message.contains("status 400"), "{message}");
    assert_eq!(
        completed(outcome("/status/200", "error.code").await)["statusCode"],
        200
    );
}

#[tokio::test]
async fn placeholders_come_from_headers_then_variables_then_the_worker_then_the_job() {
    let server = Server::start().await;
    let headers = with_url(
        &server,
        "/{{region}}/${name}/{{unknown}}",
        json!({"method": "POST", "name": "of-header", "header-X-Deep": "{{customer.name}}",
            "body": r#"{"name": "{{customer.name}}", "n": {{quantity}}, "key": "{{jobKey}}", "all": {{customer}}}"#}),
    );
    let customer = json!({"name": "a \"quoted\" name"});
    let variables = json!({"name": "of-variable", "quantity": 2, "customer": customer});
    completed(worker(&server).handle(older(&headers, &variables)).await);
    let seen = server.only();
    assert_eq!(seen.uri, "/eu/of-header/%7B%7Bunknown%7D%7D");
    assert_eq!(seen.header("x-deep"), Some("a \"quoted\" name"));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        body,
        json!({"name": "a \"quoted\" name", "n": 2, "key": JOB_KEY.to_string(), "all": customer})
    );
}

#[tokio::test]
async fn a_value_with_quotes_stays_a_value() {
    let server = Server::start().await;
    let body = r#"{"event_type": "restock_item", "client_payload": {"product": "{{product}}"}}"#;
    let headers = with_url(
        &server,
        "/repos/{{repo}}/dispatches",
        json!({"method": "post", "body": body}),
    );
    let product = "T-shirt\", \"stock_level\": \"999\n{{GitHubToken}}";
    let variables =
        json!({"product": product, "repo": "shop/data", "authorization": "Bearer {{GitHubToken}}"});
    completed(worker(&server).handle(older(&headers, &variables)).await);
    let seen = server.only();
    assert_eq!(seen.uri, "/repos/shop/data/dispatches");
    let sent: Value = serde_json::from_str(&seen.body).unwrap();
    let expected = json!({"event_type": "restock_item", "client_payload": {"product": product}});
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn the_url_may_be_a_variable() {
    let server = Server::start().await;
    let variables = json!({"url": server.url("/any")});
    completed(
        HttpWorker::new(config(&server))
            .handle(older(&Value::Null, &variables))
            .await,
    );
    refused(
        worker(&server)
            .handle(older(&Value::Null, &Value::Null))
            .await,
        "'url' is missing",
    );
}
