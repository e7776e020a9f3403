//! The command `ghettodb`: the ten operations by hand. It parses arguments, runs one transaction and
//! prints; what an operation does is in the library.

mod cli;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(Some(result)) => ui::print(&result),
        Ok(None) => ExitCode::SUCCESS,
        Err(failure) => ui::fail(&failure),
    }
}
