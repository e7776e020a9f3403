//! Who listens to what: each event type of the contract has one listener, with a form as its twin, and
//! each button starts something.

use std::collections::BTreeMap;

use serde_json::Value;

use super::File;

/// The contract: each event type, the one file that listens to it, and the service that answers.
const EVENTS: [(&str, &str, &str); 8] = [
    ("upsert_customer", "customers.yml", "customers"),
    ("restock_item", "inventory.yml", "inventory"),
    ("get_stock_level", "inventory.yml", "inventory"),
    ("decrement_stock", "inventory.yml", "inventory"),
    ("increment_stock", "inventory.yml", "inventory"),
    ("charge_customer", "payment.yml", "payment"),
    ("refund_customer", "payment.yml", "payment"),
    ("ship_order", "shipping.yml", "shipping"),
];
/// GitHub's limit for the inputs of a form.
const INPUTS_MAX: usize = 25;

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut listeners: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in files {
        match types(file) {
            Ok(types) => {
                for event_type in &types {
                    listeners.entry(event_type).or_default().push(file);
                }
                if !types.is_empty() {
                    problems.extend(twin(file, &types));
                }
            }
            Err(problem) => problems.push(format!("{}: {problem}", file.path)),
        }
        problems.extend(inputs(file));
    }
    for (event_type, expected, service) in EVENTS {
        match listeners.remove(event_type).as_deref() {
            None => problems.push(format!(
                ".github/workflows: nothing listens to event type '{event_type}': add it to the types of {expected}"
            )),
            Some([file]) if file.name() != expected => problems.push(format!(
                "{}: listens to '{event_type}', which is for {expected}: move it there",
                file.path
            )),
            Some([file]) => problems.extend(runs(file, service)),
            Some(several) => {
                let names: Vec<_> = several.iter().map(|file| file.name()).collect();
                problems.push(format!(
                    ".github/workflows: event type '{event_type}' has {} listeners, {}: each would do it, so leave it to {expected} alone",
                    names.len(),
                    names.join(" and ")
                ));
            }
        }
    }
    for (event_type, files) in listeners {
        problems.extend(files.iter().map(|file| {
            format!(
                "{}: event type '{event_type}' is not of the contract: spell it as in crates/xtask/src/workflows/rules/events.rs, or add it there and to its service",
                file.path
            )
        }));
    }
    problems
}

/// The event types that start a workflow; none where no dispatch does.
fn types(file: &File) -> Result<Vec<&str>, String> {
    let Some(filter) = file.trigger("repository_dispatch") else {
        return Ok(Vec::new());
    };
    let keys = filter
        .as_object()
        .into_iter()
        .flat_map(|filter| filter.keys());
    if let Some(key) = keys.into_iter().find(|key| *key != "types") {
        return Err(format!(
            "'on.repository_dispatch' has the key '{key}', which GitHub passes over, so that every dispatch starts this workflow: write 'types'"
        ));
    }
    let every = "'on.repository_dispatch' names no 'types', so that every dispatch starts this workflow: list them";
    match &filter["types"] {
        Value::String(one) => Ok(vec![one]),
        Value::Array(many) if !many.is_empty() => many
            .iter()
            .map(|name| name.as_str().ok_or_else(|| every.to_owned()))
            .collect(),
        _ => Err(every.to_owned()),
    }
}

/// Whether the file sets up the service of its events.
fn runs(file: &File, service: &str) -> Option<String> {
    let jobs = file.yaml["jobs"].as_object();
    let mut steps = jobs
        .into_iter()
        .flat_map(|jobs| jobs.values())
        .filter_map(|job| job["steps"].as_array())
        .flatten();
    let is_setup = |step: &&Value| step["uses"] == "./.github/actions/setup-service";
    let found = steps.find(is_setup).map(|step| &step["with"]["service"]);
    let fits = found.is_some_and(|found| found == service);
    (!fits).then(|| {
        format!(
            "{}: its events are for '{service}': let ./.github/actions/setup-service have 'service: {service}'",
            file.path
        )
    })
}

/// Whether a form offers the same operations as the events.
fn twin(file: &File, types: &[&str]) -> Option<String> {
    let Some(form) = file.trigger("workflow_dispatch") else {
        return Some(format!(
            "{}: has no 'workflow_dispatch': a person needs the same as a form",
            file.path
        ));
    };
    let offered = form["inputs"]["operation"]["options"].as_array();
    let offered: Vec<_> = offered
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let same = match types {
        [_] => offered.is_empty() || offered == types,
        _ => offered == types,
    };
    (!same).then(|| {
        format!(
            "{}: input 'operation' of the form must offer the types of repository_dispatch: {}",
            file.path,
            types.join(", ")
        )
    })
}

/// Whether every input of a form says what it is.
fn inputs(file: &File) -> Vec<String> {
    let inputs = file
        .trigger("workflow_dispatch")
        .map(|form| &form["inputs"]);
    let Some(inputs) = inputs.and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if inputs.len() > INPUTS_MAX {
        problems.push(format!(
            "{}: the form has {} inputs: GitHub takes {INPUTS_MAX} at most",
            file.path,
            inputs.len()
        ));
    }
    for (name, input) in inputs {
        if input["type"].as_str().is_none() || input["description"].as_str().is_none() {
            problems.push(format!(
                "{}: input '{name}' needs a 'type' and a 'description'",
                file.path
            ));
        }
    }
    problems
}

