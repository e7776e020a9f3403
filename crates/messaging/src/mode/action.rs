//! One dispatch of a runner: event file, transaction, answer.

use std::path::Path;

use serde_json::json;

use super::{Failure, runtime};
use crate::operation::Service;
use crate::payload::{Dispatch, one_line};
use crate::result_message::{self, Delivery};
use crate::settings::Settings;
use crate::{event_file, operation, repository, ui};

pub(super) fn run(service: &'static Service, settings: &Settings) -> Result<(), Failure> {
    let path = std::env::var_os("GITHUB_EVENT_PATH").filter(|path| !path.is_empty());
    let path = path.ok_or(event_file::Error::NotSet)?;
    let event = event_file::read_dispatch(Path::new(&path))?;
    let operation =
        service
            .operation(&event.event_type)
            .ok_or_else(|| Failure::UnknownEventType {
                event_type: one_line(&event.event_type, 100),
                known: known(service),
            })?;
    let dispatch = Dispatch::new(operation.event_type, event.client_payload)
        .map_err(operation::Error::Refused)?;
    // What can be refused without a repository is refused before one is fetched.
    (operation.prepare)(&dispatch).map_err(operation::Error::Refused)?;

    let mut database = repository::open(settings, service.name)?;
    let committed = operation.perform(&mut database, &dispatch)?;

    let delivery = match operation.result_message {
        None => None,
        Some(name) => {
            let deliver = result_message::deliver(settings, name, &dispatch, &committed.value);
            Some((name, runtime()?.block_on(deliver)?))
        }
    };
    ui::summary(&json!({
        "service": service.name,
        "operation": operation.event_type,
        "_id": dispatch.id(),
        "result": committed.value,
        "commit": committed.commit,
        "attempts": committed.attempts,
        "message": delivery.map(|(name, delivery)| json!({
            "name": name,
            "delivery": match delivery {
                Delivery::Delivered => "delivered",
                Delivery::WasDelivered => "was delivered before",
                Delivery::Dropped => "dropped for a test",
            },
        })),
    }));
    Ok(())
}

fn known(service: &Service) -> String {
    let names: Vec<_> = service
        .operations
        .iter()
        .map(|operation| operation.event_type)
        .collect();
    names.join(", ")
}
