//! The figures of the database: ours and a baseline, measured in the same run on this machine.
//!
//! `cargo xtask bench ghettodb CHORE` builds it and runs it. Speeds are told with their aims and
//! judge nothing; a claim of correctness that fails makes the exit code 1.

mod batch;
mod commit;
mod concurrent;
mod find;
#[path = "../../tests/support/http_server.rs"]
mod http_server;
mod import;
mod oneshot;
mod report;
mod repository;
mod timing;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use tempfile::TempDir;

/// Measures the database against git on this machine.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench ghettodb")]
struct Arguments {
    /// What to measure.
    #[command(subcommand)]
    chore: Chore,
    /// How often; the figures are medians.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// The command `ghettodb`; without it, the one that was built beside this program.
    #[arg(long, global = true, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Many writers at once: what is lost, and what waiting for each other costs.
    Concurrent(concurrent::Settings),
    /// One write by a new process on 10,000 records, against git with a checkout.
    Oneshot,
    /// A commit without its push, against git's plumbing.
    Commit(commit::Settings),
    /// 10,000 records in one commit, against `git fast-import`.
    Import,
    /// A search in 10,000 records, against `git grep` and `git cat-file`.
    Find,
    /// A transaction of 100 operations, against one of one.
    Batch,
    /// All of them, as they stand in the documentation.
    All,
    /// One write of `concurrent --processes`.
    #[command(hide = true)]
    WriteOnce(concurrent::WriteOnce),
}

/// What every chore needs.
struct Bench {
    repeats: usize,
    /// The command that is measured.
    program: PathBuf,
    /// Goes with all that was measured on.
    scratch: TempDir,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Chore::WriteOnce(write) = &arguments.chore {
        return write.run().map(|()| ExitCode::SUCCESS);
    }
    let program = match arguments.program {
        Some(program) => program,
        None => program_beside_us()?,
    };
    let bench = Bench {
        repeats: arguments.repeats.into(),
        program,
        scratch: tempfile::tempdir().context("no temporary folder to measure in")?,
    };
    report::machine()?;
    let reports = match arguments.chore {
        Chore::Concurrent(settings) => vec![concurrent::run(&bench, &settings)?],
        Chore::Oneshot => vec![oneshot::run(&bench)?],
        Chore::Commit(settings) => vec![commit::run(&bench, &settings)?],
        Chore::Import => vec![import::run(&bench)?],
        Chore::Find => vec![find::run(&bench)?],
        Chore::Batch => vec![batch::run(&bench)?],
        Chore::All => all(&bench)?,
        Chore::WriteOnce(_) => Vec::new(),
    };
    report::print(&reports)?;
    Ok(match reports.iter().all(Report::holds) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn all(bench: &Bench) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for settings in concurrent::Settings::all() {
        reports.push(concurrent::run(bench, &settings)?);
    }
    reports.push(oneshot::run(bench)?);
    reports.push(commit::run(bench, &commit::Settings::default())?);
    reports.push(import::run(bench)?);
    reports.push(find::run(bench)?);
    reports.push(batch::run(bench)?);
    Ok(reports)
}

/// Cargo puts examples one folder below the programs.
fn program_beside_us() -> Result<PathBuf> {
    let own = std::env::current_exe().context("where is this program?")?;
    let folder = own.parent().and_then(|folder| folder.parent());
    let program = folder.map(|folder| folder.join("ghettodb"));
    program
        .filter(|program| program.is_file())
        .context("no command `ghettodb` beside this program: build it, or name it by --program")
}
