//! Makes a target's files: an archive a program, one with all, a bill of materials, installers.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::archive::{self, Entry};
use super::links::Links;
use super::plan::{Plan, SUITE};
use super::{build, changelog, licences, sbom, sums};
use crate::{command, ui};

/// The installers, which are the same for every version and target.
const INSTALLERS: [(&str, &str); 2] = [
    ("install.sh", include_str!("../../install/install.sh")),
    ("install.ps1", include_str!("../../install/install.ps1")),
];

/// The words in an installer that become the folder to fetch from.
const SOURCE: &str = "@SOURCE@";

/// Documents that every archive holds.
const DOCUMENTS: [&str; 3] = ["CHANGELOG.md", "LICENSE", "README.md"];

/// Folders that a store needs beside its programs: models, and what an event starts.
const PROJECT: [&str; 2] = ["workflows", ".github/workflows"];

/// Packs the programs of a folder, writes all into the plan's folder, and prints the sizes.
///
/// `source` is the URL of the folder that the installers fetch from if they are not told.
pub(crate) fn run(root: &Path, plan: &Plan, programs: &Path, source: Option<&str>) -> Result<()> {
    let links = Links::read(root, plan)?;
    let out = &plan.out;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make '{}'", out.display()))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = out.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write '{}'", path.display()))
    };
    let archive = |name: &str, entries: Vec<Entry>| -> Result<()> {
        let file = plan.target.archive(name);
        let bytes = archive::pack(&file, entries, plan.commit.time)?;
        write(&file, &bytes)?;
        ui::line(&format!(
            "{file:<55} {:>9}",
            build::megabytes(bytes.len() as u64)
        ));
        Ok(())
    };

    let mut documents = Vec::new();
    for name in DOCUMENTS {
        documents.push(Entry::text(name, read(&root.join(name))?));
    }
    let mut suite = documents.clone();
    for service in &plan.services {
        let name = &service.name;
        let file = plan.target.program(name);
        let program = Entry {
            bytes: read(&programs.join(&file))?,
            path: file,
            is_program: true,
        };
        suite.push(program.clone());
        let linked = links.of(name)?;
        let mut entries = documents.clone();
        entries.push(program);
        entries.push(Entry::text(
            licences::NAME,
            licences::write(linked.keys(), &links)?,
        ));
        let bill = sbom::write(name, linked, &links, plan)?;
        entries.push(Entry::text(format!("{name}.cdx.json"), bill));
        archive(name, entries)?;
    }
    let all = links.all();
    suite.push(Entry::text(
        licences::NAME,
        licences::write(all.keys(), &links)?,
    ));
    let bill = sbom::write(SUITE, &all, &links, plan)?;
    write(
        &format!("{SUITE}-{}.cdx.json", plan.target.triple),
        bill.as_bytes(),
    )?;
    suite.push(Entry::text(format!("{SUITE}.cdx.json"), bill));
    suite.extend(project(root)?);
    archive(SUITE, suite)?;

    for (name, text) in INSTALLERS {
        write(
            name,
            text.replace(SOURCE, source.unwrap_or_default()).as_bytes(),
        )?;
    }
    write(
        changelog::NAME,
        changelog::notes(root, &plan.version)?.as_bytes(),
    )?;
    sums::write(out)?;
    Ok(())
}

/// The files of [`PROJECT`] that git knows, so that nothing else on this machine gets out.
fn project(root: &Path) -> Result<Vec<Entry>> {
    let args = [&["ls-files", "-z", "--"], &PROJECT[..]].concat();
    let list = command::read(command::git(root, &args))?;
    let paths: Vec<&str> = list.split('\0').filter(|path| !path.is_empty()).collect();
    if paths.is_empty() {
        bail!("git knows no file in {}", PROJECT.join(" or "));
    }
    paths
        .into_iter()
        .map(|path| Ok(Entry::text(path, read(&root.join(path))?)))
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| {
        format!(
            "cannot read '{}': run `cargo xtask release build` first",
            path.display()
        )
    })
}
