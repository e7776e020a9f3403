//! Where calls may go, and that no answer holds the worker up or fills it: addresses, redirects,
//! endless and slow answers.

use std::time::Duration;

use http_worker::{Egress, HttpWorker};
use serde_json::{Value, json};

use crate::jobs::{allowed, completed, config, connector, failed, older, refused};
use crate::raw::drip;
use crate::server::Server;

#[tokio::test]
async fn an_address_that_nobody_named_is_not_called() {
    let server = Server::start().await;
    let other = Server::start().await;
    let worker = HttpWorker::new(config(&server));
    let port = other.port;
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "https://[fd00::1]/".to_owned(),
    ] {
        let variables = json!({"url": url});
        let outcome = worker.handle(connector(&Value::Null, &variables)).await;
        refused(outcome, "not a public address; allow it with --allow-host");
        let outcome = worker.handle(older(&variables, &Value::Null)).await;
        refused(outcome, "not a public address");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_named_host_is_called() {
    let server = Server::start().await;
    let other = Server::start().await;
    let mut settings = config(&server);
    settings.egress = allowed(&["localhost"]);
    let worker = HttpWorker::new(settings);
    let variables = json!({"url": format!("http://localhost:{}/", other.port)});
    completed(worker.handle(connector(&Value::Null, &variables)).await);
    other.only();
    // Naming the name does not name the address.
    let variables = json!({"url": other.url("/")});
    refused(
        worker.handle(connector(&Value::Null, &variables)).await,
        "not a public address",
    );
}

#[tokio::test]
async fn an_allowed_network_is_called_by_address_and_by_name() {
    let server = Server::start().await;
    let mut settings = config(&server);
    let networks = ["127.0.0.0/8", "::1/128"].map(|text| text.parse().unwrap());
    settings.egress = Egress::new(Vec::new(), networks.into());
    let worker = HttpWorker::new(settings);
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/any", server.port);
        let outcome = worker
            .handle(connector(&Value::Null, &json!({"url": url})))
            .await;
        // An IPv6 socket may not be had here; what matters is that nothing was refused.
        let told = format!("{outcome:?}");
        assert!(!told.contains("not a public address"), "{host}: {told}");
    }
    assert!(server.seen().len() >= 2);
    let metadata = json!({"url": "http://169.254.169.254/latest/meta-data"});
    refused(
        worker.handle(connector(&Value::Null, &metadata)).await,
        "169.254.169.254 is at 169.254.169.254, which is not a public address",
    );
}

#[tokio::test]
async fn a_redirect_is_checked_as_the_call_was() {
    let server = Server::start().await;
    let stranger = Server::start().await;
    let worker = HttpWorker::new(config(&server));
    for to in [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/".to_owned(),
        "http://[fd00:ec2::254]/latest".to_owned(),
        "http://0251.0376.0251.0376/".to_owned(),
        stranger.url("/"),
        format!("//localhost:{}/", stranger.port),
    ] {
        let authentication = json!({"type": "bearer", "token": "{{secrets.GitHubToken}}"});
        let variables = json!({
            "url": server.url(&format!("/redirect/302?{to}")),
            "followRedirects": true,
            "authentication": authentication,
        });
        let outcome = worker.handle(connector(&Value::Null, &variables)).await;
        refused(outcome, "not a public address; allow it with --allow-host");
    }
    assert!(stranger.seen().is_empty());
    // Without being asked to, no redirect is followed, and the older type never does.
    let url = server.url("/redirect/302?http://169.254.169.254/");
    let variables = json!({"url": url});
    completed(worker.handle(connector(&Value::Null, &variables)).await);
    let (message, ..) = failed(worker.handle(older(&variables, &Value::Null)).await);
    assert!(message.contains("status 302 Found"), "{message}");
}

#[tokio::test]
async fn answers_that_never_end() {
    let quickly = Duration::ZERO;
    let slowly = Duration::from_millis(5);
    let ok = "HTTP/1.1 200 OK\r\n";
    for (begin, piece, pause, says) in [
        // A slow loris, in each part of an answer: every piece comes in time, the whole never.
        ("", "", slowly, "no answer within the read time-out"),
        (
            "HTTP/1.1 200 OK\r\nx-a: ",
            "a",
            slowly,
            "no answer within the read time-out",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n",
            "a",
            slowly,
            "no whole answer before the job's deadline",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "1\r\na\r\n",
            slowly,
            "no whole answer before the job's deadline",
        ),
        // And as fast as it can.
        (
            ok,
            "x-endless: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
            quickly,
            "127.0.0.1",
        ),
        ("not HTTP at all ", "and more ", quickly, "127.0.0.1"),
    ] {
        let port = drip(begin, piece, pause).await;
        let server = Server::start().await;
        let mut settings = config(&server);
        settings.egress = allowed(&[&format!("127.0.0.1:{port}")]);
        let worker = HttpWorker::new(settings);
        let variables = json!({
            "url": format!("http://127.0.0.1:{port}/"),
            "readTimeoutInSeconds": 0.2,
            "connectionTimeoutInSeconds": 0.2,
        });
        let mut job = connector(&json!({"resultVariable": "answer"}), &variables);
        job.deadline_ms = jiff::Timestamp::now().as_millisecond() + 2_000;
        let started = std::time::Instant::now();
        let (message, retries, _) = failed(worker.handle(job).await);
        assert!(message.contains(says), "{begin:?}: {message}");
        assert!(message.len() < 500 && retries == 2, "{begin:?}: {message}");
        assert!(started.elapsed() < Duration::from_secs(5), "{begin:?}");
    }
}
