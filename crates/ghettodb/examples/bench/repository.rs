//! Repositories to measure on: bare, full of records, made by `git fast-import`; and git itself,
//! without the settings of whoever measures.

use anyhow::{Context, Result, bail};
use ghettodb::{record_from, record_json};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The table of the records.
pub(crate) const TABLE: &str = "records";
/// When every seeded record was written.
const UPDATED: &str = "2026-01-01T00:00:00.000Z";

/// How a table's files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Flat,
    FanOut,
}

impl Layout {
    pub(crate) const ALL: [Layout; 2] = [Layout::Flat, Layout::FanOut];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Layout::Flat => "flat",
            Layout::FanOut => "fan-out",
        }
    }

    /// The file of a record.
    pub(crate) fn path(self, id: &str) -> String {
        match self {
            Layout::Flat => format!("db/{TABLE}/{id}.json"),
            Layout::FanOut => {
                let first = Sha256::digest(id)[0];
                format!("db/{TABLE}/{first:02x}/{id}.json")
            }
        }
    }
}

/// A bare repository with the branch `main`.
pub(crate) struct Repository {
    path: PathBuf,
}

impl Repository {
    pub(crate) fn empty(path: PathBuf) -> Result<Self> {
        ghettodb::init(&path)?;
        let repository = Repository { path };
        for name in ["http.receivepack", "uploadpack.allowFilter"] {
            output(repository.git(&["config", name, "true"]))?;
        }
        // What a run leaves behind is not tidied up in the middle of the next.
        output(repository.git(&["config", "receive.autogc", "false"]))?;
        Ok(repository)
    }

    /// With so many records, in one pack.
    pub(crate) fn seeded(path: PathBuf, records: usize, layout: Layout) -> Result<Self> {
        let repository = Repository::empty(path)?;
        let mut stream = fast_import_stream(records, layout);
        if layout == Layout::FanOut {
            let settings = json!({"_id": TABLE, "layout": layout.name(), "_updated": UPDATED});
            let path = format!("db/_tables/{TABLE}.json");
            file_modify(&mut stream, &path, &text(&settings)?);
        }
        repository.fast_import(&stream)?;
        Ok(repository)
    }

    /// A copy to spoil.
    pub(crate) fn copy(&self, to: PathBuf) -> Result<Self> {
        let copy = Repository::empty(to)?;
        let from = self.path.join("objects/pack");
        for entry in from.read_dir().context("no packs to copy")? {
            let file = entry?;
            let to = copy.path.join("objects/pack").join(file.file_name());
            std::fs::copy(file.path(), to).context("cannot copy a pack")?;
        }
        let tip = output(self.git(&["rev-parse", "main"]))?;
        output(copy.git(&["update-ref", "refs/heads/main", &tip]))?;
        Ok(copy)
    }

    pub(crate) fn fast_import(&self, stream: &str) -> Result<()> {
        feed(self.git(&["fast-import", "--quiet"]), stream).map(drop)
    }

    /// git on this repository.
    pub(crate) fn git(&self, args: &[&str]) -> Command {
        let mut command = git(&["--git-dir"]);
        command.arg(&self.path).args(args);
        command
    }

    /// As a remote on this machine.
    pub(crate) fn local(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// As a remote that is reached through a connection.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Whether git finds nothing to complain about.
    pub(crate) fn is_sound(&self) -> bool {
        output(self.git(&["fsck", "--strict", "--no-dangling"])).is_ok()
    }
}

/// The `_id` of a seeded record.
pub(crate) fn id(number: usize) -> String {
    format!("00000000-0000-7000-8000-{number:012x}")
}

/// A seeded record, some 300 bytes of it.
pub(crate) fn record(number: usize) -> Value {
    json!({
        "_id": id(number),
        "email": format!("customer-{number}@example.com"),
        "name": format!("Customer Number {number}"),
        "address": {"street": format!("{number} Main Street"), "city": "Springfield"},
        "payment_method": "pm_card_visa",
        "balance": number,
        "note": "a note of some length, as people leave one",
        "_updated": UPDATED,
    })
}

/// A record as its file.
pub(crate) fn text(record: &Value) -> Result<String> {
    Ok(record_json(&record_from(record.clone())?))
}

/// What `git fast-import` makes one commit of so many records from.
pub(crate) fn fast_import_stream(records: usize, layout: Layout) -> String {
    let mut stream = "commit refs/heads/main\ncommitter seed <seed@localhost> 1767225600 +0000\n\
                      data 4\nseed\n"
        .to_owned();
    for number in 0..records {
        let text = text(&record(number)).expect("a seeded record is a record");
        file_modify(&mut stream, &layout.path(&id(number)), &text);
    }
    stream
}

fn file_modify(stream: &mut String, path: &str, text: &str) {
    let length = text.len();
    write!(stream, "M 100644 inline {path}\ndata {length}\n{text}\n")
        .expect("a string takes everything");
}

/// git as it comes, whoever's machine this is.
pub(crate) fn git(args: &[&str]) -> Command {
    let mut command = Command::new("git");
    isolate(&mut command);
    command.args(args);
    command
}

/// Keeps a command and its children away from the settings of whoever measures.
pub(crate) fn isolate(command: &mut Command) {
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("NO_PROXY", "127.0.0.1")
        .env("LC_ALL", "C");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "bench")
            .env(format!("GIT_{role}_EMAIL"), "bench@localhost");
    }
}

/// Runs a command that must succeed; gives what it printed.
pub(crate) fn output(command: Command) -> Result<String> {
    feed(command, "")
}

/// As [`output`], with something to read on standard input.
pub(crate) fn feed(mut command: Command, input: &str) -> Result<String> {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A command that reads no more has failed, which its status tells.
        scope
            .spawn(|| stdin.map(|mut pipe| std::io::Write::write_all(&mut pipe, input.as_bytes())));
        child.wait_with_output()
    })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} failed: {}", stderr.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}
