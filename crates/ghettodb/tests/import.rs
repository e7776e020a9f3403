//! Import: many records as one commit, and all that can be wrong with them.

use crate::support::{Origin, command, open, record, timeless, transact};
use ghettodb::{Committed, Database, Error, Import, ImportFormat, ImportMode, Imported};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;

fn import(format: ImportFormat, mode: ImportMode) -> Import<'static> {
    Import {
        table: "t",
        format,
        mode,
        key: None,
        file: "input",
    }
}

const NDJSON: Import<'static> = Import {
    table: "t",
    format: ImportFormat::Ndjson,
    mode: ImportMode::Insert,
    key: None,
    file: "input",
};

fn run(
    database: &mut Database,
    import: &Import<'_>,
    input: impl AsRef<[u8]>,
) -> Result<Committed<Imported>, Error> {
    database.import(import, &mut input.as_ref())
}

fn counts(inserted: u64, updated: u64, unchanged: u64) -> Imported {
    Imported {
        inserted,
        updated,
        unchanged,
    }
}

fn all(origin: &Origin, table: &str) -> Vec<Value> {
    let snapshot = open(&origin.local()).snapshot().unwrap();
    timeless(snapshot.all(table).unwrap())
}

#[test]
fn records_of_each_format_become_one_commit() {
    let expected = [
        json!({"_id": "a", "n": 1, "at": {"city": "Ulm"}}),
        json!({"_id": "b", "n": 2}),
    ];
    for (format, input) in [
        (
            ImportFormat::Ndjson,
            "\u{feff}{\"_id\": \"a\", \"n\": 1, \"at\": {\"city\": \"Ulm\"}}\r\n\n{\"_id\": \"b\", \"n\": 2}",
        ),
        (
            ImportFormat::Json,
            "\u{feff} [{\"_id\": \"a\", \"n\": 1, \"at\": {\"city\": \"Ulm\"}},\n{\"_id\": \"b\", \"n\": 2}]\n",
        ),
        (
            ImportFormat::Csv,
            "\u{feff}_id,n,at.city\r\na,1,Ulm\r\nb,2,\r\n",
        ),
    ] {
        for repo in [Origin::local, Origin::url] {
            let origin = Origin::new();
            let mut database = open(&repo(&origin));
            let done = run(&mut database, &import(format, ImportMode::Insert), input).unwrap();
            assert_eq!(done.value, counts(2, 0, 0), "{format:?}");
            assert_eq!(done.commit.as_ref(), Some(&origin.tip()));
            assert_eq!(all(&origin, "t"), expected);
            assert_eq!(origin.commits(), 1);
            let log = database.log(1).unwrap();
            assert_eq!(log[0].subject, "import t (2 records)");
            assert_eq!(log[0].trailer("operation"), Some("import"));
            origin.assert_sound();
        }
    }
}

#[test]
fn files_are_as_a_transaction_writes_them() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    run(
        &mut database,
        &NDJSON,
        r#"{"n": 1.10, "_updated": "x", "_id": "a", "big": 12345678901234567890}"#,
    )
    .unwrap();
    let text = origin.file("db/t/a.json");
    let updated = record(serde_json::from_str(&text).unwrap())["_updated"].clone();
    updated
        .as_str()
        .unwrap()
        .parse::<jiff::Timestamp>()
        .unwrap();
    let expected = format!(
        "{{\n  \"_id\": \"a\",\n  \"n\": 1.10,\n  \"big\": 12345678901234567890,\n  \"_updated\": {updated}\n}}"
    );
    assert_eq!(text, expected);
    // A record without `_id` gets one.
    run(&mut database, &NDJSON, "{\"n\": 2}\n{\"n\": 3}").unwrap();
    assert_eq!(origin.files().len(), 3);
}

