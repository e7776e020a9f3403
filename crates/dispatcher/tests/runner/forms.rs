//! `workflow_dispatch`: what a service gets of a form, and how a bad form is answered.

use serde_json::{Value, json};

use crate::store::{Folders, Store, TOKEN};

const ON: &str = r#"
  workflow_dispatch:
    inputs:
      stock_level: {type: number, required: true, default: 2}
      parallel: {type: boolean, default: false}
      method: {type: choice, options: [visa, declined], default: visa}
      email: {type: string, required: true}
"#;
const PATH: &str = "/repos/shop/data/actions/workflows/restock.yml/dispatches";

fn folders() -> Folders {
    let folders = Folders::new("exit 0");
    let name = "run-name: \"restock ${{ inputs.email }} by ${{ github.actor }}\"";
    let script = r#"cp "$GITHUB_EVENT_PATH" "$SEEN/event"; env > "$SEEN/env""#;
    folders.service_with("restock", ON, name, script);
    folders
}

#[tokio::test]
async fn a_form_starts_its_workflow_with_defaults_filled_in() {
    let store = Store::start(folders(), |_| {}).await;
    let body = json!({
        "ref": "main", "inputs": {"email": "a@b.c"}, "return_run_details": true,
    });
    let details = store.client.post(PATH, &body, 200).await;
    assert_eq!(
        details,
        json!({
            "workflow_run_id": 1,
            "run_url": format!("{}/repos/shop/data/actions/runs/1", store.client.url),
            "html_url": format!("{}/_backroom/runs/1", store.client.url),
        })
    );
    let run = store.client.run_until(1, "success").await;
    assert_eq!(run["display_title"], "restock a@b.c by shop");
    assert_eq!(
        (&run["event"], &run["path"]),
        (
            &json!("workflow_dispatch"),
            &json!(".github/workflows/restock.yml")
        )
    );
    let event: Value = serde_json::from_str(&store.folders.seen("event").unwrap()).unwrap();
    assert_eq!(
        event["inputs"],
        json!({"stock_level": "2", "parallel": "false", "method": "visa", "email": "a@b.c"})
    );
    assert_eq!(
        (&event["ref"], &event["workflow"]),
        (
            &json!("refs/heads/main"),
            &json!(".github/workflows/restock.yml")
        )
    );
    let env = store.folders.seen("env").unwrap();
    assert!(env.contains("GITHUB_EVENT_NAME=workflow_dispatch"), "{env}");

    let by_id = format!(
        "/repos/shop/data/actions/workflows/{}/dispatches",
        run["workflow_id"]
    );
    assert_eq!(
        store.client.post(&by_id, &body, 200).await["workflow_run_id"],
        2
    );
    let quiet = json!({"ref": "main", "inputs": {"email": "e"}});
    assert_eq!(store.client.post(PATH, &quiet, 204).await, Value::Null);
    store.stop().await;
}

#[tokio::test]
async fn bad_forms_have_githubs_answers_and_start_nothing() {
    let store = Store::start(folders(), |_| {}).await;
    let form = |inputs: Value| json!({"ref": "main", "inputs": inputs});
    let other = "/repos/shop/data/actions/workflows/inventory.yml/dispatches";
    for (path, body, status, says) in [
        (
            PATH,
            form(json!({})),
            422,
            "Required input 'email' not provided",
        ),
        (
            PATH,
            form(json!({"email": "e", "x": 1})),
            422,
            "Unexpected inputs provided: [\"x\"]",
        ),
        (
            PATH,
            form(json!({"email": "e", "method": "cash"})),
            422,
            "allowed values",
        ),
        (PATH, json!({"inputs": {}}), 422, "\"ref\" wasn't supplied."),
        (PATH, json!([]), 400, "Body should be a JSON object"),
        (
            other,
            json!({"ref": "main"}),
            422,
            "does not have 'workflow_dispatch' trigger",
        ),
        (
            "/repos/shop/data/actions/workflows/none.yml/dispatches",
            form(json!({})),
            404,
            "Not Found",
        ),
        (
            "/repos/shop/none/actions/workflows/restock.yml/dispatches",
            form(json!({})),
            404,
            "Not Found",
        ),
    ] {
        let answer = store.client.post(path, &body, status).await;
        assert!(
            answer["message"].as_str().unwrap().contains(says),
            "{answer}"
        );
        assert_eq!(answer["status"], status.to_string());
    }
    let unsigned = store
        .client
        .send(reqwest::Method::POST, PATH, Some("Bearer wrong"), "{}")
        .await;
    assert_eq!(unsigned.status().as_u16(), 401);
    assert!(!unsigned.text().await.unwrap().contains(TOKEN));
    assert_eq!(store.client.get("/_backroom/deliveries").await, json!([]));
    store.stop().await;
}

#[tokio::test]
async fn a_form_without_a_service_says_what_can_run_it() {
    let folders = folders();
    folders.workflow(
        "status.yml",
        "on: workflow_dispatch\njobs: {report: {steps: [{run: echo}]}}\n",
    );
    let store = Store::start(folders, |_| {}).await;
    let path = "/repos/shop/data/actions/workflows/status.yml/dispatches";
    store.client.post(path, &json!({"ref": "main"}), 204).await;
    store.client.run_until(1, "failure").await;
    let shown = store.client.get("/_backroom/runs/1").await;
    let note = shown["attempts"][0]["note"].as_str().unwrap();
    assert!(
        note.contains("'status.yml'") && note.contains("--backend act"),
        "{note}"
    );
    store.stop().await;
}
