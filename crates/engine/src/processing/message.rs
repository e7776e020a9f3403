//! Messages: buffering, and reaching whoever waits, once a process id.

use super::process_instance::start_by_message;
use super::{Refused, already_exists, not_found};
use crate::behavior::trigger;
use crate::command::{PublishMessage, Response};
use crate::context::Context;
use crate::event::{Event, Message, MessagePublished, StartSubscription, Subscription};
use crate::key::Key;
use std::sync::Arc;

pub(super) fn publish(ctx: &mut Context<'_>, publish: PublishMessage) -> Result<Response, Refused> {
    let id = &publish.message_id;
    let taken = !id.is_empty()
        && ctx
            .state()
            .messages()
            .id_is_taken(&publish.name, &publish.correlation_key, id);
    if taken {
        return Err(already_exists(format!(
            "Expected to publish a new message with id '{id}', but a message with that id was already published"
        )));
    }
    let is_buffered = publish.time_to_live_ms > 0;
    let message = MessagePublished {
        name: publish.name,
        correlation_key: publish.correlation_key,
        message_id: publish.message_id,
        deadline: ctx.now().plus_ms(publish.time_to_live_ms.max(0)),
        variables: Arc::from(publish.variables),
    };
    let key = ctx.emit_new(Event::Message(Message::Published(message.clone())));
    correlate_to_instances(ctx, key, &message);
    correlate_to_starts(ctx, key, &message);
    if !is_buffered {
        ctx.emit(key, Event::Message(Message::Expired));
    }
    Ok(Response::Key(key))
}

pub(super) fn expire(ctx: &mut Context<'_>, key: Key) -> Result<Response, Refused> {
    if ctx.state().messages().get(key).is_none() {
        return Err(not_found(format!(
            "Expected to expire message with key '{key}', but no such message was found"
        )));
    }
    ctx.emit(key, Event::Message(Message::Expired));
    Ok(Response::Done)
}

/// Whether a message has reached a process before.
fn has_reached(ctx: &Context<'_>, message_key: Key, bpmn_process_id: &str) -> bool {
    let buffered = ctx.state().messages().get(message_key);
    buffered.is_some_and(|buffered| buffered.correlated.contains(bpmn_process_id))
}

fn correlate_to_instances(ctx: &mut Context<'_>, message_key: Key, message: &MessagePublished) {
    let waiting: Vec<Key> = ctx
        .state()
        .subscriptions()
        .waiting(&message.name, &message.correlation_key)
        .map(|(key, _)| key)
        .collect();
    for subscription_key in waiting {
        correlate(ctx, message_key, subscription_key, message);
    }
}

/// Lets a message reach an element instance, unless it has reached this process before or the
/// instance cannot be reached any more.
fn correlate(
    ctx: &mut Context<'_>,
    message_key: Key,
    subscription_key: Key,
    message: &MessagePublished,
) -> bool {
    let Some(subscription) = ctx.state().subscriptions().get(subscription_key) else {
        return false;
    };
    let element_instance_key = subscription.element_instance_key;
    let target = subscription.target;
    let closes = subscription.interrupting;
    if has_reached(ctx, message_key, &subscription.bpmn_process_id)
        || !trigger::can_be_reached(ctx, element_instance_key)
    {
        return false;
    }
    ctx.emit(
        subscription_key,
        Event::Subscription(Subscription::Correlated {
            message_key,
            element_instance_key,
            closes,
        }),
    );
    let variables = message.variables.to_vec();
    trigger::trigger(ctx, element_instance_key, target, variables);
    true
}

/// Lets buffered messages reach an element instance that has just begun to wait.
pub(crate) fn correlate_buffered(ctx: &mut Context<'_>, element_instance_key: Key) {
    let instance = ctx.state().element_instances().get(element_instance_key);
    let subscriptions = match instance {
        Some(instance) if !instance.subscriptions.is_empty() => instance.subscriptions.clone(),
        _ => return,
    };
    for subscription_key in subscriptions {
        // A non-interrupting event takes all that is buffered for it, others take one.
        while let Some(subscription) = ctx.state().subscriptions().get(subscription_key) {
            let next = ctx.state().messages().next_for(
                &subscription.message_name,
                &subscription.correlation_key,
                &subscription.bpmn_process_id,
                ctx.now(),
            );
            let Some((message_key, buffered)) = next else {
                break;
            };
            let message = buffered.message.clone();
            if !correlate(ctx, message_key, subscription_key, &message) {
                break;
            }
        }
    }
}

fn correlate_to_starts(ctx: &mut Context<'_>, message_key: Key, message: &MessagePublished) {
    let starts: Vec<(Key, crate::state::StartSubscription)> = ctx
        .state()
        .subscriptions()
        .starts(&message.name)
        .map(|(key, start)| (key, start.clone()))
        .collect();
    for (subscription_key, start) in starts {
        let subscriptions = ctx.state().subscriptions();
        let in_the_way = !message.correlation_key.is_empty()
            && subscriptions.is_started(&start.bpmn_process_id, &message.correlation_key);
        if !in_the_way && !has_reached(ctx, message_key, &start.bpmn_process_id) {
            start_with(ctx, message_key, message, subscription_key, &start);
        }
    }
}

fn start_with(
    ctx: &mut Context<'_>,
    message_key: Key,
    message: &MessagePublished,
    subscription_key: Key,
    start: &crate::state::StartSubscription,
) {
    let process_instance_key = start_by_message(
        ctx,
        start.process_key,
        start.element,
        &message.correlation_key,
        message.variables.to_vec(),
    );
    ctx.emit(
        subscription_key,
        Event::StartSubscription(StartSubscription::Correlated {
            message_key,
            bpmn_process_id: Arc::clone(&start.bpmn_process_id),
            process_instance_key,
        }),
    );
}

/// After an instance that a message started has ended: the next message with the same
/// correlation key starts one.
pub(crate) fn start_next(
    ctx: &mut Context<'_>,
    bpmn_process_id: &Arc<str>,
    correlation_key: &Arc<str>,
) {
    let starts: Vec<(Key, crate::state::StartSubscription)> = ctx
        .state()
        .subscriptions()
        .starts_of(bpmn_process_id)
        .map(|(key, start)| (key, start.clone()))
        .collect();
    let oldest = starts
        .iter()
        .filter_map(|(key, start)| {
            let (message_key, buffered) = ctx.state().messages().next_for(
                &start.message_name,
                correlation_key,
                bpmn_process_id,
                ctx.now(),
            )?;
            Some((message_key, buffered.message.clone(), *key, start))
        })
        .min_by_key(|(message_key, ..)| *message_key);
    if let Some((message_key, message, subscription_key, start)) = oldest {
        start_with(ctx, message_key, &message, subscription_key, start);
    }
}
