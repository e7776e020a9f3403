//! Tasks that make jobs, and script tasks with a FEEL script.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expression;
use crate::process::{ElementKind, ElementType, JobDefinition, Script};
use crate::refusal::Problem;
use crate::xml::Node;

/// How often a job may be tried where the model doesn't say.
const RETRIES_DEFAULT: &str = "3";

pub(super) fn job(node: Node<'_>, element_type: ElementType) -> Result<ElementKind, Problem> {
    let definition = node.extension("taskDefinition").ok_or_else(|| {
        let text = "Must have exactly one 'zeebe:taskDefinition' extension element";
        Problem::at(node, text)
    })?;
    let text = |attribute, default| {
        let text = definition
            .attribute(attribute)
            .filter(|text| !text.is_empty());
        let text = text.unwrap_or(default);
        expression::text(text).map_err(|text| Problem::at(definition, text))
    };
    Ok(ElementKind::JobTask {
        element_type,
        job: JobDefinition {
            job_type: text("type", "")?,
            retries: text("retries", RETRIES_DEFAULT)?,
            headers: headers(node),
        },
    })
}

pub(super) fn script(script: Node<'_>) -> Result<Script, Problem> {
    let expression = expression::expression(script.attribute("expression"));
    Ok(Script {
        expression: expression.map_err(|text| Problem::at(script, text))?,
        result_variable: script
            .attribute("resultVariable")
            .unwrap_or_default()
            .into(),
    })
}

/// The task's headers as a JSON object; those without a key or a value don't count.
fn headers(node: Node<'_>) -> Arc<str> {
    let written = node
        .extension("taskHeaders")
        .into_iter()
        .flat_map(Node::children);
    let headers: BTreeMap<&str, &str> = written
        .filter(|child| child.is_zeebe("header"))
        .filter_map(|header| Some((header.attribute("key")?, header.attribute("value")?)))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .collect();
    let headers = headers
        .into_iter()
        .map(|(key, value)| (key, feel::Value::from(value)));
    feel::Value::context(headers).to_json().into()
}
