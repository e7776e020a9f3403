//! Each type of authentication, with a secret in each field that takes one.

use serde_json::{Value, json};

use crate::jobs::{completed, connector, failed, refused, worker};
use crate::server::{Seen, Server};

const SECRET: &str = "{{secrets.GitHubToken}}";

async fn called(server: &Server, authentication: Value) -> Seen {
    let headers = json!({"resultVariable": "answer"});
    let variables = json!({"method": "POST", "url": server.url("/echo?a=1"), "authentication": authentication,
        "headers": {"Authorization": "of the model"}, "body": {}});
    let outcome = worker(server).handle(connector(&headers, &variables)).await;
    let answer = completed(outcome).to_string();
    assert!(
        !answer.contains("canary") && answer.contains("***"),
        "{answer}"
    );
    // base64 of `canary`, at each alignment.
    for encoded in ["Y2FuYX", "NhbmFye", "jYW5hcn"] {
        assert!(!answer.contains(encoded), "{answer}");
    }
    server.seen().pop().unwrap()
}

#[tokio::test]
async fn bearer() {
    let server = Server::start().await;
    let seen = called(&server, json!({"type": "bearer", "token": SECRET})).await;
    assert_eq!(
        seen.header("authorization"),
        Some("Bearer canary-github-token")
    );
}

#[tokio::test]
async fn basic() {
    let server = Server::start().await;
    let fields = json!({"type": "basic", "username": "shop", "password": SECRET});
    let seen = called(&server, fields).await;
    // base64 of `shop:canary-github-token`
    let expected = "Basic c2hvcDpjYW5hcnktZ2l0aHViLXRva2Vu";
    assert_eq!(seen.header("authorization"), Some(expected));
}

#[tokio::test]
async fn api_key() {
    let server = Server::start().await;
    let mut fields =
        json!({"type": "apiKey", "apiKeyLocation": "headers", "name": "X-Key", "value": SECRET});
    let seen = called(&server, fields.clone()).await;
    assert_eq!(seen.header("x-key"), Some("canary-github-token"));
    assert_eq!(seen.header("authorization"), Some("of the model"));
    fields["apiKeyLocation"] = json!("query");
    let seen = called(&server, fields.clone()).await;
    assert_eq!(seen.uri, "/echo?a=1&X-Key=canary-github-token");
    fields["apiKeyLocation"] = json!("body");
    let variables = json!({"url": server.url("/"), "authentication": fields});
    let outcome = worker(&server)
        .handle(connector(&Value::Null, &variables))
        .await;
    refused(outcome, "'authentication.apiKeyLocation'");
}

#[tokio::test]
async fn oauth_client_credentials() {
    let server = Server::start().await;
    let mut fields = json!({
        "type": "oauth-client-credentials-flow",
        "oauthTokenEndpoint": server.url("/token"),
        "clientId": "shop", "clientSecret": SECRET, "audience": "api & co", "scopes": "read",
        "clientAuthentication": "credentialsBody",
    });
    let seen = called(&server, fields.clone()).await;
    assert_eq!(
        seen.header("authorization"),
        Some("Bearer canary-access-token")
    );
    let token = server.seen().remove(0);
    assert_eq!(
        token.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(
        token.body,
        "grant_type=client_credentials&audience=api+%26+co&scope=read&client_id=shop&client_secret=canary-github-token"
    );

    let server = Server::start().await;
    fields["oauthTokenEndpoint"] = json!(server.url("/token"));
    fields["clientAuthentication"] = json!("basicAuthHeader");
    called(&server, fields.clone()).await;
    let token = server.seen().remove(0);
    assert_eq!(
        token.header("authorization"),
        Some("Basic c2hvcDpjYW5hcnktZ2l0aHViLXRva2Vu")
    );
    assert_eq!(
        token.body,
        "grant_type=client_credentials&audience=api+%26+co&scope=read"
    );

    // No token, no call.
    for path in ["/status/401", "/any"] {
        let server = Server::start().await;
        fields["oauthTokenEndpoint"] = json!(server.url(path));
        let variables = json!({"url": server.url("/echo"), "authentication": fields});
        let (message, retries, _) = failed(
            worker(&server)
                .handle(connector(&Value::Null, &variables))
                .await,
        );
        assert!(
            message.contains("no access token") && !message.contains("canary"),
            "{message}"
        );
        assert_eq!(retries, 2);
        server.only();
    }
}

#[tokio::test]
async fn none() {
    let server = Server::start().await;
    for authentication in [Value::Null, json!({}), json!({"type": "noAuth"})] {
        let variables = json!({"url": server.url("/"), "authentication": authentication});
        completed(
            worker(&server)
                .handle(connector(&Value::Null, &variables))
                .await,
        );
        assert_eq!(server.seen().pop().unwrap().header("authorization"), None);
    }
}
