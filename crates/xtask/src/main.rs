//! The project's own chores: what a newcomer and the CI type.
//!
//! Each chore is a plain function in a file of its own; `flags` is the help. Nothing of the
//! shop is linked in here (`feel` is, for its conformance run, and `bpmn`, which draws), so that it starts in seconds.

mod bench;
mod command;
mod demo;
mod dependencies;
mod e2e;
mod feel;
mod flags;
mod licences;
mod metadata;
mod pictures;
mod process;
mod release;
mod store;
mod test;
mod tidy;
mod tools;
mod ui;
mod workflows;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use flags::Chore;

fn main() -> ExitCode {
    let chore = match flags::parse(std::env::args().skip(1)) {
        Ok(chore) => chore,
        Err(error) => {
            ui::note(&format!("error: {error}\n\n{}", flags::HELP));
            return ExitCode::from(2);
        }
    };
    match run(chore) {
        Ok(code) => code,
        Err(error) => {
            ui::note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<ExitCode> {
    match chore {
        Chore::Help => ui::line(flags::HELP),
        Chore::Test { quick } => test::run(&project_root()?, quick)?,
        Chore::Demo { flags } => match demo::run(&project_root()?, &flags)? {},
        Chore::Pictures => pictures::run(&project_root()?)?,
        Chore::LintWorkflows => workflows::run(&project_root()?)?,
        Chore::Feel => {
            feel::run(std::io::stdin().lock(), std::io::stdout().lock())
                .context("the conversation on standard input and output broke off")?;
        }
        Chore::Release(order) => release::run(&project_root()?, &order)?,
        Chore::EndToEnd(order) => return e2e::run(&project_root()?, &order),
        Chore::Bench { seconds, orders } => bench::run(&project_root()?, seconds, orders)?,
        Chore::BenchGhettodb { words } => return bench::ghettodb::run(&project_root()?, &words),
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of the workspace, wherever in it the chore was called.
fn project_root() -> Result<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .context("CARGO_MANIFEST_DIR is not set: start the chores by `cargo xtask`")?;
    let root = PathBuf::from(manifest).join("../..");
    root.canonicalize()
        .with_context(|| format!("cannot find the workspace at '{}'", root.display()))
}
