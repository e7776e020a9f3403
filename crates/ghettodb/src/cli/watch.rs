//! `watch`: changes as they arrive, one line each, until someone says stop.

use super::common::Common;
use crate::failure::Failure;
use crate::ui;
use anyhow::Context as _;
use clap::Args;
use ghettodb::{At, Join, is_url};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How often a repository of this machine is looked at; that reads one file.
const INTERVAL_NEAR: Duration = Duration::from_secs(1);
/// How often one elsewhere is.
const INTERVAL_FAR: Duration = Duration::from_secs(5);
/// Longest pause while the network fails, unless the interval is longer.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What `watch` takes.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Table to watch; without it, all of them.
    table: Option<String>,
    /// Begins with the changes after this place: a commit of the branch (id, tag, or `main~3`), a
    /// time (RFC 3339) or a date. Without it, after the tip.
    #[arg(long, value_name = "COMMIT|TIME")]
    since: Option<At>,
    /// Seconds between two looks at the remote; without it, 1 for a path and 5 for a URL.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    interval: Option<Duration>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
    let interval = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    interval.ok_or_else(|| "it is no number of seconds above 0".to_owned())
}

impl Watch {
    /// Prints the changes; ends well when it is told to stop or nobody reads them any more.
    pub(super) fn run(&self, common: &Common) -> Result<(), Failure> {
        let stop = Stop::listen()
            .context("cannot listen for signals")
            .map_err(Failure::fault)?;
        let interval = self.interval.unwrap_or(match is_url(common.repo()?) {
            true => INTERVAL_FAR,
            false => INTERVAL_NEAR,
        });
        let since = self.since.clone().unwrap_or_default();
        let start = || {
            let mut database = common.open_large()?;
            let cursor = database.cursor(&since, self.table.as_deref())?;
            Ok::<_, Failure>((database, cursor))
        };
        let (mut database, mut cursor) = match start() {
            // The signal that tells us to stop may have stopped our git first.
            Err(_) if stop.wait(Duration::ZERO)? => return Ok(()),
            started => started?,
        };
        ui::complain(format_args!(
            "watching branch {:?} from {}",
            database.branch(),
            cursor.commit().as_deref().unwrap_or("its beginning")
        ));
        let mut pause = interval;
        loop {
            let before = cursor.commit();
            match database.changes_since(&mut cursor) {
                Ok(Some(arrival)) => {
                    pause = interval;
                    tell(arrival.join, before.as_deref());
                    for line in arrival.to_json() {
                        if !ui::print_line(&line).map_err(Failure::fault)? {
                            return Ok(());
                        }
                    }
                    if stop.wait(Duration::ZERO)? {
                        return Ok(());
                    }
                    continue;
                }
                Ok(None) => pause = interval,
                Err(_) if stop.wait(Duration::ZERO)? => return Ok(()),
                Err(error) if error.is_transient() => {
                    ui::complain(format_args!(
                        "{error}; trying again in {} s",
                        pause.as_secs_f32()
                    ));
                    if stop.wait(pause)? {
                        return Ok(());
                    }
                    pause = (pause * 2).min(PAUSE_MAX).max(interval);
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            if stop.wait(pause)? {
                return Ok(());
            }
        }
    }
}

fn tell(join: Join, before: Option<&str>) {
    let before = before.unwrap_or("the beginning");
    match join {
        Join::Follows => {}
        Join::Rewritten => ui::complain(format_args!(
            "the branch was rewritten; going on from its new tip with what differs from {before}"
        )),
        Join::Lost => ui::complain(format_args!(
            "the branch was rewritten and {before} is gone; going on from its new tip, what changed in between is not known"
        )),
    }
}

/// Hears of signals to stop, and of a reader that went away.
struct Stop {
    signals: UnixStream,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        let (signals, sender) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(SIGINT, sender.try_clone()?)?;
        signal_hook::low_level::pipe::register(SIGTERM, sender)?;
        Ok(Stop { signals })
    }

    /// Waits; says early if it is time to stop.
    fn wait(&self, limit: Duration) -> Result<bool, Failure> {
        let stdout = io::stdout();
        // Of standard output nothing is asked: an error or a hang-up is told unasked.
        let mut fds = [
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(&stdout, PollFlags::empty()),
        ];
        let limit = Timespec::try_from(limit)
            .context("the interval is too long")
            .map_err(Failure::usage)?;
        match poll(&mut fds, Some(&limit)) {
            // A signal came; whether it is for us, the stream says.
            Err(rustix::io::Errno::INTR) => self.wait(Duration::ZERO),
            Err(error) => Err(Failure::fault(io::Error::from(error))),
            Ok(_) => Ok(fds.iter().any(|fd| !fd.revents().is_empty())),
        }
    }
}
