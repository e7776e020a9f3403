//! `shop deploy`: process models to the engine; an unchanged one keeps its version.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use messaging::client::Deployed;
use serde_json::json;
use shop::engine;
use shop::project::Project;
use shop::session::Session;

use crate::ui;

/// Deploy process models; an unchanged one keeps its version
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model files [default: all of workflows/]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let paths = if args.files.is_empty() {
        Project::find()?.models()?
    } else {
        args.files
    };
    let files = paths
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>>>()?;
    // Which keys there were before tells what is unchanged; without a REST API nobody knows.
    let before = match &session.settings.rest_address {
        Some(_) => Some(session.view()?.definitions().await?),
        None => None,
    };
    let client = session.client().await?;
    let deployed = client.deploy(&files).await.map_err(engine::from_client)?;
    let unchanged = |process: &Deployed| {
        let key = process.process_definition_key.to_string();
        before.as_ref().map(|known| {
            known
                .iter()
                .any(|known| known.process_definition_key == key)
        })
    };
    if json {
        let list: Vec<_> = deployed
            .iter()
            .map(|process| {
                json!({
                    "process": process.bpmn_process_id,
                    "version": process.version,
                    "process_definition_key": process.process_definition_key.to_string(),
                    "resource": process.resource_name,
                    "unchanged": unchanged(process),
                })
            })
            .collect();
        ui::json(&json!({ "deployed": list }));
        return Ok(());
    }
    for process in &deployed {
        let change = match unchanged(process) {
            Some(true) => ", unchanged",
            Some(false) => ", new",
            None => "",
        };
        ui::line(&format!(
            "{} version {} (key {}){change}",
            process.bpmn_process_id, process.version, process.process_definition_key
        ));
    }
    Ok(())
}

/// A model with the name that it is deployed under: its file's, since the same bytes under another
/// name would be a new version.
fn read(path: &Path) -> Result<(String, Vec<u8>)> {
    let shown = path.display();
    let name = path
        .file_name()
        .with_context(|| format!("'{shown}' names no file"))?;
    let content =
        std::fs::read(path).with_context(|| format!("cannot read the model '{shown}'"))?;
    Ok((name.to_string_lossy().into_owned(), content))
}
