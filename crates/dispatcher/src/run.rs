//! One attempt of a run: the service's binary as a child process, in a folder of its own, with
//! the environment of a runner. Knows nothing of deliveries, rules or when to try again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::log::{Log, Masks, SUMMARY_BYTES_MAX};

/// How far the end of the dispatcher has come; each phase includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Runs are started.
    Open,
    /// No run is started; those that run may finish.
    Finishing,
    /// Those that still run are asked to end (SIGTERM).
    Terminating,
    /// Those that still run are killed.
    Killing,
}

/// From SIGTERM to SIGKILL, for a run that took too long.
const TERM_GRACE: Duration = Duration::from_secs(5);
/// How long the output of a binary is read after its end; a grandchild could hold it open.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// What is to be started.
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    /// The event file's content.
    pub(crate) event: Value,
    /// What the service may see of the dispatcher's environment, and what the run adds.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Becomes the runner's folder of this attempt, and is gone afterwards.
    pub(crate) folder: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) summary: PathBuf,
    pub(crate) masks: Masks,
    pub(crate) time_limit: Duration,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum End {
    Exited(i32),
    Killed(i32),
    TimedOut,
    /// The dispatcher's own end cut it off.
    Interrupted,
    /// The binary could not be started, or its folder not be made.
    NotStarted(String),
}

/// Starts the binary and waits for its end.
pub(crate) async fn execute(
    launch: Launch,
    heading: &str,
    mut phase: watch::Receiver<Phase>,
) -> End {
    let log = match Log::append(&launch.log, launch.masks.clone()).await {
        Ok(log) => log,
        Err(error) => {
            return End::NotStarted(format!(
                "cannot write the log '{}': {error}",
                launch.log.display()
            ));
        }
    };
    note(&log, heading).await;
    let end = attempt(&launch, &log, &mut phase).await;
    if let End::NotStarted(problem) = &end {
        note(&log, problem).await;
    }
    keep_summary(&launch, &log.masks().await).await;
    remove(&launch.folder).await;
    end
}

async fn attempt(launch: &Launch, log: &Log, phase: &mut watch::Receiver<Phase>) -> End {
    let files = match RunnerFiles::make(&launch.folder, &launch.event).await {
        Ok(files) => files,
        Err(error) => {
            return End::NotStarted(format!(
                "cannot make the folder '{}': {error}",
                launch.folder.display()
            ));
        }
    };
    let mut command = Command::new(&launch.program);
    command
        .arg("action")
        .env_clear()
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .envs(files.environment())
        .current_dir(&files.workspace)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group, so that a signal reaches git and other children of the service too.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return End::NotStarted(format!(
                "cannot start '{}': {error}; build the service, or name its folder with --bin-dir",
                launch.program.display()
            ));
        }
    };
    let group = child.id();
    let streams = (child.stdout.take(), child.stderr.take());
    let copying = async {
        let (Some(out), Some(err)) = streams else {
            return;
        };
        let (out, err) = tokio::join!(log.copy(out), log.copy(err));
        if let Err(error) = out.and(err) {
            tracing::warn!(%error, "the output of a run could not be kept");
        }
    };
    tokio::pin!(copying);
    let waiting = wait(&mut child, launch.time_limit, phase);
    tokio::pin!(waiting);
    let mut copied = false;
    let end = loop {
        tokio::select! {
            end = &mut waiting => break end,
            () = &mut copying, if !copied => copied = true,
        }
    };
    if !copied && timeout(OUTPUT_GRACE, &mut copying).await.is_err() {
        signal_group(group, rustix::process::Signal::KILL);
        note(log, "a process that the service left behind was killed").await;
    }
    end
}

