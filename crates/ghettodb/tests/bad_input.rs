//! What must not be stored, and what must not stop the rest.

use crate::support::{Origin, message, open, options, record, transact};
use ghettodb::{Database, Error, Memory, Options};
use serde_json::{Value, json};

const GOOD: (&str, &str, &str) = (
    "100644",
    "db/t/good.json",
    r#"{"_id": "good", "name": "good"}"#,
);

#[test]
fn path_tricks_are_refused_everywhere() {
    let origin = Origin::new();
    origin.commit(&[GOOD]);
    let tip = origin.tip();
    let mut database = open(&origin.local());
    for name in [
        "../x",
        "/etc/x",
        "a/b",
        "..",
        ".git",
        "con",
        "aux.x",
        "a\\b",
        "a\u{200b}",
        "",
        "x.",
        "a:b",
    ] {
        let snapshot = database.snapshot().unwrap();
        assert!(
            matches!(
                snapshot.get(name, "x"),
                Err(Error::Name { what: "table", .. })
            ),
            "{name:?}"
        );
        assert!(
            matches!(
                snapshot.get("t", name),
                Err(Error::Name { what: "_id", .. })
            ),
            "{name:?}"
        );
        assert!(
            matches!(snapshot.all(name), Err(Error::Name { .. })),
            "{name:?}"
        );
        assert!(
            matches!(snapshot.count(name), Err(Error::Name { .. })),
            "{name:?}"
        );
        transact(&mut database, |tx| {
            let query = record(json!({"_id": name}));
            let none = record(json!({}));
            for error in [
                tx.insert(name, none.clone()).unwrap_err(),
                tx.insert("t", query.clone()).unwrap_err(),
                tx.update("t", name, none.clone()).unwrap_err(),
                tx.update("t", "good", query.clone()).unwrap_err(),
                tx.upsert(name, &none, none.clone()).unwrap_err(),
                tx.upsert("t", &query, none.clone()).unwrap_err(),
                tx.delete(name, "x").unwrap_err(),
                tx.delete("t", name).unwrap_err(),
                tx.drop_table(name).unwrap_err(),
                tx.find("t", &query).unwrap_err(),
            ] {
                assert!(matches!(error, Error::Name { .. }), "{name:?}: {error}");
                assert_eq!(error.exit_code(), 2);
            }
            Ok(())
        });
    }
    assert_eq!(origin.tip(), tip);
}

#[test]
fn ids_are_texts() {
    let error = Memory::new()
        .transact("now", |tx| tx.insert("t", record(json!({"_id": 7}))))
        .unwrap_err();
    assert_eq!(error.to_string(), "bad _id \"7\": it is not a text");
}

#[test]
fn names_that_differ_only_by_case_are_refused() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/Order-1.json", "{}"),
        ("100644", "db/operations/ca/AB01.json", "{}"),
    ]);
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        for (table, id) in [
            ("t", "order-1"),
            ("operations", "ab01"),
            ("T", "x"),
            ("OPERATIONS", "x"),
        ] {
            let error = tx.insert(table, record(json!({"_id": id}))).unwrap_err();
            assert!(error.to_string().contains("only by case"), "{error}");
        }
        tx.insert("u", record(json!({"_id": "a"})))?;
        assert!(
            tx.insert("u", record(json!({"_id": "A"}))).is_err(),
            "against this transaction's own"
        );
        tx.delete("t", "Order-1")?;
        tx.insert("t", record(json!({"_id": "order-1"})))
    });
}

#[test]
fn records_beyond_the_limits_are_refused() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    let large = json!({"_id": "x", "a": "x".repeat(1024 * 1024)});
    let mut deep = json!(1);
    for _ in 0..128 {
        deep = json!([deep]);
    }
    let infinite: Value = serde_json::from_str("{\"a\": 1e400}").unwrap();
    for value in [large, json!({"_id": "x", "a": deep}), infinite] {
        let error = database
            .transact(&message("no"), |tx| tx.insert("t", record(value.clone())))
            .unwrap_err();
        let error = Error::from(error);
        assert!(matches!(error, Error::Unstorable { .. }), "{error}");
    }
    assert_eq!(origin.git(&["for-each-ref"]), "");
}

/// A table with one good record and one file that is none: reads of others and writes go on.
#[track_caller]
fn check(file: (&str, &str, &str), id: &str, expected: &str) {
    let origin = Origin::new();
    origin.commit(&[GOOD]);
    let (mode, path, content) = file;
    let commit = origin.tip();
    let content = if mode == "160000" {
        commit.as_str()
    } else {
        content
    };
    origin.commit(&[(mode, path, content)]);
    let mut database = open(&origin.local());
    let snapshot = database.snapshot().unwrap();
    assert_eq!(snapshot.get("t", "good").unwrap().unwrap()["name"], "good");
    assert_eq!(snapshot.get("t", id).unwrap_err().to_string(), expected);
    assert_eq!(snapshot.all("t").unwrap_err().to_string(), expected);
    let scan = snapshot.scan("t", &record(json!({}))).unwrap();
    assert_eq!((scan.records.len(), scan.bad.len()), (1, 1));
    let updated = transact(&mut database, |tx| {
        assert!(matches!(
            tx.update("t", id, record(json!({}))),
            Err(Error::BadRecord { .. })
        ));
        assert!(matches!(
            tx.insert("t", record(json!({"_id": id}))),
            Err(Error::Exists { .. })
        ));
        tx.insert("t", record(json!({"_id": "new"})))?;
        tx.update("t", "good", record(json!({"n": 1})))
    });
    assert!(updated.commit.is_some());
    assert_eq!(
        origin.git(&["ls-tree", "main", path]).split(' ').next(),
        Some(mode),
        "it is as it was"
    );
    transact(&mut database, |tx| tx.delete("t", id));
    assert_eq!(
        origin.files(),
        ["db/t/good.json", "db/t/new.json"],
        "a broken record can be deleted"
    );
}

