//! What a workflow file says about dispatches: which events start it, with which inputs, in
//! which concurrency group, and which service it runs. Everything else of the YAML is Actions'
//! business and is not read here.
//!
//! The rule for the service: a workflow that listens to `repository_dispatch` has exactly one
//! step that uses `./.github/actions/setup-service`, and the `service` of its `with` is the
//! name of the binary. That step is what makes the same file run on a real runner, so what
//! runs here cannot drift from what runs there. A workflow that is only started by a person may
//! do without; then only a back end that runs YAML can run it.

mod concurrency;
mod triggers;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

pub use self::concurrency::Concurrency;
pub(crate) use self::triggers::scalar;
pub use self::triggers::{INPUTS_MAX, Input, InputType, Types};
use crate::expression::Template;

/// The composite action whose `service` input names the binary of a workflow.
pub const SETUP_ACTION: &str = "./.github/actions/setup-service";
/// GitHub's limit for a job that names none.
const TIMEOUT_MINUTES_DEFAULT: f64 = 360.0;

/// A workflow file that dispatches can start.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// The file's name, `inventory.yml`.
    pub file: String,
    /// The `name:` of the workflow, or its path as on GitHub.
    pub name: String,
    /// The `run-name:`, which names each run.
    pub run_name: Option<Template>,
    /// The event types of `repository_dispatch` that start it; `None` = not its trigger.
    pub types: Option<Types>,
    /// The inputs of `workflow_dispatch`, in the file's order; `None` = not its trigger.
    pub inputs: Option<Vec<Input>>,
    /// Its concurrency group. Groups of jobs are not read.
    pub concurrency: Option<Concurrency>,
    /// The binary that the job runs; `None` where no single step sets up a service.
    pub service: Option<String>,
    /// The id of the job that runs it, or of the first job.
    pub job: String,
    /// The `name:` of that job, or its id.
    pub job_name: String,
    /// How long the job may take.
    pub time_limit: Duration,
}

impl Workflow {
    /// Whether a repository dispatch of this event type starts the workflow.
    #[must_use]
    pub fn listens_to(&self, event_type: &str) -> bool {
        match &self.types {
            None => false,
            Some(Types::Every) => true,
            Some(Types::Named(types)) => types.iter().any(|name| name == event_type),
        }
    }

    /// Its id in the API: a number told from the file's name, so that it outlives a restart.
    #[must_use]
    pub fn id(&self) -> u64 {
        // FNV-1a, cut to what every client's integer holds.
        let hash = self
            .file
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        hash >> 33
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
/// that listen to `repository_dispatch` or `workflow_dispatch`.
///
/// # Errors
/// A file that cannot be read, or whose triggers, service, inputs or group are not right.
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
///
/// # Errors
/// As [`read_folder`].
pub fn parse(file: &str, text: &str) -> Result<Option<Workflow>, Error> {
    let invalid = |problem: String| Error::Invalid {
        file: file.to_owned(),
        problem,
    };
    let yaml: Yaml = serde_saphyr::from_str(text).map_err(|e| invalid(e.to_string()))?;
    let types = triggers::dispatch_types(&yaml.on).map_err(&invalid)?;
    let inputs = triggers::inputs(&yaml.on).map_err(&invalid)?;
    if types.is_none() && inputs.is_none() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for (job_id, job) in &yaml.jobs {
        for step in &job.steps {
            if step.uses.as_deref() == Some(SETUP_ACTION) {
                found.push((job_id, job, step));
            }
        }
    }
    let (job_id, job, service) = match found[..] {
        [(job_id, job, step)] => (job_id, job, Some(service(step).map_err(&invalid)?)),
        _ if types.is_some() => {
            return Err(invalid(format!(
                "it listens to repository_dispatch and has {} steps with 'uses: {SETUP_ACTION}'; \
                 exactly one is needed, its 'service' names the binary",
                found.len()
            )));
        }
        _ => {
            let first = yaml.jobs.iter().next();
            let (id, job) = first.ok_or_else(|| invalid("it has no 'jobs'".to_owned()))?;
            (id, job, None)
        }
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
    let run_name = yaml.run_name.as_deref().map(Template::parse).transpose();
    let concurrency = yaml
        .concurrency
        .as_ref()
        .map(Concurrency::parse)
        .transpose();
    Ok(Some(Workflow {
        file: file.to_owned(),
        name: yaml
            .name
            .unwrap_or_else(|| format!(".github/workflows/{file}")),
        run_name: run_name.map_err(|e| invalid(format!("'run-name': {e}")))?,
        types,
        inputs,
        concurrency: concurrency.map_err(|e| invalid(format!("'concurrency': {e}")))?,
        service,
        job: job_id.clone(),
        job_name: job.name.clone().unwrap_or_else(|| job_id.clone()),
        time_limit: Duration::from_secs_f64(minutes * 60.0),
    }))
}

/// The binary that a step of [`SETUP_ACTION`] names.
fn service(step: &Step) -> Result<String, String> {
    let service = step.with.get("service").and_then(Value::as_str);
    let service = service.filter(|name| is_binary_name(name)).ok_or_else(|| {
        format!(
            "the step '{SETUP_ACTION}' needs 'with: service: NAME', \
             a name of small letters, digits and hyphens"
        )
    })?;
    Ok(service.to_owned())
}

#[derive(Deserialize)]
struct Yaml {
    name: Option<String>,
    #[serde(rename = "run-name")]
    run_name: Option<String>,
    on: Value,
    concurrency: Option<Value>,
    #[serde(default)]
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    name: Option<String>,
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
            .and_then(|workflow| workflow.types)
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
        assert_eq!(workflow.service.as_deref(), Some("inventory"));
        assert_eq!(workflow.job, "run");
        assert_eq!(workflow.time_limit, Duration::from_secs(600));
        assert!(workflow.listens_to("anything"));
    }

    #[test]
    fn a_form_needs_no_service() {
        let form = "on: {workflow_dispatch: }\njobs: {report: {name: R, steps: [{run: echo}]}}";
        let workflow = parse("status.yml", form).unwrap().unwrap();
        assert_eq!((workflow.types, workflow.inputs), (None, Some(vec![])));
        assert_eq!((workflow.service, workflow.job.as_str()), (None, "report"));
        assert_eq!(workflow.name, ".github/workflows/status.yml");
        assert_eq!(workflow.job_name, "R");
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
        refused("on: workflow_dispatch\njobs: {}\n", "no 'jobs'");
        refused(
            &format!("run-name: ${{{{ x }}}}\non: workflow_dispatch{JOBS}"),
            "'run-name': 'x'",
        );
        refused("on: [", "not valid");
        refused("jobs: {}", "on");
    }
}
