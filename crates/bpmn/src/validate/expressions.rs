//! Texts that may be or have to be FEEL expressions.

use std::ops::Range;

use super::Context;
use crate::expression;
use crate::xml::{Namespace, Node};

/// What stands in an attribute or an element's text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// An expression, and it has to be there.
    Expression,
    /// An expression, if it is there.
    OptionalExpression,
    /// A static text or an expression, and it has to be there.
    Text,
    /// A static text or an expression, if it is there.
    OptionalText,
    /// A variable or an entry of one.
    Path,
}

use Kind::{Expression, OptionalExpression, OptionalText, Path, Text};

/// Attributes of Zeebe's extension elements.
const EXTENSION_ATTRIBUTES: &[(&str, &str, Kind)] = &[
    ("input", "source", Text),
    ("input", "target", Path),
    ("output", "source", Expression),
    ("output", "target", Path),
    ("taskDefinition", "type", OptionalText),
    ("taskDefinition", "retries", OptionalText),
    ("subscription", "correlationKey", OptionalExpression),
    ("loopCharacteristics", "inputCollection", OptionalExpression),
    ("loopCharacteristics", "outputElement", OptionalExpression),
    ("calledElement", "processId", OptionalText),
    ("calledDecision", "decisionId", OptionalText),
    ("script", "expression", OptionalExpression),
    ("assignmentDefinition", "assignee", OptionalText),
    ("assignmentDefinition", "candidateGroups", OptionalText),
    ("assignmentDefinition", "candidateUsers", OptionalText),
    ("taskSchedule", "dueDate", OptionalText),
    ("taskSchedule", "followUpDate", OptionalText),
    ("formDefinition", "formId", OptionalText),
    ("formDefinition", "externalReference", OptionalText),
    ("priorityDefinition", "priority", OptionalText),
    ("publishMessage", "correlationKey", OptionalText),
    ("publishMessage", "messageId", OptionalText),
    ("publishMessage", "timeToLive", OptionalText),
    ("executionListener", "type", OptionalText),
    ("executionListener", "retries", OptionalText),
    ("taskListener", "type", OptionalText),
    ("taskListener", "retries", OptionalText),
];

/// Attributes of BPMN's elements.
const BPMN_ATTRIBUTES: &[(&str, &str, Kind)] = &[
    ("message", "name", OptionalText),
    ("signal", "name", OptionalText),
    ("error", "errorCode", OptionalText),
    ("escalation", "escalationCode", OptionalText),
];

/// A text that may be or has to be an expression.
pub(crate) struct ExpressionText<'d> {
    /// The attribute's name; empty for the element's own text.
    pub(crate) attribute: &'static str,
    pub(crate) kind: Kind,
    pub(crate) value: &'d str,
    /// Where it stands in the file's text.
    pub(crate) range: Range<usize>,
}

/// The texts of an element that may be or have to be expressions, as far as they are there.
pub(crate) fn expression_texts(node: Node<'_>) -> Vec<ExpressionText<'_>> {
    let mut texts: Vec<_> = attributes(node)
        .filter_map(|(name, kind)| {
            let mut there = node.attributes().iter();
            let attribute =
                there.find(|there| there.namespace == Namespace::None && there.name == name)?;
            Some(ExpressionText {
                attribute: name,
                kind,
                value: attribute.value.as_str(),
                range: attribute.range.clone(),
            })
        })
        .collect();
    if has_condition(node) {
        texts.push(ExpressionText {
            attribute: "",
            kind: Expression,
            value: node.text(),
            range: node.inner(),
        });
    }
    texts
}

/// The attributes of an element that may be or have to be expressions.
fn attributes(node: Node<'_>) -> impl Iterator<Item = (&'static str, Kind)> {
    let attributes = match node.namespace() {
        Namespace::Zeebe => EXTENSION_ATTRIBUTES,
        Namespace::Bpmn => BPMN_ATTRIBUTES,
        _ => &[],
    };
    let of_node = attributes
        .iter()
        .filter(move |(name, ..)| *name == node.name());
    of_node.map(|(_, attribute, kind)| (*attribute, *kind))
}

fn has_condition(node: Node<'_>) -> bool {
    node.is("conditionExpression") || node.is("completionCondition")
}

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    for (attribute, kind) in attributes(node) {
        report(node, check_text(node.attribute(attribute), kind), context);
    }
    if has_condition(node) {
        report(node, check_text(node.trimmed_text(), Expression), context);
    }
    if node.is("message") && context.usage.uses(node).starts > 0 {
        let name = expression::constant(node.attribute("name").unwrap_or_default());
        if let (Ok(()), Err(message)) = (check_text(node.attribute("name"), OptionalText), name) {
            context.error(node, message);
        }
    }
    if node.is_zeebe("priorityDefinition") {
        check_priority(node, context);
    }
    if node.is_zeebe("taskSchedule") {
        check_dates(node, context);
    }
}

fn report<'d>(node: Node<'d>, result: Result<(), String>, context: &mut Context<'_, 'd>) {
    if let Err(message) = result {
        context.error(node, message);
    }
}

fn check_text(text: Option<&str>, kind: Kind) -> Result<(), String> {
    let present = text.filter(|text| !text.trim().is_empty());
    match (kind, present) {
        (OptionalExpression | OptionalText, None) => Ok(()),
        (Expression | OptionalExpression, _) => expression::expression(text).map(drop),
        (Text, None) => Err("Expected expression but not found.".to_owned()),
        (Text | OptionalText, Some(text)) => expression::text(text).map(drop),
        (Path, _) => expression::path(text.unwrap_or_default()).map(drop),
    }
}

fn check_priority<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    let priority = node.attribute("priority").unwrap_or_default();
    let number = priority.parse::<i32>();
    let given = !priority.is_empty() && expression::feel_part(priority).is_none();
    if given && !number.is_ok_and(|number| (0..=100).contains(&number)) {
        let message = format!("Priority must be a number between 0 and 100, but was '{priority}'.");
        context.error(node, message);
    }
}

fn check_dates<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    for attribute in ["dueDate", "followUpDate"] {
        let date = node
            .attribute(attribute)
            .filter(|date| !date.trim().is_empty());
        let date = date.filter(|date| expression::feel_part(date).is_none());
        if let Some(date) = date.filter(|date| feel::parse_date_time(date).is_none()) {
            let message = format!("Invalid date-time format '{date}' for expression '{date}'.");
            context.error(node, message);
        }
    }
}
