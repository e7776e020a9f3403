//! A whole store as a chore uses it: `shop up` in a folder of its own, its commands, its dispatcher.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::command;
use crate::process::{self, Process};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two looks at what is waited for.
const PAUSE: Duration = Duration::from_millis(100);
/// Variables that would lead a program to another store or another gateway begin with these.
const FOREIGN: [&str; 5] = ["ZEEBE_", "CAMUNDA_", "GHETTODB_", "GITHUB_", "BACKROOM_"];

/// What carries the runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The services' programs.
    Direct,
    /// The workflows' YAML, by this act.
    Act(PathBuf),
}

impl Backend {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Backend::Direct => "direct",
            Backend::Act(_) => "act",
        }
    }
}

/// How to start a store.
pub(crate) struct Setup<'a> {
    /// The folder of our programs.
    pub(crate) programs: &'a Path,
    /// Where it is kept; made if it isn't there.
    pub(crate) folder: PathBuf,
    pub(crate) backend: &'a Backend,
    /// Whose models and workflow files it takes.
    pub(crate) project: &'a Path,
    /// How often a dispatch that came to nothing is started again.
    pub(crate) watchdog_redispatch: u32,
    /// The PATH of everything in it, where it isn't the chore's own.
    pub(crate) path: Option<std::ffi::OsString>,
}

/// A store that is up, until it is dropped.
pub(crate) struct Store {
    /// Its bare data repository.
    pub(crate) data: PathBuf,
    programs: PathBuf,
    folder: PathBuf,
    dispatcher: Dispatcher,
    _process: Process,
}

impl Store {
    pub(crate) fn start(setup: &Setup<'_>) -> Result<Self> {
        let folder = setup.folder.clone();
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make '{}'", folder.display()))?;
        let log = folder.join("shop.log");
        let mut up = program(setup.programs, "shop");
        up.args(["up", "--json", "--backend", setup.backend.name()])
            .arg("--data")
            .arg(&folder)
            .arg("--records")
            .arg(folder.join("records.jsonl"))
            .arg("--watchdog-redispatch")
            .arg(setup.watchdog_redispatch.to_string())
            .env("BACKROOM_PROJECT", setup.project)
            // What act and git leave behind stays in the store's folder, and goes with it.
            .env("TMPDIR", &folder)
            .stdout(Stdio::piped())
            .stderr(
                File::create(&log).with_context(|| format!("cannot write '{}'", log.display()))?,
            );
        if let Backend::Act(act) = setup.backend {
            up.arg("--act").arg(act);
        }
        if let Some(path) = &setup.path {
            up.env("PATH", path);
        }
        let mut process = Process(up.spawn().context("cannot start the store")?);
        let up = document(&mut process)?.with_context(|| {
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            format!("the store ended before it was up: {}", words.trim())
        })?;
        let address = |name: &str| up["addresses"][name].as_str().map(str::to_owned);
        let token_file = address("token_file").context("the store names no token file")?;
        let token = std::fs::read_to_string(&token_file)
            .with_context(|| format!("cannot read '{token_file}'"))?;
        let dispatcher = Dispatcher {
            url: address("dispatcher").context("the store names no dispatcher")?,
            repository: address("repository").context("the store names no repository")?,
            token: token.trim().to_owned(),
            agent: ureq::Agent::config_builder()
                .http_status_as_error(false)
                .proxy(None)
                .timeout_global(Some(REQUEST_TIMEOUT))
                .build()
                .into(),
        };
        Ok(Self {
            data: PathBuf::from(address("data_repository").context("the store names no data")?),
            programs: setup.programs.to_owned(),
            folder,
            dispatcher,
            _process: process,
        })
    }

    /// Runs a command of `shop` on it; gives the JSON that it prints.
    pub(crate) fn shop(&self, args: &[&str]) -> Result<Value> {
        let mut command = program(&self.programs, "shop");
        command.args(args).arg("--json").arg("--data");
        json_of(command.arg(&self.folder))
    }

    /// Runs a command of `ghettodb` on its data; gives the JSON that it prints.
    pub(crate) fn ghettodb(&self, args: &[&str]) -> Result<Value> {
        let mut command = program(&self.programs, "ghettodb");
        json_of(command.args(args).arg("--repo").arg(&self.data))
    }

    pub(crate) fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// Every message that the engine took, by its id, with the times at which, in milliseconds since 1970.
    pub(crate) fn messages(&self) -> Result<BTreeMap<String, Vec<u64>>> {
        let path = self.folder.join("records.jsonl");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read '{}'", path.display()))?;
        Ok(messages(&text))
    }

