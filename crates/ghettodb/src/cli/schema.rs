//! `ghettodb schema`: the rules of a table, shown, set or removed.

use super::common::{Common, read};
use super::operations::trailers;
use crate::failure::Failure;
use anyhow::anyhow;
use clap::Args;
use ghettodb::{Error, Message, Record, parse_json};
use serde_json::Value;
use std::path::PathBuf;

/// The table of the settings.
const TABLES: &str = "_tables";

/// What the rules of a table take. The result is the record of `_tables` that states them, or null.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// The table.
    table: String,
    /// File with the JSON Schema that every record keeps from now on, `-` for standard input.
    #[arg(long, value_name = "FILE")]
    set: Option<PathBuf>,
    /// Fields whose values stand in one record at most; a dot leads into an object. An empty text
    /// means none.
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    unique: Option<Vec<String>>,
    /// Removes schema and unique fields; the layout stays.
    #[arg(long, conflicts_with_all = ["set", "unique"])]
    remove: bool,
}

impl Schema {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let mut fields = Record::new();
        if let Some(file) = &self.set {
            let name = file.display();
            let text = read(file).map_err(Failure::usage)?;
            let schema =
                parse_json(&text).map_err(|fault| Failure::usage(anyhow!("{name}:{fault}")))?;
            fields.insert("schema".to_owned(), schema);
        }
        if let Some(paths) = &self.unique {
            let paths = paths.iter().filter(|path| !path.is_empty());
            fields.insert("unique".to_owned(), paths.cloned().collect());
        }
        let mut database = common.open()?;
        if fields.is_empty() && !self.remove {
            let settings = database.snapshot()?.get(TABLES, &self.table)?;
            return Ok(settings.map_or(Value::Null, Value::Object));
        }
        let message = Message {
            subject: match self.remove {
                true => format!("remove the rules of {}", self.table),
                false => format!("set the rules of {}", self.table),
            },
            trailers: trailers("schema", None),
        };
        let committed = database.transact(&message, |transaction| -> Result<Value, Error> {
            let before = transaction.get(TABLES, &self.table)?;
            if !self.remove {
                let query = Record::from_iter([("_id".to_owned(), self.table.as_str().into())]);
                return Ok(transaction.upsert(TABLES, &query, fields.clone())?.into());
            }
            let Some(mut settings) = before else {
                return Ok(Value::Null);
            };
            settings.shift_remove("schema");
            settings.shift_remove("unique");
            transaction.delete(TABLES, &self.table)?;
            // Only a layout is worth a record.
            match settings.contains_key("layout") {
                true => Ok(transaction.insert(TABLES, settings)?.into()),
                false => Ok(Value::Null),
            }
        });
        Ok(committed.map_err(Error::from)?.value)
    }
}
