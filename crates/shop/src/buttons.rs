//! The shop's buttons: `.actionspanel/buttons.yml`, and what a click on each would start.
//!
//! A button's `action` is an event type that a workflow file listens to, as the original panel has it,
//! or the name of a workflow file with a form (`workflow_dispatch`).

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::{Exit, Failure};
use crate::project::Project;

/// A button, and what it starts.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Button {
    /// What stands on it.
    pub title: String,
    /// Event type, or name of a workflow file.
    pub action: String,
    /// What it does, in one line.
    pub description: String,
    /// The workflow file that a click starts.
    pub workflow: String,
    /// The inputs of its form, as in the file; none for an event.
    pub inputs: Map<String, Value>,
}

/// The buttons of the project.
///
/// # Errors
/// When a file cannot be read, or a button starts nothing.
pub fn read(project: &Project) -> Result<Vec<Button>> {
    let path = project.root().join(".actionspanel/buttons.yml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read '{}'", path.display()))?;
    let mut workflows = Vec::new();
    for path in project.action_files()? {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read '{}'", path.display()))?;
        workflows.push((file_name(&path), text));
    }
    of(&text, &workflows)
}

#[derive(Deserialize)]
struct Panel {
    buttons: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    title: String,
    action: String,
    #[serde(default)]
    description: String,
}

/// The buttons of a panel, given the workflow files by name and text.
fn of(panel: &str, workflows: &[(String, String)]) -> Result<Vec<Button>> {
    let panel: Panel = serde_saphyr::from_str(panel)
        .map_err(|error| broken(format!("buttons.yml is not a list of buttons: {error}")))?;
    let mut read = Vec::new();
    for (file, text) in workflows {
        let yaml: Value = serde_saphyr::from_str(text)
            .map_err(|error| broken(format!("workflow file '{file}' is not valid: {error}")))?;
        read.push((file.as_str(), yaml));
    }
    let buttons = panel.buttons.into_iter();
    buttons.map(|row| button(row, &read)).collect()
}

fn button(row: Row, workflows: &[(&str, Value)]) -> Result<Button> {
    let listens = |yaml: &Value| {
        let types = &yaml["on"]["repository_dispatch"]["types"];
        let mut types = types.as_array().into_iter().flatten();
        types.any(|name| name.as_str() == Some(row.action.as_str()))
    };
    let is_form = |yaml: &Value| {
        let on = yaml["on"].as_object();
        on.is_some_and(|on| on.contains_key("workflow_dispatch"))
    };
    let found = workflows.iter().find_map(|(file, yaml)| {
        if *file == row.action && is_form(yaml) {
            let inputs = yaml["on"]["workflow_dispatch"]["inputs"].as_object();
            Some((*file, inputs.cloned().unwrap_or_default()))
        } else {
            listens(yaml).then(|| (*file, Map::new()))
        }
    });
    let Some((workflow, inputs)) = found else {
        let message = format!(
            "button '{}': action '{}' is neither an event type that a workflow file listens to nor a workflow file with a form",
            row.title, row.action
        );
        return Err(broken(message));
    };
    Ok(Button {
        workflow: workflow.to_owned(),
        inputs,
        title: row.title,
        action: row.action,
        description: row.description,
    })
}

fn broken(message: String) -> anyhow::Error {
    Failure::new(Exit::Refused, message)
        .hint("see .actionspanel/buttons.yml and .github/workflows")
        .into()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflows() -> Vec<(String, String)> {
        let files = [
            ("w.yml", "on: {repository_dispatch: {types: [do_it]}}"),
            (
                "form.yml",
                "on: {workflow_dispatch: {inputs: {n: {type: number}}}}",
            ),
            ("bare.yml", "on:\n  workflow_dispatch:\n"),
            ("ci.yml", "on: [push]"),
        ];
        files
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .to_vec()
    }

    fn panel(action: &str) -> Result<Vec<Button>> {
        let text = format!("buttons:\n  - title: T\n    action: {action}\n    description: D\n");
        of(&text, &workflows())
    }

    #[test]
    fn a_button_starts_an_event_s_listener_or_a_form() {
        let button = panel("do_it").unwrap().remove(0);
        assert_eq!(
            (button.workflow.as_str(), button.inputs.len()),
            ("w.yml", 0)
        );
        let button = panel("form.yml").unwrap().remove(0);
        assert_eq!(button.workflow, "form.yml");
        assert_eq!(button.inputs["n"], json!({ "type": "number" }));
        assert_eq!(panel("bare.yml").unwrap()[0].workflow, "bare.yml");
    }

    #[test]
    fn a_button_that_starts_nothing_is_named() {
        for action in ["drop_db", "ci.yml", "w.yml", "../form.yml"] {
            let error = panel(action).unwrap_err().to_string();
            assert!(error.starts_with("button 'T': action"), "{error}");
        }
        let error = of("buttons: 1", &workflows()).unwrap_err().to_string();
        assert!(error.contains("not a list of buttons"), "{error}");
    }

    #[test]
    fn the_project_s_own_buttons_all_start_something() {
        let buttons = read(&Project::find().unwrap()).unwrap();
        let started: Vec<_> = buttons
            .iter()
            .map(|button| button.workflow.as_str())
            .collect();
        for form in [
            "place-order.yml",
            "restock-shop.yml",
            "deploy-models.yml",
            "reset-db.yml",
        ] {
            assert!(started.contains(&form), "{started:?}");
        }
    }
}
