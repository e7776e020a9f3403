//! What `cargo metadata` says of the workspace and of everything that it links.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// The platforms that the project promises: what other systems would link is not looked at,
/// and not downloaded either.
const PLATFORMS: [&str; 4] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
];

/// A package that a build may link.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression of its manifest.
    pub(crate) licence: Option<String>,
    /// Whether it is one of ours.
    pub(crate) is_member: bool,
    pub(crate) folder: PathBuf,
    /// The root files of its libraries, programs, tests and examples.
    pub(crate) targets: Vec<PathBuf>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a package's manifest.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Only its tests and examples see it.
    pub(crate) is_dev: bool,
}

/// Asks cargo, with the committed lock file.
pub(crate) fn read(root: &Path) -> Result<Vec<Package>> {
    let document = document(root, &PLATFORMS)?;
    let members = array(&document, "workspace_members")?;
    array(&document, "packages")?
        .iter()
        .map(|package| {
            let is_member = members.contains(&package["id"]);
            parse(package, is_member)
                .with_context(|| format!("unknown shape of cargo metadata for {}", package["id"]))
        })
        .collect()
}

/// What cargo says of a build for these platforms, as it says it.
pub(crate) fn document(root: &Path, platforms: &[&str]) -> Result<Value> {
    let mut args = vec!["metadata", "--format-version", "1", "--locked"];
    for platform in platforms {
        args.extend(["--filter-platform", platform]);
    }
    let text = command::read(command::cargo(root, &args))?;
    serde_json::from_str(&text).context("cargo metadata wrote no JSON")
}

fn parse(package: &Value, is_member: bool) -> Result<Package> {
    let manifest = PathBuf::from(text(package, "manifest_path")?);
    Ok(Package {
        name: text(package, "name")?,
        version: text(package, "version")?,
        licence: package["license"].as_str().map(str::to_owned),
        is_member,
        folder: manifest.parent().context("a manifest at the root")?.into(),
        targets: array(package, "targets")?
            .iter()
            .map(|target| text(target, "src_path").map(PathBuf::from))
            .collect::<Result<_>>()?,
        dependencies: array(package, "dependencies")?
            .iter()
            .map(|dependency| {
                Ok(Dependency {
                    name: text(dependency, "name")?,
                    is_dev: dependency["kind"] == "dev",
                })
            })
            .collect::<Result<_>>()?,
    })
}

pub(crate) fn text(value: &Value, field: &str) -> Result<String> {
    let text = value[field].as_str();
    Ok(text
        .with_context(|| format!("no text in '{field}'"))?
        .to_owned())
}

pub(crate) fn array<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    value[field]
        .as_array()
        .with_context(|| format!("no list in '{field}'"))
}
