//! The answer of a dispatch: one message, which the waiting process correlates at most once.
//!
//! Its id is the dispatch's idempotency key and its time to live an hour by default, so an answer
//! that comes early, twice, or from a run that was repeated is neither lost nor counted again.

use serde_json::{Map, Value};
use tracing::info;

use crate::client::{Client, Error, Message, Published};
use crate::payload::Dispatch;
use crate::settings::{AnswerFault, Settings};

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The gateway took it.
    Delivered,
    /// The gateway had it from an earlier run.
    WasDelivered,
    /// A test asked to lose it.
    Dropped,
}

/// The message that answers this dispatch.
pub fn message(
    settings: &Settings,
    name: &str,
    dispatch: &Dispatch,
    variables: &Map<String, Value>,
) -> Message {
    Message {
        name: name.to_owned(),
        correlation_key: dispatch.id().to_owned(),
        message_id: dispatch.key(),
        time_to_live: settings.message_ttl,
        variables: variables.clone(),
    }
}

/// Publishes the answer, trying again while the gateway cannot be reached.
///
/// # Errors
/// When the gateway cannot be reached until the deadline, or refuses the message.
pub async fn deliver(
    settings: &Settings,
    name: &str,
    dispatch: &Dispatch,
    variables: &Map<String, Value>,
) -> Result<Delivery, Error> {
    let fault = settings.test_answers.as_ref().filter(|answers| {
        let wanted = answers.event_type.as_deref();
        wanted.is_none_or(|event_type| event_type == dispatch.event_type())
    });
    let fault = fault.map(|answers| answers.fault);
    if fault == Some(AnswerFault::Drop) {
        info!(
            event_type = dispatch.event_type(),
            "answer dropped, as the test asks"
        );
        return Ok(Delivery::Dropped);
    }
    let message = message(settings, name, dispatch, variables);
    let client = Client::connect(&settings.gateway, settings.gateway_deadline).await?;
    let published = client.publish(&message).await?;
    if fault == Some(AnswerFault::Double) {
        info!(
            event_type = dispatch.event_type(),
            "answer sent again, as the test asks"
        );
        client.publish(&message).await?;
    }
    Ok(match published {
        Published::New { .. } => Delivery::Delivered,
        Published::AlreadyExists => Delivery::WasDelivered,
    })
}
