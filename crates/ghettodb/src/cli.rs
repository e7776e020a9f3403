//! Arguments, and the way from an operation's name to the library.

use crate::ui;
use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use ghettodb::{
    Database, Error, Message, Options, Record, Transaction, canonical_sha256, once, parse_json,
    record_from,
};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A JSON database that lives in git: one operation, one commit, pushed.
///
/// The result is JSON on standard output. Exit codes: 0 done, 1 fault, 2 usage, 5 the push deadline
/// passed, 6 the push was refused.
#[derive(Debug, Parser)]
#[command(name = "ghettodb", version)]
struct Arguments {
    /// What to do.
    #[arg(value_enum)]
    operation: Operation,
    /// Repository: a URL, or the path of one on this machine.
    #[arg(
        long,
        env = "GHETTODB_REPO",
        value_name = "PATH-OR-URL",
        hide_env_values = true
    )]
    repo: String,
    /// Branch that holds the data; without it, the repository's default branch.
    #[arg(long, env = "GHETTODB_BRANCH")]
    branch: Option<String>,
    /// Table, as in `db/<table>/<_id>.json`.
    #[arg(long)]
    table: Option<String>,
    /// Fields that a record must have, as a JSON object; `{}` finds all.
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
    /// Lets `findone` and `findmany` go on after a file that is no record; it is named.
    #[arg(long)]
    skip_bad: bool,
    /// How long to try to push, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    push_deadline: u64,
}

/// The ten operations, named as in the original GhettoHub DB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
enum Operation {
    /// Makes an empty bare repository, unless there is one.
    Init,
    /// Gives the first record that matches, or null.
    FindOne,
    /// Gives all records that match.
    FindMany,
    /// Updates the record that matches, or inserts one.
    Upsert,
    /// Updates the first record that matches; gives it, or null.
    UpdateOne,
    /// Updates all records that match; gives them.
    UpdateMany,
    /// Deletes the first record that matches; gives it, or null.
    DeleteOne,
    /// Deletes all records that match; gives them.
    DeleteMany,
    /// Deletes a table.
    DropTable,
    /// Deletes all tables.
    DropDb,
}

/// Why the command ends without a result.
pub(crate) struct Failure {
    pub(crate) error: anyhow::Error,
    pub(crate) hint: Option<&'static str>,
    pub(crate) exit_code: u8,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure {
            hint: error.hint(),
            exit_code: error.exit_code(),
            error: error.into(),
        }
    }
}

impl Failure {
    fn usage(error: anyhow::Error) -> Self {
        Failure {
            error,
            hint: Some("see `ghettodb --help`"),
            exit_code: 2,
        }
    }
}

/// Runs the command of this process; gives its result.
pub(crate) fn run() -> Result<Value, Failure> {
    let arguments = Arguments::parse();
    match arguments.operation {
        Operation::Init => init(&arguments),
        Operation::FindOne | Operation::FindMany => find(&arguments),
        _ => write(&arguments),
    }
}

fn options(arguments: &Arguments) -> Options {
    Options {
        branch: arguments.branch.clone(),
        push_deadline: Duration::from_secs(arguments.push_deadline),
        ..Options::new(&arguments.repo)
    }
}

fn init(arguments: &Arguments) -> Result<Value, Failure> {
    let created = match ghettodb::is_url(&arguments.repo) {
        // What is elsewhere cannot be made from here, but it can be tried.
        true => Database::open(options(arguments)).map(|_| false)?,
        false => ghettodb::init(Path::new(&arguments.repo))?,
    };
    Ok(json!({ "created": created }))
}

