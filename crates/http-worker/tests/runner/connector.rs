//! The contract of `io.camunda:http-json:1`: requests, answers, limits.

use std::time::Duration;

use http_worker::{BODY_BYTES_MAX, HttpWorker};
use serde_json::{Value, json};

use crate::jobs::{JOB_KEY, allowed, completed, config, connector, failed, job, refused, worker};
use crate::server::Server;

#[tokio::test]
async fn a_dispatch_as_the_shops_models_write_it() {
    let server = Server::start().await;
    let name = "O'Neil \"x\" $(touch pwned)\n\u{1f600} {{secrets.GitHubToken}}";
    let variables = json!({
        "method": "post",
        "url": server.url("/repos/shop/data/dispatches"),
        "headers": {"Accept": "application/vnd.github+json"},
        "authentication": {"type": "bearer", "token": "{{secrets.GitHubToken}}"},
        "body": {"event_type": "upsert_customer", "client_payload": {"_id": "o-1", "customer": {"name": name}}},
    });
    // Any further type has the same contract.
    let outcome = worker(&server)
        .handle(job("backroom:dispatch", &Value::Null, &variables))
        .await;
    assert_eq!(completed(outcome), json!({}));
    let seen = server.only();
    assert_eq!(
        (seen.method.as_str(), seen.uri.as_str()),
        ("POST", "/repos/shop/data/dispatches")
    );
    assert_eq!(
        seen.header("authorization"),
        Some("Bearer canary-github-token")
    );
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("accept"), Some("application/vnd.github+json"));
    assert_eq!(
        seen.header("idempotency-key"),
        Some(JOB_KEY.to_string().as_str())
    );
    assert!(
        seen.header("user-agent")
            .unwrap()
            .starts_with("backroom-http-worker/")
    );
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body, variables["body"]);
}

