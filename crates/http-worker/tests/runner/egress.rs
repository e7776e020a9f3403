//! Addresses that are not public are called only where their host is named.

use http_worker::HttpWorker;
use serde_json::{Value, json};

use crate::jobs::{completed, config, connector, older, refused};
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
    settings.allowed_hosts.push("localhost".parse().unwrap());
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
