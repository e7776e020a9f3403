//! The dispatcher itself: what it is made of, how it starts and ends, what it shows.
//!
//! How an event becomes runs stands in `intake`, how a run is driven to its end in `drive`.
//! Invariants: an event is on disk before it is acknowledged; a run that was queued or running
//! when the process died is driven on at the next start; a run that is acknowledged as ended
//! is never started again by itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};

use crate::backend::{Act, Backend, Direct, GitHub, Phase};
use crate::config::{self, BackendConfig, Config, OpenError};
use crate::live::Live;
use crate::log::Masks;
use crate::rate::Limits;
use crate::records::{Delivery, Records, Run, Status};
use crate::retention::Counters;
use crate::rules::Rules;
use crate::workflow_file::{self, Types, Workflow};
use crate::{environment, files};

/// From SIGTERM to SIGKILL when the dispatcher ends.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// Takes events and runs services. Made by [`Dispatcher::open`], ended by [`Dispatcher::stop`].
#[derive(Debug)]
pub struct Dispatcher {
    pub(crate) config: Config,
    workflows: Vec<Workflow>,
    pub(crate) records: Records,
    rules: Rules,
    pub(crate) live: Live,
    pub(crate) backend: Box<dyn Backend>,
    /// GitHub's rates, where they are kept.
    pub(crate) limits: Option<Limits>,
    /// Told whenever a run has ended, for the watchdog.
    pub(crate) ended: Notify,
    /// Told of each event that is started, for those that a rule `reorder` holds back.
    pub(crate) started: watch::Sender<u64>,
    pub(crate) next_run_id: AtomicU64,
    /// The highest number that a run of each workflow has.
    pub(crate) run_numbers: Mutex<BTreeMap<String, u64>>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) service_environment: Vec<(OsString, OsString)>,
    pub(crate) masks: Masks,
    /// The commit of the workflow files, where they stand in a git repository.
    pub(crate) head_sha: Option<String>,
    /// Held as long as the dispatcher lives.
    _lock: File,
}

impl Dispatcher {
    /// Reads workflows and records, and goes on with what was queued or running.
    ///
    /// Must be called within a tokio runtime.
    pub fn open(config: Config) -> Result<Arc<Dispatcher>, OpenError> {
        config::check(&config)?;
        let workflows = workflow_file::read_folder(&config.workflows)?;
        let lock = config::prepare_folder(&config)?;
        let records = Records::open(config.data.join("deliveries"))?;
        let counters: Counters =
            files::read_json(&Counters::path(&config.data))?.unwrap_or_default();
        let rules = Rules::open(config.data.join("rules.json"))?;
        if !matches!(config.backend, BackendConfig::GitHub { .. }) {
            warn_of(&workflows, &config.bin_dir);
        }
        let service_environment = environment::pass_through(
            config.environment.iter().cloned(),
            &config.pass_env,
            &config.token,
        );
        let mut masks = Masks::default();
        masks.add(config.token.reveal());
        if let BackendConfig::GitHub { token, .. } = &config.backend {
            masks.add(token.reveal());
        }
        for secret in environment::secret_values(&service_environment) {
            masks.add(&secret);
        }
        let dispatcher = Arc::new(Dispatcher {
            head_sha: head_sha(&config.workflows),
            backend: backend(&config)?,
            limits: config.rates.as_ref().map(Limits::new),
            ended: Notify::new(),
            live: Live::default(),
            started: watch::Sender::new(0),
            next_run_id: AtomicU64::new(records.next_run_id().max(counters.next_run_id)),
            run_numbers: Mutex::new(records.run_numbers(counters.run_numbers)),
            slots: Arc::new(Semaphore::new(config.parallel_max)),
            phase: watch::Sender::new(Phase::Open),
            workflows,
            records,
            rules,
            service_environment,
            masks,
            config,
            _lock: lock,
        });
        dispatcher.resume();
        dispatcher.watch();
        Ok(dispatcher)
    }

    /// Whether a caller's `Authorization` header is good.
    pub fn opens(&self, authorization: &str) -> bool {
        self.config.token.opens(authorization)
    }

    /// The repository as it was configured; names are compared without case, as on GitHub.
    pub fn repository(&self, owner: &str, name: &str) -> Option<&str> {
        let full = format!("{owner}/{name}");
        let mut known = self.config.repositories.iter().map(String::as_str);
        known.find(|known| known.eq_ignore_ascii_case(&full))
    }

    /// The workflows that dispatches start.
    pub fn workflows(&self) -> &[Workflow] {
        &self.workflows
    }

    /// The workflow with this file name or id.
    #[must_use]
    pub fn workflow(&self, file_or_id: &str) -> Option<&Workflow> {
        let mut all = self.workflows.iter();
        all.find(|w| w.file == file_or_id || w.id().to_string() == file_or_id)
    }

    /// The branch that runs are started from.
    #[must_use]
    pub fn default_branch(&self) -> &str {
        &self.config.default_branch
    }

