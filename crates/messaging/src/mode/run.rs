//! One operation by hand: flags or a file in, JSON out.

use std::io::Read;

use clap::ArgMatches;
use serde_json::{Map, Value};

use super::{Failure, start_log};
use crate::operation::{self, Kind, Operation, Service};
use crate::payload::{Dispatch, number_or_text};
use crate::settings::Settings;
use crate::{repository, ui};

pub(super) fn run(
    service: &'static Service,
    settings: &Settings,
    arguments: &ArgMatches,
) -> Result<(), Failure> {
    start_log("warn");
    let (name, arguments) = arguments
        .subcommand()
        .expect("the command line asks for an operation");
    let operation = service
        .operation(name)
        .expect("the command line knows only operations of the table");
    let payload = match arguments.get_one::<String>("payload") {
        Some(path) => file(path)?,
        None => from_flags(operation, arguments)?,
    };
    let dispatch =
        Dispatch::new(operation.event_type, payload).map_err(operation::Error::Refused)?;
    (operation.prepare)(&dispatch).map_err(operation::Error::Refused)?;
    let mut database = repository::open(settings, service.name)?;
    let committed = operation.perform(&mut database, &dispatch)?;
    ui::result(&Value::Object(committed.value));
    Ok(())
}

/// The payload that the flags spell out; a flag that is not given is a missing field.
fn from_flags(
    operation: &Operation,
    arguments: &ArgMatches,
) -> Result<Map<String, Value>, Failure> {
    let mut payload = Map::new();
    let id = arguments.get_one::<String>("_id").cloned();
    let id = id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    payload.insert("_id".to_owned(), Value::String(id));
    for field in operation.fields {
        let Some(text) = arguments.get_one::<String>(field.name) else {
            continue;
        };
        let value = match field.kind {
            Kind::Text => Value::String(text.clone()),
            Kind::Number => number_or_text(text),
            Kind::Object(_) => serde_json::from_str(text).map_err(|error| {
                Failure::Usage(format!(
                    "--{} is not JSON: line {}, column {}",
                    field.name.replace('_', "-"),
                    error.line(),
                    error.column()
                ))
            })?,
        };
        payload.insert(field.name.to_owned(), value);
    }
    Ok(payload)
}

fn file(path: &str) -> Result<Map<String, Value>, Failure> {
    let mut text = Vec::new();
    let read = if path == "-" {
        std::io::stdin().read_to_end(&mut text).map(drop)
    } else {
        std::fs::read(path).map(|bytes| text = bytes)
    };
    read.map_err(|error| Failure::Usage(format!("payload file {path} cannot be read: {error}")))?;
    match serde_json::from_slice(&text) {
        Ok(Value::Object(payload)) => Ok(payload),
        Ok(_) => Err(Failure::Usage(format!(
            "payload file {path} is JSON, but not an object"
        ))),
        Err(error) => Err(Failure::Usage(format!(
            "payload file {path} is not JSON: line {}, column {}",
            error.line(),
            error.column()
        ))),
    }
}
