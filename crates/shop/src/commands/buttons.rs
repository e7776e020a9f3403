//! `shop buttons`: the shop's buttons, and the workflow that each starts.

use anyhow::Result;
use serde_json::json;
use shop::buttons;
use shop::project::Project;

use crate::ui;

/// List the buttons of .actionspanel/buttons.yml and the workflow that each starts
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: Args, json: bool) -> Result<()> {
    let buttons = buttons::read(&Project::find()?)?;
    if json {
        ui::json(&json!({ "buttons": buttons }));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = buttons
        .iter()
        .map(|button| {
            vec![
                button.title.clone(),
                button.workflow.clone(),
                button.description.clone(),
            ]
        })
        .collect();
    ui::table(&["BUTTON", "WORKFLOW", "DOES"], &rows);
    Ok(())
}
