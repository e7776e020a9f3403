//! docs/tutorial.md is true: every step is run, in order, and prints what the text shows.
//!
//! `UPDATE_EXPECT=1` writes what came out into the text; read the diff before you keep it. How the
//! text says what is run stands in `tutorial/script.rs`, what may differ in `tutorial/shapes.rs`.

mod play;
mod script;
mod shapes;
mod typed;

use std::path::{Path, PathBuf};

use play::Play;
use script::Script;

use crate::stage::slow;

const TUTORIAL: &str = "docs/tutorial.md";

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tutorial() -> String {
    std::fs::read_to_string(project().join(TUTORIAL)).expect("the tutorial is there")
}

#[test]
fn every_step_prints_what_the_text_shows() {
    if !slow("tutorial") {
        return;
    }
    let text = tutorial();
    let script = Script::read(&text);
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut play = Play::open(&project());
    let mut changes = Vec::new();
    for step in &script.steps {
        match play.step(step) {
            Ok(()) => {}
            Err(printed) if is_update => changes.push((step, printed)),
            Err(printed) => panic!(
                "{TUTORIAL}:{}: `{}` does not print what the text shows; UPDATE_EXPECT=1 writes it\n--- shown\n{}\n--- printed\n{}",
                step.line,
                step.typed,
                step.shown.join("\n"),
                printed.join("\n")
            ),
        }
    }
    play.close();
    if !changes.is_empty() {
        std::fs::write(project().join(TUTORIAL), script::updated(&text, &changes))
            .expect("the tutorial can be written");
    }
}

#[test]
fn what_is_only_typed_exists() {
    let script = Script::read(&tutorial());
    assert!(!script.typed.is_empty());
    let problems: Vec<String> = script
        .typed
        .iter()
        .filter_map(|(line, command)| {
            let problem = typed::problem(command, &project())?;
            Some(format!("{TUTORIAL}:{line}: `{command}`: {problem}"))
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_link_leads_somewhere() {
    let text = tutorial();
    let link = regex::Regex::new(r"\]\(([^)#:]+)(#[^)]*)?\)").unwrap();
    let docs = project().join("docs");
    let broken: Vec<&str> = link
        .captures_iter(&text)
        .filter_map(|found| found.get(1))
        .map(|target| target.as_str())
        .filter(|target| !docs.join(target).exists())
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
    assert!(link.is_match(&text));
}

#[test]
fn every_excerpt_stands_in_a_file_of_the_project() {
    let mut files = String::new();
    for folder in ["workflows", ".github/workflows"] {
        for entry in std::fs::read_dir(project().join(folder)).unwrap() {
            files += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
        }
    }
    let page = tutorial();
    let excerpt = regex::Regex::new("(?s)```(?:xml|yaml)\n(.*?)```").unwrap();
    let excerpts: Vec<&str> = excerpt
        .captures_iter(&page)
        .filter_map(|found| found.get(1))
        .map(|lines| lines.as_str())
        .collect();
    assert!(!excerpts.is_empty());
    for lines in excerpts {
        assert!(files.contains(lines), "no file has\n{lines}");
    }
}
