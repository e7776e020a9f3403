//! Tests in code: what holds for every course of events, and the limits.

mod limits;
mod random;

use engine::command::{Command, CreateInstance, Resource, Response};
use engine::{Batch, Engine, Timestamp};
use std::path::Path;
use std::sync::Arc;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// A model of the scenarios.
#[expect(
    clippy::disallowed_methods,
    reason = "models are read from files; the core reads none"
)]
fn model(path: &str) -> Resource {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    Resource {
        name: Arc::from(path),
        content: Arc::from(std::fs::read(root.join(path)).expect("the model is there")),
    }
}

/// Takes one command that must not be refused.
#[track_caller]
fn accept(engine: &mut Engine, out: &mut Batch, command: Command) -> Response {
    let response = engine.process(command, NOW, out);
    assert!(
        !matches!(response, Response::Rejected(_)),
        "unexpected: {response:?}"
    );
    response
}

/// Starts the newest version of a process with these variables, each value as JSON text.
fn create(id: &str, variables: &[(&str, &str)]) -> Command {
    Command::CreateInstance(CreateInstance {
        bpmn_process_id: Arc::from(id),
        version: -1,
        variables: variables
            .iter()
            .map(|(name, value)| (Arc::from(*name), Arc::from(*value)))
            .collect(),
        ..CreateInstance::default()
    })
}
