//! Multi-instance activities: how often, over what, with which results.

use std::sync::Arc;

use crate::expression::{self, feel_part, is_plain_name};
use crate::process::{ElementIdx, MultiInstance, OutputCollection};
use crate::refusal::Problem;
use crate::xml::Node;

/// What makes `node` a multi-instance activity.
pub(super) fn characteristics(node: Node<'_>) -> Option<Node<'_>> {
    node.bpmn_child("multiInstanceLoopCharacteristics")
}

/// The body around the activity `node`.
pub(super) fn body(node: Node<'_>, inner: ElementIdx) -> Result<MultiInstance, Problem> {
    let characteristics = characteristics(node).unwrap_or(node);
    let zeebe = characteristics
        .extension("loopCharacteristics")
        .ok_or_else(|| {
            let text = "Must have exactly one 'zeebe:loopCharacteristics' extension element";
            Problem::at(characteristics, text)
        })?;
    let given = |name| zeebe.attribute(name).filter(|text| !text.is_empty());
    let expression =
        |text, node| expression::expression(text).map_err(|message| Problem::at(node, message));
    let output = match (given("outputCollection"), given("outputElement")) {
        (Some(collection), Some(element)) => Some(OutputCollection {
            collection: collection.into(),
            element: expression(Some(element), zeebe)?,
            element_variable: variable(element),
        }),
        _ => None,
    };
    let condition = characteristics.bpmn_child("completionCondition");
    Ok(MultiInstance {
        inner,
        sequential: characteristics.flag("isSequential", false),
        input_collection: expression(given("inputCollection"), zeebe)?,
        input_element: given("inputElement").map(Into::into),
        output,
        completion_condition: condition
            .map(|condition| expression(condition.trimmed_text(), condition))
            .transpose()?,
    })
}

/// The variable that an expression names, if it does nothing else.
fn variable(text: &str) -> Option<Arc<str>> {
    let name = feel_part(text)?.trim();
    is_plain_name(name).then(|| name.into())
}
