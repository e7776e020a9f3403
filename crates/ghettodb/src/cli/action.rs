//! `ghettodb action`: the operation of one step of a workflow, with the inputs and the result of the
//! original GhettoHub DB action. The inputs come as `INPUT_*` variables, since no value of an event may
//! ever stand in the text of a script; the operation itself is the command of the same name.

use super::command::{Command, execute};
use super::common::Common;
use crate::failure::Failure;
use crate::step::Step;
use anyhow::{Context as _, anyhow};
use clap::{Args, Parser};
use ghettodb::{origin_of, with_token};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::ExitCode;

/// What `action` takes beside the common flags: nothing, its inputs stand in the environment.
#[derive(Debug, Args)]
pub(super) struct Action {}

impl Action {
    pub(super) fn run(&self, common: Common) -> ExitCode {
        match Step::begin() {
            Ok(step) => {
                let outcome = outcome(&step, common).map_err(|failure| Failure {
                    hint: match failure.exit_code {
                        2 => Some("the inputs are described in docs/ghettodb.md"),
                        _ => failure.hint,
                    },
                    ..failure
                });
                step.end(outcome)
            }
            Err(code) => code,
        }
    }
}

/// The operations, as the original's INIT lists them; DELETE is not one, and was listed all the same.
const NAMES: [&str; 11] = [
    "DELETE",
    "FINDMANY",
    "INIT",
    "UPSERT",
    "FINDONE",
    "DELETEONE",
    "DELETEMANY",
    "UPDATEONE",
    "UPDATEMANY",
    "DROPTABLE",
    "DROPDB",
];

/// How an operation of the original is a command of ours.
struct Operation {
    command: &'static str,
    /// Inputs of the original that it takes, as flags; others are left alone, as the original does.
    takes: &'static [&'static str],
    /// Makes the original's result of the command's.
    shape: fn(Value) -> Value,
}

