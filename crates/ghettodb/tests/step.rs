//! A step of a workflow that uses the action, as a runner takes it: the action's own scripts, with
//! inputs and outputs by environment and file, and a log whose lines may be commands.

use crate::support::{Origin, git_command, isolate};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The action's file. What is not emulated here does not parse.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) inputs: BTreeMap<String, Input>,
    pub(crate) outputs: BTreeMap<String, Output>,
    pub(crate) runs: Runs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) description: String,
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    pub(crate) description: String,
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runs {
    pub(crate) using: String,
    pub(crate) steps: Vec<Script>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    id: String,
    shell: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) run: String,
}

impl Action {
    pub(crate) fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.github/actions/ghettodb")
    }

    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(Self::folder().join("action.yml")).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    }
}

/// A repository as `actions/checkout` leaves it, in which steps run.
pub(crate) struct Checkout {
    folder: TempDir,
    /// Variables of the job.
    variables: BTreeMap<String, String>,
}

/// What a step did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) log: String,
    /// The step's outputs, by name.
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Checkout {
    pub(crate) fn of(origin: &Origin) -> Self {
        let checkout = Self::empty();
        let mut command = git_command();
        command
            .args(["clone", "--quiet"])
            .arg(origin.path())
            .arg(checkout.path());
        assert!(command.output().unwrap().status.success());
        checkout
    }

    /// A job that checked nothing out.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("workspace")).unwrap();
        Checkout {
            folder,
            variables: BTreeMap::new(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) fn git(&self, args: &[&str]) {
        let mut command = git_command();
        command.arg("-C").arg(self.path()).args(args);
        assert!(command.status().unwrap().success(), "{args:?}");
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Runs the action's scripts, as far as none fails.
    pub(crate) fn step(&self, inputs: &[(&str, &str)]) -> Ran {
        let action = Action::read();
        let mut context: BTreeMap<String, String> = BTreeMap::new();
        for (name, input) in &action.inputs {
            let default = input.default.clone().unwrap_or_default();
            context.insert(format!("inputs.{name}"), default);
        }
        for (name, value) in inputs {
            let known = context.insert(format!("inputs.{name}"), (*value).to_owned());
            assert!(known.is_some(), "the action has no input {name}");
        }
        let mut ran = Ran {
            code: 0,
            log: String::new(),
            outputs: BTreeMap::new(),
        };
        for script in &action.runs.steps {
            let (code, log, outputs) = self.script(script, &context);
            ran.log.push_str(&log);
            for (name, value) in outputs {
                context.insert(format!("steps.{}.outputs.{name}", script.id), value);
            }
            ran.code = code;
            if code != 0 {
                break;
            }
        }
        for (name, output) in &action.outputs {
            let value = evaluate(&output.value, &context);
            if !value.is_empty() {
                ran.outputs.insert(name.clone(), value);
            }
        }
        ran
    }

    fn script(
        &self,
        script: &Script,
        context: &BTreeMap<String, String>,
    ) -> (i32, String, BTreeMap<String, String>) {
        assert_eq!(script.shell, "sh");
        assert!(!script.run.contains("${{"), "{}", script.run);
        let file = self.folder.path().join("script.sh");
        let outputs = self.folder.path().join("outputs");
        std::fs::write(&file, &script.run).unwrap();
        std::fs::write(&outputs, "").unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_ghettodb"));
        let mut command = Command::new("sh");
        isolate(&mut command);
        command
            .env_remove("GHETTODB_REPO")
            .env_remove("GHETTODB_BRANCH")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_ACTION_PATH", Action::folder())
            .env("SERVICE_BIN_DIR", program.parent().unwrap())
            .envs(&self.variables);
        for (name, value) in &script.env {
            command.env(name, evaluate(value, context));
        }
        let output = command
            .arg("-e")
            .arg(&file)
            .current_dir(self.path())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, "", "a second stream could overtake the log");
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            read_outputs(&std::fs::read_to_string(&outputs).unwrap()),
        )
    }
}

impl Ran {
    /// The result of a step that must have succeeded, and said nothing to the runner.
    #[track_caller]
    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.log);
        assert_eq!(commands(&self.log), []);
        let names: Vec<&String> = self.outputs.keys().collect();
        assert_eq!(names, ["result"]);
        serde_json::from_str(&self.outputs["result"]).unwrap()
    }

    /// Exit code and annotation of a step that must have failed, and told the runner just that.
    #[track_caller]
    pub(crate) fn failure(&self) -> (i32, String) {
        assert_ne!(self.code, 0, "{}", self.log);
        assert_eq!(self.outputs, BTreeMap::new());
        let commands = commands(&self.log);
        let [(command, message)] = commands.as_slice() else {
            panic!("{commands:?}");
        };
        let title = format!("error title=ghettodb failed (exit code {})", self.code);
        assert_eq!(command, &title);
        (self.code, message.clone())
    }
}

/// The value of a text that is one expression or none.
fn evaluate(text: &str, context: &BTreeMap<String, String>) -> String {
    let expression = text
        .strip_prefix("${{ ")
        .and_then(|text| text.strip_suffix(" }}"));
    match expression {
        // What there is not, is empty.
        Some(expression) => context.get(expression).cloned().unwrap_or_default(),
        None => text.to_owned(),
    }
}

/// The outputs in a step's file: `name=value`, or `name<<word`, lines and the word.
fn read_outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let line = line.trim_end_matches('\n');
        if line.is_empty() {
            continue;
        }
        let equals = line.find('=').unwrap_or(usize::MAX);
        let heredoc = line.find("<<").unwrap_or(usize::MAX);
        assert_ne!(equals.min(heredoc), usize::MAX, "no output: {line}");
        if equals < heredoc {
            outputs.insert(line[..equals].to_owned(), line[equals + 1..].to_owned());
            continue;
        }
        let (name, word) = (&line[..heredoc], &line[heredoc + 2..]);
        let mut value = String::new();
        loop {
            let line = lines.next().expect("the word ends the value");
            if line.trim_end_matches('\n') == word {
                break;
            }
            value.push_str(line);
        }
        outputs.insert(name.to_owned(), value.trim_end_matches('\n').to_owned());
    }
    outputs
}

/// The commands in a log that a runner acts on, with their texts, but for switching them off and on.
fn commands(log: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut stopped: Option<String> = None;
    for line in log.lines() {
        if let Some(word) = &stopped {
            if line == format!("::{word}::") {
                stopped = None;
            }
            continue;
        }
        if let Some(word) = line.strip_prefix("::stop-commands::") {
            stopped = Some(word.to_owned());
        } else if let Some((command, text)) = line
            .trim_start()
            .strip_prefix("::")
            .and_then(|line| line.split_once("::"))
        {
            let text = text.replace("%0D", "\r").replace("%0A", "\n");
            found.push((command.to_owned(), text.replace("%25", "%")));
        } else {
            // The older form, which stands anywhere in a line.
            assert!(!line.contains("##["), "{line}");
        }
    }
    assert_eq!(stopped, None, "commands stay switched off");
    found
}

#[test]
fn a_runner_reads_outputs_and_commands() {
    let outputs = read_outputs("a=1<<2\nb<<x\none=1\n\n<<\nx\nc=\n");
    let expected = [("a", "1<<2"), ("b", "one=1\n\n<<"), ("c", "")];
    assert_eq!(
        outputs,
        expected
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    );
    let log = "::stop-commands::w\n::error::no\n::w::\n ::warning a=b::50%25%0Aoff\nplain ::x::\n";
    assert_eq!(
        commands(log),
        [("warning a=b".to_owned(), "50%\noff".to_owned())]
    );
}
