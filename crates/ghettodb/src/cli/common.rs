//! What commands share: the repository and how to write to it, files and JSON that flags name.

use crate::failure::Failure;
use crate::ui;
use anyhow::Context as _;
use clap::Args;
use ghettodb::{Database, Options, Record, Scratch, parse_json, record_from};
use std::io::Read as _;
use std::path::Path;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;
use std::time::Duration;

/// What every command that works on a repository takes.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Repository: a URL, or the path of one on this machine.
    #[arg(
        long,
        global = true,
        env = "GHETTODB_REPO",
        value_name = "PATH-OR-URL",
        hide_env_values = true
    )]
    pub(super) repo: Option<String>,
    /// Branch that holds the data; without it, the repository's default branch.
    #[arg(long, global = true, env = "GHETTODB_BRANCH")]
    pub(super) branch: Option<String>,
    /// How long to try to push, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60)]
    pub(super) push_deadline: u64,
    /// Folder of local indexes, so that searches for equality in large tables are fast; it may be
    /// deleted at any time.
    #[cfg(feature = "sqlite")]
    #[arg(long, global = true, env = "GHETTODB_CACHE", value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

impl Common {
    pub(super) fn repo(&self) -> Result<&str, Failure> {
        // A variable that is set from nothing is there, and empty.
        let repo = self.repo.as_deref().filter(|repo| !repo.is_empty());
        repo.context("--repo is missing, and GHETTODB_REPO is not set")
            .map_err(Failure::usage)
    }

    /// Prints what a cache had to say for itself.
    pub(super) fn tell(&self, note: Option<String>) {
        if let Some(note) = note {
            ui::complain(format_args!("{note}"));
        }
    }

    /// For commands that read or write a few records.
    pub(super) fn open(&self) -> Result<Database, Failure> {
        self.open_in(Scratch::Memory)
    }

    /// For commands that go through a history, or bring or fetch many records.
    pub(super) fn open_large(&self) -> Result<Database, Failure> {
        self.open_in(Scratch::Disk)
    }

    fn open_in(&self, scratch: Scratch) -> Result<Database, Failure> {
        Ok(Database::open(Options {
            scratch,
            branch: self.branch.clone(),
            push_deadline: Duration::from_secs(self.push_deadline),
            #[cfg(feature = "sqlite")]
            cache: self.cache.clone(),
            ..Options::new(self.repo()?)
        })?)
    }
}

/// The text of a file that a flag names, `-` being standard input.
pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    match file.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text).map(drop),
        _ => std::fs::read_to_string(file).map(|read| text = read),
    }
    .with_context(|| format!("cannot read \"{}\"", file.display()))?;
    Ok(text)
}

/// The JSON object that a flag holds.
pub(super) fn object(flag: &'static str, text: Option<&str>) -> Result<Option<Record>, Failure> {
    let Some(text) = text else {
        return Ok(None);
    };
    let value = parse_json(text)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("{flag} is no JSON"))
        .map_err(Failure::usage)?;
    let record = record_from(value)
        .with_context(|| flag)
        .map_err(Failure::usage)?;
    Ok(Some(record))
}
