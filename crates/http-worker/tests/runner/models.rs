//! Which placeholders are filled in is said by the deployed model, not by a variable.

use std::path::Path;

use http_worker::{HttpWorker, Models};
use messaging::Gateway;
use messaging::rest::Rest;
use messaging::worker::Job;
use serde_json::{Value, json};

use crate::jobs::{completed, config, connector, failed, refused};
use crate::server::{Seen, Server};

const ORDER: &str = include_str!("../../../../workflows/order-fulfilment.bpmn");

/// A worker that reads models from the API of `engine`, and may call `server`.
fn worker(server: &Server, engine: &Server) -> HttpWorker {
    let gateway = Gateway::plain("127.0.0.1:26500").unwrap();
    let mut settings = config(server);
    settings.models = Models::of_engine(Rest::at(&engine.url(""), &gateway));
    HttpWorker::new(settings)
}

/// The model of one task, `charge`, with these inputs (source, target).
fn model(inputs: &[(&str, &str)]) -> String {
    let inputs = inputs
        .iter()
        .map(|(source, target)| format!(r#"<zeebe:input source="{source}" target="{target}"/>"#));
    format!(
        r#"<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0">
        <bpmn:process id="order-fulfilment"><bpmn:serviceTask id="charge"><bpmn:extensionElements>
        <zeebe:ioMapping>{}</zeebe:ioMapping>
        </bpmn:extensionElements></bpmn:serviceTask></bpmn:process></bpmn:definitions>"#,
        inputs.collect::<String>()
    )
}

fn bearer(server: &Server, token: &str) -> Job {
    let authentication = json!({"type": "bearer", "token": token});
    let variables =
        json!({"method": "POST", "url": server.url("/any"), "authentication": authentication});
    connector(&Value::Null, &variables)
}

const SECRET: &str = "{{secrets.GitHubToken}}";

/// A call with the placeholder as its token, by an element with these inputs; the server that was
/// called, and the engine.
async fn called(inputs: &[(&str, &str)]) -> (Server, Server) {
    let (server, engine) = (Server::start().await, Server::start().await);
    engine.deploy(&model(inputs), 0);
    completed(
        worker(&server, &engine)
            .handle(bearer(&server, SECRET))
            .await,
    );
    (server, engine)
}

#[tokio::test]
async fn a_placeholder_that_the_element_names_is_filled_in() {
    for inputs in [
        [(SECRET, "authentication.token")],
        [(
            "=&quot;{{secrets.GitHubToken}}&quot;",
            "authentication.token",
        )],
        [(
            "={type: &quot;bearer&quot;, token: &quot;{{secrets.GitHubToken}}&quot;}",
            "authentication",
        )],
    ] {
        let (server, engine) = called(&inputs).await;
        assert_eq!(
            server.only().header("authorization"),
            Some("Bearer canary-github-token"),
            "{inputs:?}"
        );
        assert_eq!(
            engine.paths(),
            ["/v2/process-definitions/2251799813685249/xml"]
        );
    }
}

#[tokio::test]
async fn one_that_comes_in_by_a_variable_stays_text() {
    for inputs in [
        // The customer's own token, which holds a placeholder.
        [("=customer.token", "authentication.token")],
        // Named, but for another field, by another element's input, or where no secret goes.
        [(SECRET, "authentication.password")],
        [(SECRET, "headers.Authorization")],
        [("{{secrets.Elsewhere}}", "authentication.token")],
        // Put together by an expression: the name could come from anywhere.
        [(
            "=&quot;{{secrets.&quot; + name + &quot;}}&quot;",
            "authentication.token",
        )],
    ] {
        let (server, _engine) = called(&inputs).await;
        let seen = server.only();
        assert_eq!(
            seen.header("authorization"),
            Some("Bearer {{secrets.GitHubToken}}"),
            "{inputs:?}"
        );
        assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
    }
}

#[tokio::test]
async fn the_shops_model_and_a_customer_named_like_a_secret() {
    let (server, engine) = (Server::start().await, Server::start().await);
    engine.deploy(ORDER, 0);
    let worker = worker(&server, &engine);
    let order = |element_id: &str, token: &str| {
        let customer =
            json!({"name": SECRET, "email": "{{GitHubToken}}", "address": "secrets.GitHubToken"});
        let body =
            json!({"event_type": "upsert_customer", "client_payload": {"customer": customer}});
        let variables = json!({
            "method": "POST", "url": server.url("/repos/shop/data/dispatches"), "body": body,
            "authentication": {"type": "bearer", "token": token},
            "headers": {"X-Customer": SECRET},
        });
        let mut job = connector(&Value::Null, &variables);
        element_id.clone_into(&mut job.element_id);
        (job, body)
    };
    let (job, body) = order("upsert_customer", SECRET);
    completed(worker.handle(job).await);
    let seen: Seen = server.seen().remove(0);
    assert_eq!(
        seen.header("authorization"),
        Some("Bearer canary-github-token")
    );
    assert_eq!(seen.header("x-customer"), Some(SECRET));
    let sent: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(sent, body);
    assert!(!seen.body.contains("canary"), "{}", seen.body);

    // An element that names nothing gets nothing; the model is not asked for again.
    completed(worker.handle(order("got_customer", SECRET).0).await);
    completed(worker.handle(order("got_customer", "plain").0).await);
    let authorizations: Vec<_> = server.seen()[1..]
        .iter()
        .map(|seen| seen.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(
        authorizations,
        ["Bearer {{secrets.GitHubToken}}", "Bearer plain"]
    );
    engine.only();
}

#[tokio::test]
async fn a_refusal_says_that_the_placeholder_was_not_filled_in() {
    let (server, engine) = (Server::start().await, Server::start().await);
    engine.deploy(&model(&[("=token", "authentication.token")]), 0);
    let mut job = bearer(&server, SECRET);
    job.variables["url"] = json!(server.url("/status/401"));
    let (message, ..) = failed(worker(&server, &engine).handle(job).await);
    let says = "the placeholder {{secrets.GitHubToken}} was sent as text, since the deployed model";
    assert!(message.contains(says), "{message}");
}

#[tokio::test]
async fn a_secret_that_the_model_names_and_nobody_set_is_named() {
    let (server, engine) = (Server::start().await, Server::start().await);
    engine.deploy(&model(&[("{{secrets.Absent}}", "authentication.token")]), 0);
    refused(
        worker(&server, &engine)
            .handle(bearer(&server, "{{secrets.Absent}}"))
            .await,
        "no secret is named 'Absent'; set BACKROOM_SECRET_Absent",
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_model_that_is_not_there_yet_is_asked_for_again() {
    let (server, engine) = (Server::start().await, Server::start().await);
    engine.deploy(&model(&[(SECRET, "authentication.token")]), 2);
    completed(
        worker(&server, &engine)
            .handle(bearer(&server, SECRET))
            .await,
    );
    assert_eq!(engine.paths().len(), 3);
}

#[tokio::test]
async fn without_the_model_no_call_is_made() {
    let (server, engine) = (Server::start().await, Server::start().await);
    engine.deploy("", usize::MAX);
    let worker = worker(&server, &engine);
    // An errorExpression judges calls, and none is made.
    let mut job = bearer(&server, SECRET);
    job.custom_headers
        .insert("errorExpression".to_owned(), json!("=ignoreError({})"));
    let (message, retries, _) = failed(worker.handle(job).await);
    for says in [
        "the model of process definition 2251799813685249 cannot be read",
        "status 404: no definition 2251799813685249",
        "ZEEBE_REST_ADDRESS, or give the models with --models",
    ] {
        assert!(message.contains(says), "{message}");
    }
    assert_eq!(retries, 2);
    engine.deploy("<html>", 0);
    refused(
        worker.handle(bearer(&server, SECRET)).await,
        "is no BPMN model",
    );
    assert!(server.seen().is_empty());
    // Who needs no secret needs no model.
    completed(worker.handle(bearer(&server, "plain")).await);
}

#[tokio::test]
async fn models_of_a_folder() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let refused_because = |says: &str| {
        let error = Models::of_folder(folder.path()).err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    };
    refused_because("holds no .bpmn file with a process");
    write("notes.txt", "no model");
    write("order.bpmn", "<broken");
    refused_because("order.bpmn' is no BPMN model");
    write("order.bpmn", &model(&[(SECRET, "authentication.token")]));
    write("again.bpmn", &model(&[]));
    refused_because("holds the process 'order-fulfilment', which another file");
    std::fs::remove_file(folder.path().join("again.bpmn")).unwrap();
    assert!(Models::of_folder(Path::new("/no/such/folder")).is_err());

    let mut settings = config(&server);
    settings.models = Models::of_folder(folder.path()).unwrap();
    let worker = HttpWorker::new(settings);
    completed(worker.handle(bearer(&server, SECRET)).await);
    assert_eq!(
        server.only().header("authorization"),
        Some("Bearer canary-github-token")
    );
    let mut other = bearer(&server, SECRET);
    "restock".clone_into(&mut other.bpmn_process_id);
    refused(
        worker.handle(other).await,
        "no model of process 'restock' is in",
    );
}
