//! The command, run as people and scripts run it.

use crate::support::{Origin, isolate};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
    isolate(&mut command);
    command
        .env_remove("GHETTODB_REPO")
        .env_remove("GHETTODB_BRANCH")
        .args(args);
    command.output().unwrap()
}

/// Runs an operation on table `t`; gives exit code, result, and standard error.
fn outcome(repo: &Path, operation: &str, args: &[&str]) -> (i32, Value, String) {
    let base = [operation, "--repo", repo.to_str().unwrap(), "--table", "t"];
    let output = run(&[&base, args].concat());
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let value = serde_json::from_str(&stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), value, stderr)
}

#[track_caller]
fn done(repo: &Path, operation: &str, args: &[&str]) -> Value {
    let (code, value, stderr) = outcome(repo, operation, args);
    assert_eq!((code, stderr.as_str()), (0, ""), "{operation} {args:?}");
    value
}

/// The value without times, which differ from run to run.
fn timeless(mut value: Value) -> Value {
    match &mut value {
        Value::Array(records) => records
            .iter_mut()
            .for_each(|record| *record = timeless(record.take())),
        Value::Object(record) => drop(record.shift_remove("_updated")),
        _ => {}
    }
    value
}

#[test]
fn the_ten_operations() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("new.git");
    assert_eq!(done(&repo, "init", &[]), json!({"created": true}));
    assert_eq!(done(&repo, "init", &[]), json!({"created": false}));
    assert_eq!(done(&repo, "findone", &["--query", "{}"]), json!(null));
    let made = done(
        &repo,
        "upsert",
        &[
            "--query",
            r#"{"_id": "a"}"#,
            "--record",
            r#"{"n": 1.10, "city": "Ulm"}"#,
        ],
    );
    assert_eq!(
        timeless(made).to_string(),
        r#"{"_id":"a","n":1.10,"city":"Ulm"}"#
    );
    done(&repo, "upsert", &["--record", r#"{"_id": "b", "n": 2}"#]);
    done(&repo, "upsert", &["--record", r#"{"n": 3}"#]);
    assert_eq!(done(&repo, "findmany", &[]).as_array().unwrap().len(), 3);
    assert_eq!(
        timeless(done(&repo, "findone", &["--query", r#"{"n": 1.1}"#]))["_id"],
        "a"
    );
    let updated = done(
        &repo,
        "updateone",
        &["--query", r#"{"n": 2}"#, "--record", r#"{"x": 1}"#],
    );
    assert_eq!(timeless(updated), json!({"_id": "b", "n": 2, "x": 1}));
    assert_eq!(
        done(
            &repo,
            "updateone",
            &["--query", r#"{"n": 9}"#, "--record", "{}"]
        ),
        json!(null)
    );
    let updated = done(
        &repo,
        "updatemany",
        &["--query", "{}", "--record", r#"{"y": 1}"#],
    );
    assert_eq!(updated.as_array().unwrap().len(), 3);
    assert_eq!(
        done(&repo, "deleteone", &["--query", r#"{"_id": "b"}"#])["x"],
        1
    );
    assert_eq!(
        done(&repo, "deletemany", &["--query", r#"{"n": 3}"#])
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(done(&repo, "droptable", &[]), json!({"dropped": {"t": 1}}));
    done(&repo, "upsert", &["--record", r#"{"_id": "c"}"#]);
    assert_eq!(done(&repo, "dropdb", &[]), json!({"dropped": {"t": 1}}));
    assert_eq!(done(&repo, "findmany", &["--query", "{}"]), json!([]));
}

#[test]
fn usage_errors_are_one_line_and_code_2() {
    let origin = Origin::new();
    for (operation, args, expected) in [
        (
            "findmany",
            &["--query", "{"] as &[&str],
            "--query is no JSON: 1:2: expected a key in double quotes",
        ),
        (
            "findmany",
            &["--query", "[1]"],
            "--query: a record or query is a JSON object, found an array",
        ),
        ("findmany", &["--key", "k"], "unexpected argument '--key'"),
        ("upsert", &[], "--record is missing"),
        (
            "upsert",
            &["--record", r#"{"a": 1, "a": 2}"#],
            "--record is no JSON: 1:10: key \"a\" stands twice",
        ),
        (
            "upsert",
            &["--record", r#"{"a": NaN}"#],
            "--record is no JSON: 1:7: expected a JSON value",
        ),
        (
            "upsert",
            &["--record", r#"{"a": 1e400}"#],
            "larger than a double can hold",
        ),
        (
            "upsert",
            &["--record", r#"{"_id": "../x"}"#],
            "bad _id \"../x\"",
        ),
        ("updateone", &["--record", "{}"], "--query is missing"),
        (
            "deletemany",
            &["--query", "{}"],
            "if that is meant, add --all",
        ),
        ("deleteone", &[], "--query is missing"),
    ] {
        let (code, value, stderr) = outcome(&origin.path(), operation, args);
        assert_eq!(
            (code, value),
            (2, Value::Null),
            "{operation} {args:?}: {stderr}"
        );
        assert!(stderr.contains(expected), "{operation} {args:?}: {stderr}");
    }
    let output = run(&["upsert", "--repo", &origin.local(), "--record", "{}"]);
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("--table is missing")
    );
    assert_eq!(
        run(&["findmany", "--repo", &origin.local(), "--table", "../x"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(
        run(&["vacuum", "--repo", &origin.local()]).status.code(),
        Some(2)
    );
    assert_eq!(origin.git(&["for-each-ref"]), "", "nothing was written");
}

#[test]
fn deletemany_takes_all_when_told() {
    let origin = Origin::new();
    done(&origin.path(), "upsert", &["--record", r#"{"_id": "a"}"#]);
    assert_eq!(
        done(&origin.path(), "deletemany", &["--query", "{}", "--all"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_key_has_one_effect_and_one_answer() {
    let origin = Origin::new();
    let insert = |record: &str| {
        outcome(
            &origin.path(),
            "upsert",
            &["--record", record, "--key", "k-1"],
        )
    };
    let (code, first, _) = insert(r#"{"n": 1}"#);
    assert_eq!(code, 0);
    let tip = origin.tip();
    assert_eq!(
        insert(r#"{"n": 1.0}"#),
        (0, first.clone(), String::new()),
        "equal by value is the same payload"
    );
    let (code, _, stderr) = insert(r#"{"n": 2}"#);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("idempotency key \"k-1\" was already used"),
        "{stderr}"
    );
    assert_eq!(origin.tip(), tip);
    assert_eq!(
        done(&origin.path(), "findmany", &[])
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let log = origin.git(&["log", "--format=%s|%(trailers:separator=%x7C)", "main"]);
    let id = first["_id"].as_str().unwrap();
    assert_eq!(
        log,
        format!("upsert t/{id}|Operation: upsert|Idempotency-Key: k-1")
    );
}

#[test]
fn bad_records_are_named_and_can_be_skipped() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/bad.json", "{"),
        ("100644", "db/t/good.json", "{}"),
    ]);
    let (code, _, stderr) = outcome(&origin.path(), "findmany", &[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("db/t/bad.json:1:2"), "{stderr}");
    let (code, value, stderr) = outcome(&origin.path(), "findmany", &["--skip-bad"]);
    assert_eq!((code, value), (0, json!([{"_id": "good"}])));
    assert!(stderr.contains("skipped: db/t/bad.json:1:2"), "{stderr}");
}

#[test]
fn deadline_is_5_and_refusal_is_6() {
    let origin = Origin::new();
    origin.hook("pre-receive", "exit 1");
    let (code, _, stderr) = outcome(&origin.path(), "upsert", &["--record", "{}"]);
    assert_eq!(code, 6, "{stderr}");
    assert!(
        stderr.contains("pre-receive hook declined") && stderr.contains("hint: "),
        "{stderr}"
    );
    // The lock of a writer that died: to others the branch looks busy for ever.
    let origin = Origin::new();
    std::fs::write(origin.path().join("refs/heads/main.lock"), "").unwrap();
    let (code, _, stderr) = outcome(
        &origin.path(),
        "upsert",
        &["--record", "{}", "--push-deadline", "0"],
    );
    assert_eq!(code, 5, "{stderr}");
}

#[test]
fn processes_that_start_together_all_land() {
    let origin = Origin::new();
    thread::scope(|scope| {
        for writer in 0..10 {
            let path = origin.path();
            scope.spawn(move || {
                let record = format!("{{\"_id\": \"w{writer}\"}}");
                done(
                    &path,
                    "upsert",
                    &["--record", &record, "--push-deadline", "240"],
                )
            });
        }
    });
    assert_eq!(
        done(&origin.path(), "findmany", &[])
            .as_array()
            .unwrap()
            .len(),
        10
    );
    assert_eq!(origin.commits(), 10);
}

#[test]
fn text_of_any_kind_passes_through() {
    let origin = Origin::new();
    let name = "Ann \"$(touch /tmp/x)\" `id`\n\u{1f37a} ; -- '";
    let record = json!({"_id": "a", "name": name}).to_string();
    done(&origin.path(), "upsert", &["--record", &record]);
    let query = json!({"name": name}).to_string();
    assert_eq!(
        done(&origin.path(), "findone", &["--query", &query])["name"],
        name
    );
}

#[test]
fn a_commit_says_what_came_of_the_operation() {
    let origin = Origin::new();
    let subject = |operation: &str, args: &[&str]| {
        done(&origin.path(), operation, args);
        origin.git(&["log", "-1", "--format=%s", "main"])
    };
    let a = r#"{"_id": "a", "n": 1}"#;
    assert_eq!(subject("upsert", &["--record", a]), "upsert t/a");
    assert_eq!(
        origin.git(&["log", "-1", "--format=%b", "main"]),
        "t/a: new\n\nOperation: upsert"
    );
    subject("upsert", &["--record", r#"{"_id": "b", "n": 1}"#]);
    let one = ["--query", r#"{"n": 1}"#, "--record", r#"{"n": 2}"#];
    assert_eq!(subject("updateone", &one), "updateone t/a");
    let all = ["--query", "{}", "--record", r#"{"m": 1}"#];
    assert_eq!(subject("updatemany", &all), "updatemany t: 2 records");
    let two = ["--query", r#"{"n": 2}"#];
    assert_eq!(subject("deleteone", &two), "deleteone t/a");
    assert_eq!(subject("droptable", &[]), "droptable t: 1 record");
    subject("upsert", &["--record", a]);
    assert_eq!(subject("dropdb", &[]), "dropdb: 1 record");
}