    /// Waits until there is what `look` looks for; a dispatch that came to nothing for good ends the wait.
    pub(crate) fn until<T>(
        &self,
        what: &str,
        patience: Duration,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            let failures = self.dispatcher.get("/_backroom/failures")?;
            if let Some(failure) = failures.as_array().and_then(|failures| failures.first()) {
                bail!(
                    "waiting for {what}, a dispatch of {} came to nothing: {}",
                    failure["event_type"],
                    failure["failure"]
                );
            }
            if begun.elapsed() > patience {
                bail!("no {what} within {} s", patience.as_secs());
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// The one JSON document that a program prints, over several lines, before it goes on; `None` = it ended.
fn document(process: &mut Process) -> Result<Option<Value>> {
    let mut lines = process::lines(&mut process.0)?;
    let mut text = String::new();
    for line in lines.by_ref() {
        text.push_str(&line.context("cannot read what the store prints")?);
        if let Ok(document) = serde_json::from_str(&text) {
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(Some(document));
        }
    }
    Ok(None)
}

/// The dispatcher of a store, as GitHub's API and as its own.
pub(crate) struct Dispatcher {
    url: String,
    repository: String,
    token: String,
    agent: ureq::Agent,
}

impl Dispatcher {
    /// Sends an event.
    pub(crate) fn dispatch(&self, event_type: &str, payload: &Value) -> Result<()> {
        let path = format!("/repos/{}/dispatches", self.repository);
        let event = json!({ "event_type": event_type, "client_payload": payload });
        self.post(&path, &event).map(drop)
    }

    /// Fills in the form of a workflow file.
    pub(crate) fn form(&self, file: &str, inputs: &Value) -> Result<()> {
        let path = format!(
            "/repos/{}/actions/workflows/{file}/dispatches",
            self.repository
        );
        self.post(&path, &json!({ "ref": "main", "inputs": inputs }))
            .map(drop)
    }

    /// Every event that it took, oldest first.
    pub(crate) fn deliveries(&self) -> Result<Vec<Value>> {
        match self.get("/_backroom/deliveries")? {
            Value::Array(deliveries) => Ok(deliveries),
            other => bail!("the dispatcher's list of deliveries is {other}"),
        }
    }

    /// How many runs ended like this.
    pub(crate) fn runs(&self, conclusion: &str) -> Result<u64> {
        let path = format!(
            "/repos/{}/actions/runs?status={conclusion}",
            self.repository
        );
        let answer = self.get(&path)?;
        answer["total_count"]
            .as_u64()
            .with_context(|| format!("the list of runs is {answer}"))
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        answer(path, request.call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        answer(path, request.send_json(body))
    }
}

fn answer(
    path: &str,
    sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Value> {
    let mut answer = sent.with_context(|| format!("the dispatcher does not answer to {path}"))?;
    let status = answer.status();
    let text = answer.body_mut().read_to_string();
    let text = text.with_context(|| format!("the dispatcher broke off its answer to {path}"))?;
    if !status.is_success() {
        bail!("the dispatcher answered {status} to {path}: {text}");
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("the answer to {path} is no JSON: {text}"))
}

/// A program of ours, with an environment that names nothing of this machine's stores.
fn program(programs: &Path, name: &str) -> Command {
    let mut command = Command::new(programs.join(name));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if FOREIGN.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

fn json_of(command: &mut Command) -> Result<Value> {
    let shown = command::shown(command);
    let output = command
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed ({}): {}", output.status, words.trim());
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("`{shown}` printed no JSON"))
}

/// The messages in an engine's records; the last line may be half written.
fn messages(records: &str) -> BTreeMap<String, Vec<u64>> {
    let mut messages: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in records.lines() {
        let Ok(record) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let is_message = record["valueType"] == "MESSAGE" && record["intent"] == "PUBLISHED";
        let id = record["value"]["messageId"].as_str();
        if let (true, Some(id), Some(time)) = (is_message, id, record["timestamp"].as_u64()) {
            messages.entry(id.to_owned()).or_default().push(time);
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_that_the_engine_took() {
        let record = |intent: &str, id: &str, time: u64| {
            let value = json!({ "messageId": id });
            json!({ "valueType": "MESSAGE", "intent": intent, "timestamp": time, "value": value })
        };
        let lines = [
            record("PUBLISH", "a/ship_order", 1),
            record("PUBLISHED", "a/ship_order", 2),
            record("PUBLISHED", "b/ship_order", 3),
            record("PUBLISHED", "a/ship_order", 4),
        ];
        let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        text.push_str(r#"{"valueType":"MESS"#);
        let expected = [
            ("a/ship_order".to_owned(), vec![2, 4]),
            ("b/ship_order".to_owned(), vec![3]),
        ];
        assert_eq!(messages(&text), BTreeMap::from(expected));
    }
}
