//! A service's binary in the surroundings of a runner: a bare data repository, an event file, the
//! files for outputs and summary, and no other variable than those it is given.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary includes this file and uses the part of it that it needs"
)]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output};

use ghettodb::{Database, Message, Options, Record, Snapshot, record_from};
use serde_json::Value;
use tempfile::TempDir;

/// One folder with all that a run needs.
pub struct Runner {
    binary: &'static str,
    folder: TempDir,
    environment: Vec<(&'static str, OsString)>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Runner {
    /// Surroundings for this binary, with an empty data repository.
    pub fn new(binary: &'static str) -> Runner {
        let folder = tempfile::tempdir().unwrap();
        ghettodb::init(&folder.path().join("origin.git")).unwrap();
        let mut runner = Runner {
            binary,
            folder,
            environment: Vec::new(),
        };
        let origin = runner.path("origin.git");
        runner.set("GHETTODB_REPO", origin);
        runner.set("PATH", std::env::var_os("PATH").unwrap());
        runner.set("HOME", runner.path("."));
        runner
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets a variable of all further runs.
    pub fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
    }

    /// Makes further runs those of a runner, with this text as the event file.
    pub fn on_runner(&mut self, event: &str) {
        std::fs::write(self.path("event.json"), event).unwrap();
        self.set("GITHUB_ACTIONS", "true");
        self.set("GITHUB_EVENT_PATH", self.path("event.json"));
        self.set("GITHUB_OUTPUT", self.path("output"));
        self.set("GITHUB_STEP_SUMMARY", self.path("summary"));
    }

    /// A command that runs the binary.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binary);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment.iter().cloned());
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).output().unwrap();
        Run {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// The text of a file in the folder.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn database(&self) -> Database {
        Database::open(Options::new(self.path("origin.git").to_str().unwrap())).unwrap()
    }

    /// The records as they stand in the repository.
    pub fn snapshot(&self) -> Snapshot {
        self.database().snapshot().unwrap()
    }

    /// All records of a table.
    pub fn all(&self, table: &str) -> Vec<Record> {
        self.snapshot().all(table).unwrap()
    }

    /// Stores a record.
    pub fn store(&self, table: &str, record: Value) {
        let record = record_from(record).unwrap();
        let message = Message {
            subject: format!("test: a record in {table}"),
            trailers: Vec::new(),
        };
        self.database()
            .transact(&message, |tx| tx.insert(table, record.clone()))
            .unwrap();
    }

    /// Subject and trailers of the latest commit.
    pub fn last_commit(&self) -> (String, Vec<(String, String)>) {
        let commit = self.database().log(1).unwrap().remove(0);
        (commit.subject, commit.trailers)
    }
}
