//! Looking for records: `findone`, `findmany` and `count`.

use super::common::{Common, object};
use super::operations::table;
use crate::failure::Failure;
use crate::ui;
use clap::Args;
use ghettodb::{At, Record, Selection, Snapshot};
use serde_json::Value;

/// Which records are meant.
#[derive(Debug, Args)]
struct Matching {
    /// Table, as in `db/<table>/<_id>.json`.
    #[arg(long)]
    table: Option<String>,
    /// Conditions that a record must meet, as a JSON object, such as
    /// `{"product": "beer", "stock_level": {"$lt": 10}}`; `{}` finds all.
    #[arg(long, value_name = "JSON")]
    query: Option<String>,
    /// Looks at the records as they were: a commit of the branch (id, tag, or `main~3`), a time (RFC
    /// 3339) or a date.
    #[arg(long, value_name = "COMMIT|TIME")]
    at: Option<At>,
    /// Goes on after a file that is no record; it is named.
    #[arg(long)]
    skip_bad: bool,
}

impl Matching {
    fn select(&self, common: &Common, selection: &Selection) -> Result<Vec<Record>, Failure> {
        let table = table(self.table.as_deref())?;
        let snapshot = self.snapshot(common)?;
        let scan = snapshot.select(table, selection)?;
        common.tell(snapshot.cache_note());
        for bad in scan.bad {
            if !self.skip_bad {
                return Err(bad.into());
            }
            ui::complain(format_args!("skipped: {bad}"));
        }
        Ok(scan.records)
    }

    fn snapshot(&self, common: &Common) -> Result<Snapshot, Failure> {
        let at = self.at.clone().unwrap_or_default();
        Ok(common.open()?.snapshot_at(&at)?)
    }

    fn query(&self) -> Result<Option<Record>, Failure> {
        object("--query", self.query.as_deref())
    }
}

/// What a search takes.
#[derive(Debug, Args)]
pub(super) struct Find {
    #[command(flatten)]
    matching: Matching,
    /// Fields to sort by, the first first; a leading `-` means descending. A dot leads into an object.
    #[arg(
        long,
        value_name = "PATHS",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    sort: Vec<String>,
    /// How many of the first records to leave out.
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: usize,
    /// Fields to give beside `_id`; without it, all. A dot leads into an object.
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    fields: Vec<String>,
}

/// A search for as many records as there are.
#[derive(Debug, Args)]
pub(super) struct FindMany {
    #[command(flatten)]
    find: Find,
    /// How many records to give at most.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Find {
    pub(super) fn one(self, common: &Common) -> Result<Value, Failure> {
        let first = self.records(common, Some(1))?.into_iter().next();
        Ok(first.map_or(Value::Null, Value::Object))
    }

    fn records(self, common: &Common, limit: Option<usize>) -> Result<Vec<Record>, Failure> {
        let selection = Selection {
            query: self.matching.query()?.unwrap_or_default(),
            sort: self.sort,
            skip: self.skip,
            limit,
            fields: self.fields,
        };
        self.matching.select(common, &selection)
    }
}

impl FindMany {
    pub(super) fn run(self, common: &Common) -> Result<Value, Failure> {
        Ok(self.find.records(common, self.limit)?.into())
    }
}

/// What counting takes.
#[derive(Debug, Args)]
pub(super) struct Count {
    #[command(flatten)]
    matching: Matching,
}

impl Count {
    /// Without a query no file is read, so that all count, readable or not.
    pub(super) fn run(self, common: &Common) -> Result<Value, Failure> {
        let Some(query) = self.matching.query()? else {
            let table = table(self.matching.table.as_deref())?;
            return Ok(self.matching.snapshot(common)?.count(table)?.into());
        };
        let selection = Selection {
            fields: vec!["_id".to_owned()],
            ..Selection::new(query)
        };
        Ok(self.matching.select(common, &selection)?.len().into())
    }
}
