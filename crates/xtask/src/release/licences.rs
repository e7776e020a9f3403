//! The licences of everything that is linked, with their full texts, as their authors ask for.
//!
//! The texts are those that lie in the crates' own sources. Crates that have the same text share
//! it; one that has none is named with what its manifest says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::links::{Id, Links};

/// The file's name in an archive.
pub(crate) const NAME: &str = "LICENSES-THIRD-PARTY.txt";

/// How names of files begin that hold a licence, or what a licence asks to be kept.
const BEGINNINGS: [&str; 6] = [
    "license",
    "licence",
    "copying",
    "notice",
    "unlicense",
    "copyright",
];

/// Above this length a file is no licence; the longest known has 35,000 bytes.
const TEXT_BYTES_MAX: u64 = 200_000;

/// The licences of these crates, but for our own.
pub(crate) fn write<'a>(crates: impl Iterator<Item = &'a Id>, links: &Links) -> Result<String> {
    let mut list = String::new();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for id in crates {
        let known = links.get(id)?;
        if !known.is_foreign {
            continue;
        }
        let name = format!("{} {}", id.0, id.1);
        let stated = known.licence.as_deref().unwrap_or("see its text below");
        let home = known.repository.as_deref().unwrap_or_default();
        writeln!(list, "{name}: {stated} {home}").expect("a text takes all");
        let found = found(&known.folder)?;
        if found.is_empty() {
            without.push(format!("{name}: {stated}"));
        }
        for text in found {
            let crates = texts.entry(text).or_default();
            if crates.last() != Some(&name) {
                crates.push(name.clone());
            }
        }
    }
    let mut all = format!("This program links these crates:\n\n{list}");
    if !without.is_empty() {
        all += "\nThe sources of these hold no text of a licence, only its name:\n\n";
        all += &without.join("\n");
        all += "\n";
    }
    // The texts of most crates first; the map has them in an order of their own already.
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by_key(|(_, crates)| std::cmp::Reverse(crates.len()));
    for (text, crates) in texts {
        let line = "-".repeat(80);
        write!(all, "\n{line}\n{}\n{line}\n\n{text}\n", crates.join(", "))
            .expect("a text takes all");
    }
    Ok(all)
}

/// The texts in a crate's folder, by the names of their files, with the ends of lines made alike.
fn found(folder: &Path) -> Result<Vec<String>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the source in '{}'", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let is_one = BEGINNINGS.iter().any(|begin| name.starts_with(begin))
            && !name.ends_with(".rs")
            && !name.ends_with(".toml");
        let meta = std::fs::metadata(entry.path())
            .with_context(|| format!("cannot read '{}'", entry.path().display()))?;
        if is_one && meta.is_file() && meta.len() <= TEXT_BYTES_MAX {
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read '{}'", path.display()))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            let lines: Vec<&str> = text.trim_matches('\n').lines().map(str::trim_end).collect();
            Ok(lines.join("\n"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::order::Order;
    use super::super::plan::Plan;
    use super::*;

    #[test]
    fn texts_are_found_by_name_and_made_alike() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put("LICENSE-MIT", "Permission  \r\nis granted\r\n\n");
        put("COPYING.md", "Copy");
        put("license.rs", "no licence");
        put("README.md", "nor this");
        std::fs::create_dir(folder.path().join("licenses")).unwrap();
        assert_eq!(
            found(folder.path()).unwrap(),
            ["Copy", "Permission\nis granted"]
        );
    }

    #[test]
    fn each_crate_that_inventory_links_stands_in_its_licences() {
        let root = crate::project_root().unwrap();
        let plan = Plan::make(&root, &Order::parse(&["plan".to_owned()]).unwrap()).unwrap();
        let links = Links::read(&root, &plan).unwrap();
        let crates = links.of("inventory").unwrap();
        let text = write(crates.keys(), &links).unwrap();
        assert_eq!(text, write(crates.keys(), &links).unwrap());
        let (list, _) = text.split_once("----").unwrap();
        for (name, version) in crates.keys() {
            let line = format!("\n{name} {version}: ");
            let is_ours = !links
                .get(&(name.clone(), version.clone()))
                .unwrap()
                .is_foreign;
            assert_eq!(list.contains(&line), !is_ours, "{line}");
        }
        assert!(text.contains("Permission is hereby granted, free of charge"));
        assert!(text.contains("TERMS AND CONDITIONS FOR USE, REPRODUCTION"));
        assert!(!text.contains(&root.display().to_string()));
    }
}
