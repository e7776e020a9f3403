//! `ghettodb reshard`: moves a table to the other layout.

use super::common::Common;
use crate::failure::Failure;
use clap::{Args, ValueEnum};
use ghettodb::Layout;
use serde_json::{Value, json};

/// What a change of layout takes.
#[derive(Debug, Args)]
pub(super) struct Reshard {
    /// The table.
    table: String,
    /// Where its files are to stand.
    #[arg(long, value_enum)]
    layout: Target,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Target {
    /// `db/<table>/<_id>.json`, as the original GhettoHub DB reads it.
    Flat,
    /// `db/<table>/<two hex digits>/<_id>.json`: quick to write to, however large the table is.
    FanOut,
}

impl Reshard {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let layout = match self.layout {
            Target::Flat => Layout::Flat,
            Target::FanOut => Layout::FanOut,
        };
        let committed = common.open_large()?.reshard(&self.table, layout)?;
        Ok(json!({
            "table": self.table,
            "layout": layout.name(),
            "records": committed.value.records,
            "moved": committed.value.moved,
            "commit": committed.commit,
        }))
    }
}
