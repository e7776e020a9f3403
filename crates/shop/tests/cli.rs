//! The command line itself: every change of a flag shows in review.

use expect_test::expect_file;

use crate::stage::{program, run};

const COMMANDS: [&str; 18] = [
    "up",
    "demo",
    "deploy",
    "lint",
    "restock",
    "order",
    "orders",
    "status",
    "incidents",
    "resolve",
    "cancel",
    "redeliver",
    "refund",
    "audit",
    "clock",
    "rules",
    "buttons",
    "action",
];

fn help(args: &[&str]) -> String {
    let mut command = program("shop");
    command.args(args).arg("--help");
    let (code, out, err) = run(command);
    assert_eq!(code, 0, "{err}");
    out
}

#[test]
fn the_whole_help_is_as_expected() {
    let mut text = help(&[]);
    for command in COMMANDS {
        // The settings are the same everywhere: once is enough.
        let own = help(&[command]);
        let own = own.split("Settings:\n").next().expect("a first part");
        text = format!("{text}\n--- shop {command}\n{own}");
    }
    expect_file!["cli/help.txt"].assert_eq(&text);
}

#[test]
fn a_slip_is_exit_code_2() {
    for args in [&["orderz"][..], &["status"], &["order"], &["clock", "-5m"]] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program("shop");
        command.arg("--data").arg(folder.path()).args(args);
        let (code, out, err) = run(command);
        assert_eq!(out, "");
        // The clock's argument is read after the store was found: there is none here.
        let expected = if args[0] == "clock" { 4 } else { 2 };
        assert_eq!(code, expected, "{args:?}: {err}");
    }
}

#[test]
fn without_a_store_every_command_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["orders"][..],
        &["incidents"],
        &["audit", "x"],
        &["deploy"],
    ] {
        let mut command = program("shop");
        command.arg("--data").arg(folder.path()).args(args);
        let (code, _, err) = run(command);
        assert_eq!(code, 4, "{err}");
        let shown = folder.path().display();
        assert_eq!(
            err,
            format!(
                "error: no store runs in '{shown}'\nhint: start one with `shop up`, or name a gateway with --zeebe-address\n"
            )
        );
    }
}
