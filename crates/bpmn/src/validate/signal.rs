//! Signals and escalations: what is used needs its name or code.

use super::Context;
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let uses = context.usage.uses(node);
    if node.is("signal") {
        let used = uses.catches + uses.throws + uses.starts + uses.event_sub_process_starts;
        if used > 0 && node.attribute("name").is_none_or(str::is_empty) {
            context.error(node, "Name must be present and not empty");
        }
    }
    if node.is("escalation") {
        let code = node.attribute("escalationCode");
        if uses.throws > 0 && code.is_none_or(str::is_empty) {
            context.error(node, "EscalationCode must be present and not empty");
        }
    }
}
