//! `export`: the records of a commit as files for other programs.

use super::common::Common;
use crate::failure::Failure;
use crate::ui;
use clap::{Args, ValueEnum};
use ghettodb::{At, Error, ExportFormat, ExportTo};
use serde_json::{Map, Value, json};
use std::io::ErrorKind;
use std::path::PathBuf;

/// What `export` takes.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// How the records are written.
    #[arg(long, value_enum)]
    format: Format,
    /// Table; it may be given several times. Without it, all tables.
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// File of one table or of a SQLite database, or folder with a file a table where not exactly one
    /// table is named. Without it, one table goes to standard output.
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// As it was: a commit of the branch (id, tag, or `main~3`), a time (RFC 3339) or a date.
    #[arg(long, value_name = "COMMIT|TIME")]
    at: Option<At>,
    /// Replaces files that are there.
    #[arg(long)]
    force: bool,
    /// Goes on after a file that is no record; it is named.
    #[arg(long)]
    skip_bad: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One record a line, as JSON.
    Ndjson,
    /// A head with the names of fields (`address.city` for nested ones), then one row a record. Cells
    /// are written as they are: a spreadsheet may take one that begins with `=` for a formula.
    Csv,
    /// One SQLite database with a table each.
    Sqlite,
}

impl Export {
    /// Records that went to standard output are the result.
    pub(super) fn run(&self, common: &Common) -> Result<Option<Value>, Failure> {
        let mut database = common.open_large()?;
        let snapshot = database.snapshot_at(&self.at.clone().unwrap_or_default())?;
        let export = ghettodb::Export {
            tables: &self.tables,
            format: match self.format {
                Format::Ndjson => ExportFormat::Ndjson,
                Format::Csv => ExportFormat::Csv,
                Format::Sqlite => ExportFormat::Sqlite,
            },
            force: self.force,
            branch: database.branch(),
        };
        let mut bad = |bad| match self.skip_bad {
            true => {
                ui::complain(format_args!("skipped: {bad}"));
                Ok(())
            }
            false => Err(bad),
        };
        let Some(output) = &self.output else {
            let mut stdout = std::io::stdout().lock();
            return match snapshot.export(&export, ExportTo::Stream(&mut stdout), &mut bad) {
                // A reader that went away has what it wanted.
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => Ok(None),
                outcome => Ok(outcome.map(|_| None)?),
            };
        };
        let exported = snapshot.export(&export, ExportTo::Path(output), &mut bad)?;
        let tables = exported.tables.into_iter();
        Ok(Some(json!({
            "commit": snapshot.commit(),
            "tables": Map::from_iter(tables.map(|(table, count)| (table, count.into()))),
            "files": exported.files,
        })))
    }
}
