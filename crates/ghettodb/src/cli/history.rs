//! `history`: what happened to one record, commit by commit.

use super::common::Common;
use crate::failure::Failure;
use crate::ui;
use clap::Args;
use serde_json::Value;

/// What `history` takes.
#[derive(Debug, Args)]
pub(super) struct History {
    /// Table, as in `db/<table>/<_id>.json`.
    table: String,
    /// `_id` of the record.
    id: String,
    /// At most so many commits, the latest ones.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

impl History {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let limit = self.limit.unwrap_or(usize::MAX);
        let history = common.open_large()?.history(&self.table, &self.id, limit)?;
        if let Some(commit) = &history.cut_off_at {
            ui::complain(format_args!(
                "the repository's own copy of the history is cut off at {commit}; what was before is not known"
            ));
        }
        Ok(history
            .entries
            .iter()
            .map(|entry| entry.to_json())
            .collect())
    }
}
