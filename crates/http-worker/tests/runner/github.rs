//! GitHub's refusals of a dispatch, in its own words: each fails the job with what to do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::jobs::{connector, failed, worker};
use crate::server::Server;

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let server = Server::start().await;
    for (path, body, says) in [
        (
            "401",
            json!({"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}),
            "status 401 Unauthorized (check the secret 'GitHubToken': a wrong or expired one is refused so): {\"message\":\"Bad credentials\"",
        ),
        (
            "403",
            json!({"message": "Resource not accessible by personal access token"}),
            "status 403 Forbidden (check what the secret 'GitHubToken' permits; too many calls are answered so, too): ",
        ),
        (
            "404",
            json!({"message": "Not Found"}),
            "status 404 Not Found (check the URL; an API that hides what one may not see answers so, too, then check what the secret 'GitHubToken' permits)",
        ),
        (
            "422",
            json!({"message": "Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied."}),
            "status 422 Unprocessable Entity (what was sent is refused; the words of the other side follow): {\"message\":\"Invalid request.",
        ),
        (
            "502",
            json!({"message": "Server Error"}),
            "status 502 Bad Gateway (the fault is on the other side; the job's retries call again)",
        ),
    ] {
        let variables = json!({
            "method": "POST",
            "url": server.url(&format!("/says/{path}")),
            "authentication": {"type": "bearer", "token": "{{secrets.GitHubToken}}"},
            // The server answers with what it is sent.
            "body": body,
        });
        let headers = json!({"retryBackoff": "PT5S"});
        let outcome = worker(&server)
            .handle(connector(&headers, &variables))
            .await;
        let (message, retries, back_off) = failed(outcome);
        assert!(message.contains(says), "{message}");
        assert!(!message.contains("canary"), "{message}");
        assert_eq!((retries, back_off), (2, Duration::from_secs(5)));
    }
}

#[tokio::test]
async fn too_many_calls_wait_as_long_as_github_asks() {
    let server = Server::start().await;
    let variables = json!({"method": "POST", "url": server.url("/later/60"), "body": {}});
    let outcome = worker(&server)
        .handle(connector(&Value::Null, &variables))
        .await;
    let (message, _, back_off) = failed(outcome);
    let says = "status 429 Too Many Requests (too many calls; the next one waits as long as the answer asks for)";
    assert!(message.contains(says), "{message}");
    assert_eq!(back_off, Duration::from_secs(60));
}
