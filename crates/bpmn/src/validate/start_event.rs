//! Start events.

use super::Context;
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if node.is("startEvent") && node.event_definitions().count() > 1 {
        context.error(node, "Start event can't have more than one type");
    }
}
