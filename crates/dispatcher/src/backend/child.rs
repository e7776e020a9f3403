//! A child process and its end: what it prints goes to the log, and when its time is over, the run
//! is cancelled or the dispatcher ends, its whole process group is told so.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Control, End, Phase};
use crate::log::Log;
use crate::records::Cause;

/// The signals to a run that took too long, each with the time until the next.
const OVERDUE: [(Signal, Duration); 2] = [
    (Signal::TERM, Duration::from_secs(5)),
    (Signal::KILL, Duration::from_secs(5)),
];
/// The signals to a run that is cancelled, with a runner's times.
const CANCELLED: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_millis(7500)),
    (Signal::TERM, Duration::from_millis(2500)),
    (Signal::KILL, Duration::from_secs(5)),
];
/// How long the output of a child is read after its end; a grandchild could hold it open.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// Starts a child in a process group of its own, so that a signal reaches git and its other
/// children too; both of its outputs are for [`supervise`].
pub(super) fn spawn(mut command: Command) -> std::io::Result<Child> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Waits for a child's end, or brings it about.
pub(super) async fn supervise(
    mut child: Child,
    log: &Log,
    limit: Duration,
    control: Control,
) -> End {
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
    let waiting = wait(&mut child, limit, control);
    tokio::pin!(waiting);
    let mut copied = false;
    let end = loop {
        tokio::select! {
            end = &mut waiting => break end,
            () = &mut copying, if !copied => copied = true,
        }
    };
    if !copied && timeout(OUTPUT_GRACE, &mut copying).await.is_err() {
        signal_group(group, Signal::KILL);
        super::note(log, "a process that the service left behind was killed").await;
    }
    end
}

/// Why a child is to end.
#[derive(Clone, Copy)]
enum Why {
    Overdue,
    Cancelled(Cause),
}

async fn wait(child: &mut Child, limit: Duration, mut control: Control) -> End {
    let group = child.id();
    let mut deadline = Instant::now() + limit;
    let (mut why, mut signalled) = (None, Phase::Open);
    let mut signals = OVERDUE.iter();
    let mut cancellation = control.clone();
    loop {
        let status = tokio::select! {
            status = child.wait() => status,
            cause = cancellation.cancelled(), if !matches!(why, Some(Why::Cancelled(_))) => {
                why = Some(Why::Cancelled(cause));
                signals = CANCELLED.iter();
                deadline = Instant::now();
                continue;
            }
            () = sleep_until(deadline) => {
                why = why.or(Some(Why::Overdue));
                let (signal, grace) = signals.next().unwrap_or(&OVERDUE[1]);
                signal_group(group, *signal);
                deadline = Instant::now() + *grace;
                continue;
            }
            reached = control.next_phase(signalled) => {
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
        return match (end_of(status), why, signalled >= Phase::Terminating) {
            (_, Some(Why::Cancelled(cause)), _) => End::Cancelled(cause),
            (End::Exited(0), _, _) => End::Exited(0),
            (_, Some(Why::Overdue), _) => End::TimedOut,
            (_, None, true) => End::Interrupted,
            (end, None, false) => end,
        };
    }
}

fn end_of(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Killed(signal.unwrap_or(0)),
    }
}

fn signal_group(leader: Option<u32>, signal: Signal) {
    let pid = leader
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // The group may be gone already, which is what was wanted.
        let _gone = rustix::process::kill_process_group(pid, signal);
    }
}
