//! End events. A terminate end event ends all else in its scope once it has completed; an error
//! end event throws, and is an incident where nothing catches the error.

use super::Next;
use crate::behavior::incident::Fault;
use crate::behavior::{error, expression};
use crate::context::Context;
use crate::event::ErrorType;
use crate::key::Key;
use bpmn::process::EndBehavior;

pub(super) fn activate(
    ctx: &mut Context<'_>,
    key: Key,
    behavior: &EndBehavior,
) -> Result<Next, Fault> {
    match behavior {
        EndBehavior::None | EndBehavior::Terminate => Ok(Next::Complete),
        EndBehavior::Error(code) => {
            let code = expression::string(ctx, key, code)?;
            error::find_catcher(ctx, key, &code, "")
                .map(Next::Throw)
                .map_err(|message| Fault::new(ErrorType::UnhandledErrorEvent, message))
        }
    }
}
