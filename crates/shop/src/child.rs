//! One process of the store: started, waited for until it is ready, logged, stopped.
//!
//! Each is the head of a process group of its own, so that Ctrl-C in a terminal reaches the shop
//! alone, which then stops its children in order, and a stop reaches what a child started.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::sync::watch;

use crate::failure::{Exit, Failure};

/// How long a process may take from its start to its ready line: a long log to replay, a busy machine.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a process may take to end by itself before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How many lines of its log are shown, at most, of a process that did not become ready.
const LAST_WORDS: usize = 5;

/// How to start a process, as often as needed.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Its name: of the binary, in messages and of the log.
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Set beside what we inherited.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// What its one line on standard output starts with when it serves.
    pub(crate) ready: &'static str,
    /// Its standard error, and whatever else it prints.
    pub(crate) log: PathBuf,
}

/// A process that is ready.
#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    /// The line in which it said so.
    pub(crate) ready: String,
    id: Pid,
    /// How it ended, once it has.
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Program {
    /// A program beside this one.
    pub(crate) fn beside(name: &'static str, ready: &'static str, logs: &Path) -> Result<Self> {
        Ok(Self {
            name,
            path: beside(name)?,
            args: Vec::new(),
            environment: Vec::new(),
            ready,
            log: logs.join(format!("{name}.log")),
        })
    }

    /// Adds a flag with its value.
    pub(crate) fn flag(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.args.extend([name.into(), value.into()]);
        self
    }

    /// Adds a flag without a value.
    pub(crate) fn switch(mut self, name: &str) -> Self {
        self.args.push(name.into());
        self
    }

    /// Adds an environment variable.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Starts it and waits for its ready line.
    pub(crate) async fn start(&self) -> Result<Child> {
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot write '{}'", self.log.display()))?;
        let begin = log
            .seek(SeekFrom::End(0))
            .with_context(|| format!("cannot write '{}'", self.log.display()))?;
        let mut process = tokio::process::Command::new(&self.path)
            .args(&self.args)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().context("cannot share the log")?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start '{}'", self.path.display()))?;
        let output = process.stdout.take().context("standard output is piped")?;
        let mut lines = BufReader::new(output).lines();
        let waited = tokio::time::timeout(READY_TIMEOUT, self.wait_ready(&mut lines, &mut log));
        match waited.await {
            Ok(Some(ready)) => {
                tokio::spawn(drain(lines, log));
                Child::watched(self.name, ready, process)
            }
            Ok(None) => {
                let status = process.wait().await.context("cannot wait for a child")?;
                Err(self.stillborn(&format!("ended before it was ready ({status})"), begin))
            }
            Err(_) => {
                let waited = format!("was not ready within {} s", READY_TIMEOUT.as_secs());
                Err(self.stillborn(&waited, begin))
            }
        }
    }

    async fn wait_ready(
        &self,
        lines: &mut Lines<BufReader<ChildStdout>>,
        log: &mut File,
    ) -> Option<String> {
        while let Ok(Some(line)) = lines.next_line().await {
            drop(writeln!(log, "{line}"));
            if line.starts_with(self.ready) {
                return Some(line);
            }
        }
        None
    }

    fn stillborn(&self, what: &str, begin: u64) -> anyhow::Error {
        let words = last_words(&self.log, begin);
        let failure = Failure::new(Exit::Fault, format!("{} {what}{words}", self.name));
        failure
            .hint(format!("its log is '{}'", self.log.display()))
            .into()
    }
}

impl Child {
    /// Lets a task of its own wait for the process: it is killed if that task is dropped.
    fn watched(
        name: &'static str,
        ready: String,
        mut process: tokio::process::Child,
    ) -> Result<Self> {
        let id = process.id().and_then(|id| i32::try_from(id).ok());
        let id = id
            .and_then(Pid::from_raw)
            .with_context(|| format!("{name} ended as soon as it was ready"))?;
        let (sender, ended) = watch::channel(None);
        tokio::spawn(async move {
            if let Ok(status) = process.wait().await {
                sender.send_replace(Some(status));
            }
        });
        Ok(Self {
            name,
            ready,
            id,
            ended,
        })
    }

    /// The process id.
    pub(crate) fn id(&self) -> i32 {
        self.id.as_raw_nonzero().get()
    }

    /// Resolves when the process has ended, however it did; independent of `self`.
    pub(crate) fn end(&self) -> impl Future<Output = Result<ExitStatus>> + Send + 'static {
        let mut ended = self.ended.clone();
        let name = self.name;
        async move {
            let status = *ended
                .wait_for(Option::is_some)
                .await
                .with_context(|| format!("cannot wait for {name}"))?;
            status.with_context(|| format!("{name} ended without a status"))
        }
    }

    /// Ends it as a power cut would, with everything that it started.
    pub(crate) async fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL);
        self.end().await.map(drop)
    }

    /// Asks it to end; kills it if it doesn't.
    pub(crate) async fn stop(&self) -> Result<()> {
        self.signal(Signal::TERM);
        match tokio::time::timeout(STOP_TIMEOUT, self.end()).await {
            Ok(ended) => ended.map(drop),
            Err(_) => self.kill().await,
        }
    }

    fn signal(&self, signal: Signal) {
        // Its number may belong to another process once it has ended and was waited for.
        if self.ended.borrow().is_none() {
            // It may end in this very moment: then there is nothing left to do.
            let _sent = kill_process_group(self.id, signal);
        }
    }
}

/// A binary of ours: cargo, and an installer, put all of them in one folder.
pub fn beside(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut folder = own.parent().context("a program lies in a folder")?;
    // A test's own program lies one folder deeper.
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap_or(folder);
    }
    let path = folder.join(name);
    if !path.is_file() {
        return Err(
            Failure::new(Exit::Fault, format!("'{}' is missing", path.display()))
                .hint("build all programs: cargo build --workspace --bins")
                .into(),
        );
    }
    Ok(path)
}

async fn drain(mut lines: Lines<BufReader<ChildStdout>>, mut log: File) {
    while let Ok(Some(line)) = lines.next_line().await {
        drop(writeln!(log, "{line}"));
    }
}

/// What a process wrote since `begin` about its end, to be put behind a message: its last error
/// if it named one, else its last lines.
fn last_words(log: &Path, begin: u64) -> String {
    let mut text = String::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(begin))?;
        file.read_to_string(&mut text)
    });
    let words = words_of(&text);
    if read.is_err() || words.is_empty() {
        return String::new();
    }
    format!(": {}", words.join("\n  "))
}

fn words_of(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let error = lines.iter().rposition(|line| {
        let start = line.get(..7).unwrap_or_default();
        start.eq_ignore_ascii_case("error: ")
    });
    match error {
        // What follows is what caused it, up to a backtrace.
        Some(error) => std::iter::once(&lines[error][7..])
            .chain(lines[error + 1..].iter().copied())
            .take_while(|line| !line.starts_with("Stack backtrace"))
            .filter(|line| !line.trim().is_empty())
            .take(LAST_WORDS)
            .collect(),
        None => {
            let start = lines.len().saturating_sub(LAST_WORDS);
            lines[start..].to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words_of(text), expected);
    }

    #[test]
    fn an_error_is_told_without_its_backtrace() {
        check("", &[]);
        check("a\nb\n", &["a", "b"]);
        check(
            "INFO up\nError: no port\n\nCaused by:\n    in use\n\nStack backtrace:\n  0: x\n",
            &["no port", "Caused by:", "    in use"],
        );
        check(
            "error: old\nerror: new\nhint: this\n",
            &["new", "hint: this"],
        );
    }
}