/// Waits for the child's end, and brings it about when its time or the dispatcher's is over.
async fn wait(child: &mut Child, limit: Duration, phase: &mut watch::Receiver<Phase>) -> End {
    use rustix::process::Signal;

    let group = child.id();
    let mut deadline = Instant::now() + limit;
    let (mut timed_out, mut signalled) = (false, Phase::Open);
    loop {
        let status = tokio::select! {
            status = child.wait() => status,
            () = sleep_until(deadline) => {
                let signal = if timed_out { Signal::KILL } else { Signal::TERM };
                signal_group(group, signal);
                timed_out = true;
                deadline = Instant::now() + TERM_GRACE;
                continue;
            }
            reached = next_phase(phase, signalled) => {
                match reached {
                    Phase::Terminating => signal_group(group, Signal::TERM),
                    Phase::Killing => signal_group(group, Signal::KILL),
                    Phase::Open | Phase::Finishing => {}
                }
                signalled = reached;
                continue;
            }
        };
        let status = match status {
            Ok(status) => status,
            Err(error) => return End::NotStarted(format!("lost the service's process: {error}")),
        };
        return match (end_of(status), timed_out, signalled >= Phase::Terminating) {
            (End::Exited(0), _, _) => End::Exited(0),
            (_, true, _) => End::TimedOut,
            (_, false, true) => End::Interrupted,
            (end, false, false) => end,
        };
    }
}

/// Waits until the phase is past the one that was acted on.
async fn next_phase(phase: &mut watch::Receiver<Phase>, past: Phase) -> Phase {
    let reached = phase.wait_for(|now| *now > past).await.map(|now| *now);
    match reached {
        Ok(now) => now,
        // Nobody is left who could end it, so the child alone decides.
        Err(_) => std::future::pending().await,
    }
}

fn end_of(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Killed(signal.unwrap_or(0)),
    }
}

fn signal_group(leader: Option<u32>, signal: rustix::process::Signal) {
    let pid = leader
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // The group may be gone already, which is what was wanted.
        let _gone = rustix::process::kill_process_group(pid, signal);
    }
}

/// The files that a runner gives to a step, all in one folder.
struct RunnerFiles {
    workspace: PathBuf,
    folder: PathBuf,
}

impl RunnerFiles {
    async fn make(folder: &Path, event: &Value) -> std::io::Result<RunnerFiles> {
        remove(folder).await;
        let files = RunnerFiles {
            workspace: folder.join("workspace"),
            folder: folder.to_owned(),
        };
        tokio::fs::create_dir_all(&files.workspace).await?;
        tokio::fs::create_dir_all(folder.join("temp")).await?;
        tokio::fs::write(folder.join("event.json"), serde_json::to_vec_pretty(event)?).await?;
        for name in ["output", "summary", "env", "path"] {
            tokio::fs::write(folder.join(name), b"").await?;
        }
        Ok(files)
    }

    fn environment(&self) -> [(&'static str, PathBuf); 7] {
        [
            ("GITHUB_WORKSPACE", self.workspace.clone()),
            ("RUNNER_TEMP", self.folder.join("temp")),
            ("GITHUB_EVENT_PATH", self.folder.join("event.json")),
            ("GITHUB_OUTPUT", self.folder.join("output")),
            ("GITHUB_STEP_SUMMARY", self.folder.join("summary")),
            ("GITHUB_ENV", self.folder.join("env")),
            ("GITHUB_PATH", self.folder.join("path")),
        ]
    }
}

/// Keeps the attempt's job summary, masked, in place of an earlier attempt's.
async fn keep_summary(launch: &Launch, masks: &Masks) {
    let Ok(file) = tokio::fs::File::open(launch.folder.join("summary")).await else {
        return;
    };
    let mut bytes = Vec::new();
    // A little more than is kept, so that a secret on the edge is read whole and hidden.
    let mut file = file.take(2 * SUMMARY_BYTES_MAX as u64);
    if let Err(error) = file.read_to_end(&mut bytes).await {
        tracing::warn!(%error, "the summary of a run could not be read");
        return;
    }
    let mut text = masks.hide(&String::from_utf8_lossy(&bytes));
    if text.len() > SUMMARY_BYTES_MAX {
        let fits = |end: &usize| text.is_char_boundary(*end);
        text.truncate((0..=SUMMARY_BYTES_MAX).rfind(fits).unwrap_or(0));
        text.push_str("\n\n[the rest is left out]\n");
    }
    if let Err(error) = tokio::fs::write(&launch.summary, text).await {
        tracing::warn!(%error, "the summary of a run could not be kept");
    }
}

async fn remove(folder: &Path) {
    match tokio::fs::remove_dir_all(folder).await {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "a run's folder could not be removed");
        }
    }
}

async fn note(log: &Log, text: &str) {
    if let Err(error) = log.note(text).await {
        tracing::warn!(%error, "a line of a run's log could not be written");
    }
}
