//! `broker check`: judges model files as a deployment would.

use crate::ui;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Judges each file; fails if any is refused or cannot be read.
pub(crate) fn run(files: &[PathBuf]) -> ExitCode {
    let mut all_good = true;
    for file in files {
        match check(file) {
            Ok(()) => ui::line(&format!("{}: ok", file.display())),
            Err(reason) => {
                all_good = false;
                ui::line(&format!("{}: {reason}", file.display()));
            }
        }
    }
    if all_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn check(file: &Path) -> Result<(), String> {
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read it: {error}"))?;
    let name = file
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    match bpmn::compile(&name, &bytes) {
        Ok(_) => Ok(()),
        // One line a file, whatever the number of problems.
        Err(refusal) => Err(refusal
            .to_string()
            .split('\n')
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ")),
    }
}
