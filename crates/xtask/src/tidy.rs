//! What neither the compiler nor clippy looks at: heads of modules, dead files, the map, purity.
//!
//! Looks at what git tracks or would track, so nothing that a build leaves behind is read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command;
use crate::dependencies::PURE;
use crate::metadata::Package;

/// What the pure crates' `clippy.toml` has to disallow: a crate's own file replaces the
/// workspace's, so each repeats the whole list.
const IMPURE: [&str; 15] = [
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "jiff::Timestamp::now",
    "std::thread::spawn",
    "std::env::var",
    "std::env::vars",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::write",
    "std::fs::create_dir_all",
    "std::fs::remove_file",
    "std::fs::rename",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::fs::File",
];

/// Folders that only exist on somebody's machine; in halves, so that this file doesn't name them.
const MACHINE_PATHS: [(&str, &str); 4] = [
    ("/ho", "me/"),
    ("/Us", "ers/"),
    ("/ro", "ot/"),
    ("/wo", "rk/"),
];

/// A text file of the repository; its path is relative to the root.
struct Source {
    path: PathBuf,
    text: String,
}

/// Names everything untidy, one line each.
pub(crate) fn check(root: &Path, packages: &[Package]) -> Result<Vec<String>> {
    let sources = sources(root)?;
    let mut problems = Vec::new();
    for source in &sources {
        problems.extend(machine_paths(source));
        if source.path.extension().is_some_and(|kind| kind == "rs") {
            problems.extend(module_head(source));
            problems.extend(bare_todo(source));
        }
    }
    problems.extend(dead_files(root, packages, &sources)?);
    let members = packages.iter().filter(|package| package.is_member);
    for package in members {
        problems.extend(unmapped(root, package)?);
        if PURE.contains(&package.name.as_str()) {
            problems.extend(impurities(root, package, &sources)?);
        }
    }
    Ok(problems)
}

fn sources(root: &Path) -> Result<Vec<Source>> {
    let list = command::read(command::git(
        root,
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    ))?;
    let mut sources = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        let file = root.join(path);
        // Deleted but still tracked, or a link: nothing of ours to read.
        if !file.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            continue;
        }
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read '{path}'"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source {
                path: path.into(),
                text,
            });
        }
    }
    Ok(sources)
}

fn machine_paths(source: &Source) -> Vec<String> {
    let paths = MACHINE_PATHS.map(|(start, end)| format!("{start}{end}"));
    numbered(source)
        .filter_map(|(number, line)| {
            let found = paths.iter().find(|path| starts_a_path(line, path))?;
            Some(format!(
                "{}:{number}: '{found}' is a path of one machine",
                source.path.display()
            ))
        })
        .collect()
}

/// Whether `path` stands in the line as the start of a path, not in the middle of one or of a URL.
fn starts_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~}*)".contains(c))
    })
}

fn module_head(source: &Source) -> Option<String> {
    let first = source
        .text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    (!first.is_some_and(|line| line.starts_with("//! "))).then(|| {
        format!(
            "{}: starts without a `//!` that says what it owns",
            source.path.display()
        )
    })
}

fn bare_todo(source: &Source) -> Vec<String> {
    let mark = ["TO", "DO"].concat();
    numbered(source)
        .filter(|(_, line)| line.contains(&mark) && !line.contains(&format!("{mark}(")))
        .map(|(number, _)| {
            format!(
                "{}:{number}: a bare {mark}: do it, or say what is missing where a user reads it",
                source.path.display()
            )
        })
        .collect()
}

/// Rust files of our packages that no target reaches through its `mod` lines, its own or another's.
fn dead_files(root: &Path, packages: &[Package], sources: &[Source]) -> Result<Vec<String>> {
    let mut alive = BTreeSet::new();
    let mut folders = Vec::new();
    for package in packages.iter().filter(|package| package.is_member) {
        folders.push(relative(root, &package.folder)?);
        for target in &package.targets {
            reach(relative(root, target)?, true, sources, &mut alive);
        }
    }
    Ok(sources
        .iter()
        .filter(|source| folders.iter().any(|folder| source.path.starts_with(folder)))
        .filter(|source| source.path.extension().is_some_and(|kind| kind == "rs"))
        .filter(|source| !alive.contains(&source.path))
        .map(|source| {
            format!(
                "{}: dead file: no `mod` line leads to it",
                source.path.display()
            )
        })
        .collect())
}

fn reach(file: PathBuf, is_root: bool, sources: &[Source], alive: &mut BTreeSet<PathBuf>) {
    let Some(source) = sources.iter().find(|source| source.path == file) else {
        return;
    };
    if !alive.insert(file.clone()) {
        return;
    }
    let parent = file.parent().unwrap_or(Path::new(""));
    let owns_folder = is_root || file.file_name().is_some_and(|name| name == "mod.rs");
    let folder = match file.file_stem() {
        Some(stem) if !owns_folder => parent.join(stem),
        _ => parent.to_owned(),
    };
    let mut path_attribute = None;
    for line in source.text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("#[path = \"") {
            path_attribute = path.split('"').next();
        } else if let Some(name) = declared_module(line) {
            if let Some(path) = path_attribute.take() {
                reach(normal(&parent.join(path)), true, sources, alive);
            } else {
                let flat = folder.join(format!("{name}.rs"));
                reach(flat, false, sources, alive);
                reach(folder.join(name).join("mod.rs"), false, sources, alive);
            }
        }
    }
}

