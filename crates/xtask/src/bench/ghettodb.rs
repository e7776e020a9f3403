//! `cargo xtask bench ghettodb`: builds the database and its measuring program for release, and runs
//! that; what is measured is told by the program itself.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{command, demo};

/// Builds and measures; the exit code is 1 where what must be so is not.
pub(crate) fn run(root: &Path, words: &[String]) -> Result<ExitCode> {
    let build = ["build", "--release", "--package", "ghettodb"];
    let parts = ["--bin", "ghettodb", "--example", "bench"];
    command::run(command::cargo(root, &[&build[..], &parts].concat()))?;
    let mut bench = Command::new(demo::binary(root, "release/examples", "bench")?);
    bench
        .args(words)
        .arg("--program")
        .arg(demo::binary(root, "release", "ghettodb")?)
        // git as it comes, not as somebody likes it.
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("NO_PROXY", "127.0.0.1");
    let status = bench
        .status()
        .context("cannot start the measuring program")?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
