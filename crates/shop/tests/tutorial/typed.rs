//! Commands that a page has its reader type where no test can: whether there is such a thing.
//!
//! Flags are held against `--help`, forms and their inputs against the workflow files.

use std::path::Path;

use serde_json::Value;

use crate::stage::{program, run};

/// Programs of ours, whose help knows their flags.
const OURS: [&str; 3] = ["shop", "ghettodb", "dispatcher"];
/// What every reader has; nothing of it changes with this project.
const GIVEN: [&str; 3] = ["git", "cd", "export"];

/// What is wrong with a command, if anything is.
pub(super) fn problem(command: &str, project: &Path) -> Option<String> {
    let words = words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        [] => None,
        ["cargo", "xtask", rest @ ..] => missing_of("xtask", &["help"], rest),
        ["cargo", ..] => None,
        ["gh", "workflow", "run", file, rest @ ..] => form_problem(project, file, rest),
        ["gh", "run" | "repo", ..] => None,
        [name, command, rest @ ..] if OURS.contains(name) && !command.starts_with('-') => {
            missing_of(name, &[command, "--help"], rest)
        }
        [name, rest @ ..] if OURS.contains(name) => missing_of(name, &["--help"], rest),
        [name, ..] if GIVEN.contains(name) => None,
        [name, ..] => Some(format!("nobody knows '{name}'")),
    }
}

/// The first flag, or chore, that the help does not name.
fn missing_of(name: &str, help: &[&str], words: &[&str]) -> Option<String> {
    let mut command = program(name);
    command.args(help);
    let (code, told, errors) = run(command);
    if code != 0 {
        return Some(errors);
    }
    let known: Vec<&str> = told
        .split(|letter: char| letter.is_whitespace() || "[],=<".contains(letter))
        .collect();
    let named = words
        .iter()
        .enumerate()
        .filter(|(place, word)| word.starts_with("--") || (name == "xtask" && *place == 0))
        .map(|(_, word)| word.split('=').next().unwrap_or(word));
    let mut missing = named.filter(|word| !known.contains(word));
    missing.next().map(|word| format!("no '{word}'"))
}

/// What is wrong with a call of a form by its file: the file, an input, or one that must be given.
fn form_problem(project: &Path, file: &str, words: &[&str]) -> Option<String> {
    let path = project.join(".github/workflows").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Some(format!("no workflow '{file}'"));
    };
    let workflow: Value = serde_saphyr::from_str(&text).expect("a workflow is YAML");
    let inputs = &workflow["on"]["workflow_dispatch"]["inputs"];
    let given: Vec<&str> = words
        .windows(2)
        .filter(|pair| pair[0] == "-f")
        .map(|pair| pair[1].split('=').next().unwrap_or_default())
        .collect();
    if let Some(name) = given.iter().find(|name| inputs[**name].is_null()) {
        return Some(format!("'{file}' has no input '{name}'"));
    }
    let needed = inputs
        .as_object()
        .into_iter()
        .flatten()
        .find(|(name, input)| {
            let has_default = !input["default"].is_null();
            input["required"] == true && !has_default && !given.contains(&name.as_str())
        });
    needed.map(|(name, _)| format!("'{file}' needs '{name}'"))
}

/// A command's words, as a shell splits them.
fn words(command: &str) -> Vec<String> {
    let word = regex::Regex::new(r#"(?:"[^"]*"|'[^']*'|[^\s"'])+"#).unwrap();
    let found = word.find_iter(command.split(" #").next().unwrap_or(command));
    found
        .map(|word| word.as_str().replace(['"', '\''], ""))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, expected: Option<&str>) {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert_eq!(problem(command, &project).as_deref(), expected, "{command}");
    }

    #[test]
    fn what_nobody_can_type_is_found() {
        check("cargo build --workspace --bins", None);
        check("cargo xtask release plan --target x", None);
        check("cargo xtask relaese", Some("no 'relaese'"));
        check("shop order --product \"A --b\" --wait", None);
        check("shop order --prodcut x", Some("no '--prodcut'"));
        check("frobnicate", Some("nobody knows 'frobnicate'"));
    }

    #[test]
    fn a_form_is_called_by_its_file_and_inputs() {
        check("gh workflow run restock-shop.yml", None);
        check(
            "gh workflow run restock.yml",
            Some("no workflow 'restock.yml'"),
        );
        check(
            "gh workflow run restock-shop.yml -f level=2",
            Some("'restock-shop.yml' has no input 'level'"),
        );
        check(
            "gh workflow run place-order.yml -f customer_name=Jo -f customer_address=here",
            Some("'place-order.yml' needs 'customer_email'"),
        );
    }
}