/// The name in `mod name;`, with any visibility before it.
fn declared_module(line: &str) -> Option<&str> {
    let (head, _) = line.split_once(';')?;
    let head = match head.strip_prefix("pub(") {
        Some(rest) => rest.split_once(')')?.1.trim_start(),
        None => head.strip_prefix("pub ").unwrap_or(head),
    };
    let name = head.strip_prefix("mod ")?.trim();
    name.chars()
        .all(|c| c.is_alphanumeric() || c == '_')
        .then_some(name)
}

fn unmapped(root: &Path, package: &Package) -> Result<Option<String>> {
    let map = std::fs::read_to_string(root.join("ARCHITECTURE.md"))
        .context("cannot read ARCHITECTURE.md")?;
    let name = format!("`crates/{}`", package.name);
    Ok((!map.contains(&name)).then(|| {
        format!(
            "ARCHITECTURE.md: crate '{}' has no paragraph; it starts with {name}",
            package.name
        )
    }))
}

fn impurities(root: &Path, package: &Package, sources: &[Source]) -> Result<Vec<String>> {
    let folder = relative(root, &package.folder)?;
    let file = folder.join("clippy.toml");
    let rules = std::fs::read_to_string(root.join(&file))
        .with_context(|| format!("pure crate '{}' has no clippy.toml", package.name))?;
    let missing = IMPURE
        .iter()
        .filter(|path| !rules.contains(&format!("path = \"{path}\"")))
        .map(|path| format!("{}: '{path}' is not disallowed", file.display()));
    // The lint would be worth nothing if a line could switch it off.
    let switched_off = sources
        .iter()
        .filter(|source| source.path.starts_with(folder.join("src")))
        .filter(|source| {
            source.text.contains("clippy::disallowed") || source.text.contains("clippy::all")
        })
        .map(|source| {
            format!(
                "{}: a pure crate switches the purity lint off",
                source.path.display()
            )
        });
    Ok(missing.chain(switched_off).collect())
}

fn numbered(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source
        .text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line))
}

fn relative(root: &Path, path: &Path) -> Result<PathBuf> {
    Ok(path
        .strip_prefix(root)
        .with_context(|| format!("'{}' is outside of the workspace", path.display()))?
        .to_owned())
}

/// A path without its `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(result.pop()),
            std::path::Component::CurDir => {}
            other => result.push(other),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.into(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_module_says_what_it_owns() {
        assert_eq!(module_head(&source("a.rs", "//! Owns a.\n")), None);
        assert_eq!(module_head(&source("a.rs", "#![x]\n\n//! Owns a.\n")), None);
        assert!(module_head(&source("a.rs", "use b;\n")).is_some());
        assert!(module_head(&source("a.rs", "")).is_some());
    }

    #[test]
    fn a_todo_names_its_owner() {
        let mark = ["TO", "DO"].concat();
        assert!(bare_todo(&source("a.rs", &format!("// {mark}(limits): x"))).is_empty());
        assert_eq!(
            bare_todo(&source("a.rs", &format!("a\n// {mark}: x"))).len(),
            1
        );
    }

    #[test]
    fn a_path_of_one_machine_is_found_but_no_part_of_another() {
        let home = ["/ho", "me/"].concat();
        for line in [format!("see {home}me"), format!("\"{home}x\"")] {
            assert_eq!(machine_paths(&source("a.md", &line)).len(), 1, "{line}");
        }
        for line in [format!("https://a.b{home}"), format!("$X/y{home}")] {
            assert!(machine_paths(&source("a.md", &line)).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_file_that_no_target_reaches_is_dead() {
        let sources = [
            source("c/src/lib.rs", "pub mod one;\npub(crate) mod two;"),
            source("c/src/one.rs", "mod deep;"),
            source("c/src/one/deep.rs", ""),
            source("c/src/two/mod.rs", "#[path = \"../odd.rs\"]\nmod odd;"),
            source("c/src/odd.rs", ""),
            source("c/src/dead.rs", "mod inner { }"),
            source("c/tests/runner.rs", "mod listed;"),
            source("c/tests/listed.rs", ""),
            source("c/tests/forgotten.rs", ""),
        ];
        let package = Package {
            name: "c".to_owned(),
            version: String::new(),
            licence: None,
            is_member: true,
            folder: "/r/c".into(),
            targets: vec!["/r/c/src/lib.rs".into(), "/r/c/tests/runner.rs".into()],
            dependencies: Vec::new(),
        };
        let dead = dead_files(Path::new("/r"), &[package], &sources).unwrap();
        let names = ["c/src/dead.rs", "c/tests/forgotten.rs"];
        assert_eq!(
            dead,
            names.map(|name| format!("{name}: dead file: no `mod` line leads to it"))
        );
    }
}
