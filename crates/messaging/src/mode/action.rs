//! One run of a workflow: event file, transaction, answer, report.

use std::path::Path;

use ghettodb::{Database, RecordDiff};
use serde_json::{Map, Value};

use super::report::Report;
use super::{Failure, form, runtime};
use crate::event_file::{self, Trigger};
use crate::operation::{Operation, Service};
use crate::payload::{Dispatch, one_line};
use crate::result_message;
use crate::settings::Settings;
use crate::{operation, repository, ui};

/// The journal of idempotency keys: of no interest to whoever reads what a run changed.
const JOURNAL: &str = "operations";

pub(super) fn run(service: &'static Service, settings: &Settings) -> Result<(), Failure> {
    let (operation, payload) = asked(service)?;
    let dispatch =
        Dispatch::new(operation.event_type, payload).map_err(operation::Error::Refused)?;
    // What can be refused without a repository is refused before one is fetched.
    let prepared = (operation.prepare)(&dispatch).map_err(operation::Error::Refused)?;

    let mut database = repository::open(settings, service.name)?;
    let committed = operation.perform(&mut database, &dispatch)?;

    let delivery = match operation.result_message {
        None => None,
        Some(name) => {
            let deliver = result_message::deliver(settings, name, &dispatch, &committed.value);
            Some((name, runtime()?.block_on(deliver)?))
        }
    };
    ui::report(&Report {
        service: service.name,
        dispatch: &dispatch,
        prepared: &prepared,
        changes: changes(&database, committed.commit.as_deref()),
        committed: &committed,
        delivery,
        is_own_repository: settings.repository.is_none(),
    });
    Ok(())
}

/// The operation that the event asks for, and its payload, unread.
fn asked(service: &'static Service) -> Result<(&'static Operation, Map<String, Value>), Failure> {
    let path = std::env::var_os("GITHUB_EVENT_PATH").filter(|path| !path.is_empty());
    let path = path.ok_or(event_file::Error::NotSet)?;
    let event = match event_file::read(Path::new(&path))? {
        Trigger::Form(inputs) => return form::read(service, inputs),
        Trigger::Dispatch(event) => event,
    };
    match service.operation(&event.event_type) {
        Some(operation) => Ok((operation, event.client_payload)),
        None => Err(Failure::UnknownEventType {
            event_type: one_line(&event.event_type, 100),
            known: known(service),
        }),
    }
}

fn known(service: &Service) -> String {
    let names: Vec<_> = service
        .operations
        .iter()
        .map(|operation| operation.event_type)
        .collect();
    names.join(", ")
}

/// The records that a commit changed. Only for the report: the work is done, so what cannot be read
/// is left out.
fn changes(database: &Database, commit: Option<&str>) -> Vec<RecordDiff> {
    let changes = commit.and_then(|commit| database.changes_of(commit).ok());
    let mut changes = changes.unwrap_or_default();
    changes.retain(|change| change.table != JOURNAL);
    changes
}
