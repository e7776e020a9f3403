//! Secrets: filled in in authentication fields alone, for their hosts alone, and never shown.

use serde_json::{Value, json};

use crate::jobs::{SECRET, completed, connector, failed, older, refused, worker};
use crate::server::Server;

#[tokio::test]
async fn placeholders_elsewhere_stay_text() {
    let server = Server::start().await;
    let text = "{{secrets.GitHubToken}}";
    let variables = json!({
        "method": "POST",
        "url": server.url("/echo"),
        "queryParameters": {"q": text},
        "headers": {"X-Token": text, "Authorization": format!("Bearer {text}")},
        "body": {"name": text, "older": "{{GitHubToken}} ${GitHubToken}", text: 1},
        "authentication": {"type": "apiKey", "apiKeyLocation": "headers", "name": "X-Key", "value": "plain"},
    });
    completed(
        worker(&server)
            .handle(connector(&Value::Null, &variables))
            .await,
    );
    let seen = server.only();
    assert!(!format!("{seen:?}").contains(SECRET), "{seen:?}");
    assert_eq!(seen.header("x-token"), Some(text));
    assert_eq!(
        seen.header("authorization"),
        Some("Bearer {{secrets.GitHubToken}}")
    );
    assert_eq!(seen.uri, "/echo?q=%7B%7Bsecrets.GitHubToken%7D%7D");
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body, variables["body"]);
}

#[tokio::test]
async fn in_the_older_type_too() {
    let server = Server::start().await;
    let text = "{{GitHubToken}} ${GitHubToken} {{secrets.GitHubToken}}";
    let headers = json!({
        "method": "POST",
        "url": server.url("/echo?q={{GitHubToken}}"),
        "header-X-Token": text,
        "header-Authorization": "Bearer {{GitHubToken}}",
    });
    let variables = json!({"body": {"name": text, "nested": "{{customer}}"}, "customer": text});
    completed(worker(&server).handle(older(&headers, &variables)).await);
    let seen = server.only();
    assert!(!format!("{seen:?}").contains(SECRET), "{seen:?}");
    assert_eq!(seen.header("x-token"), Some(text));
    assert_eq!(seen.header("authorization"), Some("Bearer {{GitHubToken}}"));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body, json!({"name": text, "nested": text}));
}

#[tokio::test]
async fn a_secret_for_another_host_is_not_sent() {
    let server = Server::start().await;
    let stranger = Server::start().await;
    for url in [
        stranger.url("/"),
        server.url("/").replace("127.0.0.1", "localhost"),
    ] {
        let authentication = json!({"type": "bearer", "token": "{{secrets.GitHubToken}}"});
        let variables = json!({"url": url, "authentication": authentication});
        let outcome = worker(&server)
            .handle(connector(&Value::Null, &variables))
            .await;
        refused(outcome, "the secret 'GitHubToken' may not go to http://");
        let variables = json!({"authorization": "Bearer {{GitHubToken}}"});
        let outcome = worker(&server)
            .handle(older(&json!({"url": url}), &variables))
            .await;
        refused(outcome, "the secret 'GitHubToken' may not go to http://");
    }
    let authentication = json!({"type": "bearer", "token": "{{secrets.Elsewhere}}"});
    let variables = json!({"url": server.url("/"), "authentication": authentication});
    let outcome = worker(&server)
        .handle(connector(&Value::Null, &variables))
        .await;
    refused(outcome, "BACKROOM_SECRET_HOSTS_Elsewhere");
    assert!(server.seen().is_empty() && stranger.seen().is_empty());
}

#[tokio::test]
async fn a_missing_secret_is_named() {
    let server = Server::start().await;
    let authentication =
        json!({"type": "basic", "username": "u", "password": "{{secrets.Absent}}"});
    let variables = json!({"url": server.url("/"), "authentication": authentication});
    let outcome = worker(&server)
        .handle(connector(&Value::Null, &variables))
        .await;
    refused(
        outcome,
        "no secret is named 'Absent'; set BACKROOM_SECRET_Absent",
    );
    let variables = json!({"authorization": "Bearer {{Absent}}"});
    let outcome = worker(&server)
        .handle(older(&json!({"url": server.url("/")}), &variables))
        .await;
    refused(outcome, "no secret is named 'Absent'");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn what_the_other_side_sends_back_is_masked() {
    let server = Server::start().await;
    let authentication = json!({"type": "bearer", "token": "{{secrets.GitHubToken}}"});
    let echoed =
        json!({"base64": "Y2FuYXJ5LWdpdGh1Yi10b2tlbg==", "text": "x canary-github-token y"});
    let variables = json!({"method": "POST", "url": server.url("/echo"), "authentication": authentication, "body": echoed});
    let headers = json!({"resultVariable": "answer"});
    let outcome = worker(&server)
        .handle(connector(&headers, &variables))
        .await;
    let shown = format!("{outcome:?}");
    assert!(
        !shown.contains("canary") && !shown.contains("Y2FuYXJ5"),
        "{shown}"
    );
    let answer = completed(outcome);
    assert_eq!(
        answer["answer"]["body"]["headers"]["authorization"],
        "Bearer ***"
    );

    let headers = json!({"url": server.url("/echo"), "method": "POST", "statusCodeFailure": "2xx", "statusCodeCompletion": "404"});
    let variables = json!({"authorization": "token {{GitHubToken}}", "body": {}});
    let (message, ..) = failed(worker(&server).handle(older(&headers, &variables)).await);
    assert!(
        !message.contains("canary") && message.contains("***"),
        "{message}"
    );
}
