//! A bare repository to play the remote, git for looking into it, and short ways to say things.

pub(crate) mod http_server;

use ghettodb::{Committed, Database, Error, Message, Options, Record, Transaction, record_from};
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A remote: an empty bare repository with the default branch `main`.
pub(crate) struct Origin {
    folder: TempDir,
}

/// git without the settings of whoever runs the tests.
pub(crate) fn git_command() -> Command {
    let mut command = Command::new("git");
    isolate(&mut command);
    command
}

/// Keeps a command away from the settings of whoever runs the tests.
pub(crate) fn isolate(command: &mut Command) {
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("LC_ALL", "C")
        .env("NO_PROXY", "127.0.0.1")
        .envs([
            ("GIT_AUTHOR_NAME", "someone"),
            ("GIT_AUTHOR_EMAIL", "someone@example.org"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "someone"),
            ("GIT_COMMITTER_EMAIL", "someone@example.org"),
        ]);
}

fn finish(mut command: Command, input: &str) -> String {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

impl Origin {
    pub(crate) fn new() -> Self {
        Self::with_branch("main")
    }

    pub(crate) fn with_branch(branch: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let origin = Origin { folder };
        let mut command = git_command();
        command
            .args(["init", "--quiet", "--bare", "-b", branch])
            .arg(origin.path());
        finish(command, "");
        // As every hosting service has it; git's own default is without.
        origin.git(&["config", "uploadpack.allowFilter", "true"]);
        origin
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("origin.git")
    }

    /// The remote as a path of this machine.
    pub(crate) fn local(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// The remote as git reaches one elsewhere: through a connection.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.local())
    }

    /// A copy of the remote that has the latest commits alone; its path.
    pub(crate) fn shallow(&self, depth: usize) -> String {
        let path = self.folder().join("shallow.git");
        let path = path.to_str().unwrap();
        let depth = format!("--depth={depth}");
        self.git(&["clone", "--quiet", "--bare", &depth, &self.url(), path]);
        path.to_owned()
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_with_input(args, "")
    }

    pub(crate) fn git_with_input(&self, args: &[&str], input: &str) -> String {
        let mut command = git_command();
        command.arg("--git-dir").arg(self.path()).args(args);
        finish(command, input)
    }

    /// Puts files onto `main` as a person or another tool would: mode, path, content; the mode `0`
    /// removes a file.
    pub(crate) fn commit(&self, files: &[(&str, &str, &str)]) {
        self.commit_at("", files);
    }

    /// As [`Origin::commit`], at a time of one's choice; an empty one is now.
    pub(crate) fn commit_at(&self, time: &str, files: &[(&str, &str, &str)]) {
        let has_tip = !self.git(&["for-each-ref", "refs/heads/main"]).is_empty();
        let index = self.folder().join("index");
        let git = |args: &[&str], input: &str| {
            let mut command = git_command();
            command
                .env("GIT_INDEX_FILE", &index)
                .env("GIT_COMMITTER_DATE", time)
                .arg("--git-dir")
                .arg(self.path())
                .args(args);
            finish(command, input)
        };
        if has_tip {
            git(&["read-tree", "main"], "");
        }
        for (mode, path, content) in files {
            if *mode == "0" {
                let line = format!("0 {}\t{path}\n", "0".repeat(40));
                git(&["update-index", "--index-info"], &line);
                continue;
            }
            let object = match *mode {
                "160000" => content.to_string(),
                _ => git(&["hash-object", "-w", "--stdin"], content),
            };
            git(
                &[
                    "update-index",
                    "--add",
                    "--cacheinfo",
                    &format!("{mode},{object},{path}"),
                ],
                "",
            );
        }
        let tree = git(&["write-tree"], "");
        let parent: &[&str] = if has_tip { &["-p", "main"] } else { &[] };
        let commit = git(
            &[&["commit-tree", &tree, "-m", "by hand"], parent].concat(),
            "",
        );
        git(&["update-ref", "refs/heads/main", &commit], "");
    }

    /// Puts a shell script in place of a hook of the remote; it runs in the bare repository.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let folder = self.path().join("hooks");
        std::fs::create_dir_all(&folder).unwrap();
        // Written beside and renamed: a file that is open for writing cannot be run.
        let draft = folder.join(format!("{name}.draft"));
        std::fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(draft, folder.join(name)).unwrap();
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let listing = self.git(&["ls-tree", "-r", "--name-only", "main"]);
        listing.lines().map(str::to_owned).collect()
    }

    pub(crate) fn file(&self, path: &str) -> String {
        self.git(&["show", &format!("main:{path}")])
    }

    pub(crate) fn tip(&self) -> String {
        self.git(&["rev-parse", "main"])
    }

    pub(crate) fn commits(&self) -> usize {
        self.git(&["rev-list", "--count", "main"]).parse().unwrap()
    }

    /// git itself finds nothing to complain about.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        self.git(&["fsck", "--strict", "--no-dangling"]);
    }
}

pub(crate) fn options(repo: &str) -> Options {
    Options {
        // Tests run many at a time on small machines.
        push_deadline: Duration::from_secs(240),
        ..Options::new(repo)
    }
}

pub(crate) fn open(repo: &str) -> Database {
    Database::open(options(repo)).unwrap()
}

pub(crate) fn message(subject: &str) -> Message {
    Message {
        subject: subject.to_owned(),
        trailers: Vec::new(),
    }
}

pub(crate) fn record(value: Value) -> Record {
    record_from(value).unwrap()
}

/// One transaction that must succeed.
#[track_caller]
pub(crate) fn transact<T>(
    database: &mut Database,
    operation: impl FnMut(&mut Transaction<'_>) -> Result<T, Error>,
) -> Committed<T> {
    database.transact(&message("test"), operation).unwrap()
}

/// Adds one to the field `value` of the record `counter`.
pub(crate) fn increment(transaction: &mut Transaction<'_>) -> Result<u64, Error> {
    let id = record(serde_json::json!({"_id": "counter"}));
    let value = transaction
        .get("counters", "counter")?
        .map_or(0, |counter| counter["value"].as_u64().unwrap());
    let fields = record(serde_json::json!({"value": value + 1}));
    transaction.upsert("counters", &id, fields)?;
    Ok(value + 1)
}

pub(crate) fn counter(database: &mut Database) -> u64 {
    let snapshot = database.snapshot().unwrap();
    let counter = snapshot.get("counters", "counter").unwrap();
    counter.map_or(0, |counter| counter["value"].as_u64().unwrap())
}

/// The values without the times, which differ from run to run.
pub(crate) fn timeless(records: Vec<Record>) -> Vec<Value> {
    let strip = |mut record: Record| {
        record
            .shift_remove("_updated")
            .expect("every stored record has its time");
        Value::Object(record)
    };
    records.into_iter().map(strip).collect()
}

/// The seed of a test's dice: printed, so that a failure can be had again.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("GHETTODB_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    };
    println!("GHETTODB_TEST_SEED={seed}");
    seed
}

/// How often a test of chance rolls its dice: `many` times where slow tests are wanted.
pub(crate) fn rounds(few: usize, many: usize) -> usize {
    match std::env::var_os("RUN_SLOW_TESTS").is_some_and(|value| value == "1") {
        true => many,
        false => few,
    }
}

/// The command `ghettodb` with these arguments.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
    isolate(&mut command);
    command
        .env_remove("GHETTODB_REPO")
        .env_remove("GHETTODB_BRANCH")
        .args(args);
    command
}