fn find(arguments: &Arguments) -> Result<Value, Failure> {
    if arguments.key.is_some() {
        return Err(Failure::usage(anyhow::anyhow!(
            "--key is for operations that change something"
        )));
    }
    let table = table(arguments)?;
    let query = object("--query", arguments.query.as_deref())?.unwrap_or_default();
    let scan = Database::open(options(arguments))?
        .snapshot()?
        .scan(table, &query)?;
    for bad in scan.bad {
        if !arguments.skip_bad {
            return Err(bad.into());
        }
        ui::complain(format_args!("skipped: {bad}"));
    }
    let mut records = scan.records.into_iter().map(Value::Object);
    Ok(match arguments.operation {
        Operation::FindOne => records.next().unwrap_or(Value::Null),
        _ => records.collect(),
    })
}

fn write(arguments: &Arguments) -> Result<Value, Failure> {
    let change = Change::parse(arguments)?;
    let mut database = Database::open(options(arguments))?;
    let committed = database.transact(&change.message(arguments), |transaction| {
        match &arguments.key {
            Some(key) => once(transaction, key, &change.sha256(), |transaction| {
                change.apply(transaction)
            }),
            None => change.apply(transaction),
        }
    });
    Ok(committed.map_err(Error::from)?.value)
}

/// An operation that writes, with what it needs.
struct Change {
    operation: Operation,
    /// Empty for `dropdb` alone.
    table: String,
    query: Option<Record>,
    record: Option<Record>,
}

impl Change {
    fn parse(arguments: &Arguments) -> Result<Self, Failure> {
        let operation = arguments.operation;
        let table = match operation {
            Operation::DropDb => String::new(),
            _ => table(arguments)?.to_owned(),
        };
        let query = object("--query", arguments.query.as_deref())?;
        let record = object("--record", arguments.record.as_deref())?;
        let missing = |what: &str| Err(Failure::usage(anyhow::anyhow!("{what} is missing")));
        match operation {
            Operation::UpdateOne | Operation::UpdateMany if query.is_none() => {
                return missing("--query");
            }
            Operation::DeleteOne | Operation::DeleteMany if query.is_none() => {
                return missing("--query");
            }
            Operation::Upsert | Operation::UpdateOne | Operation::UpdateMany
                if record.is_none() =>
            {
                return missing("--record");
            }
            Operation::DeleteMany
                if query.as_ref().is_some_and(Record::is_empty) && !arguments.all =>
            {
                return Err(Failure::usage(anyhow::anyhow!(
                    "the query {{}} deletes every record of table {table:?}; if that is meant, add --all"
                )));
            }
            _ => {}
        }
        Ok(Change {
            operation,
            table,
            query,
            record,
        })
    }

    fn name(&self) -> String {
        let value = self.operation.to_possible_value();
        value.expect("no operation is hidden").get_name().to_owned()
    }

    fn message(&self, arguments: &Arguments) -> Message {
        let name = self.name();
        let mut trailers = vec![("Operation".to_owned(), name.clone())];
        trailers.extend(
            arguments
                .key
                .iter()
                .map(|key| ("Idempotency-Key".to_owned(), key.clone())),
        );
        Message {
            subject: format!("{name} {}", self.table).trim().to_owned(),
            trailers,
        }
    }

    fn sha256(&self) -> String {
        canonical_sha256(&json!({
            "operation": self.name(),
            "table": self.table,
            "query": self.query,
            "record": self.record,
        }))
    }

    fn apply(&self, transaction: &mut Transaction<'_>) -> Result<Value, Error> {
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
            Operation::Init | Operation::FindOne | Operation::FindMany => Value::Null,
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

fn table(arguments: &Arguments) -> Result<&str, Failure> {
    arguments
        .table
        .as_deref()
        .context("--table is missing")
        .map_err(Failure::usage)
}

fn object(flag: &'static str, text: Option<&str>) -> Result<Option<Record>, Failure> {
    let Some(text) = text else {
        return Ok(None);
    };
    let value = parse_json(text)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("{flag} is no JSON"))
        .map_err(Failure::usage)?;
    let record = record_from(value)
        .with_context(|| flag)
        .map_err(Failure::usage)?;
    Ok(Some(record))
}
