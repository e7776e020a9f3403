//! `install.sh`, run as a user runs it, from a folder and from a server on this machine.

use std::path::Path;
use std::process::{Command, Output};

use super::super::plan::Plan;
use super::super::server::{Damage, FileServer};
use super::super::sums;
use super::release;

fn install(from: &str, dir: &Path, args: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/install/install.sh");
    Command::new("sh")
        .arg(script)
        .args(["--from", from, "--dir"])
        .arg(dir)
        .args(args)
        .output()
        .unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn refused(output: &Output, dir: &Path, reason: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(reason), "{said}");
    assert_eq!(names(dir), Vec::<String>::new());
}

fn says(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// One release for all cases: packing costs more than all of them.
#[test]
fn installs_whole_or_not_at_all() {
    let out = tempfile::tempdir().unwrap();
    let plan = release(out.path());
    named_services_come_alone(&plan);
    all_come_with_what_a_store_needs(&plan);
    what_is_damaged_is_refused(&plan);
    what_is_not_there_is_named(&plan);
}

fn named_services_come_alone(plan: &Plan) {
    let server = FileServer::start(&plan.out, None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    // An older one is replaced.
    std::fs::write(dir.path().join("inventory"), "old").unwrap();
    let output = install(&server.url(), dir.path(), &["inventory", "payment"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(names(dir.path()), ["inventory", "payment"]);
    let expected = format!("inventory {} (", plan.version);
    assert!(says(&dir.path().join("inventory")).starts_with(&expected));
}

fn all_come_with_what_a_store_needs(plan: &Plan) {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    let from = plan.out.to_str().unwrap();
    // Twice: a second time replaces everything.
    for _ in 0..2 {
        assert!(install(from, &bin, &[]).status.success());
        let expected: Vec<_> = plan.services.iter().map(|s| s.name.clone()).collect();
        assert_eq!(names(&bin), expected);
        let share = home.path().join("share/backroom");
        assert_eq!(names(&share), [".github", "workflows"]);
        assert!(share.join("workflows/order-fulfilment.bpmn").is_file());
    }
}

fn what_is_damaged_is_refused(plan: &Plan) {
    let archive = plan.target.archive("inventory");
    for damage in [Damage::Flipped, Damage::Truncated] {
        let server = FileServer::start(&plan.out, Some((&archive, damage))).unwrap();
        let dir = tempfile::tempdir().unwrap();
        // The one that is whole is not put in place either.
        let output = install(&server.url(), dir.path(), &["payment", "inventory"]);
        let reason = format!("'{archive}' does not have the checksum");
        refused(&output, dir.path(), &reason);
    }
}

fn what_is_not_there_is_named(plan: &Plan) {
    let server = FileServer::start(&plan.out, None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let try_it = |args: &[&str]| install(&server.url(), dir.path(), args);
    refused(
        &try_it(&["invntory"]),
        dir.path(),
        "the release has no service 'invntory'",
    );
    refused(
        &try_it(&["inventory", "--target", "sparc64-sun-solaris"]),
        dir.path(),
        &format!(
            "the release has no 'inventory' for sparc64-sun-solaris, only for {}",
            plan.target.triple
        ),
    );
    refused(
        &try_it(&["../x"]),
        dir.path(),
        "'../x' is no name of a service and no flag",
    );
    let empty = tempfile::tempdir().unwrap();
    let output = install(empty.path().to_str().unwrap(), dir.path(), &[]);
    refused(&output, dir.path(), sums::NAME);
    // A server that answers no, and one that is not there.
    let nothing = FileServer::start(empty.path(), None).unwrap();
    let url = nothing.url();
    refused(&install(&url, dir.path(), &[]), dir.path(), "cannot fetch");
    drop(nothing);
    refused(&install(&url, dir.path(), &[]), dir.path(), "cannot fetch");
}
