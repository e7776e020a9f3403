//! The command line of this process: read, carried out, and its result or failure printed.

mod action;
mod command;
mod common;
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

use crate::failure::Failure;
use crate::ui;
use clap::{Parser, Subcommand};
use command::{Command, execute};
use common::Common;
use std::process::ExitCode;

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
        Err(error) if error.use_stderr() => Err(Failure::of_arguments(&error)),
        // Help or version, for standard output.
        Err(error) => error.exit(),
    };
    match outcome {
        Ok(Some(result)) => ui::print(&result),
        Ok(None) => ExitCode::SUCCESS,
        Err(failure) => ui::fail(&failure),
    }
}