#[test]
fn existing_records_are_an_error_or_updated_or_replaced() {
    let input = r#"{"_id": "a", "n": 2}
{"_id": "b", "x": 1}
{"_id": "new"}"#;
    let fill = |origin: &Origin| {
        transact(&mut open(&origin.local()), |tx| {
            tx.insert("t", record(json!({"_id": "a", "n": 1, "kept": true})))?;
            tx.insert("t", record(json!({"_id": "b", "x": 1})))?;
            tx.insert("t", record(json!({"_id": "other"})))
        });
    };
    for (mode, a) in [
        (
            ImportMode::Upsert,
            json!({"_id": "a", "n": 2, "kept": true}),
        ),
        (ImportMode::Replace, json!({"_id": "a", "n": 2})),
    ] {
        for repo in [Origin::local, Origin::url] {
            let origin = Origin::new();
            fill(&origin);
            let b = origin.file("db/t/b.json");
            let mut database = open(&repo(&origin));
            let import = import(ImportFormat::Ndjson, mode);
            assert_eq!(
                run(&mut database, &import, input).unwrap().value,
                counts(1, 1, 1)
            );
            assert_eq!(
                all(&origin, "t"),
                [
                    a.clone(),
                    json!({"_id": "b", "x": 1}),
                    json!({"_id": "new"}),
                    json!({"_id": "other"})
                ]
            );
            assert_eq!(
                origin.file("db/t/b.json"),
                b,
                "what is unchanged keeps its time"
            );
            // The same once more is no commit.
            let again = run(&mut database, &import, input).unwrap();
            assert_eq!((again.value, again.commit), (counts(0, 0, 3), None));
            origin.assert_sound();
        }
    }
    let origin = Origin::new();
    fill(&origin);
    refused(
        &origin,
        &NDJSON,
        input,
        "input:1: record \"a\" is already in table \"t\"",
    );
}

/// The import is refused with this text and exit code 3, and nothing is written.
#[track_caller]
fn refused(origin: &Origin, import: &Import<'_>, input: impl AsRef<[u8]>, expected: &str) {
    let before = origin.git(&["for-each-ref"]);
    let error = run(&mut open(&origin.local()), import, input).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.exit_code(), 3);
    assert_eq!(origin.git(&["for-each-ref"]), before);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let origin = Origin::new();
    let ndjson = |input: &str, expected: &str| refused(&origin, &NDJSON, input, expected);
    ndjson(
        "{}\n\n{\"a\": }",
        "input:3:7: expected a JSON value, found '}'",
    );
    ndjson(
        "{}\n{\"a\": 1, \"a\": 2}",
        "input:2:10: key \"a\" stands twice",
    );
    ndjson(
        "{\"a\": 1e400}",
        "input:1:7: number 1e400 is larger than a double can hold",
    );
    ndjson(
        "{}\n[1]",
        "input:2: a record is a JSON object, found an array",
    );
    ndjson(
        "{\"_id\": \"../x\"}",
        "input:1: bad _id \"../x\": it holds '/'; letters a-z, digits, '_', '-' and '.' are allowed",
    );
    ndjson("{\"_id\": 7}", "input:1: bad _id \"7\": it is not a text");
    ndjson(
        "{\"_id\": \"a\"}\n{}\n{\"_id\": \"a\"}",
        "input:3: `_id` \"a\" stands on line 1 already",
    );
    ndjson(
        "{\"_id\": \"a\"}\n{\"_id\": \"A\"}",
        "input:2: `_id` \"A\" differs from \"a\" on line 1 only by case",
    );
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(1024 * 1024));
    let error = run(&mut open(&origin.local()), &NDJSON, &long)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("input:1: cannot store a record in table \"t\": it has 10486"),
        "{error}"
    );
    refused(
        &origin,
        &NDJSON,
        b"{}\n{\"a\": \"\xff\"}",
        "input:2: the line is not UTF-8",
    );
    refused(
        &origin,
        &NDJSON,
        vec![b' '; 16 * 1024 * 1024 + 1],
        "input:1: the line is longer than 16777216 bytes; is this one record a line?",
    );

    let json = import(ImportFormat::Json, ImportMode::Insert);
    refused(&origin, &json, "{}", "input:1:1: expected '[', found '{'");
    refused(
        &origin,
        &json,
        "[{},\n {\"_id\": \"-\"}]",
        "input:2: bad _id \"-\": it must start with a letter, a digit or '_'",
    );
    refused(
        &origin,
        &json,
        "[{},\n {\"b\": 01}]",
        "input:2:8: not a JSON number",
    );
    refused(
        &origin,
        &json,
        b"[\n\"\xff\"]",
        "input:2: the input is not UTF-8",
    );

    let csv = import(ImportFormat::Csv, ImportMode::Insert);
    refused(
        &origin,
        &csv,
        "_id,a\nx,1\ny",
        "input:3: the row has 1 cells, but there are 2 columns",
    );
    refused(
        &origin,
        &csv,
        "_id,a,a\n",
        "input:1: column \"a\" stands twice",
    );
    refused(
        &origin,
        &csv,
        "_id,a,a.b\nx,1,\ny,1,2\n",
        "input:3: column \"a.b\" is for a field that another column has set",
    );
    refused(
        &origin,
        &csv,
        b"_id\nx\n\xff\n",
        "input:3: the row is not UTF-8",
    );
    refused(
        &origin,
        &csv,
        "_id,a\nx,\"1\n2\"\n7 ,\n",
        "input:4: bad _id \"7 \": it holds ' '; letters a-z, digits, '_', '-' and '.' are allowed",
    );
}

