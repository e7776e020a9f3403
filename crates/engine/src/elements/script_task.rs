//! Script task: evaluates its expression once and lets the result out in one variable. A fault
//! is an incident at this element, and a resolve evaluates again.

use super::Next;
use crate::behavior::incident::Fault;
use crate::behavior::{expression, variable};
use crate::context::Context;
use crate::event::ErrorType;
use crate::key::Key;
use bpmn::process::Script;
use std::sync::Arc;

pub(super) fn activate(ctx: &mut Context<'_>, key: Key, script: &Script) -> Result<Next, Fault> {
    let evaluation = expression::evaluate(ctx, key, &script.expression);
    let value = expression::value(evaluation, ErrorType::ExtractValueError)?;
    let result = (
        Arc::clone(&script.result_variable),
        Arc::from(value.to_json()),
    );
    variable::receive(ctx, key, &[result]);
    Ok(Next::Complete)
}
