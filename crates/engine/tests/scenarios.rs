//! Runs every script under `tests/scenarios/` as a test of its own name.
//!
//! A script is steps, a line `---`, and what the engine recorded and answered. After each script
//! the log is replayed into a fresh engine, which must come to the same state bit for bit.
//! `UPDATE_EXPECT=1` writes what came out into the scripts; read the diff before you keep it.

#![expect(
    clippy::disallowed_methods,
    reason = "scripts are read from files; the core reads none"
)]

mod script;

use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files = Vec::new();
    find_scripts(&root, &mut files);
    files.sort();
    let trials = files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap_or(&path).with_extension("");
            Trial::test(name.to_string_lossy().into_owned(), move || run(&path))
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn find_scripts(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the scenarios are there") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            find_scripts(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "scn") {
            files.push(path);
        }
    }
}

fn run(path: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let folder = path.parent().expect("a file stands in a folder");
    let actual = script::play(&text, folder).map_err(Failed::from)?;
    if actual == text {
        return Ok(());
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, actual)?;
        return Ok(());
    }
    Err(Failed::from(format!(
        "{} differs; UPDATE_EXPECT=1 writes what came out\n{}",
        path.display(),
        difference(&text, &actual)
    )))
}

/// The first lines that differ, with a little around them.
fn difference(expected: &str, actual: &str) -> String {
    let expected: Vec<_> = expected.lines().collect();
    let actual: Vec<_> = actual.lines().collect();
    let same = expected.iter().zip(&actual).take_while(|(e, a)| e == a);
    let at = same.count();
    let part = |lines: &[&str]| {
        lines[at.saturating_sub(3).min(lines.len())..(at + 6).min(lines.len())].join("\n")
    };
    format!(
        "line {}:\n--- expected\n{}\n--- actual\n{}",
        at + 1,
        part(&expected),
        part(&actual)
    )
}
