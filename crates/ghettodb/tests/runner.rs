//! All tests of the database against real bare repositories and the real git command.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]
#![expect(clippy::print_stdout, reason = "a test says its seed and its figures")]

mod action;
mod bad_input;
mod cli;
mod compact;
mod conditions;
mod contention;
mod crash;
mod differences;
mod export;
mod fsck;
mod garbage;
mod history;
mod http;
mod idempotency;
mod import;
#[cfg(feature = "sqlite")]
mod index;
mod layout;
mod merge;
mod model;
mod operations;
mod query;
mod refusals;
mod remote;
mod reshard;
mod rules;
mod step;
mod support;
mod time_travel;
mod upkeep;
mod watch;

#[test]
fn every_file_is_listed() {
    let listing = include_str!("runner.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            name == "runner" || listing.contains(&format!("mod {name};")),
            "{name} is not in runner.rs"
        );
    }
}
