//! The command line: what all commands share, and which command is which. What a command does stands
//! in a file of its own.

mod action;
mod compact;
mod diff;
mod export;
mod find;
mod fsck;
mod get;
mod history;
mod import;
mod merge_driver;
mod operations;
mod reshard;
mod restore;
mod schema;
mod transaction;
mod watch;

use crate::ui;
use anyhow::{Context as _, anyhow};
use clap::{Args, Parser, Subcommand};
use ghettodb::{Database, Error, Options, Record, Scratch, parse_json, record_from};
use serde_json::Value;
use std::io::Read as _;
use std::path::Path;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A JSON database that lives in git: one operation, one commit, pushed.
///
/// The result is JSON on standard output. Exit codes: 0 done, 1 fault, 2 usage, 3 a condition
/// or rule does not hold, 5 the push deadline passed, 6 the push was refused.
#[derive(Debug, Parser)]
#[command(name = "ghettodb", version = build_info::VERSION)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Entry,
}

/// A command that gives a result to print, or the one that speaks to a runner instead.
#[derive(Debug, Subcommand)]
enum Entry {
    #[command(flatten)]
    Command(Command),
    /// Does what the step of a GitHub workflow asks for in INPUT_OPERATION, INPUT_TABLE and so on.
    Action(action::Action),
}

/// What every command that works on a repository takes.
#[derive(Debug, Args)]
struct Common {
    /// Repository: a URL, or the path of one on this machine.
    #[arg(
        long,
        global = true,
        env = "GHETTODB_REPO",
        value_name = "PATH-OR-URL",
        hide_env_values = true
    )]
    repo: Option<String>,
    /// Branch that holds the data; without it, the repository's default branch.
    #[arg(long, global = true, env = "GHETTODB_BRANCH")]
    branch: Option<String>,
    /// How long to try to push, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60)]
    push_deadline: u64,
    /// Folder of local indexes, so that searches for equality in large tables are fast; it may be
    /// deleted at any time.
    #[cfg(feature = "sqlite")]
    #[arg(long, global = true, env = "GHETTODB_CACHE", value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

impl Common {
    fn repo(&self) -> Result<&str, Failure> {
        // A variable that is set from nothing is there, and empty.
        let repo = self.repo.as_deref().filter(|repo| !repo.is_empty());
        repo.context("--repo is missing, and GHETTODB_REPO is not set")
            .map_err(Failure::usage)
    }

    /// Prints what a cache had to say for itself.
    fn tell(&self, note: Option<String>) {
        if let Some(note) = note {
            ui::complain(format_args!("{note}"));
        }
    }

    /// For commands that read or write a few records.
    fn open(&self) -> Result<Database, Failure> {
        self.open_in(Scratch::Memory)
    }

    /// For commands that go through a history, or bring or fetch many records.
    fn open_large(&self) -> Result<Database, Failure> {
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

// The ten operations are named as in the original GhettoHub DB.
#[derive(Debug, Subcommand)]
#[command(rename_all = "lower")]
enum Command {
    /// Makes an empty bare repository, unless there is one.
    Init(operations::Init),
    /// Gives the first record that matches, or null.
    FindOne(find::Find),
    /// Gives all records that match.
    FindMany(find::FindMany),
    /// Gives the number of records that match.
    Count(find::Count),
    /// Updates the record that matches, or inserts one.
    Upsert(operations::Write),
    /// Updates the first record that matches; gives it, or null.
    UpdateOne(operations::Write),
    /// Updates all records that match; gives them.
    UpdateMany(operations::Write),
    /// Deletes the first record that matches; gives it, or null.
    DeleteOne(operations::Write),
    /// Deletes all records that match; gives them.
    DeleteMany(operations::Write),
    /// Deletes a table.
    DropTable(operations::Write),
    /// Deletes all tables.
    DropDb(operations::Write),
    /// Runs several operations on several tables as one commit, all or nothing.
    Transaction(transaction::Transaction),
    /// Squashes old history into one commit; the old tip is tagged.
    Compact(compact::Compact),
    /// Gives a record by its `_id`, or null; as it is, or as it was.
    Get(get::Get),
    /// Lists the commits that changed a record, newest first.
    History(history::History),
    /// Lists the records and fields that differ between two places of the history.
    Diff(diff::Diff),
    /// Puts a record, or a table, back as it was.
    Restore(restore::Restore),
    /// Prints changes as they arrive, one line each.
    Watch(watch::Watch),
    /// Exports tables as NDJSON, CSV or a SQLite database.
    Export(export::Export),
    /// Imports the records of a file as one commit, all or nothing.
    Import(import::Import),
    /// Merges a record's file by field, as git's merge driver; --install makes it that.
    #[command(name = "merge-driver")]
    MergeDriver(merge_driver::MergeDriver),
    /// Shows, sets or removes the rules of a table: its JSON Schema and unique fields.
    Schema(schema::Schema),
    /// Moves the files of a table to the other layout, in one commit.
    Reshard(reshard::Reshard),
    /// Names every problem of the tip; exit code 1 if an error is left.
    Fsck(fsck::Fsck),
}

/// Why the command ends without a result.
pub(crate) struct Failure {
    pub(crate) error: anyhow::Error,
    pub(crate) hint: Option<&'static str>,
    pub(crate) exit_code: u8,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure {
            hint: error.hint(),
            exit_code: error.exit_code(),
            // Its text holds its cause already.
            error: anyhow::Error::msg(error.to_string()),
        }
    }
}

impl Failure {
    fn fault(error: impl Into<anyhow::Error>) -> Self {
        Failure {
            error: error.into(),
            hint: None,
            exit_code: 1,
        }
    }

