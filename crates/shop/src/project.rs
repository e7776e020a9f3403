//! Where the project's own files are: models in `workflows/`, Actions in `.github/workflows/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::failure::{Exit, Failure};

/// Names the project's folder where the programs were moved away from it.
pub const VARIABLE: &str = "BACKROOM_PROJECT";

/// Where an installer puts the two folders, beside its folder of programs.
const INSTALLED: &str = "share/backroom";

/// A checkout of this project, or a copy of its two folders.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The folder that `BACKROOM_PROJECT` names, else the first above this program, else above the
    /// working folder, that has both parts, itself or in its `share/backroom`, where an installer
    /// puts them.
    pub fn find() -> Result<Self> {
        if let Some(named) = std::env::var_os(VARIABLE) {
            let root = PathBuf::from(named);
            return Self::at(&root).with_context(|| {
                let shown = root.display();
                format!("{VARIABLE} names '{shown}', which has no workflows/*.bpmn and .github/workflows")
            });
        }
        let program = std::env::current_exe().ok();
        let working = std::env::current_dir().ok();
        let starts = [program, working];
        starts
            .iter()
            .flatten()
            .flat_map(|start| start.ancestors())
            .find_map(|folder| Self::at(folder).or_else(|| Self::at(&folder.join(INSTALLED))))
            .ok_or_else(|| {
                Failure::new(
                    Exit::Fault,
                    "cannot find the project's workflows/ and .github/workflows/",
                )
                .hint(format!(
                    "start this from a clone, or name one with {VARIABLE}"
                ))
                .into()
            })
    }

    fn at(root: &Path) -> Option<Self> {
        let root = std::path::absolute(root).ok()?;
        let project = Self { root };
        let is_one = project.model("order-fulfilment.bpmn").is_file() && project.actions().is_dir();
        is_one.then_some(project)
    }

    /// The folder that holds both.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The Actions workflows, which say what an event starts.
    pub fn actions(&self) -> PathBuf {
        self.root.join(".github/workflows")
    }

    /// A process model by its file name.
    pub fn model(&self, name: &str) -> PathBuf {
        self.root.join("workflows").join(name)
    }

    /// All process models, by name.
    pub fn models(&self) -> Result<Vec<PathBuf>> {
        files(&self.root.join("workflows"), &["bpmn"])
    }

    /// All Actions workflows, by name.
    pub fn action_files(&self) -> Result<Vec<PathBuf>> {
        files(&self.actions(), &["yml", "yaml"])
    }
}

/// The files of these kinds in a folder, by name.
fn files(folder: &Path, kinds: &[&str]) -> Result<Vec<PathBuf>> {
    let read = || format!("cannot read '{}'", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(read)? {
        let path = entry.with_context(read)?.path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if kind.is_some_and(|kind| kinds.contains(&kind)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
