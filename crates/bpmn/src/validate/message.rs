//! Messages: who waits for one needs its name and a correlation key.

use super::Context;
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is("message") {
        return;
    }
    let uses = context.usage.uses(node);
    let check_name = |context: &mut Context<'_, 'd>| {
        if node.attribute("name").is_none_or(str::is_empty) {
            context.error(node, "Name must be present and not empty");
        }
    };
    if uses.catches > 0 || uses.event_sub_process_starts == 1 {
        check_name(context);
        if node.extensions("subscription").count() != 1 {
            let message = "Must have exactly one zeebe:subscription extension element";
            context.error(node, message);
        }
    } else if uses.throws > 0 {
        check_name(context);
    } else if uses.starts > 1 {
        let message = "A message cannot be referred by more than one start event";
        context.error(node, message);
    } else if uses.starts == 1 {
        check_name(context);
    }
}
