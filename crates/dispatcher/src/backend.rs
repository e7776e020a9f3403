//! Back ends: what carries a run's attempts out. One trait, so that nothing else of the dispatcher
//! knows whether a binary is spawned, YAML is interpreted or GitHub is asked.
//!
//! Knows nothing of deliveries, rules or when to try again.

mod act;
mod child;
mod direct;
mod github;
mod runner_files;

use std::ffi::OsString;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

pub(crate) use self::act::Act;
pub(crate) use self::direct::Direct;
pub(crate) use self::github::GitHub;
use crate::live::Turn;
use crate::log::{Log, Masks, SUMMARY_BYTES_MAX};
use crate::records::{Cause, Event};
use crate::workflow_file::Workflow;

/// Carries out attempts.
pub(crate) trait Backend: Debug + Send + Sync {
    /// Does one attempt; what it has to show goes to the log.
    fn execute<'a>(&'a self, job: &'a Job, log: &'a Log, control: Control) -> BoxFuture<'a, End>;

    /// Whether events are handed on as they are, to where workflows and groups are minded.
    fn forwards(&self) -> bool {
        false
    }
}

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

/// What may end an attempt from outside: the dispatcher's own end, or the run's cancellation.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) turn: watch::Receiver<Turn>,
}

impl Control {
    /// Waits until the run is cancelled.
    pub(crate) async fn cancelled(&mut self) -> Cause {
        let told = self
            .turn
            .wait_for(|turn| matches!(turn, Turn::Cancelled(_)));
        match told.await.map(|turn| *turn) {
            Ok(Turn::Cancelled(cause)) => cause,
            // Nobody is left who could cancel it.
            Ok(Turn::Waits | Turn::Runs) | Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the phase is past the one that was acted on.
    async fn next_phase(&mut self, past: Phase) -> Phase {
        match self.phase.wait_for(|now| *now > past).await.map(|now| *now) {
            Ok(now) => now,
            Err(_) => std::future::pending().await,
        }
    }
}

/// One attempt of a run.
pub(crate) struct Job {
    pub(crate) run: u64,
    pub(crate) attempt: u32,
    pub(crate) event: Event,
    pub(crate) workflow: Workflow,
    /// The event file's content.
    pub(crate) event_file: Value,
    /// What the service may see of the dispatcher's environment, and what the run adds.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Becomes the runner's folder of this attempt, and is gone afterwards.
    pub(crate) folder: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) summary: PathBuf,
    pub(crate) masks: Masks,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum End {
    Exited(i32),
    Killed(i32),
    TimedOut,
    /// The dispatcher's own end cut it off.
    Interrupted,
    Cancelled(Cause),
    /// The service could not be started, or its folder not be made.
    NotStarted(String),
    /// It was refused for now, and may be tried again after this time.
    Later {
        problem: String,
        after: Option<Duration>,
    },
}

/// Does one attempt, with its log, its summary and its folder around it.
pub(crate) async fn execute(backend: &dyn Backend, job: &Job, control: Control) -> End {
    let log = match Log::append(&job.log, job.masks.clone()).await {
        Ok(log) => log,
        Err(error) => {
            return End::NotStarted(format!(
                "cannot write the log '{}': {error}",
                job.log.display()
            ));
        }
    };
    let what = match job.event {
        Event::RepositoryDispatch => job.event_file["action"].as_str().unwrap_or_default(),
        Event::WorkflowDispatch => "workflow_dispatch",
    };
    note(
        &log,
        &format!(
            "--- run {}, attempt {}: {} ({what})",
            job.run, job.attempt, job.workflow.file
        ),
    )
    .await;
    let end = backend.execute(job, &log, control).await;
    match &end {
        End::NotStarted(problem) | End::Later { problem, .. } => note(&log, problem).await,
        End::Cancelled(cause) => note(&log, cause.words()).await,
        End::Exited(_) | End::Killed(_) | End::TimedOut | End::Interrupted => {}
    }
    keep_summary(job, &log.masks().await).await;
    runner_files::remove(&job.folder).await;
    end
}

/// Keeps the attempt's job summary, masked, in place of an earlier attempt's.
async fn keep_summary(job: &Job, masks: &Masks) {
    let Ok(file) = tokio::fs::File::open(runner_files::summary(&job.folder)).await else {
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
    if let Err(error) = tokio::fs::write(&job.summary, text).await {
        tracing::warn!(%error, "the summary of a run could not be kept");
    }
}

async fn note(log: &Log, text: &str) {
    if let Err(error) = log.note(text).await {
        tracing::warn!(%error, "a line of a run's log could not be written");
    }
}
