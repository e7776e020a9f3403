//! `shop deploy`: process models to the engine; an unchanged one keeps its version.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use messaging::client::Deployed;
use messaging::rest::ProcessDefinition;
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

/// A process that the engine has now.
pub(crate) struct Row {
    pub(crate) process: Deployed,
    /// Whether the engine had it before; nobody knows without a REST API.
    pub(crate) unchanged: Option<bool>,
}

impl Row {
    /// `order-fulfilment version 3 (key 22..), unchanged`
    pub(crate) fn words(&self) -> String {
        let change = match self.unchanged {
            Some(true) => ", unchanged",
            Some(false) => ", new",
            None => "",
        };
        let process = &self.process;
        format!(
            "{} version {} (key {}){change}",
            process.bpmn_process_id, process.version, process.process_definition_key
        )
    }
}

pub(crate) async fn run(args: Args, session: &Session, json: bool) -> Result<()> {
    let paths = if args.files.is_empty() {
        Project::find()?.models()?
    } else {
        args.files
    };
    let rows = deploy(&paths, session).await?;
    if json {
        let list: Vec<_> = rows
            .iter()
            .map(|Row { process, unchanged }| {
                json!({
                    "process": process.bpmn_process_id,
                    "version": process.version,
                    "process_definition_key": process.process_definition_key.to_string(),
                    "resource": process.resource_name,
                    "unchanged": unchanged,
                })
            })
            .collect();
        ui::json(&json!({ "deployed": list }));
        return Ok(());
    }
    rows.iter().for_each(|row| ui::line(&row.words()));
    Ok(())
}

/// Deploys model files.
pub(crate) async fn deploy(paths: &[PathBuf], session: &Session) -> Result<Vec<Row>> {
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
        let is_known = |known: &ProcessDefinition| known.process_definition_key == key;
        before.as_ref().map(|known| known.iter().any(is_known))
    };
    Ok(deployed
        .into_iter()
        .map(|process| Row {
            unchanged: unchanged(&process),
            process,
        })
        .collect())
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
