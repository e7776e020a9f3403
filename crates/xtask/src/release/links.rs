//! Which crates a program really links, and what cargo knows of each.
//!
//! `cargo metadata` alone would say too much: it switches on every feature that any crate of the
//! workspace asks for. `cargo tree` resolves them for the programs of one build, as `build` does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::build;
use super::plan::Plan;
use crate::{command, metadata};

/// A crate's name and version.
pub(crate) type Id = (String, String);

/// What there is to say of a crate.
#[derive(Clone, Debug)]
pub(crate) struct Crate {
    /// The SPDX expression of its manifest.
    pub(crate) licence: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) repository: Option<String>,
    /// The registry's checksum of its source; none for our own.
    pub(crate) sha256: Option<String>,
    /// Its source.
    pub(crate) folder: PathBuf,
    /// Whether it comes from a registry.
    pub(crate) is_foreign: bool,
}

/// All crates of a release, and which links which.
#[derive(Debug)]
pub(crate) struct Links {
    crates: BTreeMap<Id, Crate>,
    /// For each program: each crate that it links, with the crates that this one links.
    programs: BTreeMap<String, BTreeMap<Id, BTreeSet<Id>>>,
}

impl Links {
    /// Asks cargo, for the plan's target.
    pub(crate) fn read(root: &Path, plan: &Plan) -> Result<Self> {
        let document = metadata::document(root, &[&plan.target.triple])?;
        let lock =
            std::fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
        let mut programs = BTreeMap::new();
        for group in build::groups(&plan.services) {
            let mut args = vec!["tree", "--locked", "--edges", "normal,no-proc-macro"];
            args.extend(["--prefix", "depth", "--format", "{p}"]);
            args.extend(["--target", &plan.target.triple]);
            for name in &group {
                args.extend(["--package", name]);
            }
            let graph = graph(&command::read(command::cargo(root, &args))?)?;
            for name in group {
                programs.insert(name.to_owned(), reached(&graph, name, &plan.version)?);
            }
        }
        Ok(Self {
            crates: crates(&document, &checksums(&lock))?,
            programs,
        })
    }

    /// What one program links, itself included.
    pub(crate) fn of(&self, program: &str) -> Result<&BTreeMap<Id, BTreeSet<Id>>> {
        let links = self.programs.get(program);
        links.with_context(|| format!("cargo tree was not asked for '{program}'"))
    }

    /// What all programs link together.
    pub(crate) fn all(&self) -> BTreeMap<Id, BTreeSet<Id>> {
        let mut all: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
        for (id, links) in self.programs.values().flatten() {
            all.entry(id.clone())
                .or_default()
                .extend(links.iter().cloned());
        }
        all
    }

    /// What is known of a crate.
    pub(crate) fn get(&self, id: &Id) -> Result<&Crate> {
        let known = self.crates.get(id);
        known.with_context(|| format!("cargo metadata does not know '{} {}'", id.0, id.1))
    }
}

/// Reads `cargo tree --prefix depth --format {p}`: each line is a depth, a name and a version.
///
/// A crate's own crates stand below it where it comes first; later ones have `(*)` instead.
fn graph(text: &str) -> Result<BTreeMap<Id, BTreeSet<Id>>> {
    let mut graph: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    let mut above: Vec<Id> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let line_error = || format!("unknown line of cargo tree: '{line}'");
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let depth: usize = line[..digits].parse().with_context(line_error)?;
        let mut words = line[digits..].split_whitespace();
        let name = words.next().with_context(line_error)?;
        let version = words
            .next()
            .and_then(|word| word.strip_prefix('v'))
            .with_context(line_error)?;
        let id: Id = (name.to_owned(), version.to_owned());
        above.truncate(depth);
        graph.entry(id.clone()).or_default();
        if let Some(parent) = above.last() {
            graph.entry(parent.clone()).or_default().insert(id.clone());
        }
        above.push(id);
    }
    Ok(graph)
}

fn reached(
    graph: &BTreeMap<Id, BTreeSet<Id>>,
    program: &str,
    version: &str,
) -> Result<BTreeMap<Id, BTreeSet<Id>>> {
    let mut found = BTreeMap::new();
    let mut next = vec![(program.to_owned(), version.to_owned())];
    while let Some(id) = next.pop() {
        if found.contains_key(&id) {
            continue;
        }
        let links = graph
            .get(&id)
            .with_context(|| format!("cargo tree does not show '{} {}'", id.0, id.1))?;
        next.extend(links.iter().cloned());
        found.insert(id, links.clone());
    }
    Ok(found)
}

fn crates(document: &Value, checksums: &BTreeMap<Id, String>) -> Result<BTreeMap<Id, Crate>> {
    metadata::array(document, "packages")?
        .iter()
        .map(|package| {
            let id = (
                metadata::text(package, "name")?,
                metadata::text(package, "version")?,
            );
            let optional = |field: &str| package[field].as_str().map(str::to_owned);
            let manifest = PathBuf::from(metadata::text(package, "manifest_path")?);
            let found = Crate {
                licence: optional("license").map(|text| text.replace('/', " OR ")),
                description: optional("description"),
                repository: optional("repository"),
                sha256: checksums.get(&id).cloned(),
                folder: manifest.parent().context("a manifest at the root")?.into(),
                is_foreign: !package["source"].is_null(),
            };
            Ok((id, found))
        })
        .collect()
}

/// The checksums in Cargo.lock, whose tables say name, version, source and checksum, a line each.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let field = |table: &str, name: &str| {
        table.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix(" = \"")?;
            value.strip_suffix('"').map(str::to_owned)
        })
    };
    lock.split("[[package]]")
        .filter_map(|table| {
            let id = (field(table, "name")?, field(table, "version")?);
            Some((id, field(table, "checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str, version: &str) -> Id {
        (name.to_owned(), version.to_owned())
    }

    const TREE: &str = "\
0shop v1.0.0 (/p/shop)
1db v1.0.0 (/p/db)
2git v2.0.0
1git v2.0.0
1json v3.0.0

0payment v1.0.0 (/p/payment)
1db v1.0.0 (/p/db) (*)
1git v1.0.0
";

    #[test]
    fn a_program_links_what_lies_below_it_also_where_the_tree_is_cut() {
        let graph = graph(TREE).unwrap();
        let payment = reached(&graph, "payment", "1.0.0").unwrap();
        let names: Vec<_> = payment.keys().cloned().collect();
        assert_eq!(
            names,
            [
                id("db", "1.0.0"),
                id("git", "1.0.0"),
                id("git", "2.0.0"),
                id("payment", "1.0.0")
            ]
        );
        assert!(payment[&id("db", "1.0.0")].contains(&id("git", "2.0.0")));
        assert!(reached(&graph, "shop", "1.0.1").is_err());
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let error = graph("shop v1.0.0").unwrap_err().to_string();
        assert_eq!(error, "unknown line of cargo tree: 'shop v1.0.0'");
    }

    #[test]
    fn the_lock_files_checksums_are_found_by_name_and_version() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                    source = \"r\"\nchecksum = \"00ff\"\ndependencies = [\n \"b\",\n]\n\n\
                    [[package]]\nname = \"b\"\nversion = \"1.0.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&id("a", "1.0.0")], "00ff");
    }
}
