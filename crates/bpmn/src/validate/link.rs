//! Links: what is thrown to in a scope has to be caught there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, duplicates};
use crate::xml::Node;

/// For processes and sub-processes.
pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let links = |scope: Node<'d>, event: &'static str| {
        (scope.bpmn_children(event))
            .flat_map(Node::event_definitions)
            .filter(|definition| definition.is("linkEventDefinition"))
    };
    let catches: Vec<_> = links(node, "intermediateCatchEvent").collect();
    duplicates::check_names(node, &catches, context);
    let caught: BTreeSet<_> = catches
        .iter()
        .filter_map(|link| link.attribute("name"))
        .collect();
    let thrown: BTreeMap<_, _> = links(node, "intermediateThrowEvent")
        .filter_map(|link| Some((link.attribute("name")?, link)))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    for name in thrown.keys().filter(|name| !caught.contains(*name)) {
        let message = format!(
            "Can't find an catch link event for the throw link event with the name '{name}'."
        );
        context.error(node, message);
    }
}
