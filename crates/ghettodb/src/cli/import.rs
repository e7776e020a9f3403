//! `import`: many records of a file as one commit.

use super::common::Common;
use crate::failure::Failure;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ghettodb::{ImportFormat, ImportMode};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};

/// What `import` takes.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// Table, as in `db/<table>/<_id>.json`.
    #[arg(long)]
    table: String,
    /// File with the records; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    file: String,
    /// How the file is written.
    #[arg(long, value_enum)]
    format: Format,
    /// What becomes of records whose `_id` is in the table.
    #[arg(long, value_enum, default_value_t = Mode::Insert)]
    mode: Mode,
    /// Idempotency key: the same call again changes nothing and gives the same result.
    #[arg(long)]
    key: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON object a line.
    Ndjson,
    /// One JSON array of objects.
    Json,
    /// A head with the names of fields (`address.city` for nested ones), then one row a record.
    Csv,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// They are an error; nothing is imported.
    Insert,
    /// Their fields are set, other fields kept.
    Upsert,
    /// They are replaced.
    Replace,
}

impl Import {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let mut input: Box<dyn BufRead> = match self.file.as_str() {
            "-" => Box::new(std::io::stdin().lock()),
            path => Box::new(BufReader::new(
                File::open(path)
                    .with_context(|| format!("cannot read {path:?}"))
                    .map_err(Failure::usage)?,
            )),
        };
        let import = ghettodb::Import {
            table: &self.table,
            format: match self.format {
                Format::Ndjson => ImportFormat::Ndjson,
                Format::Json => ImportFormat::Json,
                Format::Csv => ImportFormat::Csv,
            },
            mode: match self.mode {
                Mode::Insert => ImportMode::Insert,
                Mode::Upsert => ImportMode::Upsert,
                Mode::Replace => ImportMode::Replace,
            },
            key: self.key.as_deref(),
            file: match self.file.as_str() {
                "-" => "standard input",
                path => path,
            },
        };
        let committed = common.open_large()?.import(&import, &mut *input)?;
        let imported = committed.value;
        Ok(json!({
            "inserted": imported.inserted,
            "updated": imported.updated,
            "unchanged": imported.unchanged,
            "commit": committed.commit,
        }))
    }
}
