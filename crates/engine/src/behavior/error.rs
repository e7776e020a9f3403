//! BPMN errors: looking for what catches them, from the inside out.

use super::subscription::boundaries;
use crate::context::Context;
use crate::event::{Event, ProcessEvent};
use crate::key::Key;
use crate::step::Step;
use bpmn::ElementIdx;
use bpmn::process::BoundaryTrigger;
use std::sync::Arc;

/// The element instance whose border catches an error, and the boundary event that does.
#[derive(Clone, Copy)]
pub(crate) struct Catcher {
    attached_to: Key,
    boundary: u32,
}

/// Looks for what catches an error thrown in the element instance `key`: the nearest scope with
/// a matching boundary event, in it one for just this code before one for all.
///
/// When nothing does, says so in Zeebe's words.
pub(crate) fn find_catcher(
    ctx: &Context<'_>,
    key: Key,
    code: &str,
    message: &str,
) -> Result<Catcher, String> {
    let mut available: Vec<String> = Vec::new();
    for scope in ctx.state().element_instances().scopes(key) {
        let process = ctx.state().definitions().process(scope.element.process_key);
        let element = process.element(ElementIdx(scope.element.element));
        let mut for_all = None;
        for (idx, boundary) in boundaries(&process, element) {
            let catcher = Catcher {
                attached_to: scope.key,
                boundary: idx.0,
            };
            match &boundary.trigger {
                BoundaryTrigger::Error(Some(caught)) if &**caught == code => return Ok(catcher),
                BoundaryTrigger::Error(Some(caught)) => available.push(caught.to_string()),
                BoundaryTrigger::Error(None) => for_all = Some(catcher),
                BoundaryTrigger::Message(_) | BoundaryTrigger::Timer(_) => {}
            }
        }
        if let Some(catcher) = for_all {
            return Ok(catcher);
        }
    }
    let with_message = if message.is_empty() {
        String::new()
    } else {
        format!(" with message '{message}'")
    };
    Err(format!(
        "Expected to throw an error event with the code '{code}'{with_message}, but it was not caught.{}",
        if available.is_empty() {
            " No error events are available in the scope.".to_owned()
        } else {
            format!(" Available error events are [{}]", available.join(", "))
        }
    ))
}

/// Ends the activity whose border catches the error; the boundary event goes on once it has ended.
pub(crate) fn catch(ctx: &mut Context<'_>, catcher: Catcher, variables: Vec<(Arc<str>, Arc<str>)>) {
    ctx.emit_new(Event::ProcessEventTriggering(ProcessEvent {
        element_instance_key: catcher.attached_to,
        target: catcher.boundary,
        variables,
    }));
    ctx.then(Step::Terminate(catcher.attached_to));
}
