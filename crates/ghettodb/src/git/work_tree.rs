//! git in a repository that a person works in: its configuration, and its merge of plain texts.
//! Nothing here touches commits or branches.

use super::process::{Output, base_command, run};
use crate::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long such a command may take; none of them waits for anything but the disk.
const LIMIT: Duration = Duration::from_secs(60);

/// The top folder of the work tree around `folder`.
pub(crate) fn top(folder: &Path) -> Result<PathBuf, Error> {
    let output = git(folder, &["rev-parse", "--show-toplevel"])?;
    match output.success() {
        true => Ok(PathBuf::from(output.stdout.trim_end_matches('\n'))),
        false => Err(output.into_error("rev-parse --show-toplevel")),
    }
}

/// Sets a key of the repository's own configuration; says whether it had another value.
pub(crate) fn configure(folder: &Path, key: &str, value: &str) -> Result<bool, Error> {
    let before = git(folder, &["config", "--local", "--get-all", key])?;
    if before.success() && before.stdout.strip_suffix('\n') == Some(value) {
        return Ok(false);
    }
    let output = git(folder, &["config", "--local", "--replace-all", key, value])?;
    match output.success() {
        true => Ok(true),
        false => Err(output.into_error("config")),
    }
}

/// Merges three files as texts, as git does by default: `ours` gets the result, with conflict
/// markers where both sides changed the same lines.
pub(crate) fn merge_as_text(base: &Path, ours: &Path, theirs: &Path) -> Result<(), Error> {
    let mut command = base_command();
    command
        .args([
            "merge-file",
            "-q",
            "-L",
            "ours",
            "-L",
            "base",
            "-L",
            "theirs",
            "--",
        ])
        .args([ours, base, theirs]);
    let output = run(command, LIMIT)?;
    // The exit code is the number of conflicts, at most 127; failures are 255.
    match output.code() {
        Some(0..=127) => Ok(()),
        _ => Err(output.into_error("merge-file")),
    }
}

fn git(folder: &Path, args: &[&str]) -> Result<Output, Error> {
    let mut command = base_command();
    command.arg("-C").arg(folder).args(args);
    run(command, LIMIT)
}
