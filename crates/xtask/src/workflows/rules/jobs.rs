//! Jobs and steps: their rights, their time limits, what they use, and what they put into a shell.

use serde_json::Value;

use super::File;

/// Expressions that hold data of an event: whoever sent it wrote it.
const EVENT_DATA: [&str; 5] = [
    "github.event",
    "inputs.",
    "client_payload",
    "github.head_ref",
    "github.ref_name",
];

pub(super) fn check(file: &File) -> Vec<String> {
    let Some(jobs) = file.yaml["jobs"]
        .as_object()
        .filter(|jobs| !jobs.is_empty())
    else {
        return vec![format!("{}: has no 'jobs'", file.path)];
    };
    let mut problems = Vec::new();
    for (id, job) in jobs {
        let place = format!("{}: job '{id}'", file.path);
        let Some(rights) = job["permissions"].as_object() else {
            problems.push(format!(
                "{place} has no 'permissions' of its own: name the least that it needs, such as 'contents: read'"
            ));
            continue;
        };
        problems.extend(pinned(&place, job));
        // A job of another file has its limits there.
        if job["uses"].is_null() {
            problems.extend(limited(&place, job));
            problems.extend(check_steps(&place, job));
            let pushes = rights.get("contents").is_some_and(|right| right == "write");
            let steps = job["steps"].as_array().into_iter().flatten();
            problems.extend(steps.filter_map(|step| credentials(&place, step, pushes)));
        }
    }
    problems
}

/// The steps of a job or of a composite action, whose caller limits their time.
pub(super) fn check_steps(place: &str, job: &Value) -> Vec<String> {
    let is_job = !job["runs-on"].is_null() || job["using"].is_null();
    let steps = job["steps"].as_array().into_iter().flatten().enumerate();
    let mut problems = Vec::new();
    for (index, step) in steps {
        let name = ["name", "id", "uses"]
            .iter()
            .find_map(|key| step[*key].as_str());
        let name = name.map_or_else(
            || format!("step {}", index + 1),
            |name| format!("step '{name}'"),
        );
        let place = format!("{place}, {name}");
        // An action's inputs are its caller's words, which these rules look at there.
        if is_job {
            problems.extend(limited(&place, step));
            problems.extend(in_text(&place, step));
        }
        problems.extend(pinned(&place, step));
        problems.extend(in_shell(&place, step));
    }
    problems
}

fn limited(place: &str, part: &Value) -> Option<String> {
    // `act` takes whole minutes alone, and lets a step with a fraction run for ever.
    let fits = part["timeout-minutes"]
        .as_u64()
        .is_some_and(|minutes| minutes > 0);
    (!fits)
        .then(|| format!("{place} has no time limit: add 'timeout-minutes: N', in whole minutes"))
}

fn pinned(place: &str, part: &Value) -> Option<String> {
    let action = part["uses"].as_str()?;
    let pin = action.rsplit_once('@').map(|(_, pin)| pin);
    let is_commit =
        pin.is_some_and(|pin| pin.len() == 40 && pin.bytes().all(|b| b.is_ascii_hexdigit()));
    (!action.starts_with("./") && !is_commit).then(|| {
        format!(
            "{place}: '{action}' is not pinned: write the 40 digits of its commit after the '@', and its version in a comment"
        )
    })
}

fn in_shell(place: &str, step: &Value) -> Option<String> {
    let script = step["run"].as_str()?;
    script.contains("${{").then(|| {
        format!(
            "{place}: 'run' holds ${{{{ .. }}}}, which is put into the script before a shell reads it: pass it by 'env', or let the binary read the event file"
        )
    })
}

/// An event's data inside of another text, such as JSON that is put together here.
fn in_text(place: &str, step: &Value) -> Vec<String> {
    let fields = ["env", "with"]
        .iter()
        .filter_map(|key| step[*key].as_object())
        .flatten();
    fields
        .filter(|(_, value)| value.as_str().is_some_and(|text| {
            let text = text.trim();
            let holds = EVENT_DATA.iter().any(|name| text.contains(name)) && text.contains("${{");
            let whole = text.starts_with("${{") && text.find("}}") == Some(text.len() - 2);
            holds && !whole
        }))
        .map(|(name, _)| format!("{place}: '{name}' puts an event's data into a text: let the binary read the event file"))
        .collect()
}

