//! The back end `act`: runs the workflow's YAML with `nektos/act` in host mode, without network.
//!
//! What act cannot do is done around it: the one file is chosen by the caller, since act ignores
//! `types`; `concurrency.queue` is taken out of a temporary copy, since act refuses it; each
//! pinned remote action is an empty one, since act would fetch it; the job's time limit is kept
//! here. Settings of services come as variables and secrets by files, so that none stands in a
//! list of processes. Everything that act leaves behind is within the attempt's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::process::Command;

use super::child;
use super::runner_files;
use super::{Backend, Control, End, Job};
use crate::environment;
use crate::log::Log;

/// What stands in for a remote action: it does nothing and succeeds.
const STUB: &str = "name: stub\ndescription: Stands in for a remote action\nruns:\n  using: composite\n  \
                    steps:\n    - run: 'true'\n      shell: sh\n";
/// Of these act's own process needs some, and none of them is a setting of a service.
const OF_ACT: [&str; 4] = ["PATH", "HOME", "TMPDIR", "LANG"];

/// Runs YAML.
#[derive(Debug)]
pub(crate) struct Act {
    /// The program.
    pub(crate) program: PathBuf,
    /// The folder of the workflow files.
    pub(crate) workflows: PathBuf,
    /// The root of the repository that they belong to; it becomes the checkout.
    pub(crate) project: PathBuf,
    /// Where `setup-service` finds the services.
    pub(crate) bin_dir: PathBuf,
}

impl Backend for Act {
    fn execute<'a>(&'a self, job: &'a Job, log: &'a Log, control: Control) -> BoxFuture<'a, End> {
        async move {
            let command = match self.prepare(job) {
                Ok(command) => command,
                Err(problem) => return End::NotStarted(problem),
            };
            let before = log_bytes(&job.log).len();
            let end = match child::spawn(command) {
                Ok(child) => child::supervise(child, log, job.workflow.time_limit, control).await,
                Err(error) => End::NotStarted(format!(
                    "cannot start '{}': {error}; install act 0.2.89 with `go install \
                     github.com/nektos/act@v0.2.89`, or name it with --act",
                    self.program.display()
                )),
            };
            let log = log_bytes(&job.log);
            let said = String::from_utf8_lossy(log.get(before..).unwrap_or_default());
            let summary = runner_files::summary(&job.folder);
            if let Err(error) = std::fs::write(summary, summaries(&said)) {
                tracing::warn!(%error, run = job.run, "a job summary could not be kept");
            }
            match end {
                End::Exited(1) => End::Exited(step_exit_code(&said)),
                end => end,
            }
        }
        .boxed()
    }
}

impl Act {
    /// Writes the files of an attempt; gives the command that runs it.
    fn prepare(&self, job: &Job) -> Result<Command, String> {
        let path = self.workflows.join(&job.workflow.file);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read '{}': {error}", path.display()))?;
        let mut workflow: Value = serde_saphyr::from_str(&text)
            .map_err(|error| format!("'{}' is not valid: {error}", path.display()))?;
        let remote = remote_actions(&workflow, &self.project)
            .map_err(|problem| format!("'{}': {problem}", job.workflow.file))?;
        strip_queue(&mut workflow);
        let folder = &job.folder;
        let written = Files::write(folder, &workflow, job, &self.bin_dir);
        let files = written
            .map_err(|error| format!("cannot make the folder '{}': {error}", folder.display()))?;
        let mut command = Command::new(&self.program);
        command
            .arg(job.event.name())
            .arg("-W")
            .arg(&files.workflow)
            .arg("-e")
            .arg(folder.join("event.json"))
            .args(["-P", "ubuntu-latest=-self-hosted", "--no-cache-server"])
            .arg("--env-file")
            .arg(folder.join("env.yml"))
            .arg("--secret-file")
            .arg(folder.join("secrets.yml"))
            .arg("--var-file")
            .arg(folder.join("vars.yml"))
            .env_clear()
            .env("XDG_CACHE_HOME", folder.join("cache"))
            // Without one act doesn't start; where services get one, it is overwritten below.
            .env("HOME", folder.join("home"))
            .current_dir(&self.project);
        for (name, value) in &job.environment {
            if OF_ACT.iter().any(|of_act| name == of_act) {
                command.env(name, value);
            }
        }
        for action in remote {
            let stub = files.stub(&action);
            let stub = stub.map_err(|error| format!("cannot stand in for '{action}': {error}"))?;
            let mut substitution = OsString::from(format!("{}@{}=", action.name, action.pin));
            substitution.push(stub);
            command.arg("--local-repository").arg(substitution);
        }
        Ok(command)
    }
}

/// The folder of an attempt.
struct Files<'a> {
    folder: &'a Path,
    workflow: PathBuf,
}

