//! The commands that look after a database: `schema`, `reshard`, `fsck`.

use crate::support::{Origin, command};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

/// Runs a command; gives exit code, result, and standard error.
fn run(origin: &Origin, args: &[&str], input: &str) -> (i32, Value, String) {
    let repo = origin.local();
    let mut child = command(&[args, &["--repo", &repo]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that is refused does not read it.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let mut value: Value = serde_json::from_str(&stdout).unwrap_or_default();
    if let Some(record) = value.as_object_mut() {
        record.shift_remove("_updated");
    }
    (output.status.code().unwrap(), value, stderr)
}

#[track_caller]
fn done(origin: &Origin, args: &[&str], input: &str) -> Value {
    let (code, value, stderr) = run(origin, args, input);
    assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
    value
}

#[track_caller]
fn refused(origin: &Origin, args: &[&str], input: &str, expected: (i32, &str)) {
    let tip = origin.git(&["for-each-ref"]);
    let (code, _, stderr) = run(origin, args, input);
    assert_eq!(code, expected.0, "{stderr}");
    assert!(stderr.contains(expected.1), "{stderr}");
    assert_eq!(origin.git(&["for-each-ref"]), tip);
}

#[test]
fn the_rules_of_a_table_are_shown_set_and_removed() {
    let origin = Origin::new();
    let schema = r#"{"required": ["n"]}"#;
    assert_eq!(done(&origin, &["schema", "t"], ""), Value::Null);
    assert_eq!(
        done(&origin, &["schema", "t", "--set", "-"], schema),
        json!({"_id": "t", "schema": {"required": ["n"]}})
    );
    let all = json!({"_id": "t", "schema": {"required": ["n"]}, "unique": ["n", "a.b"]});
    assert_eq!(
        done(&origin, &["schema", "t", "--unique", "n,a.b"], ""),
        all
    );
    assert_eq!(done(&origin, &["schema", "t"], ""), all);

    let upsert = |record| ["upsert", "--table", "t", "--record", record];
    done(&origin, &upsert(r#"{"_id": "a", "n": 1}"#), "");
    refused(
        &origin,
        &upsert(r#"{"_id": "b"}"#),
        "",
        (
            3,
            "record \"b\" breaks the rules of table \"t\": \"n\" is a required property",
        ),
    );
    refused(
        &origin,
        &upsert(r#"{"_id": "b", "n": 1.0}"#),
        "",
        (3, "record \"a\" has it"),
    );
    let maximum = r#"{"properties": {"n": {"maximum": 0}}}"#;
    refused(
        &origin,
        &["schema", "t", "--set", "-"],
        maximum,
        (3, "1 record breaks these rules: record \"a\""),
    );
    refused(&origin, &["schema", "t", "--set", "-"], "{", (2, "-:1:2: "));
    refused(
        &origin,
        &["schema", "t", "--set", "/absent"],
        "",
        (2, "cannot read"),
    );
    refused(
        &origin,
        &["schema", "../t", "--unique", "a"],
        "",
        (2, "bad _id"),
    );
    refused(
        &origin,
        &["schema", "t", "--remove", "--unique", "a"],
        "",
        (2, "--unique"),
    );

    done(&origin, &["reshard", "t", "--layout", "fan-out"], "");
    assert_eq!(
        done(&origin, &["schema", "t", "--remove"], ""),
        json!({"_id": "t", "layout": "fan-out"})
    );
    done(&origin, &upsert(r#"{"_id": "b"}"#), "");
    assert_eq!(
        done(&origin, &["schema", "t", "--unique", ""], ""),
        json!({"_id": "t", "layout": "fan-out", "unique": []})
    );
    // Without a layout there is nothing to keep.
    done(&origin, &["schema", "u", "--unique", "a"], "");
    assert_eq!(done(&origin, &["schema", "u", "--remove"], ""), Value::Null);
    assert_eq!(done(&origin, &["schema", "u"], ""), Value::Null);
}

#[test]
fn a_table_is_moved_and_counted() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/a.json", "{}"),
        ("100644", "db/t/b.json", "{}"),
    ]);
    let out = done(&origin, &["reshard", "t", "--layout", "fan-out"], "");
    assert_eq!(
        out,
        json!({"table": "t", "layout": "fan-out", "records": 2, "moved": 2, "commit": origin.tip()})
    );
    let out = done(&origin, &["reshard", "t", "--layout", "fan-out"], "");
    assert_eq!((&out["moved"], &out["commit"]), (&json!(0), &Value::Null));
    refused(
        &origin,
        &["reshard", "t", "--layout", "deep"],
        "",
        (2, "deep"),
    );
    refused(&origin, &["reshard", "t"], "", (2, "--layout"));
}

#[test]
fn problems_are_json_and_errors_code_1() {
    let origin = Origin::new();
    origin.commit(&[("100644", "db/t/a.json", "{}")]);
    let missing = json!({
        "code": "id-missing",
        "severity": "warning",
        "path": "db/t/a.json",
        "line": 1,
        "column": 1,
        "message": "`_id` is missing; the file's name stands for it",
        "fixable": true,
    });
    assert_eq!(
        done(&origin, &["fsck"], ""),
        json!({"ok": true, "problems": [missing], "records": 1, "tables": 1})
    );
    origin.commit(&[("100644", "db/t/b.json", "{")]);
    let (code, out, stderr) = run(&origin, &["fsck", "--fix"], "");
    assert_eq!(code, 1);
    assert!(stderr.contains("1 of 1 problems are errors"), "{stderr}");
    assert_eq!(
        (&out["ok"], &out["mended"]),
        (&json!(false), &json!([missing]))
    );
    assert_eq!(out["problems"][0]["code"], "not-json");
    assert_eq!(out["commit"], origin.tip());
}

#[test]
fn keys_are_read_as_lines_and_as_json() {
    let origin = Origin::new();
    let with_key = |key| {
        let record = r#"{"_id": "a", "n": 1}"#;
        ["upsert", "--table", "t", "--record", record, "--key", key]
    };
    done(&origin, &with_key("o-1/charge"), "");
    done(&origin, &with_key("\"quoted\"\nand more"), "");
    let keys = "o-1/charge\r\n\n\"\\\"quoted\\\"\\nand more\"\n";
    let out = done(&origin, &["fsck", "--keys", "-"], keys);
    assert_eq!((&out["ok"], &out["keys"]), (&json!(true), &json!(2)));
    let (code, out, _) = run(&origin, &["fsck", "--keys", "-"], "o-1/charge\nlost\n");
    assert_eq!((code, &out["ok"]), (1, &json!(false)));
    assert_eq!(out["problems"][0]["code"], "key-missing");
    refused(
        &origin,
        &["fsck", "--keys", "-"],
        "a\n\"b\n",
        (2, "line 2 is no JSON text"),
    );
}
