//! The command `ghettodb`: the ten operations by hand. It parses arguments, runs one transaction and
//! prints; what an operation does is in the library.

mod cli;
mod failure;
mod step;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