fn credentials(place: &str, step: &Value, pushes: bool) -> Option<String> {
    step["uses"].as_str()?.strip_prefix("actions/checkout@")?;
    let kept = &step["with"]["persist-credentials"];
    match (kept.as_bool(), pushes) {
        (Some(true), true) | (Some(false), _) => None,
        (Some(true), false) => Some(format!(
            "{place}: keeps credentials and may not push: set 'persist-credentials: false'"
        )),
        (None, _) => Some(format!(
            "{place}: say 'persist-credentials: false', or true where a push follows"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{broken, file};
    use super::*;

    #[test]
    fn rights_and_limits_of_a_job() {
        broken(
            "    permissions:\n      contents: write\n",
            "",
            "job 'run' has no 'permissions' of its own",
            check,
        );
        broken(
            "    permissions:\n      contents: write\n",
            "    permissions: write-all\n",
            "no 'permissions' of its own",
            check,
        );
        broken(
            "    timeout-minutes: 10\n",
            "",
            "job 'run' has no time limit",
            check,
        );
        broken(
            "        timeout-minutes: 1\n        env",
            "        env",
            "step 'Do it' has no time limit",
            check,
        );
        broken(
            "        timeout-minutes: 1\n        env",
            "        timeout-minutes: 0.05\n        env",
            "in whole minutes",
            check,
        );
        let none = check(&file("w.yml", "on: push"));
        assert_eq!(none, [".github/workflows/w.yml: has no 'jobs'"]);
    }

    #[test]
    fn an_action_that_is_not_pinned() {
        let pin = "@08c6903cd8c0fde910a37f88322edcfb5dd907a8";
        for loose in ["@v5", "@main", "", "@08c6903"] {
            broken(
                pin,
                loose,
                "is not pinned: write the 40 digits of its commit",
                |file| {
                    let mut problems = check(file);
                    problems.retain(|problem| !problem.contains("persist-credentials"));
                    problems
                },
            );
        }
    }

    #[test]
    fn credentials_are_kept_for_a_push_alone() {
        broken(
            "contents: write",
            "contents: read",
            "set 'persist-credentials: false'",
            check,
        );
        broken(
            "          persist-credentials: true\n",
            "          fetch-depth: 1\n",
            "say 'persist-credentials: false'",
            check,
        );
    }

    #[test]
    fn data_of_an_event_reaches_no_shell_and_no_text() {
        for data in [
            "${{ github.event.client_payload.product }}",
            "${{ inputs._id }}",
            "${{ steps.x.outputs.y }}",
        ] {
            let run = format!("run: 'echo \"{data}\"'");
            broken(
                "run: '\"$SERVICE\" action'",
                &run,
                "before a shell reads it",
                check,
            );
        }
        let json = r#"PAYLOAD: '{"product": "${{ github.event.client_payload.product }}"}'"#;
        broken(
            "SERVICE: ${{ steps.setup.outputs.path }}",
            json,
            "'PAYLOAD' puts an event's data into a text",
            check,
        );
        let two = "P: ${{ inputs.a }}${{ inputs.b }}";
        broken(
            "SERVICE: ${{ steps.setup.outputs.path }}",
            two,
            "'P' puts an event's data into a text",
            check,
        );
    }

    #[test]
    fn an_action_s_steps_have_the_same_rules() {
        let action = "runs:\n  using: composite\n  steps:\n    - id: a\n      run: echo ${{ inputs.x }}\n      env: {KEY: 'k-${{ inputs.x }}'}\n    - uses: o/r@v1\n";
        let action = file("../actions/a/action.yml", action);
        let problems = check_steps(&action.path, &action.yaml["runs"]);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems[0].contains("step 'a': 'run' holds ${{ .. }}"),
            "{problems:?}"
        );
        assert!(
            problems[1].contains("'o/r@v1' is not pinned"),
            "{problems:?}"
        );
    }
}