    /// The dispatcher's own address, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.config.api_url
    }

    /// The rules that stand, and the doors to change them.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The deliveries that fit, oldest first.
    pub fn deliveries(&self, fits: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
        self.records.list(fits)
    }

    /// One delivery.
    pub fn delivery(&self, id: &str) -> Option<Delivery> {
        self.records.get(id)
    }

    /// One run with its delivery.
    pub fn run_record(&self, id: u64) -> Option<(Delivery, Run)> {
        let delivery = self.records.of_run(id)?;
        let run = delivery.runs.iter().find(|run| run.id == id)?.clone();
        Some((delivery, run))
    }

    /// One run with its log and summary (empty as long as there is none).
    pub fn run(&self, id: u64) -> Option<(Delivery, Run, String, String)> {
        let (delivery, run) = self.run_record(id)?;
        let text = |path: PathBuf| {
            let bytes = std::fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (log, summary) = (text(self.log_path(id)), text(self.summary_path(id)));
        Some((delivery, run, log, summary))
    }

    /// Ends the dispatcher: starts nothing more, lets running services finish for a while,
    /// then asks them to end, then kills them. What didn't finish is queued for the next start.
    pub async fn stop(&self) {
        self.phase.send_replace(Phase::Finishing);
        for (grace, next) in [
            (self.config.stop_grace, Phase::Terminating),
            (KILL_GRACE, Phase::Killing),
        ] {
            if tokio::time::timeout(grace, self.phase.closed())
                .await
                .is_ok()
            {
                return;
            }
            self.phase.send_replace(next);
        }
        self.phase.closed().await;
    }

    pub(crate) fn log_path(&self, run: u64) -> PathBuf {
        self.config.data.join("logs").join(format!("{run}.log"))
    }

    pub(crate) fn summary_path(&self, run: u64) -> PathBuf {
        self.config
            .data
            .join("logs")
            .join(format!("{run}.summary.md"))
    }

    /// Goes on with what an earlier process left: what ran first, then what waited, each in the
    /// order in which it was made, so that concurrency groups come out as they were.
    fn resume(self: &Arc<Self>) {
        let is_open = |run: &Run| run.status != Status::Completed;
        let mut open = Vec::new();
        for delivery in self.records.list(|d| d.runs.iter().any(is_open)) {
            for run in delivery.runs.iter().filter(|run| is_open(run)) {
                let ran = run.status == Status::InProgress;
                if ran {
                    self.update_run(&delivery.id, run.id, crate::drive::cut_off);
                }
                open.push((!ran, run.id, delivery.id.clone()));
            }
        }
        open.sort();
        for (waited, run, delivery) in open {
            tracing::info!(delivery, run, waited, "going on");
            self.start_all(&delivery, &[run]);
        }
    }

    pub(crate) fn update_run<T>(
        &self,
        delivery: &str,
        run: u64,
        f: impl FnOnce(&mut Run) -> T,
    ) -> Option<T> {
        self.records
            .update(delivery, |delivery| {
                delivery.runs.iter_mut().find(|r| r.id == run).map(f)
            })
            .flatten()
    }
}

fn backend(config: &Config) -> Result<Box<dyn Backend>, OpenError> {
    let bin_dir = config.bin_dir.clone();
    Ok(match &config.backend {
        BackendConfig::Direct => Box::new(Direct { bin_dir }),
        BackendConfig::Act { program, project } => Box::new(Act {
            program: program.clone(),
            workflows: config.workflows.clone(),
            project: project.clone(),
            bin_dir,
        }),
        BackendConfig::GitHub { api_url, token } => Box::new(GitHub::new(api_url, token.clone())?),
    })
}

/// Says what is likely not meant: a service that is not built, an event type with two listeners.
fn warn_of(workflows: &[Workflow], bin_dir: &Path) {
    let mut listeners = BTreeMap::<&str, Vec<&str>>::new();
    for workflow in workflows {
        let program = workflow.service.as_ref().map(|name| bin_dir.join(name));
        if let Some(program) = program.filter(|program| !program.is_file()) {
            tracing::warn!(
                workflow = workflow.file,
                program = %program.display(),
                "the service of this workflow is not built; its runs will fail"
            );
        }
        match &workflow.types {
            None => {}
            Some(Types::Every) => tracing::warn!(
                workflow = workflow.file,
                "this workflow listens to every dispatch; name its 'types'"
            ),
            Some(Types::Named(types)) => {
                for event_type in types {
                    listeners
                        .entry(event_type)
                        .or_default()
                        .push(&workflow.file);
                }
            }
        }
    }
    for (event_type, files) in listeners.iter().filter(|(_, files)| files.len() > 1) {
        tracing::warn!(
            event_type,
            ?files,
            "this event type has several listeners; each dispatch of it starts all of them"
        );
    }
}

/// The commit that is checked out where the workflow files stand.
fn head_sha(folder: &Path) -> Option<String> {
    let mut git = std::process::Command::new("git");
    git.args(["rev-parse", "--verify", "--quiet", "HEAD"])
        .current_dir(folder)
        // Of a hook that started the dispatcher they name another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE");
    let output = git.output().ok().filter(|output| output.status.success())?;
    let sha = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!sha.is_empty()).then_some(sha)
}