/// Whether each button starts a workflow of ours.
pub(super) fn check_buttons(panel: &File, files: &[File]) -> Vec<String> {
    let Some(buttons) = panel.yaml["buttons"].as_array() else {
        return vec![format!("{}: has no list 'buttons'", panel.path)];
    };
    let starts = |action: &str| {
        files.iter().any(|file| {
            let by_event = types(file).is_ok_and(|types| types.contains(&action));
            let by_form = file.name() == action && file.trigger("workflow_dispatch").is_some();
            by_event || by_form
        })
    };
    buttons
        .iter()
        .filter_map(|button| {
            let title = button["title"].as_str().unwrap_or_default();
            let action = button["action"].as_str().unwrap_or_default();
            if title.is_empty() || action.is_empty() {
                return Some(format!("{}: a button needs a 'title' and an 'action'", panel.path));
            }
            (!starts(action)).then(|| {
                format!(
                    "{}: button '{title}' does nothing: no workflow file listens to '{action}', and none of that name has a form",
                    panel.path
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GOOD, broken, file};
    use super::*;

    /// The problems of the good file alone, without those about the files that a test leaves out.
    fn own(file: &File) -> Vec<String> {
        let files = [File {
            path: file.path.clone(),
            yaml: file.yaml.clone(),
        }];
        let mut problems = check(&files);
        problems.retain(|problem| {
            let others = EVENTS.iter().filter(|(name, ..)| *name != "ship_order");
            !others.into_iter().any(|(name, ..)| {
                problem.contains(&format!("nothing listens to event type '{name}'"))
            })
        });
        problems
    }

    #[test]
    fn a_slip_in_the_trigger() {
        broken(
            "    types: [ship_order]",
            "    type: [ship_order]",
            "write 'types'",
            |file| {
                let mut problems = own(file);
                problems.retain(|problem| !problem.contains("nothing listens"));
                problems
            },
        );
        let every = "every dispatch starts this workflow";
        for (from, to) in [
            ("    types: [ship_order]", "    types: []"),
            (
                "  repository_dispatch:\n    types: [ship_order]",
                "  repository_dispatch:",
            ),
        ] {
            broken(from, to, every, |file| {
                let mut problems = own(file);
                problems.retain(|problem| !problem.contains("nothing listens"));
                problems
            });
        }
        let list = file("w.yml", "on: [push, repository_dispatch]");
        assert!(check(&[list])[0].contains(every));
    }

    #[test]
    fn an_event_without_a_listener_or_with_two() {
        let problems = check(&[]);
        assert_eq!(problems.len(), EVENTS.len());
        assert_eq!(
            problems[7],
            ".github/workflows: nothing listens to event type 'ship_order': add it to the types of shipping.yml"
        );
        let files = [file("shipping.yml", GOOD), file("again.yml", GOOD)];
        let problems = check(&files);
        let two = "event type 'ship_order' has 2 listeners, shipping.yml and again.yml: each would do it, so leave it to shipping.yml alone";
        assert!(
            problems.iter().any(|problem| problem.contains(two)),
            "{problems:?}"
        );
    }

    #[test]
    fn an_event_in_the_wrong_place() {
        broken(
            "service: shipping",
            "service: payment",
            "have 'service: shipping'",
            own,
        );
        let elsewhere = own(&file("payment.yml", GOOD));
        assert!(
            elsewhere[0].contains("is for shipping.yml: move it there"),
            "{elsewhere:?}"
        );
        let unknown = own(&file(
            "shipping.yml",
            &GOOD.replace("[ship_order]", "[ship_order, ship_oder]"),
        ));
        let words = "event type 'ship_oder' is not of the contract";
        assert!(
            unknown.iter().any(|problem| problem.contains(words)),
            "{unknown:?}"
        );
    }

    #[test]
    fn the_form_is_the_twin_of_the_events() {
        broken(
            "  workflow_dispatch:\n    inputs:\n      _id: {description: The order, type: string, required: true}\n",
            "",
            "a person needs the same as a form",
            own,
        );
        broken(
            "    inputs:\n",
            "    inputs:\n      operation: {description: What, type: choice, options: [send_it]}\n",
            "must offer the types of repository_dispatch: ship_order",
            own,
        );
        broken(
            "type: string, ",
            "",
            "input '_id' needs a 'type' and a 'description'",
            own,
        );
    }

    #[test]
    fn a_button_that_does_nothing_is_named() {
        let files = [file("shipping.yml", GOOD)];
        let panel = |action: &str| {
            let text = format!("buttons: [{{title: T, action: {action}}}]");
            check_buttons(&File::parse("buttons.yml", &text).unwrap(), &files)
        };
        for works in ["ship_order", "shipping.yml"] {
            assert_eq!(panel(works), Vec::<String>::new());
        }
        assert_eq!(
            panel("drop_db"),
            [
                "buttons.yml: button 'T' does nothing: no workflow file listens to 'drop_db', and none of that name has a form"
            ]
        );
        assert!(panel("''")[0].contains("needs a 'title' and an 'action'"));
        let none = File::parse("buttons.yml", "{}").unwrap();
        assert_eq!(
            check_buttons(&none, &files),
            ["buttons.yml: has no list 'buttons'"]
        );
    }
}
