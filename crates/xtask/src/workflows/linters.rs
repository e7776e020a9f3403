//! The linters that GitHub's users trust, run over the project.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{self, ACTIONLINT, Tool, ZIZMOR};
use crate::{command, ui};

/// Runs each linter; says why, where one cannot be had. On a CI that is an error, as findings always are.
pub(super) fn run_all(root: &Path) -> Result<()> {
    // Whether a machine has these two must not change what is found.
    let alone = ["-shellcheck=", "-pyflakes=", "-no-color"];
    run(root, &ACTIONLINT, &alone)?;
    let pedantic = [
        "--offline",
        "--no-progress",
        "--quiet",
        "--persona",
        "pedantic",
        ".github",
    ];
    run(root, &ZIZMOR, &pedantic)
}

fn run(root: &Path, tool: &Tool, flags: &[&str]) -> Result<()> {
    let program = match tool.get(root) {
        Ok(program) => program,
        Err(why) => {
            ui::line(&tools::skipped(tool.name, &why)?);
            return Ok(());
        }
    };
    let mut step = Command::new(&program);
    step.args(flags).current_dir(root);
    ui::note(&format!("$ {}", command::shown(&step)));
    let status = step
        .status()
        .with_context(|| format!("cannot start '{}'", program.display()))?;
    if !status.success() {
        bail!(
            "{} has findings: mend them, or suppress one in a line with its reason",
            tool.name
        );
    }
    ui::line(&format!("{}: nothing to report", tool.name));
    Ok(())
}
