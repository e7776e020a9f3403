//! Programs of others, each of a pinned version: installed into `target/tools` where they aren't there yet.
//!
//! What lies on somebody's PATH is never used, so everybody's findings are the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::{command, ui};

/// A program, and where its registry has it.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    version: &'static str,
    source: Source,
}

enum Source {
    /// A package of the Go module proxy.
    Go(&'static str),
    /// The package of that name on PyPI.
    Python,
}

/// Checks workflow files.
pub(crate) const ACTIONLINT: Tool = Tool {
    name: "actionlint",
    version: "1.7.12",
    source: Source::Go("github.com/rhysd/actionlint/cmd/actionlint"),
};
/// Finds what is unsafe in workflow files.
pub(crate) const ZIZMOR: Tool = Tool {
    name: "zizmor",
    version: "1.32.0",
    source: Source::Python,
};
/// Runs workflow files.
pub(crate) const ACT: Tool = Tool {
    name: "act",
    version: "0.2.89",
    source: Source::Go("github.com/nektos/act"),
};

impl Tool {
    /// The program, installed if it wasn't; else why it cannot be had.
    pub(crate) fn get(&self, root: &Path) -> Result<PathBuf, String> {
        let folder = root.join(format!("target/tools/{}-{}", self.name, self.version));
        let program = match self.source {
            Source::Go(_) => folder.join(self.name),
            Source::Python => folder.join("bin").join(self.name),
        };
        if program.is_file() {
            return Ok(program);
        }
        match self.source {
            Source::Go(package) => {
                let mut install = Command::new("go");
                install
                    .arg("install")
                    .arg(format!("{package}@v{}", self.version))
                    .env("GOBIN", &folder)
                    // Settings of a module somewhere above are not this program's.
                    .env("GOFLAGS", "-mod=mod")
                    .current_dir(root);
                install_with(install)?;
            }
            Source::Python => {
                let mut make = Command::new("python3");
                make.args(["-m", "venv"]).arg(&folder);
                install_with(make)?;
                let mut fill = Command::new(folder.join("bin/python"));
                fill.args(["-m", "pip", "install", "--quiet"])
                    .arg("--disable-pip-version-check")
                    .arg(format!("{}=={}", self.name, self.version));
                install_with(fill)?;
            }
        }
        Ok(program)
    }
}

/// What is said of something that cannot be run here; on a CI, which must run all, that is an error.
pub(crate) fn skipped(what: &str, why: &str) -> Result<String> {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    skipped_on(is_ci, what, why)
}

fn skipped_on(is_ci: bool, what: &str, why: &str) -> Result<String> {
    if is_ci {
        bail!("{what} cannot be run, and a CI must: {why}");
    }
    Ok(format!("{what}: skipped: {why}"))
}

/// Runs a step of an installation; says what is missing in words for whoever reads that it was skipped.
fn install_with(mut step: Command) -> Result<(), String> {
    let shown = command::shown(&step);
    ui::note(&format!("$ {shown}"));
    let output = step.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`{shown}` cannot be started ({error})"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.trim().lines().last().unwrap_or_default().to_owned();
    Err(format!("`{shown}` failed: {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_skipped_and_on_a_ci_an_error() {
        let words = skipped_on(false, "actionlint", "there is no go").unwrap();
        assert_eq!(words, "actionlint: skipped: there is no go");
        let error = skipped_on(true, "actionlint", "there is no go").unwrap_err();
        assert_eq!(
            error.to_string(),
            "actionlint cannot be run, and a CI must: there is no go"
        );
    }

    #[test]
    fn what_is_installed_already_is_not_installed_again() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("target/tools/act-0.2.89/act");
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::write(&program, "").unwrap();
        assert_eq!(ACT.get(root.path()), Ok(program));
    }
}
