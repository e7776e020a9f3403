//! `compact`: squashes old history into one commit.

use super::common::Common;
use crate::failure::Failure;
use anyhow::{Context as _, anyhow};
use clap::Args;
use ghettodb::Keep;
use serde_json::{Value, json};

/// What `compact` takes.
#[derive(Debug, Args)]
pub(super) struct Compact {
    /// Keeps the newest N commits, and squashes those before them.
    #[arg(long, value_name = "N", conflicts_with_all = ["before", "drop_tag"], value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Squashes the commits before a time (RFC 3339, or a date in UTC); the newest is always kept.
    #[arg(long, value_name = "TIME", conflicts_with = "drop_tag")]
    before: Option<String>,
    /// Does it. Without this, it only says what it would do.
    #[arg(long, conflicts_with = "drop_tag")]
    yes: bool,
    /// Deletes the tag of an old tip, which ends the history before that compaction.
    #[arg(long, value_name = "TAG")]
    drop_tag: Option<String>,
}

impl Compact {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let keep = match (&self.keep, &self.before, &self.drop_tag) {
            (Some(count), ..) => Keep::Newest(*count as usize),
            (_, Some(time), _) => Keep::Since(seconds(time).map_err(Failure::usage)?),
            (.., Some(tag)) => {
                common.open_large()?.drop_compaction_tag(tag)?;
                return Ok(json!({ "dropped": tag }));
            }
            (None, None, None) => {
                return Err(Failure::usage(anyhow!(
                    "--keep, --before or --drop-tag is missing"
                )));
            }
        };
        let done = common.open_large()?.compact(keep, self.yes)?;
        Ok(json!({
            "squashed": done.squashed,
            "first": done.first,
            "last": done.last,
            "kept": done.kept,
            "signatures_left_out": done.signatures,
            "old_tip": done.old_tip,
            "new_tip": done.new_tip,
            "tag": done.tag,
        }))
    }
}

fn seconds(time: &str) -> anyhow::Result<i64> {
    let time: jiff::Timestamp = time
        .parse()
        .or_else(|_| format!("{time}T00:00:00Z").parse())
        .with_context(|| {
            format!("--before: {time:?} is no time (as 2026-01-31T00:00:00Z) and no date")
        })?;
    Ok(time.as_second())
}