    fn usage(error: anyhow::Error) -> Self {
        Failure {
            error,
            hint: Some("see `ghettodb --help`"),
            exit_code: 2,
        }
    }
}

/// Runs the command of this process and prints what it gives.
pub(crate) fn run() -> ExitCode {
    let outcome = match Arguments::try_parse() {
        Ok(Arguments {
            common,
            command: Entry::Action(action),
        }) => return action.run(common),
        Ok(Arguments {
            common,
            command: Entry::Command(command),
        }) => execute(command, common),
        Err(error) if error.use_stderr() => Err(Failure::usage(anyhow!(usage_line(&error)))),
        // Help or version, for standard output.
        Err(error) => error.exit(),
    };
    match outcome {
        Ok(Some(result)) => ui::print(&result),
        Ok(None) => ExitCode::SUCCESS,
        Err(failure) => ui::fail(&failure),
    }
}

/// What the parser of the command line says, without its help, in one line.
fn usage_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let said: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let line = said.join("; ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// Gives the result of a command, if it has one beside what it has printed.
fn execute(command: Command, common: Common) -> Result<Option<Value>, Failure> {
    use operations::Operation;
    let result = match command {
        Command::Init(init) => init.run(&common),
        Command::FindOne(find) => find.one(&common),
        Command::FindMany(find) => find.run(&common),
        Command::Count(count) => count.run(&common),
        Command::Upsert(write) => write.run(Operation::Upsert, &common),
        Command::UpdateOne(write) => write.run(Operation::UpdateOne, &common),
        Command::UpdateMany(write) => write.run(Operation::UpdateMany, &common),
        Command::DeleteOne(write) => write.run(Operation::DeleteOne, &common),
        Command::DeleteMany(write) => write.run(Operation::DeleteMany, &common),
        Command::DropTable(write) => write.run(Operation::DropTable, &common),
        Command::DropDb(write) => write.run(Operation::DropDb, &common),
        Command::Transaction(transaction) => transaction.run(&common),
        Command::Schema(schema) => schema.run(&common),
        Command::Reshard(reshard) => reshard.run(&common),
        Command::Fsck(fsck) => fsck.run(&common),
        Command::Compact(compact) => compact.run(&common),
        Command::Get(get) => get.run(&common),
        Command::History(history) => history.run(&common),
        Command::Diff(diff) => diff.run(&common),
        Command::Restore(restore) => restore.run(&common),
        Command::Watch(watch) => return watch.run(&common).map(|()| None),
        Command::Import(import) => import.run(&common),
        Command::Export(export) => return export.run(&common),
        Command::MergeDriver(driver) => return driver.run(),
    };
    result.map(Some)
}

/// The text of a file that a flag names, `-` being standard input.
fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    match file.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text).map(drop),
        _ => std::fs::read_to_string(file).map(|read| text = read),
    }
    .with_context(|| format!("cannot read \"{}\"", file.display()))?;
    Ok(text)
}

/// The JSON object that a flag holds.
fn object(flag: &'static str, text: Option<&str>) -> Result<Option<Record>, Failure> {
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
