//! Preconditions of a transaction, and several operations as one commit.

use crate::support::{Origin, isolate, message, open, record, transact};
use ghettodb::{Condition, Error, Memory, Transaction};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What the condition says of record `a` of table `t`, which is `{"n": 1}` with something in it, on
/// the repository and in memory alike.
#[track_caller]
fn check(condition: &Condition, id: &str, expected: Result<(), &str>) {
    let ask = |tx: &mut Transaction<'_>| {
        tx.insert("t", record(json!({"_id": "a", "n": 1, "deep": {"m": 2}})))?;
        Ok::<_, Error>(())
    };
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, ask);
    let mut memory = Memory::new();
    memory.transact("now", ask).unwrap();
    let outcomes = [
        database
            .transact(&message("m"), |tx| tx.require("t", id, condition))
            .map(drop)
            .map_err(Error::from),
        memory.transact("now", |tx| tx.require("t", id, condition)),
    ];
    for outcome in outcomes {
        match (&outcome, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(expected)) => {
                let text = error.to_string();
                assert!(text.contains(expected), "{text}");
                assert_eq!(error.exit_code(), 3);
            }
            _ => panic!("{condition:?}: {outcome:?}"),
        }
    }
}

#[test]
fn a_condition_holds_or_stops() {
    check(&Condition::Exists, "a", Ok(()));
    check(
        &Condition::Exists,
        "b",
        Err("expected to be there, but it is absent"),
    );
    check(&Condition::Absent, "b", Ok(()));
    check(
        &Condition::Absent,
        "a",
        Err("expected to be absent, but it is there"),
    );
    let matches = |query: Value| Condition::Matches(record(query));
    check(&matches(json!({"n": 1.0, "deep": {"m": 2}})), "a", Ok(()));
    check(
        &matches(json!({"n": 2})),
        "a",
        Err(r#"a match of {"n":2}, but it is another one"#),
    );
    check(&matches(json!({"n": 2})), "b", Err("absent"));
    let revision = Condition::Revision("0".repeat(40));
    check(&revision, "a", Err("at revision 000"));
    check(&revision, "b", Err("but it is absent"));
}

#[test]
fn a_revision_names_what_the_file_holds() {
    let origin = Origin::new();
    let mut database = open(&origin.url());
    transact(&mut database, |tx| {
        tx.insert("t", record(json!({"_id": "a", "n": 1})))
    });
    let snapshot = database.snapshot().unwrap();
    let revision = snapshot.revision("t", "a").unwrap().unwrap();
    assert_eq!(revision, origin.git(&["rev-parse", "main:db/t/a.json"]));
    assert_eq!(snapshot.revision("t", "b").unwrap(), None);
    let (first, second) = transact(&mut database, |tx| {
        tx.require("t", "a", &Condition::Revision(revision.clone()))?;
        let before = tx.revision("t", "a")?;
        tx.update("t", "a", record(json!({"n": 2})))?;
        Ok((before, tx.revision("t", "a")?))
    })
    .value;
    assert_eq!(first.as_deref(), Some(revision.as_str()));
    assert_eq!(
        second.as_deref(),
        Some(origin.git(&["rev-parse", "main:db/t/a.json"]).as_str()),
        "of a record that this transaction wrote, too"
    );
    let late = database.transact(&message("late"), |tx| {
        tx.require("t", "a", &Condition::Revision(revision.clone()))
    });
    assert!(matches!(
        Error::from(late.unwrap_err()),
        Error::Condition { .. }
    ));
}

#[test]
fn of_writers_that_compare_and_set_one_wins_each_round() {
    let origin = Origin::new();
    transact(&mut open(&origin.local()), |tx| {
        tx.insert("t", record(json!({"_id": "a", "n": 0})))
    });
    let writers = 6;
    let won: usize = std::thread::scope(|scope| {
        let revision = open(&origin.local())
            .snapshot()
            .unwrap()
            .revision("t", "a")
            .unwrap()
            .unwrap();
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let condition = Condition::Revision(revision.clone());
                let repo = origin.url();
                scope.spawn(move || {
                    let outcome = open(&repo).transact(&message("set"), |tx| {
                        tx.require("t", "a", &condition)?;
                        tx.update("t", "a", record(json!({"n": writer + 1})))
                    });
                    match outcome.map_err(Error::from) {
                        Ok(_) => 1,
                        Err(Error::Condition { .. }) => 0,
                        Err(error) => panic!("{error}"),
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(won, 1);
    assert_eq!(origin.commits(), 2);
}

/// Runs `ghettodb transaction` with the steps on standard input.
fn steps(origin: &Origin, steps: &str, more: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
    isolate(&mut command);
    command.args(["transaction", "--file", "-", "--repo", &origin.local()]);
    command.args(more).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(steps.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code(),
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn steps_are_one_commit_or_none() {
    let origin = Origin::new();
    let both = r#"[
        {"require": "absent", "table": "stock", "_id": "beer"},
        {"operation": "upsert", "table": "stock", "record": {"_id": "beer", "level": 2}},
        {"operation": "updateone", "table": "stock", "query": {"_id": "beer"}, "record": {"level": 1}},
        {"operation": "upsert", "table": "movements", "record": {"_id": "m1", "quantity": -1}},
        {"require": "matches", "table": "stock", "_id": "beer", "query": {"level": 1}}
    ]"#;
    let (code, result, stderr) = steps(&origin, both, &["--key", "k", "--message", "sell a beer"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(result.as_array().unwrap().len(), 5);
    assert_eq!(result[2]["level"], json!(1));
    assert_eq!(origin.commits(), 1);
    let log = origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(log.starts_with("sell a beer\n"), "{log}");
    assert!(
        log.contains("Operation: transaction\nIdempotency-Key: k"),
        "{log}"
    );

    let (code, again, _) = steps(&origin, both, &["--key", "k"]);
    assert_eq!(
        (code, again, origin.commits()),
        (Some(0), result, 1),
        "once"
    );

    let tip = origin.tip();
    let (code, _, stderr) = steps(
        &origin,
        r#"[{"operation": "upsert", "table": "t", "record": {"_id": "a"}},
            {"require": "absent", "table": "stock", "_id": "beer"}]"#,
        &[],
    );
    assert_eq!((code, origin.tip()), (Some(3), tip), "{stderr}");
    assert!(stderr.contains("expected to be absent"), "{stderr}");
}

#[test]
fn bad_steps_are_named() {
    let origin = Origin::new();
    for (text, expected) in [
        ("{}", "no JSON list"),
        ("[", "-:1:2: expected a JSON value"),
        ("[1]", "step 1: a step is a JSON object"),
        ("[{}]", "either `operation` or `require`"),
        (
            r#"[{"operation": "findone", "table": "t"}]"#,
            "\"findone\" is no operation that writes",
        ),
        (
            r#"[{"operation": "upsert", "record": {}}]"#,
            "`table` is missing",
        ),
        (
            r#"[{"operation": "upsert", "table": "t"}]"#,
            "`record` is missing",
        ),
        (
            r#"[{"operation": "upsert", "table": "t", "record": 1}]"#,
            "`record` is 1, not a JSON object",
        ),
        (
            r#"[{"operation": "deletemany", "table": "t", "query": {}}]"#,
            "add \"all\": true",
        ),
        (
            r#"[{"require": "soon", "table": "t", "_id": "a"}]"#,
            "\"soon\" is no condition",
        ),
        (
            r#"[{"require": "exists", "table": "t", "_id": 1}]"#,
            "`_id` is 1, not a text",
        ),
        (
            r#"[{"require": "exists", "table": "t", "_id": "a", "x": 1}]"#,
            "unknown field \"x\"",
        ),
    ] {
        let (code, _, stderr) = steps(&origin, text, &[]);
        assert_eq!(code, Some(2), "{text}: {stderr}");
        assert!(stderr.contains(expected), "{text}: {stderr}");
    }
    assert_eq!(origin.git(&["for-each-ref"]), "", "nothing was written");
}
