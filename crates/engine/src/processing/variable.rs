//! Setting variables from outside.

use super::{Refused, not_found};
use crate::behavior::variable;
use crate::command::{Response, Variables};
use crate::context::Context;
use crate::event::Event;
use crate::key::Key;

pub(super) fn set(
    ctx: &mut Context<'_>,
    scope_key: Key,
    variables: &Variables,
    local: bool,
) -> Result<Response, Refused> {
    if ctx.state().element_instances().get(scope_key).is_none() {
        return Err(not_found(format!(
            "Expected to update variables for element with key '{scope_key}', but no such element was found"
        )));
    }
    if local {
        variable::set_local(ctx, scope_key, variables);
    } else {
        variable::merge(ctx, scope_key, variables);
    }
    let key = ctx.emit_new(Event::VariableDocumentUpdated { scope_key });
    Ok(Response::Key(key))
}
