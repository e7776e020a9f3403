//! The attributes of Zeebe's extension elements.

use super::Context;
use crate::xml::{Namespace, Node};

/// Attributes that have to be there, by element; `retries` and `priority` have defaults.
const MANDATORY: [(&str, &[&str]); 9] = [
    ("calledElement", &["processId"]),
    ("taskDefinition", &["type"]),
    ("executionListener", &["eventType", "type"]),
    ("taskListener", &["eventType", "type"]),
    ("subscription", &["correlationKey"]),
    ("calledDecision", &["decisionId", "resultVariable"]),
    ("script", &["expression", "resultVariable"]),
    ("publishMessage", &["correlationKey"]),
    ("loopCharacteristics", &["inputCollection"]),
];

/// Attributes whose values are fixed, with what Zeebe calls their type.
const VALUES: [(&str, &str, &[&str], &str); 2] = [
    (
        "executionListener",
        "eventType",
        &["start", "end"],
        "ZeebeExecutionListenerEventType",
    ),
    (
        "taskListener",
        "eventType",
        &["create", "assignment", "update", "complete", "cancel"],
        "ZeebeTaskListenerEventType",
    ),
];

const BINDINGS: [&str; 3] = ["deployment", "latest", "versionTag"];

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if *node.namespace() != Namespace::Zeebe {
        return;
    }
    let name = node.name();
    let must_be_there =
        |attribute| format!("Attribute '{attribute}' must be present and not empty");
    for (_, attributes) in MANDATORY.iter().filter(|(element, _)| *element == name) {
        for attribute in *attributes {
            if node.attribute(attribute).is_none_or(str::is_empty) {
                context.error(node, must_be_there(*attribute));
            }
        }
    }
    for (_, attribute, values, type_name) in VALUES.iter().filter(|(element, ..)| *element == name)
    {
        let value = node.attribute(attribute).filter(|value| !value.is_empty());
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            let message = format!(
                "No enum constant io.camunda.zeebe.model.bpmn.instance.zeebe.{type_name}.{value}"
            );
            context.error(node, message);
        }
    }
    match name {
        "loopCharacteristics" => check_output(node, context),
        "calledDecision" | "calledElement" => check_binding(node, context),
        "formDefinition" => {
            check_form(node, context);
            check_binding(node, context);
        }
        "userTaskForm" if node.text().trim().is_empty() => {
            let message = "User task form text content has to be present and not empty";
            context.error(node, message);
        }
        _ => {}
    }
}

fn check_output<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let has = |attribute| {
        node.attribute(attribute)
            .is_some_and(|text| !text.is_empty())
    };
    let missing = match (has("outputCollection"), has("outputElement")) {
        (true, false) => ("outputElement", "outputCollection"),
        (false, true) => ("outputCollection", "outputElement"),
        _ => return,
    };
    let (missing, given) = missing;
    let message =
        format!("Attribute '{missing}' must be present if the attribute '{given}' is set");
    context.error(node, message);
}

fn check_binding<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let binding = node.attribute("bindingType");
    if binding.is_some_and(|binding| !BINDINGS.contains(&binding)) {
        let message = format!(
            "Attribute 'bindingType' must be one of: {}",
            BINDINGS.join(", ")
        );
        context.error(node, message);
    }
    let tagged = binding == Some("versionTag");
    let has_tag = !is_blank(node, "versionTag");
    if tagged && !has_tag {
        let message = "Attribute 'versionTag' must be present and not empty if 'bindingType' is \
                       'versionTag'";
        context.error(node, message);
    }
    if !tagged && has_tag {
        let message = "Attribute 'versionTag' may only be used if 'bindingType' is 'versionTag'";
        context.error(node, message);
    }
}

fn check_form<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let mut siblings = node.parent().into_iter().flat_map(Node::children);
    let native = siblings.any(|sibling| sibling.is_zeebe("userTask"));
    let (other, suffix) = if native {
        ("externalReference", " for native user tasks")
    } else {
        ("formKey", "")
    };
    if is_blank(node, "formId") == is_blank(node, other) {
        let message = format!(
            "Exactly one of the attributes 'formId, {other}' must be present and not blank{suffix}"
        );
        context.error(node, message);
    }
}

fn is_blank(node: Node<'_>, attribute: &str) -> bool {
    node.attribute(attribute)
        .is_none_or(|text| text.trim().is_empty())
}