impl Operation {
    /// None for a name that there is not; INIT has no command, since it needs no repository.
    fn of(name: &str) -> Option<Operation> {
        type Row = (&'static str, &'static [&'static str], fn(Value) -> Value);
        let (command, takes, shape): Row = match name {
            // The original's count is of all that match, also where one is wanted.
            "FINDONE" => ("findmany", &["table", "query"], found_one),
            "FINDMANY" => ("findmany", &["table", "query"], found_many),
            "UPSERT" => ("upsert", &["table", "query", "record"], |record| record),
            "UPDATEONE" => ("updateone", &["table", "query", "record"], updated),
            "UPDATEMANY" => ("updatemany", &["table", "query", "record"], updated),
            "DELETEONE" => ("deleteone", &["table", "query"], deleted),
            "DELETEMANY" => ("deletemany", &["table", "query"], deleted),
            "DROPTABLE" => ("droptable", &["table"], dropped_table),
            "DROPDB" => ("dropdb", &[], |_| json!({ "droppedDB": true })),
            _ => return None,
        };
        Some(Operation {
            command,
            takes,
            shape,
        })
    }
}

/// A command line that holds nothing but a command.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

fn outcome(step: &Step, common: Common) -> Result<Value, Failure> {
    let operation = input("operation")?
        .context("the input `operation` is missing")
        .map_err(Failure::usage)?;
    let name = operation.to_ascii_uppercase();
    if input("verbose")?.is_some_and(|verbose| verbose == "true") {
        step.show(&format!("{:#}", shown_inputs()?));
    }
    check_basedir()?;
    if name == "INIT" {
        return Ok(dictionary(input("tables")?.as_deref().unwrap_or_default()));
    }
    let operation = Operation::of(&name)
        .with_context(|| {
            let known = NAMES.iter().filter(|name| **name != "DELETE");
            let known: Vec<&str> = known.copied().collect();
            format!(
                "unknown operation {operation:?}; there are {}",
                known.join(", ")
            )
        })
        .map_err(Failure::usage)?;
    let line = Line::try_parse_from(arguments(&operation)?)
        .map_err(|error| Failure::of_arguments(&error))?;
    let result = execute(line.command, repository(common)?)?;
    Ok((operation.shape)(result.unwrap_or_default()))
}

/// The operation and its inputs as a command line.
fn arguments(operation: &Operation) -> Result<Vec<String>, Failure> {
    let mut arguments = vec![operation.command.to_owned()];
    // A flag of ours that the command does not know is refused by its parser.
    for name in operation.takes.iter().chain(&["key"]) {
        arguments.extend(input(name)?.map(|value| format!("--{name}={value}")));
    }
    for name in ["all", "skip-bad"] {
        match input(name)?.as_deref() {
            None | Some("false" | "False" | "FALSE") => {}
            Some("true" | "True" | "TRUE") => arguments.push(format!("--{name}")),
            Some(other) => {
                return Err(Failure::usage(anyhow!(
                    "the input `{name}` is true or false, found {other:?}"
                )));
            }
        }
    }
    Ok(arguments)
}

/// Where the records are: what the environment says, or else the `origin` of the checkout.
fn repository(mut common: Common) -> Result<Common, Failure> {
    if let Some(branch) = input("branch")? {
        common.branch = Some(branch);
    }
    if let Some(seconds) = input("push-deadline")? {
        common.push_deadline = seconds
            .parse()
            .with_context(|| {
                format!("the input `push-deadline` is a number of seconds, found {seconds:?}")
            })
            .map_err(Failure::usage)?;
    }
    // A variable that a workflow sets from nothing is there, and empty.
    common.branch = common.branch.filter(|branch| !branch.is_empty());
    common.repo = common.repo.filter(|repo| !repo.is_empty());
    if common.repo.is_none() {
        let origin = origin_of(Path::new("."))?
            .context("there is no checked-out repository with an origin; a step with actions/checkout comes before this one")
            .map_err(Failure::usage)?;
        common.repo = Some(match input("github_token")? {
            Some(token) => with_token(&origin, &token)?,
            None => origin,
        });
    }
    Ok(common)
}

/// An input without the white space around it; none where it is not given.
fn input(name: &str) -> Result<Option<String>, Failure> {
    let variable = format!("INPUT_{}", name.to_ascii_uppercase().replace('-', "_"));
    let Some(value) = std::env::var_os(variable) else {
        return Ok(None);
    };
    let value = value
        .into_string()
        .map_err(|_| Failure::usage(anyhow!("the input `{name}` is not UTF-8")))?;
    let value = value.trim();
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

/// All inputs but the token.
fn shown_inputs() -> Result<Value, Failure> {
    let names = [
        "operation",
        "table",
        "query",
        "record",
        "tables",
        "basedir",
        "branch",
        "key",
        "all",
        "skip-bad",
        "push-deadline",
    ];
    let mut shown = Map::new();
    for name in names {
        if let Some(value) = input(name)? {
            shown.insert(name.to_owned(), value.into());
        }
    }
    Ok(shown.into())
}

fn check_basedir() -> Result<(), Failure> {
    let Some(given) = input("basedir")? else {
        return Ok(());
    };
    let folder = given.strip_prefix("./").unwrap_or(&given);
    match folder.strip_suffix('/').unwrap_or(folder) {
        "db" => Ok(()),
        _ => Err(Failure::usage(anyhow!(
            "the input `basedir` is {given:?}, but the records stand in \"db\"; move the folder there"
        ))),
    }
}

/// What INIT gives: names to be process variables, each standing for itself.
fn dictionary(tables: &str) -> Value {
    let itself = |name: &str| (name.to_owned(), Value::from(name));
    let tables = tables
        .split(',')
        .map(str::trim)
        .filter(|table| !table.is_empty());
    json!({
        "operations": Map::from_iter(NAMES.map(itself)),
        "tables": Map::from_iter(tables.map(itself)),
    })
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(records) => records,
        Value::Null => Vec::new(),
        record => vec![record],
    }
}

fn found_one(value: Value) -> Value {
    let records = list(value);
    let count = records.len();
    let first = records.into_iter().next();
    found(count, "record", first.unwrap_or_else(|| json!({})))
}

fn found_many(value: Value) -> Value {
    let records = list(value);
    found(records.len(), "records", records.into())
}

fn found(count: usize, name: &str, what: Value) -> Value {
    let mut result = Map::new();
    result.insert("found".to_owned(), (count > 0).into());
    result.insert("count".to_owned(), count.into());
    // Moved in: `json!` would read the numbers anew, and spell some of them another way.
    result.insert(name.to_owned(), what);
    result.into()
}

fn ids(value: Value) -> Vec<Value> {
    let id = |mut record: Value| record["_id"].take();
    list(value).into_iter().map(id).collect()
}

fn updated(value: Value) -> Value {
    let ids = ids(value);
    json!({ "updatedCount": ids.len(), "updatedRecordIds": ids })
}

fn deleted(value: Value) -> Value {
    let ids = ids(value);
    json!({ "count": ids.len(), "deletedRecordIds": ids })
}

fn dropped_table(value: Value) -> Value {
    let dropped = value["dropped"].as_object();
    json!({ "table": dropped.and_then(|tables| tables.keys().next()) })
}
