//! What a story's programs find around them: a copy of the project's workflow files that was changed on
//! purpose, and a trap on the PATH.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The folders of the project that a store reads.
const FOLDERS: [&str; 2] = ["workflows", ".github"];
/// The line that lets more than one run of a group wait.
const QUEUE: &str = "queue: max";

/// Copies models and workflow files to `to`: all that a run reads of a checkout, which act copies for each.
pub(super) fn copy(root: &Path, to: &Path) -> Result<()> {
    FOLDERS
        .iter()
        .try_for_each(|folder| copy_all(&root.join(folder), &to.join(folder)))
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let read = || format!("cannot read '{}'", from.display());
    let write = || format!("cannot write '{}'", to.display());
    if !from.is_dir() {
        // Keeps the mode of scripts.
        return std::fs::copy(from, to).with_context(write).map(drop);
    }
    std::fs::create_dir_all(to).with_context(write)?;
    for entry in std::fs::read_dir(from).with_context(read)? {
        let entry = entry.with_context(read)?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Takes the line `queue: max` out of the workflow files of a copy.
pub(super) fn take_out_queues(copy: &Path) -> Result<()> {
    let folder = copy.join(".github/workflows");
    let shown = || format!("cannot change the files in '{}'", folder.display());
    let mut left_out = 0;
    for entry in std::fs::read_dir(&folder).with_context(shown)? {
        let path = entry.with_context(shown)?.path();
        let (kept, left) = unqueued(&std::fs::read_to_string(&path).with_context(shown)?);
        std::fs::write(&path, kept).with_context(shown)?;
        left_out += left;
    }
    ensure!(left_out > 0, "no workflow file has a line '{QUEUE}'");
    Ok(())
}

/// A workflow file without its queues, and how many those were.
fn unqueued(text: &str) -> (String, usize) {
    let is_queue = |line: &&str| line.trim() == QUEUE;
    let kept = text.lines().filter(|line| !is_queue(line));
    let kept = kept.flat_map(|line| [line, "\n"]).collect();
    (kept, text.lines().filter(is_queue).count())
}

/// A `touch` that says what it was called with.
pub(super) struct Wire {
    /// Where it says so: a line a call; not there before the first.
    pub(super) said: PathBuf,
    /// The PATH that leads to it.
    pub(super) path: OsString,
}

impl Wire {
    /// Lays it in a folder, before what else is on the PATH.
    pub(super) fn lay(folder: &Path) -> Result<Self> {
        let write = || format!("cannot write in '{}'", folder.display());
        let (bin, said) = (folder.join("bin"), folder.join("touched"));
        std::fs::create_dir_all(&bin).with_context(write)?;
        let touch = bin.join("touch");
        let script = format!("#!/bin/sh\necho \"$*\" >> '{}'\n", said.display());
        std::fs::write(&touch, script).with_context(write)?;
        std::fs::set_permissions(&touch, PermissionsExt::from_mode(0o755)).with_context(write)?;
        let before = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(bin).chain(std::env::split_paths(&before));
        let path = std::env::join_paths(folders).context("a folder's name holds a colon")?;
        Ok(Self { said, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_go_and_the_rest_stays() {
        let text = "concurrency:\n  group: g # queue: max\n  queue: max\njobs: {}\n";
        let kept = "concurrency:\n  group: g # queue: max\njobs: {}\n";
        assert_eq!(unqueued(text), (kept.to_owned(), 1));
    }

    #[test]
    fn the_project_s_files_are_copied_without_queues() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = tempfile::tempdir().unwrap();
        copy(&root, folder.path()).unwrap();
        take_out_queues(folder.path()).unwrap();
        assert!(take_out_queues(folder.path()).is_err());
        let inventory = folder.path().join(".github/workflows/inventory.yml");
        let text = std::fs::read_to_string(inventory).unwrap();
        assert!(text.contains("group: inventory-") && !text.contains("  queue:"));
        assert!(
            folder
                .path()
                .join("workflows/order-fulfilment.bpmn")
                .is_file()
        );
        assert!(
            folder
                .path()
                .join(".github/actions/setup-service/setup.sh")
                .is_file()
        );
    }

    #[test]
    fn a_wire_tells_of_a_name_that_reached_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        let wire = Wire::lay(folder.path()).unwrap();
        let shell = |text: &str| {
            let mut sh = std::process::Command::new("sh");
            sh.args(["-c", text]).env("PATH", &wire.path);
            sh.current_dir(folder.path()).status().unwrap();
        };
        shell("echo '$(touch pwned)'");
        assert!(!wire.said.exists());
        shell("echo \"$(touch pwned)\"");
        assert_eq!(std::fs::read_to_string(&wire.said).unwrap(), "pwned\n");
    }
}
