//! What git itself says of a repository's objects.

use super::Remote;
use super::process::{git_command, run};
use crate::Error;
use crate::redact::redact;
use std::time::Duration;

/// How long `git fsck` may take: it reads every object.
const LIMIT: Duration = Duration::from_secs(1800);

impl Remote {
    /// The complaints of `git fsck`, a line each; none where the remote is not on this machine.
    pub(crate) fn check_objects(&self) -> Result<Vec<String>, Error> {
        let Some(shared) = &self.shared else {
            return Ok(Vec::new());
        };
        let mut command = git_command();
        command.arg("--git-dir").arg(shared.repo().common_dir());
        command.args(["fsck", "--strict", "--no-dangling", "--no-progress"]);
        let output = run(command, LIMIT)?;
        if output.timed_out {
            return Err(output.into_error("fsck"));
        }
        let lines = output.stdout.lines().chain(output.stderr.lines());
        // Notices tell of branches without commits, which is no fault.
        let mut lines: Vec<String> = lines
            .filter(|line| !line.trim().is_empty() && !line.starts_with("notice: "))
            .map(redact)
            .collect();
        if lines.is_empty() && !output.success() {
            lines.push("git fsck failed and said nothing".to_owned());
        }
        Ok(lines)
    }
}
