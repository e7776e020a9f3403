//! The rules of the house for workflow files, actions and buttons: what no linter of others knows, or
//! what would be too late to learn on GitHub. Pure beside [`File::read`].
//!
//! Each problem names file and place, and says what to do.

mod events;
mod jobs;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// A YAML file, parsed.
pub(super) struct File {
    /// Path from the project's folder.
    path: String,
    yaml: Value,
}

impl File {
    /// Reads a file of the project.
    pub(super) fn read(root: &Path, path: &Path) -> Result<File> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read '{}'", path.display()))?;
        let shown = path.strip_prefix(root).unwrap_or(path);
        File::parse(&shown.display().to_string(), &text)
    }

    fn parse(path: &str, text: &str) -> Result<File> {
        let yaml = serde_saphyr::from_str(text)
            .with_context(|| format!("'{path}' is no valid YAML: mend it"))?;
        Ok(File {
            path: path.to_owned(),
            yaml,
        })
    }

    /// The name without folders.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// A trigger's settings; null where it has none.
    fn trigger(&self, event: &str) -> Option<&Value> {
        match &self.yaml["on"] {
            Value::String(name) => (name == event).then_some(&Value::Null),
            Value::Array(names) => names
                .iter()
                .any(|name| name == event)
                .then_some(&Value::Null),
            events => events.get(event),
        }
    }
}

/// Every broken rule.
pub(super) fn check(workflows: &[File], actions: &[File], panel: &File) -> Vec<String> {
    let mut problems = events::check(workflows);
    problems.extend(events::check_buttons(panel, workflows));
    for file in workflows {
        problems.extend(whole_file(file));
        problems.extend(jobs::check(file));
    }
    for action in actions {
        problems.extend(jobs::check_steps(&action.path, &action.yaml["runs"]));
    }
    problems
}

/// Settings of the repository that a workflow reads and the manual does not name.
pub(super) fn unexplained(workflows: &[File], manual: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for file in workflows {
        for name in settings(&file.yaml) {
            // GitHub makes this one itself.
            if name != "GITHUB_TOKEN" && !manual.contains(&format!("`{name}`")) {
                problems.push(format!(
                    "{}: reads '{name}', which docs/github.md does not name: say there what it is for and how to make it",
                    file.path
                ));
            }
        }
    }
    problems
}

/// The names behind `secrets.` and `vars.`, wherever in a file they are read.
fn settings(yaml: &Value) -> BTreeSet<String> {
    let text = yaml.to_string();
    let read = ["secrets.", "vars."].iter().flat_map(|kind| {
        text.match_indices(kind).map(|(at, kind)| {
            let rest = &text[at + kind.len()..];
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect::<String>()
        })
    });
    read.collect()
}

