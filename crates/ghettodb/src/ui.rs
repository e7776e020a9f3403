//! What the command prints: the result as JSON on standard output, everything else on standard error.

use crate::failure::Failure;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Prints a result; a reader that went away is no error.
pub(crate) fn print(result: &serde_json::Value) -> ExitCode {
    match writeln!(std::io::stdout(), "{result:#}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(format_args!("cannot print the result: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Prints one of several results on a line of its own, at once; says whether there is still a reader.
pub(crate) fn print_line(result: &serde_json::Value) -> std::io::Result<bool> {
    let mut stdout = std::io::stdout().lock();
    let printed = writeln!(stdout, "{result}").and_then(|()| stdout.flush());
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        printed => printed.map(|()| true),
    }
}

/// Prints a failure and its hint; gives the exit code that belongs to it.
pub(crate) fn fail(failure: &Failure) -> ExitCode {
    complain(format_args!("{:#}", failure.error));
    if let Some(hint) = failure.hint {
        write_line(format_args!("hint: {hint}"));
    }
    ExitCode::from(failure.exit_code)
}

/// Prints one line of a log; a reader that went away is no error.
pub(crate) fn line(text: std::fmt::Arguments<'_>) {
    writeln!(std::io::stdout(), "{text}").ok();
}

/// Prints one line about a thing that does not stop the command.
pub(crate) fn complain(text: std::fmt::Arguments<'_>) {
    write_line(format_args!("ghettodb: {text}"));
}

fn write_line(text: std::fmt::Arguments<'_>) {
    // Where standard error is closed, nobody is there to be told.
    writeln!(std::io::stderr(), "{text}").ok();
}
