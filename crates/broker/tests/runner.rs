//! One test binary: linking is what costs. Each module is about one promise of the broker.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion, in its helpers too"
)]

mod crash;
mod format;
mod job_protocol;
mod jobs;
mod protocol;
mod records;
mod rest;
mod restart;
mod support;
mod wire;

/// A module that is not named above would be compiled by nobody.
#[test]
fn every_file_is_a_module() {
    let runner = include_str!("runner.rs");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name
            .strip_suffix(".rs")
            .filter(|module| *module != "runner")
        {
            assert!(
                runner.contains(&format!("mod {module};")),
                "{name} is not listed"
            );
        }
    }
}
