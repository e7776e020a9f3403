//! The back end `github`, against a server that answers as GitHub's API does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use dispatcher::{BackendConfig, Token};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::store::{DISPATCHES, Folders, Store, files_with};

const GITHUB_TOKEN: &str = "canary-github-token";

/// What the server was asked: method and path, the headers that matter, the body.
type Asked = Arc<Mutex<Vec<(String, String, Value)>>>;

/// A status, the headers and the `message` of an answer; a good one has none.
struct Answer(u16, &'static [(&'static str, &'static str)], Value);

/// GitHub, as far as dispatches go; the answers are given in this order, the last one for ever.
async fn github(answers: Vec<Answer>) -> (String, Asked) {
    let asked = Asked::default();
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let seen = Arc::clone(&asked);
    let router = Router::new().fallback(async move |request: Request| {
        let what = format!("{} {}", request.method(), request.uri().path());
        let authorization = request.headers()["authorization"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(request.headers()["accept"], "application/vnd.github+json");
        let body = axum::body::to_bytes(request.into_body(), 1 << 20)
            .await
            .unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        seen.lock().unwrap().push((what, authorization, body));
        let mut answers = answers.lock().unwrap();
        let Answer(status, headers, body) = &answers[0];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut response = (StatusCode::from_u16(*status).unwrap(), body).into_response();
        for (name, value) in *headers {
            let name = HeaderName::from_static(name);
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        if answers.len() > 1 {
            answers.pop_front();
        }
        response
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

async fn forwarding(url: &str) -> Store {
    let backend = BackendConfig::GitHub {
        api_url: url.to_owned(),
        token: Token::new(GITHUB_TOKEN, "a test").unwrap(),
    };
    Store::start(Folders::new("exit 9"), |config| config.backend = backend).await
}

fn said(status: u16, message: &str) -> Answer {
    let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
    Answer(status, &[], body)
}

#[tokio::test]
async fn events_and_forms_are_handed_on() {
    let details = json!({
        "workflow_run_id": 99, "run_url": "https://api.github.com/r/99", "html_url": "https://github.com/r/99",
    });
    let (url, asked) = github(vec![
        Answer(204, &[], Value::Null),
        Answer(200, &[], details),
    ])
    .await;
    let folders_backend = url.clone();
    let folders = Folders::new("exit 9");
    let on = "{workflow_dispatch: {inputs: {level: {type: number, default: 2}}}}";
    folders.service_with("restock", on, "concurrency: one", "exit 9");
    let store = Store::start(folders, |config| {
        config.backend = BackendConfig::GitHub {
            api_url: format!("{folders_backend}/"),
            token: Token::new(GITHUB_TOKEN, "a test").unwrap(),
        };
    })
    .await;
    // Which types are listened to is GitHub's affair.
    let payload = json!({"_id": "o-1", "name": "$(touch pwned) \u{1f600}"});
    let event = json!({"event_type": "anything", "client_payload": payload});
    store.client.post(DISPATCHES, &event, 204).await;
    store.client.until("o-1", "succeeded").await;
    let path = "/repos/shop/data/actions/workflows/restock.yml/dispatches";
    store.client.post(path, &json!({"ref": "main"}), 204).await;
    store.client.run_until(2, "success").await;
    let bearer = format!("Bearer {GITHUB_TOKEN}");
    assert_eq!(
        *asked.lock().unwrap(),
        [
            (format!("POST {DISPATCHES}"), bearer.clone(), event),
            (
                format!("POST {path}"),
                bearer,
                json!({"ref": "refs/heads/main", "inputs": {"level": "2"}, "return_run_details": true})
            ),
        ]
    );
    let shown = store.client.get("/_backroom/runs/2").await;
    assert!(
        shown["log"]
            .as_str()
            .unwrap()
            .contains("https://github.com/r/99"),
        "{shown}"
    );
    let folders = store.stop().await;
    assert_eq!(
        files_with(&folders.path("data"), GITHUB_TOKEN),
        Vec::<std::path::PathBuf>::new()
    );
}

#[tokio::test]
async fn each_refusal_says_what_to_do_and_is_not_tried_again() {
    for (answer, says) in [
        (
            said(401, "Bad credentials"),
            ["401", "wrong, expired or revoked", "--github-token-file"],
        ),
        (
            said(403, "Resource not accessible by personal access token"),
            ["403", "'Contents: read and write'", "'shop/data'"],
        ),
        (
            said(404, "Not Found"),
            ["404", "no repository 'shop/data'", "--repository"],
        ),
        (
            said(422, "Invalid request.\n\nNo more than 10 properties"),
            ["422", "10 properties", "not valid there"],
        ),
        (
            said(302, "moved"),
            [
                "302",
                "an answer that the API does not have",
                "--github-api-url",
            ],
        ),
        (said(401, GITHUB_TOKEN), ["401", "***", "token"]),
    ] {
        let (url, asked) = github(vec![answer]).await;
        let store = forwarding(&url).await;
        store.client.dispatch("restock_item", "o-1").await;
        let delivery = store.client.until("o-1", "failed").await;
        let note = delivery["runs"][0]["attempts"][0]["note"].as_str().unwrap();
        assert!(says.iter().all(|says| note.contains(says)), "{note}");
        assert_eq!(asked.lock().unwrap().len(), 1, "{note}");
        let why = store.client.failure("o-1").await;
        assert!(
            why.contains(says[1]) && !why.contains(GITHUB_TOKEN),
            "{why}"
        );
        let folders = store.stop().await;
        assert_eq!(
            files_with(&folders.path("data"), GITHUB_TOKEN),
            Vec::<std::path::PathBuf>::new()
        );
    }
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_again_when_github_says_so() {
    let soon: &[(&str, &str)] = &[("retry-after", "0")];
    let spent: &[(&str, &str)] = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")];
    let words = json!({"message": "You have exceeded a secondary rate limit."});
    for (answer, says) in [
        (Answer(429, soon, words.clone()), "rate limit is reached"),
        (Answer(403, soon, words.clone()), "rate limit is reached"),
        (
            Answer(403, spent, json!({"message": "API rate limit exceeded"})),
            "rate limit is reached",
        ),
        (
            Answer(502, &[], json!({"message": "Server Error"})),
            "a fault on GitHub's side",
        ),
    ] {
        let (url, asked) = github(vec![answer, Answer(204, &[], Value::Null)]).await;
        let store = forwarding(&url).await;
        store.client.dispatch("restock_item", "o-1").await;
        let delivery = store.client.until("o-1", "succeeded").await;
        let attempts = &delivery["runs"][0]["attempts"];
        let note = attempts[0]["note"].as_str().unwrap();
        assert!(note.contains(says), "{note}");
        assert_eq!(asked.lock().unwrap().len(), 2);
        store.stop().await;
    }
}

#[tokio::test]
async fn it_waits_as_long_as_retry_after_says() {
    let later: &[(&str, &str)] = &[("retry-after", "3000")];
    let (url, asked) = github(vec![Answer(429, later, Value::Null)]).await;
    let store = forwarding(&url).await;
    store.client.dispatch("restock_item", "o-1").await;
    let run = store.client.attempted(1).await;
    assert_eq!(
        (&run["status"], &run["attempt"]),
        (&json!("queued"), &json!(1))
    );
    assert_eq!(asked.lock().unwrap().len(), 1);
    // Who doesn't want to wait cancels it.
    store
        .client
        .post("/repos/shop/data/actions/runs/1/cancel", &Value::Null, 202)
        .await;
    store.client.run_until(1, "cancelled").await;
    store.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = forwarding(&url).await;
    store.client.dispatch("restock_item", "o-1").await;
    let delivery = store.client.until("o-1", "failed").await;
    let attempts = delivery["runs"][0]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    let note = attempts[2]["note"].as_str().unwrap();
    assert!(
        note.contains(&url) && note.contains("cannot be reached"),
        "{note}"
    );
    store.stop().await;
}
