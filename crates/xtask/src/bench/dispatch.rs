//! How long a dispatch takes until its answer is a message in the engine, by each back end.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::json;

use crate::store::{Backend, Setup, Store};
use crate::tools::ACT;
use crate::{demo, ui};

/// Runs one after another.
const RUNS: u64 = 11;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures `restock_item`, whose run commits and pushes, and prints a line for each back end.
pub(super) fn run(root: &Path, folder: impl Fn(&str) -> PathBuf) -> Result<()> {
    measure(root, &Backend::Direct, folder("dispatch-direct"))?;
    match ACT.get(root) {
        Ok(act) => measure(root, &Backend::Act(act), folder("dispatch-act")),
        Err(why) => {
            ui::line(&format!(
                "dispatch to published message, act: skipped: act is not installed: {why}"
            ));
            Ok(())
        }
    }
}

fn measure(root: &Path, backend: &Backend, folder: PathBuf) -> Result<()> {
    let shop = demo::binary(root, "release", "shop")?;
    let store = Store::start(&Setup {
        programs: shop.parent().context("a program lies in a folder")?,
        folder,
        backend,
        project: root,
        watchdog_redispatch: 0,
        path: None,
    })?;
    let mut times = Vec::new();
    for run in 0..RUNS {
        let id = format!("bench-{run}");
        let payload =
            json!({ "_id": id, "product": "Real-Life BPMN Book", "stock_level": run + 1 });
        let sent = SystemTime::now().duration_since(UNIX_EPOCH);
        let sent = sent.context("the clock stands before 1970")?;
        store.dispatcher().dispatch("restock_item", &payload)?;
        let key = format!("{id}/restock_item");
        let published = store.until(&format!("message {key}"), PATIENCE, || {
            Ok(store
                .messages()?
                .get(&key)
                .and_then(|times| times.first().copied()))
        })?;
        times.push(Duration::from_millis(published).saturating_sub(sent));
    }
    times.sort_unstable();
    ui::line(&format!(
        "dispatch to published message, {}: p50 {:.2} s, max {:.2} s ({RUNS} runs, each commits and pushes)",
        backend.name(),
        times[times.len() / 2].as_secs_f64(),
        times[times.len() - 1].as_secs_f64()
    ));
    Ok(())
}
