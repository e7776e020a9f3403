//! Which crate may know which: the map of ARCHITECTURE.md, held by a check.
//!
//! Services meet the engine at the gateway's protocol alone, so neither side may link the other;
//! the pure crates may link only what has no clock, no thread, no file and no network.

use crate::metadata::Package;

/// Each of our crates, and the crates of ours that it may name in its manifest.
const MAY_KNOW: [(&str, &[&str]); 19] = [
    ("feel", &[]),
    ("bpmn", &["feel"]),
    ("engine", &["bpmn", "feel"]),
    ("protocol", &[]),
    // The answer to --version: every program has it.
    ("build-info", &[]),
    (
        "broker",
        &["engine", "protocol", "bpmn", "feel", "build-info"],
    ),
    ("ghettodb", &["build-info"]),
    ("messaging", &["protocol", "ghettodb", "build-info"]),
    ("customers", SERVICE),
    ("inventory", SERVICE),
    ("payment", SERVICE),
    ("shipping", SERVICE),
    ("order-orchestrator", SERVICE),
    ("restock-orchestrator", SERVICE),
    (
        "http-worker",
        &["messaging", "feel", "protocol", "build-info"],
    ),
    ("dispatcher", &["build-info"]),
    ("shop", &["messaging", "ghettodb", "bpmn", "build-info"]),
    ("console", &["ghettodb"]),
    ("xtask", &["feel", "bpmn"]),
];

const SERVICE: &[&str] = &["messaging", "ghettodb", "build-info"];

/// The crates that take data and return data, and all that they may link from elsewhere.
pub(crate) const PURE: [&str; 3] = ["feel", "bpmn", "engine"];
const PURE_MAY_LINK: [&str; 9] = [
    "base64",
    "bigdecimal",
    "jiff",
    "postcard",
    "regex",
    "roxmltree",
    "serde",
    "serde_json",
    "thiserror",
];

/// Names each line of a manifest that the map doesn't allow.
pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    let ours: Vec<&Package> = packages
        .iter()
        .filter(|package| package.is_member)
        .collect();
    let mut problems = Vec::new();
    for package in &ours {
        let Some(allowed) = may_know(&package.name) else {
            problems.push(format!(
                "crate '{}' has no row in crates/xtask/src/dependencies.rs: say there what it may know",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let is_ours = ours.iter().any(|other| other.name == dependency.name);
            if is_ours && !allowed.contains(&dependency.name.as_str()) {
                problems.push(format!(
                    "crate '{}' must not know '{}' (ARCHITECTURE.md says why)",
                    package.name, dependency.name
                ));
            }
            let is_pure = PURE.contains(&package.name.as_str());
            let links = !is_ours && !dependency.is_dev;
            if is_pure && links && !PURE_MAY_LINK.contains(&dependency.name.as_str()) {
                problems.push(format!(
                    "pure crate '{}' links '{}', which is not on its list",
                    package.name, dependency.name
                ));
            }
        }
    }
    problems
}

fn may_know(name: &str) -> Option<&'static [&'static str]> {
    MAY_KNOW
        .iter()
        .find_map(|(crate_name, allowed)| (*crate_name == name).then_some(*allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            licence: None,
            is_member: true,
            folder: "/".into(),
            targets: Vec::new(),
            dependencies: dependencies
                .iter()
                .map(|(name, is_dev)| Dependency {
                    name: (*name).to_owned(),
                    is_dev: *is_dev,
                })
                .collect(),
        }
    }

    #[test]
    fn a_service_that_sees_the_broker_is_named() {
        let packages = [
            package("payment", &[("messaging", false), ("broker", true)]),
            package("messaging", &[]),
            package("broker", &[]),
        ];
        let expected = "crate 'payment' must not know 'broker' (ARCHITECTURE.md says why)";
        assert_eq!(check(&packages), [expected]);
    }

    #[test]
    fn a_pure_crate_may_test_with_what_it_must_not_link() {
        let packages = [package("engine", &[("fastrand", true), ("tokio", false)])];
        let expected = "pure crate 'engine' links 'tokio', which is not on its list";
        assert_eq!(check(&packages), [expected]);
    }

    #[test]
    fn a_new_crate_asks_for_a_row() {
        assert_eq!(check(&[package("newcomer", &[])]).len(), 1);
    }

    #[test]
    fn the_two_sides_never_meet_even_by_detours() {
        let mut reached = vec!["shop"];
        let mut next = 0;
        while let Some(name) = reached.get(next) {
            for known in may_know(name).unwrap() {
                if !reached.contains(known) {
                    reached.push(known);
                }
            }
            next += 1;
        }
        assert!(!reached.contains(&"broker") && !reached.contains(&"engine"));
    }
}
