//! What a workflow file says about dispatches: which event types start it, and which service
//! it runs. Everything else of the YAML is Actions' business and is not read here.
//!
//! The rule for the service: a workflow that listens to `repository_dispatch` has exactly one
//! step that uses `./.github/actions/setup-service`, and the `service` of its `with` is the
//! name of the binary. That step is what makes the same file run on a real runner, so what
//! runs here cannot drift from what runs there.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// The composite action whose `service` input names the binary of a workflow.
pub const SETUP_ACTION: &str = "./.github/actions/setup-service";
/// GitHub's limit for a job that names none.
const TIMEOUT_MINUTES_DEFAULT: f64 = 360.0;

/// A workflow file that listens to dispatches.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// The file's name, `inventory.yml`.
    pub file: String,
    /// The `name:` of the workflow, or the file's name.
    pub name: String,
    /// The event types that start it.
    pub types: Types,
    /// The binary that the job runs.
    pub service: String,
    /// The id of the job that runs it.
    pub job: String,
    /// How long the job may take.
    pub time_limit: Duration,
}

/// The event types that a workflow listens to.
#[derive(Clone, Debug, PartialEq)]
pub enum Types {
    /// No `types:`, so every dispatch starts it.
    Every,
    /// Exactly these.
    Named(Vec<String>),
}

impl Workflow {
    /// Whether a dispatch of this event type starts the workflow.
    pub fn listens_to(&self, event_type: &str) -> bool {
        match &self.types {
            Types::Every => true,
            Types::Named(types) => types.iter().any(|name| name == event_type),
        }
    }
}

/// Why a folder of workflow files cannot be used; each names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or a file cannot be read.
    #[error("cannot read '{path}': {source}")]
    Read {
        /// Folder or file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not YAML, or not the shape of a workflow.
    #[error("workflow file '{file}' is not valid: {problem}")]
    Invalid {
        /// The file's name.
        file: String,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

/// Reads every `*.yml` and `*.yaml` of a folder, in the order of their names, and keeps those
/// that listen to `repository_dispatch`.
pub fn read_folder(folder: &Path) -> Result<Vec<Workflow>, Error> {
    let unreadable = |path: &Path, source| Error::Read {
        path: path.display().to_string(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
        let path = entry.map_err(|e| unreadable(folder, e))?.path();
        if path.extension().is_some_and(|e| e == "yml" || e == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    let mut workflows = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, e))?;
        let file = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        workflows.extend(parse(&file, &text)?);
    }
    Ok(workflows)
}

/// Reads one workflow file: `None` if no dispatch starts it.
pub fn parse(file: &str, text: &str) -> Result<Option<Workflow>, Error> {
    let invalid = |problem: String| Error::Invalid {
        file: file.to_owned(),
        problem,
    };
    let yaml: Yaml = serde_saphyr::from_str(text).map_err(|e| invalid(e.to_string()))?;
    let Some(types) = dispatch_types(&yaml.on).map_err(&invalid)? else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for (job_id, job) in &yaml.jobs {
        for step in &job.steps {
            if step.uses.as_deref() == Some(SETUP_ACTION) {
                found.push((job_id, job, step));
            }
        }
    }
    let [(job_id, job, step)] = found[..] else {
        return Err(invalid(format!(
            "it listens to repository_dispatch and has {} steps with 'uses: {SETUP_ACTION}'; \
             exactly one is needed, its 'service' names the binary",
            found.len()
        )));
    };
    let service = step.with.get("service").and_then(Value::as_str);
    let Some(service) = service.filter(|name| is_binary_name(name)) else {
        return Err(invalid(format!(
            "the step '{SETUP_ACTION}' needs 'with: service: NAME', \
             a name of small letters, digits and hyphens"
        )));
    };
    let minutes = match &job.timeout_minutes {
        None => TIMEOUT_MINUTES_DEFAULT,
        Some(value) => value
            .as_f64()
            .filter(|m| *m > 0.0 && *m <= TIMEOUT_MINUTES_DEFAULT)
            .ok_or_else(|| {
                invalid(format!(
                    "'timeout-minutes' of job '{job_id}' must be a number from 0 to 360"
                ))
            })?,
    };
    Ok(Some(Workflow {
        file: file.to_owned(),
        name: yaml.name.unwrap_or_else(|| file.to_owned()),
        types,
        service: service.to_owned(),
        job: job_id.clone(),
        time_limit: Duration::from_secs_f64(minutes * 60.0),
    }))
}

#[derive(Deserialize)]
struct Yaml {
    name: Option<String>,
    on: Value,
    #[serde(default)]
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(rename = "timeout-minutes")]
    timeout_minutes: Option<Value>,
}

#[derive(Deserialize)]
struct Step {
    uses: Option<String>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
}

/// The types of `on.repository_dispatch`, in each of the forms that Actions takes.
fn dispatch_types(on: &Value) -> Result<Option<Types>, String> {
    const EVENT: &str = "repository_dispatch";
    match on {
        Value::String(event) => Ok((event == EVENT).then_some(Types::Every)),
        Value::Array(events) => Ok(events.iter().any(|e| e == EVENT).then_some(Types::Every)),
        Value::Object(events) => match events.get(EVENT) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(Types::Every)),
            Some(Value::Object(filter)) => {
                if let Some(key) = filter.keys().find(|key| *key != "types") {
                    return Err(format!(
                        "'on.{EVENT}' has the key '{key}'; it takes 'types' alone, \
                         and without it every dispatch would start this workflow"
                    ));
                }
                filter.get("types").map_or(Ok(Some(Types::Every)), |types| {
                    names(types).map(|named| Some(Types::Named(named)))
                })
            }
            Some(_) => Err(format!("'on.{EVENT}' must be a mapping with 'types'")),
        },
        _ => Err("'on' must be an event, a list of events or a mapping".to_owned()),
    }
}

