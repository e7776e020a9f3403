//! `resultExpression` and `errorExpression`, by the real FEEL.

use std::time::Duration;

use messaging::worker::Outcome;
use serde_json::{Value, json};

use crate::jobs::{bpmn_error, completed, connector, failed, refused, worker};
use crate::server::Server;

async fn outcome(server: &Server, path: &str, headers: Value) -> Outcome {
    let variables = json!({"method": "GET", "url": server.url(path)});
    worker(server).handle(connector(&headers, &variables)).await
}

#[tokio::test]
async fn results_become_variables() {
    let server = Server::start().await;
    let headers =
        json!({"resultExpression": "={done: response.body.ok, status: response.status + 1}"});
    assert_eq!(
        completed(outcome(&server, "/any", headers).await),
        json!({"done": true, "status": 201})
    );
    let both = json!({"resultExpression": "{a: 1}", "resultVariable": "answer"});
    let variables = completed(outcome(&server, "/any", both).await);
    assert_eq!(
        (&variables["a"], &variables["answer"]["status"]),
        (&json!(1), &json!(200))
    );
    // What a connector's runtime lets an expression see and say.
    let same = json!({"resultExpression": "{answer: status}", "resultVariable": "answer"});
    assert_eq!(
        completed(outcome(&server, "/any", same).await),
        json!({"answer": 200})
    );
    for (expression, variables) in [
        ("=response.none", json!({})),
        ("={s: status, ok: body.ok}", json!({"s": 200, "ok": true})),
        (
            r#"={type: response.headers.`content-type`}"#,
            json!({"type": "application/json"}),
        ),
    ] {
        let headers = json!({"resultExpression": expression});
        assert_eq!(
            completed(outcome(&server, "/any", headers).await),
            variables,
            "{expression}"
        );
    }
    for (expression, says) in [
        ("=1 + 1", "resultExpression gives a number, no context"),
        ("=\"text\"", "resultExpression gives a text"),
        ("={a: ", "resultExpression: "),
    ] {
        refused(
            outcome(&server, "/any", json!({"resultExpression": expression})).await,
            says,
        );
    }
}

#[tokio::test]
async fn errors_are_judged_by_the_model() {
    let server = Server::start().await;
    let judged = async |path: &str, expression: &str| {
        outcome(&server, path, json!({"errorExpression": expression})).await
    };
    let thrown = judged(
        "/status/404",
        r#"=if error.code = "404" then bpmnError("GONE", error.message) else null"#,
    )
    .await;
    assert_eq!(
        bpmn_error(thrown),
        ("GONE".to_owned(), "Not Found".to_owned())
    );

    let body = r#"=bpmnError("E", "m", {why: error.variables.response.body.message})"#;
    let Outcome::Error { variables, .. } = judged("/status/400", body).await else {
        panic!("no BPMN error")
    };
    assert_eq!(
        Value::Object(variables),
        json!({"why": "said by the server"})
    );

    let job = r#"=jobError("again", {a: 1}, job.retries - 2, "PT7S")"#;
    let (message, retries, back_off) = failed(judged("/status/500", job).await);
    assert_eq!(
        (message.as_str(), retries, back_off),
        ("again", 1, Duration::from_secs(7))
    );
    let (_, retries, back_off) = failed(judged("/status/500", r#"=jobError("again")"#).await);
    assert_eq!((retries, back_off), (2, Duration::ZERO));
    let duration = r#"=jobError("again", {}, 5, duration("PT9S"))"#;
    assert_eq!(
        failed(judged("/status/500", duration).await).2,
        Duration::from_secs(9)
    );

    let ignored = judged("/status/404", "=ignoreError({found: false})").await;
    assert_eq!(completed(ignored), json!({"found": false}));

    // What it doesn't judge is as it would be without it.
    let (message, retries, _) = failed(judged("/status/500", "=null").await);
    assert!(message.contains("status 500") && retries == 2, "{message}");
    let success = judged(
        "/any",
        r#"=if response.body.ok then bpmnError("OK", "even so") else null"#,
    )
    .await;
    assert_eq!(bpmn_error(success).0, "OK");
    assert_eq!(completed(judged("/any", "={}").await), json!({}));

    // Without a code nothing is thrown.
    let no_code = judged("/any", r#"=bpmnError(response.body.none, "m")"#).await;
    assert_eq!(completed(no_code), json!({}));

    // An answer of which nothing can be made is an error as well.
    let headers = json!({"resultExpression": "=1", "errorExpression":
        r#"=if error.code = null and contains(response.error.message, "resultExpression") then bpmnError("MAPPING", "m") else null"#});
    assert_eq!(
        bpmn_error(outcome(&server, "/any", headers).await).0,
        "MAPPING"
    );

    for (expression, says) in [
        ("=bpmnError(", "errorExpression: the parenthesis"),
        ("=1 +", "errorExpression: "),
        ("=\"text\"", "errorExpression: gives a text"),
    ] {
        refused(judged("/status/500", expression).await, says);
    }
}