impl<'a> Files<'a> {
    fn write(
        folder: &'a Path,
        workflow: &Value,
        job: &Job,
        bin_dir: &Path,
    ) -> std::io::Result<Files<'a>> {
        // An attempt of this number is never made twice, so nothing of use stands there.
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(folder.join("workflow"))?;
        std::fs::create_dir_all(folder.join("home"))?;
        let (mut variables, mut secrets) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in &job.environment {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
                continue;
            };
            if environment::is_secret(name) {
                secrets.insert(name, value);
            } else if !OF_ACT.contains(&name) {
                variables.insert(name, value);
            }
        }
        // Names of GitHub's own are no variables of a repository.
        let vars: BTreeMap<_, _> = variables
            .iter()
            .filter(|(name, _)| !name.starts_with("GITHUB_") && !name.starts_with("RUNNER_"))
            .collect();
        let bin_dir = bin_dir.to_string_lossy();
        let mut env = variables.clone();
        env.extend([
            ("SERVICE_BIN_DIR", &*bin_dir),
            ("NO_COLOR", "1"),
            // Steps stand on a terminal of their own, where git would wait for a reader.
            ("GIT_PAGER", "cat"),
        ]);
        let files = Files {
            folder,
            workflow: folder.join("workflow").join(&job.workflow.file),
        };
        // Each is JSON, which is YAML: no value can be read as anything but a text.
        write_private(&files.workflow, workflow)?;
        write_private(&folder.join("event.json"), &job.event_file)?;
        write_private(&folder.join("env.yml"), &env)?;
        write_private(&folder.join("vars.yml"), &vars)?;
        write_private(&folder.join("secrets.yml"), &secrets)?;
        Ok(files)
    }

    /// A folder that stands in for a remote action's repository.
    fn stub(&self, action: &Remote) -> std::io::Result<PathBuf> {
        let name = action.name.replace('/', "_");
        let repository = self
            .folder
            .join("stubs")
            .join(format!("{name}@{}", action.pin));
        let folder = repository.join(&action.path);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("action.yml"), STUB)?;
        Ok(repository)
    }
}

/// Writes JSON that only this user can read.
fn write_private<T: serde::Serialize>(path: &Path, value: &T) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)
}

/// An action of another repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Remote {
    /// `owner/name`.
    name: String,
    /// The folder in it, mostly empty.
    path: String,
    /// A commit.
    pin: String,
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.pin)
    }
}

/// The remote actions of a workflow and of the local actions that it uses, without
/// `actions/checkout`, which act replaces by itself.
fn remote_actions(workflow: &Value, project: &Path) -> Result<BTreeSet<Remote>, String> {
    let mut remote = BTreeSet::new();
    let (mut seen, mut left) = (BTreeSet::new(), uses(workflow));
    while let Some(used) = left.pop() {
        if !seen.insert(used.clone()) {
            continue;
        }
        if let Some(local) = used.strip_prefix("./") {
            let folder = project.join(local);
            let files = ["action.yml", "action.yaml"].map(|name| folder.join(name));
            let text = files
                .iter()
                .find_map(|file| std::fs::read_to_string(file).ok());
            // Without one act says so, with the step that wanted it.
            if let Some(text) = text {
                let action: Value = serde_saphyr::from_str(&text)
                    .map_err(|error| format!("the action '{used}' is not valid: {error}"))?;
                left.extend(uses(&action));
            }
            continue;
        }
        let (repository, pin) = used.rsplit_once('@').unwrap_or((&used, ""));
        if pin.len() != 40 || !pin.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!(
                "the action '{used}' is not pinned by a commit of 40 digits; a tag can be moved \
                 to other code, so write '{repository}@COMMIT'"
            ));
        }
        let mut parts = repository.splitn(3, '/');
        let (owner, name) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let path = parts.next().unwrap_or("");
        let is_plain = |part: &str| !part.is_empty() && !part.contains("..");
        if !is_plain(owner) || !is_plain(name) || path.split('/').any(|part| part == "..") {
            return Err(format!(
                "'{used}' is no action: it must be OWNER/NAME@COMMIT"
            ));
        }
        if (owner, name) != ("actions", "checkout") {
            remote.insert(Remote {
                name: format!("{owner}/{name}"),
                path: path.to_owned(),
                pin: pin.to_owned(),
            });
        }
    }
    Ok(remote)
}

/// Every `uses:` of a workflow's or an action's steps.
fn uses(yaml: &Value) -> Vec<String> {
    let jobs = yaml["jobs"]
        .as_object()
        .into_iter()
        .flat_map(|jobs| jobs.values());
    let parts = jobs.chain([&yaml["runs"]]);
    let steps = parts.flat_map(|part| {
        let steps = part["steps"].as_array().map(Vec::as_slice);
        steps.unwrap_or_default().iter().chain([part])
    });
    steps
        .filter_map(|step| step["uses"].as_str().map(str::to_owned))
        .collect()
}