#[tokio::test]
async fn methods_and_bodies() {
    let form = json!({"Content-Type": "application/x-www-form-urlencoded"});
    let text = json!({"content-type": "text/plain"});
    for (method, headers, body, sent) in [
        ("GET", Value::Null, json!({"a": 1}), ""),
        ("DELETE", Value::Null, json!({"a": 1}), ""),
        (
            "POST",
            Value::Null,
            json!({"a": 1, "b": null}),
            r#"{"a":1,"b":null}"#,
        ),
        ("PUT", Value::Null, json!([1, "x"]), r#"[1,"x"]"#),
        (
            "PATCH",
            Value::Null,
            json!("{\"as\": \"it is\"}"),
            "{\"as\": \"it is\"}",
        ),
        ("POST", Value::Null, Value::Null, ""),
        ("POST", text, json!("plain & text"), "plain & text"),
        ("POST", form, json!({"a b": "c&d", "n": 1}), "a+b=c%26d&n=1"),
    ] {
        let server = Server::start().await;
        let variables =
            json!({"method": method, "url": server.url("/"), "headers": headers, "body": body});
        completed(
            worker(&server)
                .handle(connector(&Value::Null, &variables))
                .await,
        );
        let seen = server.only();
        assert_eq!((seen.method.as_str(), seen.body.as_str()), (method, sent));
        if sent.is_empty() {
            assert_eq!(seen.header("content-type"), None, "{method}");
        }
    }
}

#[tokio::test]
async fn headers_query_and_null_values() {
    let server = Server::start().await;
    let variables = json!({
        "method": "POST",
        "url": server.url("/x?kept=1"),
        "queryParameters": {"q": "a&b=ü", "n": 5, "list": ["x", "y"], "none": null},
        "headers": {"X-One": 1, "X-Two": true, "Idempotency-Key": "mine", "X-None": null},
        "body": {"a": null, "b": {"c": null, "d": 0}},
        "ignoreNullValues": "true",
    });
    completed(
        worker(&server)
            .handle(connector(&Value::Null, &variables))
            .await,
    );
    let seen = server.only();
    assert_eq!(seen.uri, "/x?kept=1&q=a%26b%3D%C3%BC&n=5&list=x&list=y");
    assert_eq!(
        (seen.header("x-one"), seen.header("x-two")),
        (Some("1"), Some("true"))
    );
    assert_eq!(
        (seen.header("idempotency-key"), seen.header("x-none")),
        (Some("mine"), None)
    );
    assert_eq!(seen.body, r#"{"b":{"d":0}}"#);
}

#[tokio::test]
async fn answers_as_a_variable() {
    let server = Server::start().await;
    let headers = json!({"resultVariable": "answer"});
    for (path, status, reason, body) in [
        ("/any", 200, "OK", json!({"ok": true})),
        ("/text", 200, "OK", json!("plain text")),
        ("/empty", 204, "No Content", Value::Null),
        ("/redirect/302?/elsewhere", 302, "Found", Value::Null),
    ] {
        let variables = json!({"method": "GET", "url": server.url(path)});
        let answer = completed(
            worker(&server)
                .handle(connector(&headers, &variables))
                .await,
        );
        assert_eq!(answer["answer"]["status"], status, "{path}");
        assert_eq!(answer["answer"]["reason"], reason, "{path}");
        assert_eq!(answer["answer"]["body"], body, "{path}");
        assert!(
            answer["answer"]["headers"]["content-type"].is_string(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn statuses_from_400_fail_the_job() {
    let server = Server::start().await;
    for (status, reason) in [
        (400, "Bad Request"),
        (404, "Not Found"),
        (422, "Unprocessable"),
        (500, "Internal"),
        (502, "Bad Gateway"),
    ] {
        let variables = json!({"method": "GET", "url": server.url(&format!("/status/{status}"))});
        let outcome = worker(&server)
            .handle(connector(&Value::Null, &variables))
            .await;
        let (message, retries, back_off) = failed(outcome);
        assert!(
            message.contains(&format!("status {status} {reason}")),
            "{message}"
        );
        assert!(message.contains("said by the server"), "{message}");
        assert_eq!((retries, back_off), (2, Duration::from_secs(1)));
    }
    let headers = json!({"retryBackoff": "PT30S"});
    let variables = json!({"method": "GET", "url": server.url("/status/500")});
    let outcome = worker(&server)
        .handle(connector(&headers, &variables))
        .await;
    assert_eq!(failed(outcome).2, Duration::from_secs(30));
    let mut last = connector(&Value::Null, &variables);
    last.retries = 1;
    assert_eq!(failed(worker(&server).handle(last).await).1, 0);
}

#[tokio::test]
async fn too_many_requests_are_taken_back() {
    let soon = Server::start().await;
    let headers = json!({"resultVariable": "answer"});
    let variables = json!({"method": "POST", "url": soon.url("/later/0"), "body": {"a": 1}});
    let answer = completed(worker(&soon).handle(connector(&headers, &variables)).await);
    assert_eq!(answer["answer"]["body"], json!({"calls": 2}));
    let [first, second] = &soon.seen()[..] else {
        panic!("not two calls")
    };
    assert_eq!(
        (&first.body, &first.headers),
        (&second.body, &second.headers),
        "the same call"
    );

    // What takes longer is left to the engine, at least as long as the answer asked for.
    let late = Server::start().await;
    let variables = json!({"method": "POST", "url": late.url("/later/70"), "body": {"a": 1}});
    let headers = json!({"retryBackoff": "PT30S"});
    let (message, retries, back_off) =
        failed(worker(&late).handle(connector(&headers, &variables)).await);
    assert!(message.contains("429 Too Many Requests"), "{message}");
    assert_eq!((retries, back_off), (2, Duration::from_secs(70)));
    late.only();
}

#[tokio::test]
async fn time_outs() {
    let server = Server::start().await;
    let fails = async |path: &str, limits: Value, job_timeout: Duration, says: &str| {
        let mut variables = json!({"method": "GET", "url": server.url(path)});
        variables
            .as_object_mut()
            .unwrap()
            .extend(limits.as_object().unwrap().clone());
        let worker = HttpWorker::new(http_worker::Config {
            job_timeout,
            ..config(&server)
        });
        let (message, retries, _) =
            failed(worker.handle(connector(&Value::Null, &variables)).await);
        assert!(message.contains(says), "{message}");
        assert_eq!(retries, 2);
    };
    let minute = Duration::from_secs(60);
    let short = json!({"readTimeoutInSeconds": 0.05, "connectionTimeoutInSeconds": "0.05"});
    fails("/slow", short.clone(), minute, "read time-out").await;
    fails("/stalls", short, minute, "read time-out").await;
    let none = json!({"readTimeoutInSeconds": "0"});
    fails(
        "/slow",
        none.clone(),
        Duration::from_millis(100),
        "job's deadline",
    )
    .await;
    fails(
        "/stalls",
        none,
        Duration::from_millis(100),
        "job's deadline",
    )
    .await;

    // The engine's deadline counts where it is earlier.
    let variables = json!({"method": "GET", "url": server.url("/slow")});
    let mut job = connector(&Value::Null, &variables);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    job.deadline_ms = i64::try_from(now.as_millis()).unwrap() + 200;
    let (message, ..) = failed(worker(&server).handle(job).await);
    assert!(message.contains("job's deadline"), "{message}");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start().await;
    let headers = json!({"resultVariable": "answer"});
    let get = |path: String| json!({"method": "GET", "url": server.url(&path)});
    let fits = connector(&headers, &get(format!("/big/{BODY_BYTES_MAX}")));
    let answer = completed(worker(&server).handle(fits).await);
    assert_eq!(
        answer["answer"]["body"].as_str().unwrap().len(),
        BODY_BYTES_MAX
    );
    for path in [
        format!("/big/{}", BODY_BYTES_MAX + 1),
        "/endless".to_owned(),
    ] {
        let (message, ..) = failed(
            worker(&server)
                .handle(connector(&headers, &get(path)))
                .await,
        );
        assert!(message.contains("more than 1048576 bytes"), "{message}");
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens() {
    let server = Server::start().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}/path?key=canary");
    let mut settings = config(&server);
    settings.egress = allowed(&[&format!("127.0.0.1:{port}")]);
    let worker = HttpWorker::new(settings);
    let job = connector(&Value::Null, &json!({"method": "GET", "url": url}));
    let (message, retries, _) = failed(worker.handle(job).await);
    let target = format!("http://127.0.0.1:{port}/path cannot be reached");
    assert!(
        message.contains(&target) && message.contains("refused"),
        "{message}"
    );
    assert!(!message.contains("canary"), "{message}");
    assert_eq!(retries, 2);
}

#[tokio::test]
async fn redirects_are_followed_only_when_asked_for() {
    let server = Server::start().await;
    let other = Server::start().await;
    let mut settings = config(&server);
    settings.egress = allowed(&[&server.host(), &other.host()]);
    let worker = HttpWorker::new(settings);
    let follow = |url: String| {
        let authentication = json!({"type": "bearer", "token": "{{secrets.GitHubToken}}"});
        let headers = json!({"X-Kept": "1", "Cookie": "c"});
        let variables = json!({"method": "POST", "url": url, "followRedirects": true, "body": {"a": 1},
            "authentication": authentication, "headers": headers});
        connector(&json!({"resultVariable": "answer"}), &variables)
    };
    let answer = completed(
        worker
            .handle(follow(server.url("/redirect/307?/echo")))
            .await,
    );
    assert_eq!(answer["answer"]["status"], 200);
    let seen = server.seen();
    assert_eq!(
        seen[1].header("authorization"),
        Some("Bearer canary-github-token")
    );
    assert_eq!(
        (seen[1].method.as_str(), seen[1].body.as_str()),
        ("POST", r#"{"a":1}"#)
    );

    let away = format!("/redirect/307?{}", other.url("/echo"));
    completed(worker.handle(follow(server.url(&away))).await);
    let elsewhere = other.only();
    assert_eq!(elsewhere.header("x-kept"), Some("1"));
    for absent in ["authorization", "cookie"] {
        assert_eq!(
            elsewhere.header(absent),
            None,
            "{absent} went to another host"
        );
    }

    refused(
        worker.handle(follow(server.url("/loop"))).await,
        "redirected more than 5 times",
    );
    let metadata = "/redirect/302?http://169.254.169.254/latest/meta-data";
    refused(
        worker.handle(follow(server.url(metadata))).await,
        "not a public address",
    );
    let file = "/redirect/302?file:///etc/passwd";
    refused(
        worker.handle(follow(server.url(file))).await,
        "another protocol",
    );
}

#[tokio::test]
async fn mistakes_of_a_model_are_named() {
    let server = Server::start().await;
    let url = server.url("/");
    for (variables, says) in [
        (json!({}), "'url' is missing"),
        (json!({"url": "ftp://h/"}), "'url' must start with http"),
        (json!({"url": "no url"}), "'url' is no URL"),
        (json!({"url": "{{secrets.GitHubToken}}"}), "'url' is no URL"),
        (
            json!({"url": "http://user:pw@h/"}),
            "'url' must not hold a user",
        ),
        (json!({"url": ["x"]}), "'url' must be a text"),
        (
            json!({"url": url, "method": "TRACE"}),
            "'method' must be GET",
        ),
        (
            json!({"url": url, "headers": "x"}),
            "'headers' must be a context",
        ),
        (
            json!({"url": url, "headers": {"a b": "c"}}),
            "'headers.a b' is no name",
        ),
        (
            json!({"url": url, "headers": {"X": "a\r\nY: b"}}),
            "'headers.X' holds characters",
        ),
        (
            json!({"url": url, "headers": {"X": {}}}),
            "'headers.X' must be a text",
        ),
        (
            json!({"url": url, "headers": {"Host": "evil"}}),
            "'headers.Host' names a header",
        ),
        (
            json!({"url": url, "queryParameters": {"q": {}}}),
            "'queryParameters.q' must be",
        ),
        (
            json!({"url": url, "readTimeoutInSeconds": "soon"}),
            "'readTimeoutInSeconds' must be a number",
        ),
        (
            json!({"url": url, "connectionTimeoutInSeconds": -1}),
            "'connectionTimeoutInSeconds' must",
        ),
        (
            json!({"url": url, "followRedirects": "maybe"}),
            "'followRedirects' must be true",
        ),
        (
            json!({"url": url, "authentication": {"type": "magic"}}),
            "'authentication.type' is 'magic'",
        ),
        (
            json!({"url": url, "authentication": {"type": "bearer"}}),
            "'authentication.token' is missing",
        ),
        (
            json!({"url": url, "method": "POST", "body": 1, "headers": {"content-type": "multipart/form-data"}}),
            "multipart",
        ),
    ] {
        refused(
            worker(&server)
                .handle(connector(&Value::Null, &variables))
                .await,
            says,
        );
    }
    let headers = json!({"retryBackoff": "30 seconds"});
    let outcome = worker(&server)
        .handle(connector(&headers, &json!({"url": url})))
        .await;
    refused(outcome, "'retryBackoff' must be an ISO 8601 duration");
    assert!(server.seen().is_empty(), "a call was made all the same");
}
