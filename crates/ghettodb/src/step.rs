//! What a step of a workflow says to its runner: workflow commands in the log, outputs in a file. It
//! knows nothing of operations.
//!
//! A runner takes each line of a log for a command that looks like one. Between [`Step::begin`] and
//! the end nothing does: commands are switched off with a word that no text of others can know.

use crate::failure::Failure;
use crate::ui;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::process::ExitCode;
use uuid::Uuid;

/// A step that runs; its log holds no commands.
pub(crate) struct Step {
    /// Switches commands on again.
    word: String,
    /// The file for outputs, where there is a runner to read them.
    outputs: Option<File>,
}

impl Step {
    /// Switches commands off, and opens the file for outputs (`GITHUB_OUTPUT`): a step that could not
    /// tell what it did must not do it.
    pub(crate) fn begin() -> Result<Step, ExitCode> {
        let path = std::env::var_os("GITHUB_OUTPUT").filter(|path| !path.is_empty());
        let open = |path| OpenOptions::new().create(true).append(true).open(path);
        match path.map(open).transpose() {
            Ok(outputs) => {
                let word = Uuid::now_v7().simple().to_string();
                ui::line(format_args!("::stop-commands::{word}"));
                Ok(Step { word, outputs })
            }
            Err(error) => Err(annotate(&Failure::from(ghettodb::Error::Io {
                what: "cannot write the outputs to GITHUB_OUTPUT".to_owned(),
                source: error,
            }))),
        }
    }

    /// Shows a text of any kind.
    pub(crate) fn show(&self, text: &str) {
        ui::line(format_args!("{text}"));
    }

    /// Sets the output `result`; gives the exit code that belongs to the outcome.
    pub(crate) fn end(mut self, outcome: Result<Value, Failure>) -> ExitCode {
        let written = outcome.and_then(|value| {
            let value = value.to_string();
            self.show(&value);
            self.set_output("result", &value)
        });
        ui::line(format_args!("::{}::", self.word));
        match written {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => annotate(&failure),
        }
    }

    fn set_output(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let Some(file) = &mut self.outputs else {
            return Ok(());
        };
        // The value may hold any line but this one, which it cannot know.
        let delimiter = format!("ghadelimiter_{}", Uuid::now_v7().simple());
        file.write_all(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n").as_bytes())
            .map_err(|error| {
                Failure::from(ghettodb::Error::Io {
                    what:
                        "the operation is done, but its result cannot be written to GITHUB_OUTPUT"
                            .to_owned(),
                    source: error,
                })
            })
    }
}

/// Shows a failure as an annotation of the run, in one line.
fn annotate(failure: &Failure) -> ExitCode {
    let hint = failure.hint.map(|hint| format!("\nhint: {hint}"));
    ui::line(format_args!(
        "::error title={}::{}",
        property(&format!(
            "ghettodb failed (exit code {})",
            failure.exit_code
        )),
        data(&format!("{:#}{}", failure.error, hint.unwrap_or_default())),
    ));
    ExitCode::from(failure.exit_code)
}

/// Escapes what stands after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes the value of a property, which ends at a colon or comma.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_end_what_they_stand_in() {
        assert_eq!(
            data("50% off\r\n::set-env::x"),
            "50%25 off%0D%0A::set-env::x"
        );
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }
}
