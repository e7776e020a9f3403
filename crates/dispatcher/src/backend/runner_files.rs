//! The folder of one attempt: workspace, event file, and the files that a step writes to.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The files that a runner gives to a step, all in one folder.
pub(super) struct RunnerFiles {
    pub(super) workspace: PathBuf,
    folder: PathBuf,
}

impl RunnerFiles {
    pub(super) async fn make(folder: &Path, event: &Value) -> std::io::Result<RunnerFiles> {
        remove(folder).await;
        let files = RunnerFiles {
            workspace: folder.join("workspace"),
            folder: folder.to_owned(),
        };
        tokio::fs::create_dir_all(&files.workspace).await?;
        tokio::fs::create_dir_all(folder.join("temp")).await?;
        tokio::fs::create_dir_all(folder.join("tools")).await?;
        tokio::fs::write(folder.join("event.json"), serde_json::to_vec_pretty(event)?).await?;
        for name in ["output", "summary", "env", "path", "state"] {
            tokio::fs::write(folder.join(name), b"").await?;
        }
        Ok(files)
    }

    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 9] {
        [
            ("GITHUB_WORKSPACE", self.workspace.clone()),
            ("RUNNER_TEMP", self.folder.join("temp")),
            ("GITHUB_EVENT_PATH", self.folder.join("event.json")),
            ("GITHUB_OUTPUT", self.folder.join("output")),
            ("GITHUB_STEP_SUMMARY", self.folder.join("summary")),
            ("GITHUB_ENV", self.folder.join("env")),
            ("GITHUB_PATH", self.folder.join("path")),
            ("GITHUB_STATE", self.folder.join("state")),
            ("RUNNER_TOOL_CACHE", self.folder.join("tools")),
        ]
    }
}

/// Where an attempt's step writes its job summary.
pub(super) fn summary(folder: &Path) -> PathBuf {
    folder.join("summary")
}

pub(super) async fn remove(folder: &Path) {
    match tokio::fs::remove_dir_all(folder).await {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "a run's folder could not be removed");
        }
    }
}
