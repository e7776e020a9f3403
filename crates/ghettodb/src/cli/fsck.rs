//! `ghettodb fsck`: the problems of the tip, mended where asked and safe, and proof of keys.

use super::common::{Common, read};
use crate::failure::Failure;
use crate::ui;
use anyhow::{Context as _, anyhow};
use clap::Args;
use ghettodb::{Problem, Severity, parse_json};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What a check takes.
#[derive(Debug, Args)]
pub(super) struct Fsck {
    /// Mends, in one commit, what can be mended without losing a word.
    #[arg(long)]
    fix: bool,
    /// File of acknowledged idempotency keys, `-` for standard input: a key a line, as it is or as a
    /// JSON text. Each one's record must have been added exactly once in the history of the branch.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl Fsck {
    pub(super) fn run(self, common: &Common) -> Result<Value, Failure> {
        let keys = match &self.keys {
            Some(file) => {
                let text = read(file).map_err(Failure::usage)?;
                Some(keys(&text, &file.display().to_string()).map_err(Failure::usage)?)
            }
            None => None,
        };
        let mut database = common.open_large()?;
        let mended = match self.fix {
            true => Some(database.mend()?),
            false => None,
        };
        let mut report = database.fsck()?;
        if let Some(keys) = &keys {
            report.problems.extend(database.prove_keys(keys)?);
        }
        let list = |problems: &[Problem]| problems.iter().map(Problem::to_json).collect::<Value>();
        let mut result = json!({
            "ok": report.is_ok(),
            "problems": list(&report.problems),
            "records": report.records,
            "tables": report.tables,
        });
        if let Some(keys) = keys {
            result["keys"] = keys.len().into();
        }
        if let Some(mended) = mended {
            result["mended"] = list(&mended.problems);
            result["commit"] = mended.commit.into();
        }
        if report.is_ok() {
            return Ok(result);
        }
        let is_error = |problem: &&Problem| problem.code.severity() == Severity::Error;
        let errors = report.problems.iter().filter(is_error).count();
        let hint = match report.problems.iter().any(|problem| problem.fixable) {
            true => Some("`ghettodb fsck --fix` mends what is marked fixable"),
            false => None,
        };
        ui::print(&result);
        Err(Failure {
            error: anyhow!("{errors} of {} problems are errors", report.problems.len()),
            hint,
            exit_code: 1,
        })
    }
}

/// The keys of a file; empty lines are passed over.
fn keys(text: &str, name: &str) -> anyhow::Result<Vec<String>> {
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.starts_with('"') {
            let key = parse_json(line).map_err(|fault| anyhow!("{fault}"));
            let key = key.with_context(|| format!("{name}: line {} is no JSON text", index + 1))?;
            keys.extend(key.as_str().map(str::to_owned));
        } else if !line.is_empty() {
            keys.push(line.to_owned());
        }
    }
    Ok(keys)
}
