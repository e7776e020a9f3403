//! The linters, each of a pinned version: installed into `target/tools` where they aren't there yet.
//!
//! What lies on somebody's PATH is never used, so everybody's findings are the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{command, ui};

const ACTIONLINT: &str = "1.7.12";
const ZIZMOR: &str = "1.32.0";

/// What a linter came to; findings are an error.
pub(super) enum Outcome {
    /// It ran and found nothing.
    Clean(&'static str),
    /// It could not be installed.
    Skipped { tool: &'static str, why: String },
}

/// Runs each linter over the project.
pub(super) fn run_all(root: &Path) -> Result<[Outcome; 2]> {
    Ok([actionlint(root)?, zizmor(root)?])
}

fn actionlint(root: &Path) -> Result<Outcome> {
    let tool = "actionlint";
    let folder = root.join(format!("target/tools/actionlint-{ACTIONLINT}"));
    let program = folder.join(tool);
    if !program.is_file() {
        let mut install = Command::new("go");
        install
            .arg("install")
            .arg(format!(
                "github.com/rhysd/actionlint/cmd/actionlint@v{ACTIONLINT}"
            ))
            .env("GOBIN", &folder)
            // Settings of a module somewhere above are not this program's.
            .env("GOFLAGS", "-mod=mod")
            .current_dir(root);
        if let Err(why) = install_with(install) {
            return Ok(Outcome::Skipped { tool, why });
        }
    }
    // Whether a machine has these two must not change what is found.
    let flags = ["-shellcheck=", "-pyflakes=", "-no-color"];
    run(Command::new(&program).args(flags).current_dir(root), tool)
}

fn zizmor(root: &Path) -> Result<Outcome> {
    let tool = "zizmor";
    let folder = root.join(format!("target/tools/zizmor-{ZIZMOR}"));
    let program = folder.join("bin/zizmor");
    if !program.is_file() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&folder);
        let mut fill = Command::new(folder.join("bin/python"));
        fill.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .arg(format!("zizmor=={ZIZMOR}"));
        if let Err(why) = install_with(make).and_then(|()| install_with(fill)) {
            return Ok(Outcome::Skipped { tool, why });
        }
    }
    let flags = [
        "--offline",
        "--no-progress",
        "--quiet",
        "--persona",
        "pedantic",
        ".github",
    ];
    run(Command::new(&program).args(flags).current_dir(root), tool)
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

fn run(step: &mut Command, tool: &'static str) -> Result<Outcome> {
    ui::note(&format!("$ {}", command::shown(step)));
    let status = step.status().with_context(|| {
        format!(
            "cannot start '{}'",
            PathBuf::from(step.get_program()).display()
        )
    })?;
    if !status.success() {
        bail!("{tool} has findings: mend them, or suppress one in a line with its reason");
    }
    Ok(Outcome::Clean(tool))
}
