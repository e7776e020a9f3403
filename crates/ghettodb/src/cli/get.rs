//! `get`: one record by its `_id`, as it is or as it was.

use super::common::Common;
use crate::failure::Failure;
use clap::Args;
use ghettodb::At;
use serde_json::Value;

/// What `get` takes.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// Table, as in `db/<table>/<_id>.json`.
    table: String,
    /// `_id` of the record.
    id: String,
    /// As it was: a commit of the branch (id, tag, or `main~3`), a time (RFC 3339) or a date.
    #[arg(long, value_name = "COMMIT|TIME")]
    at: Option<At>,
}

impl Get {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let at = self.at.clone().unwrap_or_default();
        let record = common
            .open()?
            .snapshot_at(&at)?
            .get(&self.table, &self.id)?;
        Ok(record.map_or(Value::Null, Value::Object))
    }
}
