//! The back end `direct`: spawns the binary that the workflow's service names, with `action`.

use std::path::PathBuf;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::process::Command;

use super::child;
use super::runner_files::RunnerFiles;
use super::{Backend, Control, End, Job};
use crate::log::Log;

/// Spawns binaries of one folder.
#[derive(Debug)]
pub(crate) struct Direct {
    pub(crate) bin_dir: PathBuf,
}

impl Backend for Direct {
    fn execute<'a>(&'a self, job: &'a Job, log: &'a Log, control: Control) -> BoxFuture<'a, End> {
        self.spawn(job, log, control).boxed()
    }
}

impl Direct {
    async fn spawn(&self, job: &Job, log: &Log, control: Control) -> End {
        let Some(service) = &job.workflow.service else {
            return End::NotStarted(format!(
                "'{}' sets up no service, so there is no binary to spawn; start the dispatcher \
                 with --backend act to run the file itself",
                job.workflow.file
            ));
        };
        let files = match RunnerFiles::make(&job.folder, &job.event_file).await {
            Ok(files) => files,
            Err(error) => {
                return End::NotStarted(format!(
                    "cannot make the folder '{}': {error}",
                    job.folder.display()
                ));
            }
        };
        let program = self.bin_dir.join(service);
        let mut command = Command::new(&program);
        command
            .arg("action")
            .env_clear()
            .envs(job.environment.iter().map(|(name, value)| (name, value)))
            .envs(files.environment())
            .current_dir(&files.workspace);
        match child::spawn(command) {
            Ok(child) => child::supervise(child, log, job.workflow.time_limit, control).await,
            Err(error) => End::NotStarted(format!(
                "cannot start '{}': {error}; build the service, or name its folder with --bin-dir",
                program.display()
            )),
        }
    }
}
