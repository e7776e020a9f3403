//! A file needs something to run.

use super::Context;
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if node.is("definitions") && context.model.executable_processes().next().is_none() {
        context.error(node, "Must contain at least one executable process");
    }
}
