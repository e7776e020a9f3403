//! Events: what they wait for and what they do.

use crate::expression;
use crate::model::Model;
use crate::process::{
    Boundary, BoundaryTrigger, Catch, ElementIdx, EndBehavior, Message, StartTrigger, Text, Timer,
};
use crate::refusal::Problem;
use crate::xml::Node;

pub(super) fn start(model: &Model<'_>, node: Node<'_>) -> Result<StartTrigger, Problem> {
    let Some(definition) = node.event_definitions().next() else {
        return Ok(StartTrigger::None);
    };
    let message = referenced_message(model, definition)?;
    let name = expression::constant(message.attribute("name").unwrap_or_default());
    Ok(StartTrigger::Message(Message {
        // Known at deployment, since a start event has no instance whose variables it could use.
        name: Text::Static(name.map_err(|text| Problem::at(message, text))?),
        correlation_key: None,
    }))
}

pub(super) fn end(model: &Model<'_>, node: Node<'_>) -> Result<EndBehavior, Problem> {
    let Some(definition) = node.event_definitions().next() else {
        return Ok(EndBehavior::None);
    };
    if definition.is("terminateEventDefinition") {
        return Ok(EndBehavior::Terminate);
    }
    let error = model.referenced(definition, "errorRef", "error");
    let error = error.ok_or_else(|| Problem::at(definition, "Must reference an error"))?;
    let code = expression::text(error.attribute("errorCode").unwrap_or_default());
    Ok(EndBehavior::Error(
        code.map_err(|text| Problem::at(error, text))?,
    ))
}

pub(super) fn catch(model: &Model<'_>, node: Node<'_>) -> Result<Catch, Problem> {
    let definition = definition(node)?;
    Ok(if definition.is("timerEventDefinition") {
        Catch::Timer(timer(definition)?)
    } else {
        Catch::Message(message(model, definition)?)
    })
}

pub(super) fn boundary(
    model: &Model<'_>,
    node: Node<'_>,
    attached_to: ElementIdx,
) -> Result<Boundary, Problem> {
    let definition = definition(node)?;
    let trigger = match definition.name() {
        "timerEventDefinition" => BoundaryTrigger::Timer(timer(definition)?),
        "errorEventDefinition" => {
            let error = model.referenced(definition, "errorRef", "error");
            let code = error.and_then(|error| error.attribute("errorCode"));
            BoundaryTrigger::Error(code.filter(|code| !code.is_empty()).map(Into::into))
        }
        _ => BoundaryTrigger::Message(message(model, definition)?),
    };
    Ok(Boundary {
        attached_to,
        interrupting: node.flag("cancelActivity", true),
        trigger,
    })
}

/// The message that an event definition or a receive task waits for.
pub(super) fn message(model: &Model<'_>, node: Node<'_>) -> Result<Message, Problem> {
    let message = referenced_message(model, node)?;
    let name = expression::text(message.attribute("name").unwrap_or_default());
    let subscription = message.extension("subscription");
    let key = expression::expression(subscription.and_then(|s| s.attribute("correlationKey")));
    Ok(Message {
        name: name.map_err(|text| Problem::at(message, text))?,
        correlation_key: Some(
            key.map_err(|text| Problem::at(subscription.unwrap_or(message), text))?,
        ),
    })
}

fn referenced_message<'d>(model: &Model<'d>, node: Node<'d>) -> Result<Node<'d>, Problem> {
    let message = model.referenced(node, "messageRef", "message");
    message.ok_or_else(|| Problem::at(node, "Must reference a message"))
}

fn timer(definition: Node<'_>) -> Result<Timer, Problem> {
    let given = |name| {
        let child = definition.bpmn_child(name)?;
        let text = expression::text(child.text().trim());
        Some(text.map_err(|text| Problem::at(child, text)))
    };
    if let Some(text) = given("timeDuration") {
        Ok(Timer::Duration(text?))
    } else if let Some(text) = given("timeDate") {
        Ok(Timer::Date(text?))
    } else if let Some(text) = given("timeCycle") {
        Ok(Timer::Cycle(text?))
    } else {
        let text = "Must be exactly one type of timer: timeDuration, timeDate or timeCycle";
        Err(Problem::at(definition, text))
    }
}

fn definition(node: Node<'_>) -> Result<Node<'_>, Problem> {
    let definition = node.event_definitions().next();
    definition.ok_or_else(|| Problem::at(node, "Must have exactly one event definition"))
}
