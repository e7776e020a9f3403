//! The form of `deploy-models.yml`: which models, and what the engine made of them.

use std::path::PathBuf;

use anyhow::Result;
use messaging::actions::code;
use messaging::start::Inputs;
use shop::failure::{Exit, Failure};
use shop::project::Project;
use shop::session::Session;

use super::Done;
use crate::commands::deploy::deploy;

pub(super) async fn run(inputs: &Inputs, session: &Session) -> Result<Done> {
    let models = chosen(
        Project::find()?.models()?,
        inputs.get("model").unwrap_or("all"),
    )?;
    let rows = deploy(&models, session).await?;
    let items: Vec<_> = rows
        .iter()
        .map(|row| format!("- {}", code(&row.words())))
        .collect();
    let gateway = code(&session.settings.gateway.address());
    Ok(Done {
        line: format!("deployed processes: {}", rows.len()),
        markdown: format!("The engine at {gateway} has now:\n\n{}", items.join("\n")),
    })
}

/// The files of a model, or all.
fn chosen(models: Vec<PathBuf>, name: &str) -> Result<Vec<PathBuf>> {
    if name == "all" {
        return Ok(models);
    }
    let stem = |path: &PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let known: Vec<_> = models.iter().filter_map(stem).collect();
    let found: Vec<_> = models
        .iter()
        .filter(|path| stem(path).as_deref() == Some(name))
        .cloned()
        .collect();
    if found.is_empty() {
        let message = format!(
            "field 'model' must be all or one of {}, but is another text",
            known.join(", ")
        );
        return Err(Failure::new(Exit::Refused, message).into());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_chosen_by_name_and_never_by_path() {
        let models = || ["w/a.bpmn", "w/b.bpmn"].map(PathBuf::from).to_vec();
        assert_eq!(chosen(models(), "all").unwrap(), models());
        assert_eq!(chosen(models(), "b").unwrap(), models()[1..]);
        for bad in ["c", "../w/a", "a.bpmn", ""] {
            let error = chosen(models(), bad).unwrap_err().to_string();
            assert!(error.contains("all or one of a, b"), "{error}");
        }
    }
}