#[test]
fn names_that_meet_others_by_case_are_refused() {
    let origin = Origin::new();
    transact(&mut open(&origin.local()), |tx| {
        tx.insert("t", record(json!({"_id": "Order"})))
    });
    refused(
        &origin,
        &NDJSON,
        "{}\n{\"_id\": \"order\"}",
        "input:2: `_id` \"order\" differs from record \"Order\" only by case or Unicode form",
    );
    let other = Import {
        table: "T",
        ..NDJSON
    };
    let error = run(&mut open(&origin.local()), &other, "{}")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "bad table \"T\": table \"t\" differs from it only by case or Unicode form"
    );
    let settings = Import {
        table: "_tables",
        ..NDJSON
    };
    let error = run(&mut open(&origin.local()), &settings, "{}").unwrap_err();
    assert!(matches!(error, Error::Usage(_)), "{error}");
}

#[test]
fn a_table_keeps_its_layout() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        tx.insert("t", record(json!({"_id": "old"})))
    });
    transact(&mut database, |tx| {
        tx.insert("_tables", record(json!({"_id": "t", "layout": "fan-out"})))
    });
    let input: String = (0..300)
        .map(|n| format!("{{\"_id\": \"r{n}\"}}\n"))
        .collect();
    let input = input + "{\"_id\": \"old\", \"x\": 1}";
    let upsert = import(ImportFormat::Ndjson, ImportMode::Upsert);
    let done = run(&mut open(&origin.url()), &upsert, input).unwrap();
    assert_eq!(done.value, counts(300, 1, 0));
    let files = origin.files();
    assert_eq!(files.len(), 302);
    assert_eq!(
        files
            .iter()
            .filter(|file| file.starts_with("db/t/") && file.matches('/').count() == 3)
            .count(),
        300
    );
    assert_eq!(all(&origin, "t").len(), 301);
    origin.assert_sound();
    // Into fan-out directories that are there, and next to files that are no records.
    origin.commit(&[("100644", "db/t/README.md", "by hand")]);
    run(&mut open(&origin.local()), &NDJSON, "{\"_id\": \"s0\"}").unwrap();
    assert_eq!(origin.files().len(), 304);
    assert_eq!(all(&origin, "t").len(), 302);
    origin.assert_sound();
}

#[test]
fn the_rules_of_the_table_hold() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        tx.insert("t", record(json!({"_id": "a", "email": "a@x", "n": 1})))
    });
    transact(&mut database, |tx| {
        let schema = json!({"properties": {"n": {"type": "integer"}}});
        tx.insert(
            "_tables",
            record(json!({"_id": "t", "schema": schema, "unique": ["email"]})),
        )
    });
    let upsert = import(ImportFormat::Ndjson, ImportMode::Upsert);
    for (input, line, expected) in [
        (
            "{\"_id\": \"b\"}\n{\"_id\": \"c\", \"n\": \"one\"}",
            2,
            "/n: ",
        ),
        (
            "{\"_id\": \"b\", \"email\": \"a@x\"}",
            1,
            "record \"a\" has it",
        ),
        (
            "{\"email\": \"b@x\"}\n{\"email\": \"b@x\"}",
            2,
            "must be unique",
        ),
        ("{\"_id\": \"a\", \"n\": 1.5}", 1, "/n: "),
    ] {
        let tip = origin.tip();
        let error = run(&mut database, &upsert, input).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("input:{line}: ")) && text.contains(expected),
            "{text}"
        );
        assert_eq!((error.exit_code(), origin.tip()), (3, tip));
    }
    // The value that a record gives up is free for another one.
    let input = "{\"_id\": \"b\", \"email\": \"a@x\"}\n{\"_id\": \"a\", \"email\": \"other@x\"}";
    assert_eq!(
        run(&mut database, &upsert, input).unwrap().value,
        counts(1, 1, 0)
    );
}

