//! The ten operations of the original GhettoHub DB: what each needs, and the way from its name to the
//! library.

use super::common::{Common, object};
use crate::failure::Failure;
use anyhow::Context as _;
use clap::Args;
use ghettodb::{
    Error, Message, Record, Transaction, canonical_sha256, init as init_repository, is_url, once,
};
use serde_json::{Value, json};
use std::path::Path;

/// What `init` takes.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Taken as by the other operations, and not looked at.
    #[arg(long = "table", hide = true)]
    _table: Option<String>,
}

impl Init {
    pub(super) fn run(&self, common: &Common) -> Result<Value, Failure> {
        let repo = common.repo()?;
        let created = match is_url(repo) {
            // What is elsewhere cannot be made from here, but it can be tried.
            true => common.open().map(|_| false)?,
            false => init_repository(Path::new(repo))?,
        };
        Ok(json!({ "created": created }))
    }
}

/// What an operation that writes takes; which of it, depends on the operation.
#[derive(Debug, Args)]
pub(super) struct Write {
    /// Table, as in `db/<table>/<_id>.json`.
    #[arg(long)]
    table: Option<String>,
    /// Fields that a record must have, as a JSON object.
    #[arg(long, value_name = "JSON")]
    query: Option<String>,
    /// Fields to write, as a JSON object.
    #[arg(long, value_name = "JSON")]
    record: Option<String>,
    /// Idempotency key: the same call again changes nothing and gives the same result.
    #[arg(long)]
    key: Option<String>,
    /// Lets `deletemany` take the query `{}`.
    #[arg(long)]
    all: bool,
}

impl Write {
    pub(super) fn run(self, operation: Operation, common: &Common) -> Result<Value, Failure> {
        let change = Change {
            operation,
            table: match operation {
                Operation::DropDb => String::new(),
                _ => table(self.table.as_deref())?.to_owned(),
            },
            query: object("--query", self.query.as_deref())?,
            record: object("--record", self.record.as_deref())?,
        };
        if let Some(missing) = change.missing() {
            return Err(Failure::usage(anyhow::anyhow!("--{missing} is missing")));
        }
        if change.sweeps() && !self.all {
            return Err(Failure::usage(anyhow::anyhow!(
                "the query {{}} deletes every record of table {:?}; if that is meant, add --all",
                change.table
            )));
        }
        let message = Message {
            subject: change.subject(),
            trailers: trailers(change.name(), self.key.as_deref()),
        };
        commit(
            common,
            &message,
            self.key.as_deref(),
            &change.to_json(),
            |transaction| {
                let result = change.apply(transaction)?;
                transaction.describe(change.outcome(&result));
                Ok(result)
            },
        )
    }
}

/// The trailers of a commit of this command.
pub(super) fn trailers(operation: &str, key: Option<&str>) -> Vec<(String, String)> {
    let mut trailers = vec![("Operation".to_owned(), operation.to_owned())];
    trailers.extend(key.map(|key| ("Idempotency-Key".to_owned(), key.to_owned())));
    trailers
}

/// Runs a transaction, under its idempotency key if it has one; `payload` is what the key stands for.
pub(super) fn commit(
    common: &Common,
    message: &Message,
    key: Option<&str>,
    payload: &Value,
    apply: impl Fn(&mut Transaction<'_>) -> Result<Value, Error>,
) -> Result<Value, Failure> {
    let mut database = common.open()?;
    let committed = database.transact(message, |transaction| match key {
        Some(key) => once(transaction, key, &canonical_sha256(payload), &apply),
        None => apply(transaction),
    });
    common.tell(database.cache_note());
    Ok(committed.map_err(Error::from)?.value)
}

/// The operations that write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Upsert,
    UpdateOne,
    UpdateMany,
    DeleteOne,
    DeleteMany,
    DropTable,
    DropDb,
}

impl Operation {
    /// The operation of that name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        use Operation::{DeleteMany, DeleteOne, DropDb, DropTable, UpdateMany, UpdateOne, Upsert};
        [
            Upsert, UpdateOne, UpdateMany, DeleteOne, DeleteMany, DropTable, DropDb,
        ]
        .into_iter()
        .find(|operation| operation.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Operation::Upsert => "upsert",
            Operation::UpdateOne => "updateone",
            Operation::UpdateMany => "updatemany",
            Operation::DeleteOne => "deleteone",
            Operation::DeleteMany => "deletemany",
            Operation::DropTable => "droptable",
            Operation::DropDb => "dropdb",
        }
    }
}

