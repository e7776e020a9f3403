//! One git process: its surroundings, its time limit, its output.

use crate::{Error, push};
use std::io::{ErrorKind, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long output may still come after a process was told to stop.
const GRACE: Duration = Duration::from_millis(200);

/// git with the user's settings, but nobody's terminal or language.
pub(super) fn base_command() -> Command {
    let mut command = Command::new("git");
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    command
}

/// git on a repository of ours: away from the one that the caller may stand in, as inside a hook.
pub(super) fn git_command() -> Command {
    let mut command = base_command();
    for name in [
        "GIT_DIR",
        "GIT_COMMON_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_QUARANTINE_PATH",
        "GIT_NAMESPACE",
        "GIT_SHALLOW_FILE",
    ] {
        command.env_remove(name);
    }
    command.args([
        "-c",
        "gc.auto=0",
        "-c",
        "maintenance.auto=false",
        "-c",
        "advice.detachedHead=false",
    ]);
    command
}

pub(super) struct Output {
    status: Option<ExitStatus>,
    pub(super) timed_out: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Output {
    pub(super) fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The exit code; none for a process that was killed.
    pub(super) fn code(&self) -> Option<i32> {
        self.status?.code()
    }

    pub(super) fn into_error(self, command: &str) -> Error {
        let stderr = match self.timed_out {
            true => format!("timed out; {}", push::plain(&self.stderr)),
            false => push::plain(&self.stderr),
        };
        Error::Git {
            command: format!("git {command}"),
            stderr,
        }
    }
}

/// Runs a command until it ends or `limit` has passed; then it is killed.
pub(super) fn run(command: Command, limit: Duration) -> Result<Output, Error> {
    run_with_input(command, Vec::new(), limit)
}

/// As [`run`], with something on its standard input.
pub(super) fn run_with_input(
    mut command: Command,
    input: Vec<u8>,
    limit: Duration,
) -> Result<Output, Error> {
    command
        .stdin(match input.is_empty() {
            true => Stdio::null(),
            false => Stdio::piped(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = spawn(command)?;
    let deadline = Instant::now() + limit;
    if let Some(mut stdin) = child.stdin.take() {
        // A process that does not want all of it says why on its standard error.
        thread::spawn(move || stdin.write_all(&input).ok());
    }
    let stdout = read_all(child.stdout.take());
    let stderr = read_all(child.stderr.take());
    // The process has ended when both streams have: no polling.
    let texts =
        collect(&stdout, deadline).and_then(|out| collect(&stderr, deadline).map(|err| (out, err)));
    if let Some((stdout, stderr)) = texts {
        let status = child.wait().map_err(Error::io("cannot wait for git"))?;
        return Ok(Output {
            status: Some(status),
            timed_out: false,
            stdout,
            stderr,
        });
    }
    kill(&mut child);
    let deadline = Instant::now() + GRACE;
    Ok(Output {
        status: None,
        timed_out: true,
        stdout: collect(&stdout, deadline).unwrap_or_default(),
        stderr: collect(&stderr, deadline).unwrap_or_default(),
    })
}

/// Starts git.
pub(super) fn spawn(mut command: Command) -> Result<Child, Error> {
    command.spawn().map_err(|source| Error::Io {
        what: match source.kind() {
            ErrorKind::NotFound => {
                "cannot run git, which must be installed and on the PATH".to_owned()
            }
            _ => "cannot run git".to_owned(),
        },
        source,
    })
}

/// Ends a process; its helpers end as their pipes close.
fn kill(child: &mut Child) {
    // It fails only where the process is gone already.
    child.kill().ok();
    child.wait().ok();
}

/// Reads a stream to its end on a thread of its own, so that a full pipe blocks nobody.
pub(super) fn read_all(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before a failure still says something.
            stream.read_to_end(&mut bytes).ok();
        }
        sender.send(bytes).ok();
    });
    receiver
}

fn collect(stream: &Receiver<Vec<u8>>, deadline: Instant) -> Option<String> {
    match stream.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(String::new()),
    }
}
