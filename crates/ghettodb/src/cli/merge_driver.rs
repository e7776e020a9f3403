//! `merge-driver`: merges one record's file for git, or makes itself git's merge driver in a
//! repository.

use crate::failure::Failure;
use anyhow::{Context as _, anyhow};
use clap::Args;
use ghettodb::{MergeOutcome, install_merge_driver, merge_files};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What `merge-driver` takes.
#[derive(Debug, Args)]
pub(super) struct MergeDriver {
    /// File with the version that both sides started from (git's %O).
    #[arg(required_unless_present = "install")]
    base: Option<PathBuf>,
    /// File with our version (git's %A); the result goes there.
    #[arg(required_unless_present = "install")]
    ours: Option<PathBuf>,
    /// File with their version (git's %B).
    #[arg(required_unless_present = "install")]
    theirs: Option<PathBuf>,
    /// Path of the file in the repository (git's %P), for messages.
    #[arg(long)]
    path: Option<String>,
    /// Makes this program the merge driver of `db/**/*.json` in a repository with a work tree.
    #[arg(long, conflicts_with_all = ["base", "ours", "theirs", "path"])]
    install: bool,
    /// A folder of that repository.
    #[arg(long, requires = "install", default_value = ".")]
    repo_dir: PathBuf,
}

impl MergeDriver {
    /// Git shows what a driver prints, so a clean merge has no result to print.
    pub(super) fn run(&self) -> Result<Option<Value>, Failure> {
        let (Some(base), Some(ours), Some(theirs)) = (&self.base, &self.ours, &self.theirs) else {
            return self.install().map(Some);
        };
        let path = match &self.path {
            Some(path) => path.clone(),
            None => ours.display().to_string(),
        };
        let conflict = |error| Failure {
            error,
            hint: Some("mend the file, then `git add` it; `git merge --abort` gives up"),
            exit_code: 1,
        };
        match merge_files(base, ours, theirs, &path)? {
            MergeOutcome::Clean => Ok(None),
            MergeOutcome::Conflicts(fields) => Err(conflict(anyhow!(
                "{path}: both sides changed {}",
                fields.join(", ")
            ))),
            MergeOutcome::AsText(error) => Err(conflict(
                anyhow::Error::from(error).context("merged as text, not by field"),
            )),
        }
    }

    fn install(&self) -> Result<Value, Failure> {
        let program = std::env::current_exe()
            .context("cannot find this program's own file")
            .map_err(Failure::usage)?;
        let installed = install_merge_driver(&self.repo_dir, &program)?;
        Ok(json!({
            "work_tree": installed.work_tree,
            "configured": installed.configured,
            "attributed": installed.attributed,
        }))
    }
}