/// An operation that writes, with what it needs.
pub(super) struct Change {
    pub(super) operation: Operation,
    /// Empty for `dropdb` alone.
    pub(super) table: String,
    pub(super) query: Option<Record>,
    pub(super) record: Option<Record>,
}

impl Change {
    fn name(&self) -> &'static str {
        self.operation.name()
    }

    /// What the operation needs and does not have.
    pub(super) fn missing(&self) -> Option<&'static str> {
        use Operation::{DeleteMany, DeleteOne, UpdateMany, UpdateOne, Upsert};
        let query = matches!(
            self.operation,
            UpdateOne | UpdateMany | DeleteOne | DeleteMany
        );
        let record = matches!(self.operation, Upsert | UpdateOne | UpdateMany);
        if query && self.query.is_none() {
            Some("query")
        } else if record && self.record.is_none() {
            Some("record")
        } else {
            None
        }
    }

    /// Whether it deletes all records of a table by a query that names none.
    pub(super) fn sweeps(&self) -> bool {
        self.operation == Operation::DeleteMany && self.query.as_ref().is_some_and(Record::is_empty)
    }

    pub(super) fn subject(&self) -> String {
        format!("{} {}", self.name(), self.table).trim().to_owned()
    }

    fn to_json(&self) -> Value {
        json!({
            "operation": self.name(),
            "table": self.table,
            "query": self.query,
            "record": self.record,
        })
    }

    /// What came of it in one line: `updateone stock/T-shirt`, `deletemany orders: 12 records`.
    fn outcome(&self, result: &Value) -> String {
        let subject = self.subject();
        let records = |count: u64| match count {
            1 => "1 record".to_owned(),
            count => format!("{count} records"),
        };
        match result {
            Value::Array(list) => format!("{subject}: {}", records(list.len() as u64)),
            Value::Object(record) => match (&record.get("_id"), &record.get("dropped")) {
                (Some(Value::String(id)), _) => format!("{subject}/{id}"),
                (_, Some(Value::Object(tables))) => {
                    let counts = tables.values().filter_map(Value::as_u64);
                    format!("{subject}: {}", records(counts.sum()))
                }
                _ => subject,
            },
            _ => subject,
        }
    }

    pub(super) fn apply(&self, transaction: &mut Transaction<'_>) -> Result<Value, Error> {
        let table = self.table.as_str();
        let query = self.query.clone().unwrap_or_default();
        let record = self.record.clone().unwrap_or_default();
        let list = |records: Vec<Record>| Value::from_iter(records);
        let one = |record: Option<Record>| record.map_or(Value::Null, Value::Object);
        Ok(match self.operation {
            Operation::Upsert if self.query.is_some() => {
                transaction.upsert(table, &query, record)?.into()
            }
            Operation::Upsert => upsert_by_id(transaction, table, record)?.into(),
            Operation::UpdateOne => one(transaction.update_one(table, &query, record)?),
            Operation::UpdateMany => list(transaction.update_many(table, &query, &record)?),
            Operation::DeleteOne => one(transaction.delete_one(table, &query)?),
            Operation::DeleteMany => list(transaction.delete_many(table, &query)?),
            Operation::DropTable => json!({ "dropped": { table: transaction.drop_table(table)? } }),
            Operation::DropDb => json!({ "dropped": Record::from_iter(
                transaction.drop_all()?.into_iter().map(|(table, count)| (table, count.into()))
            ) }),
        })
    }
}

/// Without a query, the record's own `_id` says which one is meant; without that, it is a new one.
fn upsert_by_id(
    transaction: &mut Transaction<'_>,
    table: &str,
    record: Record,
) -> Result<Record, Error> {
    match record.get("_id").cloned() {
        Some(id) => transaction.upsert(table, &Record::from_iter([("_id".to_owned(), id)]), record),
        None => transaction.insert(table, record),
    }
}

pub(super) fn table(table: Option<&str>) -> Result<&str, Failure> {
    table.context("--table is missing").map_err(Failure::usage)
}