#[test]
fn the_same_key_imports_once() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    let keyed = Import {
        key: Some("k"),
        ..NDJSON
    };
    let first = run(&mut database, &keyed, "{\"n\": 1}\n{\"n\": 2}").unwrap();
    let again = run(&mut database, &keyed, "{\"n\": 1}\n{\"n\": 2}").unwrap();
    assert_eq!((again.value, again.commit), (first.value, None));
    assert_eq!(all(&origin, "t").len(), 2);
    let error = run(&mut database, &keyed, "{\"n\": 1}").unwrap_err();
    assert!(matches!(error, Error::KeyReused { .. }), "{error}");
    // An import that changes nothing keeps its key too.
    let nothing = run(
        &mut database,
        &Import {
            key: Some("none"),
            ..NDJSON
        },
        "",
    )
    .unwrap();
    assert_eq!(nothing.value, counts(0, 0, 0));
    assert!(nothing.commit.is_some());
}

#[test]
fn a_lost_race_is_run_again_on_the_new_tip() {
    let origin = Origin::new();
    transact(&mut open(&origin.local()), |tx| {
        tx.insert("t", record(json!({"_id": "a", "n": 1, "kept": 1})))
    });
    let mut database = open(&origin.url());
    // The clone's tip is old by now, and the import does not look before it pushes.
    transact(&mut open(&origin.local()), |tx| {
        tx.update("t", "a", record(json!({"other": 1})))?;
        tx.insert("t", record(json!({"_id": "b"})))
    });
    let upsert = import(ImportFormat::Ndjson, ImportMode::Upsert);
    let done = run(
        &mut database,
        &upsert,
        "{\"_id\": \"a\", \"n\": 2}\n{\"_id\": \"b\"}\n{\"_id\": \"c\"}",
    )
    .unwrap();
    assert_eq!(done.attempts, 2);
    assert_eq!(done.value, counts(1, 1, 1));
    assert_eq!(
        all(&origin, "t"),
        [
            json!({"_id": "a", "n": 2, "kept": 1, "other": 1}),
            json!({"_id": "b"}),
            json!({"_id": "c"})
        ]
    );
    origin.assert_sound();
}

#[test]
fn a_broken_record_is_replaced_but_not_updated() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/a.json", "{"),
        ("100644", "db/t/z.json", "<<<<<<< ours"),
    ]);
    let upsert = import(ImportFormat::Ndjson, ImportMode::Upsert);
    refused(
        &origin,
        &upsert,
        "{\"_id\": \"a\"}",
        "input:1: db/t/a.json:1:2: expected a key in double quotes, but the text ends here",
    );
    let replace = import(ImportFormat::Ndjson, ImportMode::Replace);
    let done = run(&mut open(&origin.local()), &replace, "{\"_id\": \"a\"}").unwrap();
    assert_eq!(done.value, counts(0, 1, 0));
}

#[test]
fn the_command_reads_a_file_or_standard_input() {
    let origin = Origin::new();
    let repo = origin.local();
    let file = origin.folder().join("records.csv");
    std::fs::write(&file, "_id,n\na,1\n").unwrap();
    let base = ["import", "--repo", &repo, "--table", "t"];
    let file = ["--format", "csv", "--file", file.to_str().unwrap()];
    let output = command(&[&base[..], &file].concat()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        result,
        json!({"inserted": 1, "updated": 0, "unchanged": 0, "commit": origin.tip()})
    );

    let stdin = [
        "--format", "ndjson", "--file", "-", "--mode", "upsert", "--key", "k",
    ];
    let mut child = command(&[&base[..], &stdin].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"{\"_id\": \"b\"}\n{\"_id\": \"con\"}")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "ghettodb: standard input:2: bad _id \"con\": its stem is a device name on Windows\nhint: mend the input and run it again; nothing was written\n"
    );
    assert_eq!(origin.commits(), 1);
}
