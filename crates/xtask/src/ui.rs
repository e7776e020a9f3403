//! The only printer of the chores: results to standard output, everything else to standard error.

use std::io::Write;

/// Prints a line of a result. A reader that went away is no error.
pub(crate) fn line(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints a line about the work itself.
pub(crate) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
