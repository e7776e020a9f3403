//! Event definitions: their type, and what they have to refer to.

use super::Context;
use crate::model::Model;
use crate::xml::Node;

const SUPPORTED: [&str; 8] = [
    "messageEventDefinition",
    "timerEventDefinition",
    "errorEventDefinition",
    "terminateEventDefinition",
    "signalEventDefinition",
    "linkEventDefinition",
    "escalationEventDefinition",
    "compensateEventDefinition",
];

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is_event_definition() {
        return;
    }
    if !SUPPORTED.contains(&node.name()) {
        context.error(node, "Event definition of this type is not supported");
    }
    let Some(event) = node.parent() else {
        return;
    };
    let model = context.model;
    let referenced = |attribute, name| model.referenced(node, attribute, name);
    match node.name() {
        // Whether a throwing event needs a message depends on how it throws it.
        "messageEventDefinition"
            if !event.is_throw_event() && referenced("messageRef", "message").is_none() =>
        {
            context.error(node, "Must reference a message");
        }
        "signalEventDefinition" if referenced("signalRef", "signal").is_none() => {
            context.error(node, "Must reference a signal");
        }
        "errorEventDefinition" => {
            let error = referenced("errorRef", "error");
            let code = error.and_then(|error| error.attribute("errorCode"));
            if !event.is("endEvent") {
                if code.is_some_and(|code| code.starts_with('=')) {
                    let message = "The errorCode of the error catch event is not allowed to be an \
                                   expression";
                    context.error(node, message);
                }
            } else if error.is_none() {
                context.error(node, "Must reference an error");
            } else if code.is_none_or(str::is_empty) {
                context.error(node, "ErrorCode must be present and not empty");
            }
        }
        "escalationEventDefinition" => {
            let escalation = referenced("escalationRef", "escalation");
            let code = escalation.and_then(|escalation| escalation.attribute("escalationCode"));
            if event.is_throw_event() && escalation.is_none() {
                context.error(node, "Must reference an escalation");
            }
            if event.is_catch_event() && code.is_some_and(|code| code.starts_with('=')) {
                let message = "The escalationCode of the escalation catch event is not allowed to \
                               be an expression";
                context.error(node, message);
            }
        }
        "linkEventDefinition" if node.attribute("name").is_none_or(str::is_empty) => {
            context.error(node, "Link name must be present and not empty.");
        }
        "timerEventDefinition" => {
            let times = ["timeDuration", "timeDate", "timeCycle"];
            if times
                .iter()
                .filter(|name| node.bpmn_child(name).is_some())
                .count()
                != 1
            {
                let message =
                    "Must be exactly one type of timer: timeDuration, timeDate or timeCycle";
                context.error(node, message);
            }
        }
        "compensateEventDefinition" => check_compensation(node, context),
        _ => {}
    }
}

/// What a compensation event refers to has to be there, in its scope, and know how to compensate.
fn check_compensation<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let Some(id) = node.attribute("activityRef").filter(|id| !id.is_empty()) else {
        return;
    };
    let activity = context.model.by_id(id).filter(|node| node.is_activity());
    let Some(activity) = activity else {
        let message = format!("The referenced compensation activity '{id}' doesn't exist");
        context.error(node, message);
        return;
    };
    let id = activity.id().unwrap_or_default();
    let is_event = |scope: Node<'_>| scope.flag("triggeredByEvent", false);
    let embedded = activity.is_sub_process() && !is_event(activity);
    if !embedded && !has_compensation_event(context.model, activity) {
        let message = format!(
            "The referenced compensation activity '{id}' must have either a compensation boundary \
             event or be a subprocess"
        );
        context.error(node, message);
    }
    let scope = node.parent().and_then(Node::parent);
    let around = scope.filter(|scope| scope.is_sub_process() && is_event(*scope));
    let around = around.and_then(Node::parent);
    if activity.parent() != scope && (around.is_none() || activity.parent() != around) {
        let message = format!(
            "The referenced compensation activity '{id}' must be in the same scope as the \
             compensation throw event"
        );
        context.error(node, message);
    }
}

fn has_compensation_event(model: &Model<'_>, activity: Node<'_>) -> bool {
    let by_id = activity.id().and_then(|id| model.by_id(id));
    (by_id.into_iter())
        .flat_map(|activity| model.boundary_events(activity))
        .flat_map(|event| event.event_definitions())
        .any(|definition| definition.is("compensateEventDefinition"))
}
