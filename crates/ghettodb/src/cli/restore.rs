//! `restore`: a record or a table, put back as it was.

use super::common::Common;
use crate::failure::Failure;
use clap::Args;
use ghettodb::{At, RecordDiff};
use serde_json::{Value, json};

/// What `restore` takes.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// Table, as in `db/<table>/<_id>.json`.
    #[arg(long)]
    table: String,
    /// `_id` of the record; without it, the whole table.
    #[arg(long)]
    id: Option<String>,
    /// As it was: a commit of the branch (id, tag, or `main~3`), a time (RFC 3339) or a date.
    #[arg(long, value_name = "COMMIT|TIME")]
    at: At,
    /// Lets records go that came to the table later.
    #[arg(long, conflicts_with = "id")]
    all: bool,
}

impl Restore {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let mut database = common.open_large()?;
        let restored = match &self.id {
            Some(id) => database.restore(&self.table, id, &self.at)?,
            None => database.restore_table(&self.table, &self.at, self.all)?,
        };
        let changes = restored.value.changes.iter();
        Ok(json!({
            "restored_from": restored.value.from,
            "commit": restored.commit,
            "changes": changes.map(RecordDiff::to_json).collect::<Value>(),
        }))
    }
}
