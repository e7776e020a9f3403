//! Scripts: reading steps, playing them on an engine, writing down what happened.

mod labels;
mod render;
mod steps;

use engine::{Batch, Engine, Record, Timestamp};
use labels::Labels;
use std::path::Path;

/// When every script begins: 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_767_225_600_000);

/// An engine with what a script needs around it.
pub(crate) struct World<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
    pub(crate) labels: Labels,
    pub(crate) log: Vec<Record>,
}

/// Plays a script, and gives it back with what really came out below each `---`.
pub(crate) fn play(text: &str, folder: &Path) -> Result<String, String> {
    let mut world = World {
        folder,
        engine: Engine::new(),
        now: START,
        labels: Labels::default(),
        log: Vec::new(),
    };
    let mut out = String::new();
    for (number, block) in blocks(text).into_iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut result = Vec::new();
        for line in block {
            out.push_str(line);
            out.push('\n');
            let step = line.trim();
            if !step.is_empty() && !step.starts_with('#') {
                steps::run(&mut world, step, &mut result).map_err(|e| format!("{step}: {e}"))?;
            }
        }
        out.push_str("---\n");
        for line in result {
            out.push_str(&line);
            out.push('\n');
        }
    }
    same_after_replay(&world)?;
    Ok(out)
}

/// The steps of each block: what stands above its `---`. Below it, up to an empty line, stands
/// what was expected.
fn blocks(text: &str) -> Vec<Vec<&str>> {
    let mut blocks = Vec::new();
    let mut steps = Vec::new();
    let mut in_result = false;
    for line in text.lines() {
        if in_result {
            in_result = !line.is_empty();
        } else if line == "---" {
            blocks.push(std::mem::take(&mut steps));
            in_result = true;
        } else {
            steps.push(line);
        }
    }
    if !steps.is_empty() {
        blocks.push(steps);
    }
    blocks
}

impl World<'_> {
    /// Processes one command and writes down its records.
    pub(crate) fn process(
        &mut self,
        command: engine::Command,
        result: &mut Vec<String>,
    ) -> engine::Response {
        let mut batch = Batch::default();
        let response = self.engine.process(command, self.now, &mut batch);
        for record in &batch.records {
            if let Some(line) = render::record(self, record) {
                result.push(line);
            }
        }
        for (key, variables) in &batch.results {
            let label = self.labels.of(*key);
            result.push(format!("result {label} {variables}"));
        }
        self.log.append(&mut batch.records);
        response
    }
}

fn same_after_replay(world: &World<'_>) -> Result<(), String> {
    let mut replayed = Engine::new();
    for record in &world.log {
        replayed.replay(record);
    }
    let snapshot = world.engine.snapshot();
    if replayed.snapshot() != snapshot {
        return Err("replay of the log came to another state than processing".into());
    }
    let restored = Engine::from_snapshot(&snapshot).map_err(|e| e.to_string())?;
    if restored.snapshot() != snapshot {
        return Err("a snapshot, read back, is another state".into());
    }
    Ok(())
}
