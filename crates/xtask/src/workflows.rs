//! `cargo xtask lint-workflows`: the workflow files, by our own rules and by the linters that GitHub's
//! users trust.

mod linters;
mod rules;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::ui;

/// Where a person reads what to set up.
const MANUAL: &str = "docs/github.md";

/// Reads the project's workflow files, actions and buttons, and names each broken rule.
pub(crate) fn problems(root: &Path) -> Result<Vec<String>> {
    let mut workflows = Vec::new();
    for path in yaml_files(&root.join(".github/workflows"))? {
        workflows.push(rules::File::read(root, &path)?);
    }
    let mut actions = Vec::new();
    for entry in read_dir(&root.join(".github/actions"))? {
        let path = entry.join("action.yml");
        if path.is_file() {
            actions.push(rules::File::read(root, &path)?);
        }
    }
    let panel = rules::File::read(root, &root.join(".actionspanel/buttons.yml"))?;
    let mut problems = rules::check(&workflows, &actions, &panel);
    let manual = std::fs::read_to_string(root.join(MANUAL))
        .with_context(|| format!("cannot read '{MANUAL}'"))?;
    problems.extend(rules::unexplained(&workflows, &manual));
    Ok(problems)
}

/// Runs the linters.
pub(crate) fn lint(root: &Path) -> Result<()> {
    linters::run_all(root)
}

/// The chore: rules and linters.
pub(crate) fn run(root: &Path) -> Result<()> {
    let problems = problems(root)?;
    for problem in &problems {
        ui::line(problem);
    }
    if !problems.is_empty() {
        bail!("workflow rules: {} problems", problems.len());
    }
    ui::line("workflow rules: nothing to report");
    lint(root)
}

fn yaml_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = read_dir(folder)?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|kind| kind == "yml" || kind == "yaml")
    });
    Ok(files)
}

/// What is in a folder, by name.
fn read_dir(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let read = || format!("cannot read '{}'", folder.display());
    let entries = std::fs::read_dir(folder).with_context(read)?;
    let mut paths = entries
        .map(|entry| Ok(entry.with_context(read)?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_s_own_files_keep_the_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert_eq!(problems(&root).unwrap(), Vec::<String>::new());
    }
}