/// What stands at the top of a file.
fn whole_file(file: &File) -> Vec<String> {
    let mut problems = Vec::new();
    let mut say = |problem: &str| problems.push(format!("{}: {problem}", file.path));
    let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    if !is_empty(&file.yaml["permissions"]) {
        say(
            "no 'permissions: {}' at the top: write it there, and the least that it needs into each job",
        );
    }
    let concurrency = &file.yaml["concurrency"];
    if concurrency["group"].as_str().is_none() {
        say("no 'concurrency' with a 'group': name one, by order or product where it has one");
    }
    let is_max = concurrency["queue"] == "max";
    let cancels = concurrency["cancel-in-progress"] == true;
    if is_max == cancels {
        say(
            "a group needs 'queue: max', or else a third run cancels the one that waits; for runs that a newer one makes worthless, 'cancel-in-progress: true' instead",
        );
    }
    let run_name = file.yaml["run-name"].as_str();
    let by_hand = file.trigger("workflow_dispatch").is_some();
    let by_code = file.trigger("push").is_some() || file.trigger("pull_request").is_some();
    if file.trigger("repository_dispatch").is_some() {
        if !run_name.is_some_and(|name| name.contains("github.event.client_payload._id")) {
            say(
                "'run-name' does not hold ${{ github.event.client_payload._id }}: without it nobody finds the run of an order",
            );
        }
    } else if by_hand && !by_code && run_name.is_none() {
        say("no 'run-name': say there what the form asked for");
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workflow that keeps every rule.
    pub(super) const GOOD: &str = r#"
name: Shipping
run-name: "${{ github.event.client_payload._id || inputs._id }}"
on:
  repository_dispatch:
    types: [ship_order]
  workflow_dispatch:
    inputs:
      _id: {description: The order, type: string, required: true}
permissions: {}
concurrency:
  group: shipping-${{ github.event.client_payload._id }}
  queue: max
jobs:
  run:
    timeout-minutes: 10
    permissions:
      contents: write
    steps:
      - name: Check out
        uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8
        timeout-minutes: 1
        with:
          persist-credentials: true
      - uses: ./.github/actions/setup-service
        timeout-minutes: 1
        with: {service: shipping}
      - name: Do it
        timeout-minutes: 1
        env:
          SERVICE: ${{ steps.setup.outputs.path }}
        run: '"$SERVICE" action'
"#;

    pub(super) fn file(name: &str, text: &str) -> File {
        File::parse(&format!(".github/workflows/{name}"), text).unwrap()
    }

    /// The good file with one text replaced, which must break a rule that says `words`.
    #[track_caller]
    pub(super) fn broken(from: &str, to: &str, words: &str, check: impl Fn(&File) -> Vec<String>) {
        assert!(GOOD.contains(from), "the test's own text");
        let problems = check(&file("shipping.yml", &GOOD.replace(from, to)));
        let said = problems.iter().any(|problem| problem.contains(words));
        assert!(said, "nothing says '{words}': {problems:?}");
        let named = problems
            .iter()
            .all(|problem| problem.starts_with(".github/workflows/shipping.yml"));
        assert!(named, "{problems:?}");
        assert_eq!(check(&file("shipping.yml", GOOD)), Vec::<String>::new());
    }

    #[test]
    fn the_top_of_a_file() {
        let all_rights = "no 'permissions: {}' at the top";
        broken("permissions: {}\n", "", all_rights, whole_file);
        broken(
            "permissions: {}\n",
            "permissions: {contents: write}\n",
            all_rights,
            whole_file,
        );
        broken(
            "permissions: {}\n",
            "permissions: write-all\n",
            all_rights,
            whole_file,
        );
        broken(
            "  queue: max\n",
            "",
            "'queue: max', or else a third run cancels",
            whole_file,
        );
        broken("queue: max", "queue: single", "'queue: max'", whole_file);
        broken(
            "queue: max",
            "queue: max\n  cancel-in-progress: true",
            "'queue: max'",
            whole_file,
        );
        broken(
            "  group: shipping-${{ github.event.client_payload._id }}\n",
            "",
            "no 'concurrency'",
            whole_file,
        );
        broken(
            "run-name: \"${{ github.event.client_payload._id || inputs._id }}\"\n",
            "",
            "nobody finds the run",
            whole_file,
        );
        let form = file(
            "f.yml",
            "on: workflow_dispatch\npermissions: {}\nconcurrency: {group: g, queue: max}\n",
        );
        assert_eq!(
            whole_file(&form),
            [".github/workflows/f.yml: no 'run-name': say there what the form asked for"]
        );
    }

    #[test]
    fn a_setting_that_the_manual_does_not_name() {
        let text = "env: {A: '${{ secrets.ONE }}', B: '${{ vars.TWO }}', C: '${{ secrets.GITHUB_TOKEN }}'}";
        let files = [file("w.yml", text)];
        assert_eq!(
            unexplained(&files, "| `ONE` | and ONE_TWO |"),
            [
                ".github/workflows/w.yml: reads 'TWO', which docs/github.md does not name: say there what it is for and how to make it"
            ]
        );
        assert_eq!(unexplained(&files, "`ONE` and `TWO`"), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_no_yaml_is_named() {
        let error = File::parse("a.yml", "on: [").err().unwrap();
        assert!(
            error.to_string().contains("'a.yml' is no valid YAML"),
            "{error}"
        );
    }
}