#[test]
fn broken_files_are_named_and_stop_nothing_else() {
    let bad = |content| ("100644", "db/t/bad.json", content);
    check(
        bad("{\"a\": 1,\n  oops"),
        "bad",
        "db/t/bad.json:2:3: expected a key in double quotes, found 'o'",
    );
    check(
        bad("{\n  \"a\": 1,\n  \"a\": 2\n}"),
        "bad",
        "db/t/bad.json:3:3: key \"a\" stands twice",
    );
    check(
        bad("{\n<<<<<<< HEAD\n  \"a\": 1\n=======\n  \"a\": 2\n>>>>>>> b\n}"),
        "bad",
        "db/t/bad.json:2:1: a conflict marker of a merge stands here",
    );
    check(
        bad("[1, 2]"),
        "bad",
        "db/t/bad.json:1:1: the file holds no JSON object",
    );
    check(
        bad(""),
        "bad",
        "db/t/bad.json:1:1: expected a JSON value, but the text ends here",
    );
    check(
        bad("{\"a\": 1e400}"),
        "bad",
        "db/t/bad.json:1:7: number 1e400 is larger than a double can hold",
    );
    check(
        bad("{\"_id\": \"other\"}"),
        "bad",
        "db/t/bad.json: `_id` is \"other\", but the file is named \"bad\"",
    );
}

#[test]
fn files_of_other_kinds_are_no_records_and_are_not_followed() {
    let expected = |kind: &str| {
        format!(
            "db/t/bad.json: it is {kind}; a record is a plain file (mode 100644) named `<_id>.json`"
        )
    };
    let file = |mode| (mode, "db/t/bad.json", "good.json");
    check(
        file("120000"),
        "bad",
        &expected("a symbolic link, which is never followed"),
    );
    check(file("100755"), "bad", &expected("executable"));
    check(file("160000"), "bad", &expected("a submodule"));
    check(
        ("100644", "db/t/bad.json/x", ""),
        "bad",
        &expected("a directory"),
    );
}

#[test]
fn a_broken_file_that_cannot_match_stops_no_search() {
    let origin = Origin::new();
    origin.commit(&[GOOD, ("100644", "db/t/bad.json", "{\"name\": \"bad\",")]);
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        assert_eq!(tx.find("t", &record(json!({"name": "good"})))?.len(), 1);
        assert!(matches!(
            tx.find("t", &record(json!({"name": "bad"}))),
            Err(Error::BadRecord { .. })
        ));
        tx.upsert(
            "t",
            &record(json!({"name": "good"})),
            record(json!({"n": 1})),
        )
    });
}

#[test]
fn a_record_that_stands_twice_is_named() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/ab01.json", "{\"n\": 1}"),
        ("100644", "db/t/ca/ab01.json", "{\"n\": 2}"),
    ]);
    let mut database = open(&origin.local());
    let snapshot = database.snapshot().unwrap();
    assert!(
        snapshot
            .get("t", "ab01")
            .unwrap_err()
            .to_string()
            .contains("stands twice")
    );
    assert!(
        snapshot
            .all("t")
            .unwrap_err()
            .to_string()
            .contains("stands twice")
    );
    transact(&mut database, |tx| tx.delete("t", "ab01"));
    assert_eq!(origin.files(), Vec::<String>::new());
}

#[test]
fn files_in_place_of_folders_are_named() {
    let origin = Origin::new();
    origin.commit(&[("100644", "db/t", "a file")]);
    let mut database = open(&origin.local());
    let error = database
        .transact(&message("no"), |tx| tx.insert("t", record(json!({}))))
        .unwrap_err();
    assert_eq!(error.to_string(), "db/t: a directory is expected here");
    transact(&mut database, |tx| {
        tx.insert("u", record(json!({"_id": "x"})))
    });

    let origin = Origin::new();
    origin.commit(&[("100644", "db", "a file")]);
    let error = open(&origin.local())
        .transact(&message("no"), |tx| tx.insert("t", record(json!({}))))
        .unwrap_err();
    assert_eq!(error.to_string(), "db: a directory is expected here");
}

#[test]
fn what_is_no_repository_or_branch_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let failure = |options: Options| match Database::open(options) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    };
    let absent = failure(options(&format!("{path}/absent")));
    assert!(absent.contains("absent"), "{absent}");
    let empty = failure(options(&path));
    assert!(empty.contains("no git repository"), "{empty}");
    let remote = failure(options(&format!("file://{path}/absent")));
    assert!(remote.contains("absent"), "{remote}");
    let origin = Origin::new();
    for branch in ["", "-x", "a..b", "a b", "x.lock"] {
        let error = failure(Options {
            branch: Some(branch.to_owned()),
            ..options(&origin.local())
        });
        assert!(error.starts_with("bad branch"), "{error}");
    }
    origin.commit(&[GOOD]);
    origin.git(&["update-ref", "--no-deref", "HEAD", "main"]);
    let error = failure(options(&origin.local()));
    assert!(error.contains("names no branch"), "{error}");
}