/// Takes `queue` out of every `concurrency`.
fn strip_queue(workflow: &mut Value) {
    let strip = |part: &mut Value| {
        if let Some(Value::Object(concurrency)) = part.get_mut("concurrency") {
            concurrency.shift_remove("queue");
        }
    };
    strip(workflow);
    if let Some(Value::Object(jobs)) = workflow.get_mut("jobs") {
        jobs.values_mut().for_each(strip);
    }
}

/// The exit code of the step that failed, from what act said; act's own is always 1.
fn step_exit_code(log: &str) -> i32 {
    let said = log.lines().rev().find_map(|line| {
        // What a program prints stands behind a bar.
        let (job, code) = line.rsplit_once("] exit status ")?;
        let code = code.trim().parse().ok()?;
        (job.starts_with('[') && !job.contains("  | ")).then_some(code)
    });
    said.unwrap_or(1)
}

fn log_bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

/// Whether a line's beginning is act's own, before which no program's output stands.
fn is_job(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']') && !text.contains("  | ")
}

/// The job summaries of all steps, which act empties once it has shown them: they stand in its log
/// from a mark to its own next line.
fn summaries(log: &str) -> String {
    const MARK: &str = "   ⚙  Summary - ";
    let mut summaries = String::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((job, first)) = line.split_once(MARK).filter(|(job, _)| is_job(job)) else {
            continue;
        };
        let mut summary = first.to_owned();
        while let Some(more) = lines.next_if(|next| !next.starts_with(job)) {
            summary.push('\n');
            summary.push_str(more);
        }
        summaries.push_str(summary.trim_end());
        summaries.push('\n');
    }
    summaries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PIN: &str = "0057852bfaa89a56745cba8c7296529d2fc39830";

    fn steps(uses: &[&str]) -> Value {
        let steps: Vec<_> = uses.iter().map(|used| json!({"uses": used})).collect();
        json!({"concurrency": {"group": "g", "queue": "max"}, "jobs": {"a": {
            "steps": steps, "concurrency": {"group": "h", "queue": "max"},
        }}})
    }

    #[test]
    fn remote_actions_are_found_through_local_ones() {
        let project = tempfile::tempdir().unwrap();
        let local = project.path().join("local");
        std::fs::create_dir(&local).unwrap();
        let action = format!(
            "runs: {{using: composite, steps: [{{uses: a/b/c@{PIN}}}, {{uses: ./local}}]}}"
        );
        std::fs::write(local.join("action.yml"), action).unwrap();
        let checkout = format!("actions/checkout@{PIN}");
        let cache = format!("actions/cache@{PIN}");
        let found = remote_actions(&steps(&[&checkout, &cache, "./local"]), project.path());
        let found: Vec<_> = found
            .unwrap()
            .into_iter()
            .map(|r| (r.name, r.path))
            .collect();
        let pair = |name: &str, path: &str| (name.to_owned(), path.to_owned());
        assert_eq!(found, [pair("a/b", "c"), pair("actions/cache", "")]);
    }

    #[test]
    fn an_action_that_is_not_pinned_is_refused() {
        for (bad, says) in [
            ("actions/cache@v4", "not pinned"),
            ("actions/checkout@main", "not pinned"),
            ("docker://alpine", "not pinned"),
            (&format!("../x@{PIN}"), "is no action"),
            (&format!("a/b/../c@{PIN}"), "is no action"),
        ] {
            let problem = remote_actions(&steps(&[bad]), Path::new("/")).unwrap_err();
            assert!(problem.contains(bad) && problem.contains(says), "{problem}");
        }
    }

    #[test]
    fn queue_goes_and_the_rest_stays() {
        let mut workflow = steps(&[]);
        strip_queue(&mut workflow);
        let expected = json!({"concurrency": {"group": "g"}, "jobs": {"a": {
            "steps": [], "concurrency": {"group": "h"},
        }}});
        assert_eq!(workflow, expected);
    }

    #[test]
    fn exit_codes_are_acts_words_alone() {
        let log = "[W/run]   | [x] exit status 9\n[W/run (a)] exit status 4\n[W/run] Job failed\n";
        assert_eq!(step_exit_code(log), 4);
        assert_eq!(step_exit_code("[W/run]   | foo] exit status 5\n"), 1);
        assert_eq!(step_exit_code("exit status 5\n"), 1);
    }

    #[test]
    fn summaries_reach_to_acts_next_line() {
        let log = "[W/run]   ⚙  Summary - # Done\n\n[a](b)\n[W/run] ⭐ Run Post\n[W/run]   | x\n\
                   [W/run]   ⚙  Summary - two\n[W/run] 🏁  Job succeeded\n";
        assert_eq!(summaries(log), "# Done\n\n[a](b)\ntwo\n");
        assert_eq!(summaries("[W/run]   | said   ⚙  Summary - no\n"), "");
    }
}
