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
async fn basic_without_a_password() {
    for password in [json!(""), Value::Null, json!("SPEC_PASSWORD_EMPTY_PATTERN")] {
        let server = Server::start().await;
        let fields = json!({"type": "basic", "username": SECRET, "password": password});
        let seen = called(&server, fields).await;
        // base64 of `canary-github-token:`
        let expected = "Basic Y2FuYXJ5LWdpdGh1Yi10b2tlbjo=";
        assert_eq!(seen.header("authorization"), Some(expected));
    }
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
        Some("Bearer canary-access-token-1")
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

fn client_credentials(server: &Server, token_path: &str, audience: &str) -> Value {
    json!({
        "type": "oauth-client-credentials-flow",
        "oauthTokenEndpoint": server.url(token_path),
        "clientId": "shop", "clientSecret": SECRET, "audience": audience,
    })
}

#[tokio::test]
async fn a_token_is_kept_until_it_expires() {
    for (token_path, audiences, paths) in [
        (
            "/token/60",
            ["a", "a"],
            vec!["/token/60", "/protected", "/protected"],
        ),
        // As some servers write it.
        (
            "/token/60/text",
            ["a", "a"],
            vec!["/token/60/text", "/protected", "/protected"],
        ),
        (
            "/token/60",
            ["a", "b"],
            vec!["/token/60", "/protected", "/token/60", "/protected"],
        ),
        (
            "/token/0",
            ["a", "a"],
            vec!["/token/0", "/protected", "/token/0", "/protected"],
        ),
        (
            "/token",
            ["a", "a"],
            vec!["/token", "/protected", "/token", "/protected"],
        ),
    ] {
        let server = Server::start().await;
        let worker = worker(&server);
        for audience in audiences {
            let fields = client_credentials(&server, token_path, audience);
            let variables = json!({"url": server.url("/protected"), "authentication": fields});
            completed(worker.handle(connector(&Value::Null, &variables)).await);
        }
        assert_eq!(server.paths(), paths, "{token_path} {audiences:?}");
    }
}

#[tokio::test]
async fn a_kept_token_that_is_refused_is_fetched_anew_once() {
    let server = Server::start().await;
    let worker = worker(&server);
    let job = |path: &str| {
        let fields = client_credentials(&server, "/token/3600", "a");
        let variables = json!({"url": server.url(path), "authentication": fields});
        connector(&json!({"resultVariable": "answer"}), &variables)
    };
    completed(worker.handle(job("/protected")).await);
    server.revoke_tokens();
    completed(worker.handle(job("/protected")).await);
    assert_eq!(
        server.paths(),
        [
            "/token/3600",
            "/protected",
            "/protected",
            "/token/3600",
            "/protected"
        ]
    );
    // What is refused with a new token too is refused.
    let (message, ..) = failed(worker.handle(job("/status/401")).await);
    assert!(message.contains("status 401 Unauthorized"), "{message}");
    let paths = server.paths();
    assert_eq!(paths[5..], ["/status/401", "/token/3600", "/status/401"]);
}

#[tokio::test]
async fn jobs_at_once_share_a_token() {
    let server = Server::start().await;
    let worker = worker(&server);
    let fields = client_credentials(&server, "/token/60", "a");
    let variables = json!({"url": server.url("/protected"), "authentication": fields});
    let jobs = (0..8).map(|_| worker.handle(connector(&Value::Null, &variables)));
    for outcome in futures::future::join_all(jobs).await {
        completed(outcome);
    }
    let fetched = server
        .paths()
        .iter()
        .filter(|path| *path == "/token/60")
        .count();
    assert_eq!((fetched, server.paths().len()), (1, 9));
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
