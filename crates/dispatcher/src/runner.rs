//! What a runner tells a run: the event file, the `GITHUB_*` and `RUNNER_*` variables, and the
//! contexts of expressions. The files of an attempt are made by its back end.

use std::ffi::OsString;

use serde_json::{Map, Value, json};

use crate::dispatcher::Dispatcher;
use crate::records::{Delivery, Event, Run};
use crate::rules::Action;
use crate::workflow_file::{InputType, Workflow};

/// The content of the event file.
pub(crate) fn event_file(dispatcher: &Dispatcher, delivery: &Delivery) -> Value {
    let branch = dispatcher.default_branch();
    let (owner, name) = delivery.repository.split_once('/').unwrap_or_default();
    let repository = json!({
        "name": name,
        "full_name": delivery.repository,
        "default_branch": branch,
        "owner": {"login": owner},
    });
    let sender = json!({"login": owner});
    match delivery.event {
        Event::RepositoryDispatch => json!({
            "action": delivery.event_type,
            "branch": branch,
            "client_payload": delivery.client_payload,
            "repository": repository,
            "sender": sender,
        }),
        Event::WorkflowDispatch => json!({
            "inputs": delivery.client_payload,
            "ref": format!("refs/heads/{branch}"),
            "repository": repository,
            "sender": sender,
            "workflow": delivery.workflow.as_deref().map(path),
        }),
    }
}

/// The contexts that an expression sees before a job runs: `github`, `inputs` and `vars`.
pub(crate) fn contexts(
    dispatcher: &Dispatcher,
    delivery: &Delivery,
    workflow: &Workflow,
    run: &Run,
) -> Value {
    let mut github = Map::new();
    for (name, value) in variables(dispatcher, delivery, run, workflow, 1) {
        if let Some(name) = name.strip_prefix("GITHUB_") {
            github.insert(name.to_lowercase(), value.into());
        }
    }
    github.insert("event".to_owned(), event_file(dispatcher, delivery));
    let inputs = match delivery.event {
        Event::RepositoryDispatch => Map::new(),
        Event::WorkflowDispatch => typed_inputs(delivery, workflow),
    };
    json!({"github": github, "inputs": inputs, "vars": {}})
}

/// The inputs as the context `inputs` has them: booleans and numbers are such.
fn typed_inputs(delivery: &Delivery, workflow: &Workflow) -> Map<String, Value> {
    let mut typed = delivery.client_payload.clone();
    for input in workflow.inputs.iter().flatten() {
        let Some(value) = typed.get_mut(&input.name) else {
            continue;
        };
        let text = value.as_str().unwrap_or_default();
        match input.kind {
            InputType::Boolean => *value = (text == "true").into(),
            InputType::Number if !text.is_empty() => {
                *value = serde_json::from_str(text).unwrap_or_default();
            }
            InputType::Number | InputType::Text | InputType::Choice(_) => {}
        }
    }
    typed
}

/// What a run is called: its `run-name`, or as on GitHub the event type or the workflow's name.
pub(crate) fn title(delivery: &Delivery, workflow: &Workflow, contexts: &Value) -> String {
    let named = workflow.run_name.as_ref().map(|name| name.render(contexts));
    match (named.filter(|name| !name.trim().is_empty()), delivery.event) {
        (Some(name), _) => name,
        (None, Event::RepositoryDispatch) => delivery.event_type.clone(),
        (None, Event::WorkflowDispatch) => workflow.name.clone(),
    }
}

/// The environment of an attempt, without the files of its folder.
pub(crate) fn environment(
    dispatcher: &Dispatcher,
    delivery: &Delivery,
    run: &Run,
    workflow: &Workflow,
    attempt: u32,
) -> Vec<(OsString, OsString)> {
    let mut own = variables(dispatcher, delivery, run, workflow, attempt);
    match run.rule.as_ref().map(|rule| rule.action) {
        Some(Action::DropAnswer) => own.push(("BACKROOM_TEST_ANSWERS", "drop".to_owned())),
        Some(Action::DoubleAnswer) => own.push(("BACKROOM_TEST_ANSWERS", "double".to_owned())),
        _ => {}
    }
    let own = own
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()));
    dispatcher
        .service_environment
        .iter()
        .cloned()
        .chain(own)
        .collect()
}

/// The variables that GitHub documents for every run, where they mean something here.
fn variables(
    dispatcher: &Dispatcher,
    delivery: &Delivery,
    run: &Run,
    workflow: &Workflow,
    attempt: u32,
) -> Vec<(&'static str, String)> {
    let branch = dispatcher.default_branch();
    let (owner, _) = delivery.repository.split_once('/').unwrap_or_default();
    let reference = format!("refs/heads/{branch}");
    let text = str::to_owned;
    vec![
        ("CI", text("true")),
        ("GITHUB_ACTIONS", text("true")),
        ("GITHUB_ACTOR", text(owner)),
        ("GITHUB_API_URL", text(dispatcher.url())),
        ("GITHUB_BASE_REF", String::new()),
        ("GITHUB_EVENT_NAME", text(delivery.event.name())),
        ("GITHUB_HEAD_REF", String::new()),
        ("GITHUB_JOB", workflow.job.clone()),
        ("GITHUB_REF", reference.clone()),
        ("GITHUB_REF_NAME", text(branch)),
        ("GITHUB_REF_PROTECTED", text("false")),
        ("GITHUB_REF_TYPE", text("branch")),
        ("GITHUB_REPOSITORY", delivery.repository.clone()),
        ("GITHUB_REPOSITORY_OWNER", text(owner)),
        ("GITHUB_RUN_ATTEMPT", attempt.to_string()),
        ("GITHUB_RUN_ID", run.id.to_string()),
        ("GITHUB_RUN_NUMBER", run.number.to_string()),
        ("GITHUB_SERVER_URL", text(dispatcher.url())),
        ("GITHUB_SHA", run.head_sha.clone().unwrap_or_default()),
        ("GITHUB_TRIGGERING_ACTOR", text(owner)),
        ("GITHUB_WORKFLOW", workflow.name.clone()),
        (
            "GITHUB_WORKFLOW_REF",
            format!(
                "{}/{}@{reference}",
                delivery.repository,
                path(&workflow.file)
            ),
        ),
        (
            "GITHUB_WORKFLOW_SHA",
            run.head_sha.clone().unwrap_or_default(),
        ),
        ("RUNNER_ARCH", text(arch())),
        ("RUNNER_ENVIRONMENT", text("self-hosted")),
        ("RUNNER_NAME", text("backroom-dispatcher")),
        ("RUNNER_OS", text(os())),
    ]
}

/// A workflow file's path in its repository.
pub(crate) fn path(file: &str) -> String {
    format!(".github/workflows/{file}")
}

/// The processor in a runner's words.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "X64",
        "aarch64" => "ARM64",
        "x86" => "X86",
        other => other,
    }
}

/// The system in a runner's words.
fn os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "macOS",
        "windows" => "Windows",
        _ => "Linux",
    }
}