fn names(types: &Value) -> Result<Vec<String>, String> {
    let problem = || "'on.repository_dispatch.types' must be a list of event types".to_owned();
    match types {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(many) => many
            .iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or_else(problem))
            .collect(),
        _ => Err(problem()),
    }
}

/// A service's name is a file name in the folder of binaries, so it can be no path.
fn is_binary_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOBS: &str = "
jobs:
  run:
    timeout-minutes: 10
    steps:
      - run: echo
      - uses: ./.github/actions/setup-service
        with: { service: inventory }
";

    #[track_caller]
    fn types(on: &str) -> Option<Types> {
        parse("w.yml", &format!("{on}{JOBS}"))
            .unwrap()
            .map(|workflow| workflow.types)
    }

    #[track_caller]
    fn refused(text: &str, says: &str) {
        let error = parse("w.yml", text).unwrap_err().to_string();
        assert!(error.contains("'w.yml'") && error.contains(says), "{error}");
    }

    #[test]
    fn every_form_of_the_trigger() {
        let named = Some(Types::Named(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(types("on: {repository_dispatch: {types: [a, b]}}"), named);
        assert_eq!(
            types("on:\n  repository_dispatch:\n    types:\n      - a\n      - b\n"),
            named
        );
        assert_eq!(types("'on': {repository_dispatch: {types: [a, b]}}"), named);
        assert_eq!(
            types("on: {repository_dispatch: {types: a}}"),
            Some(Types::Named(vec!["a".to_owned()]))
        );
        for every in [
            "on: repository_dispatch",
            "on: [push, repository_dispatch]",
            "on: {repository_dispatch: }",
            "on: {repository_dispatch: {}}",
        ] {
            assert_eq!(types(every), Some(Types::Every), "{every}");
        }
        for none in ["on: push", "on: [push]", "on: {workflow_dispatch: }"] {
            assert_eq!(types(none), None, "{none}");
        }
    }

    #[test]
    fn service_job_and_time_limit() {
        let workflow = parse("w.yml", &format!("name: W\non: repository_dispatch{JOBS}"))
            .unwrap()
            .unwrap();
        assert_eq!(workflow.name, "W");
        assert_eq!(workflow.service, "inventory");
        assert_eq!(workflow.job, "run");
        assert_eq!(workflow.time_limit, Duration::from_secs(600));
        assert!(workflow.listens_to("anything"));
    }

    #[test]
    fn mistakes_are_named() {
        refused(
            &format!("on: {{repository_dispatch: {{type: [a]}}}}{JOBS}"),
            "'type'",
        );
        refused(
            &format!("on: {{repository_dispatch: {{types: [1]}}}}{JOBS}"),
            "list of event types",
        );
        refused("on: repository_dispatch\njobs: {}\n", "0 steps");
        refused(
            "on: repository_dispatch\njobs: {a: {steps: [{uses: ./.github/actions/setup-service, with: {service: ../sh}}]}}",
            "service: NAME",
        );
        refused("on: [", "not valid");
        refused("jobs: {}", "on");
    }
}
