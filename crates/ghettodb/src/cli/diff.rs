//! `diff`: the records and fields that differ between two places of the history.

use super::common::Common;
use crate::failure::Failure;
use clap::Args;
use ghettodb::{At, Error, RecordDiff};
use serde_json::Value;
use std::str::FromStr;

/// What `diff` takes.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// Two places of the history, each a commit of the branch (id, tag, or `main~3`), a time (RFC
    /// 3339) or a date; without the second, the tip.
    #[arg(value_name = "A..B")]
    range: Range,
    /// Only records of this table.
    #[arg(long)]
    table: Option<String>,
}

#[derive(Debug, Clone)]
struct Range {
    from: At,
    to: At,
}

impl FromStr for Range {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let sides = text.split_once("..");
        let (from, to) = sides
            .filter(|(from, to)| !from.is_empty() && !to.starts_with('.'))
            .ok_or_else(|| {
                Error::Usage(format!("{text:?} is no range; one is written A..B, or A.."))
            })?;
        Ok(Range {
            from: from.parse()?,
            to: match to {
                "" => At::default(),
                to => to.parse()?,
            },
        })
    }
}

impl Diff {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let Range { from, to } = &self.range;
        let diffs = common.open_large()?.diff(from, to, self.table.as_deref())?;
        Ok(diffs.iter().map(RecordDiff::to_json).collect())
    }
}
