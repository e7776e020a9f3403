//! The database as it was: places in the history, differences between them, and the way back.

use crate::support::{Origin, isolate, message, open, record, timeless, transact};
use ghettodb::{At, ChangeKind, Database, Error, Record, RecordDiff};
use serde_json::{Value, json};
use std::process::Command;

fn at(text: &str) -> At {
    text.parse().unwrap()
}

/// The field `n` of record `a` of table `t`, as it was.
fn n_at(database: &mut Database, text: &str) -> Result<Option<Value>, Error> {
    let record = database.snapshot_at(&at(text))?.get("t", "a")?;
    Ok(record.map(|record| record["n"].clone()))
}

/// One commit a value of `n`, at a time each.
fn counted(times: &[&str]) -> (Origin, Vec<String>) {
    let origin = Origin::new();
    let mut commits = Vec::new();
    for (n, time) in times.iter().enumerate() {
        let text = json!({ "n": n }).to_string();
        origin.commit_at(time, &[("100644", "db/t/a.json", &text)]);
        commits.push(origin.tip());
    }
    (origin, commits)
}

const DAYS: [&str; 3] = [
    "2026-01-01T12:00:00Z",
    "2026-01-02T12:00:00Z",
    "2026-01-04T12:00:00Z",
];

#[test]
fn a_commit_or_a_time_says_when() {
    let (origin, commits) = counted(&DAYS);
    origin.git(&["tag", "release", &commits[1]]);
    origin.git(&["tag", "-a", "-m", "noted", "noted", &commits[0]]);
    for repo in [origin.local(), origin.url()] {
        let mut database = open(&repo);
        for (text, expected) in [
            (commits[0].as_str(), Some(0)),
            (&commits[1][..12], Some(1)),
            (&commits[1][..12].to_ascii_uppercase(), Some(1)),
            (&format!("{}~1", commits[2]), Some(1)),
            ("main", Some(2)),
            ("HEAD~2", Some(0)),
            ("main^", Some(1)),
            ("release", Some(1)),
            ("noted", Some(0)),
            ("2026-01-01T11:59:59Z", None),
            ("2026-01-01T12:00:00Z", Some(0)),
            ("2026-01-02T13:00:00+02:00", Some(0)),
            ("2026-01-02", Some(1)),
            ("2026-01-03", Some(1)),
            ("2025-12-31", None),
            ("2030-01-01", Some(2)),
        ] {
            let found = n_at(&mut database, text).unwrap();
            assert_eq!(found, expected.map(Value::from), "{text} in {repo}");
        }
        assert_eq!(
            database.snapshot_at(&At::default()).unwrap().commit(),
            Some(commits[2].as_str())
        );
    }
}

#[test]
fn what_is_not_in_the_history_is_refused() {
    let (origin, commits) = counted(&DAYS[..2]);
    // Another branch of the same repository, with a tag.
    let tree = origin.git(&["rev-parse", "main^{tree}"]);
    let other = origin.git(&["commit-tree", "-m", "elsewhere", &tree]);
    origin.git(&["update-ref", "refs/heads/other", &other]);
    origin.git(&["tag", "elsewhere", &other]);
    for repo in [origin.local(), origin.url()] {
        let mut database = open(&repo);
        for (text, expected) in [
            (other.as_str(), "in the history of branch \"main\""),
            ("other", "no commit \"other\" in the history"),
            ("elsewhere", "tag \"elsewhere\" is not in the history"),
            ("0000000000", "no commit \"0000000000\""),
            (&commits[0][..3], "no commit"),
            (&tree, "no commit"),
            ("nowhere", "no commit \"nowhere\""),
            ("no..where", "no commit"),
            ("--upload-pack=x", "no commit"),
            ("main~2", "main~2 is before the first commit"),
        ] {
            let error = n_at(&mut database, text).unwrap_err();
            assert!(matches!(error, Error::Usage(_)), "{text}: {error}");
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
        assert_eq!(n_at(&mut database, "main").unwrap(), Some(json!(1)));
    }
    let mut empty = open(&Origin::new().local());
    assert!(n_at(&mut empty, "main").is_err());
    assert_eq!(n_at(&mut empty, "2026-01-01").unwrap(), None);
}

#[test]
fn where_clocks_disagree_the_order_of_the_branch_counts() {
    // The second writer's clock is two days ahead.
    let (origin, commits) = counted(&[
        "2026-01-01T00:00:00Z",
        "2026-01-05T00:00:00Z",
        "2026-01-03T00:00:00Z",
    ]);
    let mut database = open(&origin.local());
    for (time, expected) in [
        ("2026-01-02T00:00:00Z", 0),
        // What the third commit was built on counts with it.
        ("2026-01-03T00:00:00Z", 2),
        ("2026-01-04T00:00:00Z", 2),
        ("2026-01-06T00:00:00Z", 2),
    ] {
        let snapshot = database.snapshot_at(&at(time)).unwrap();
        assert_eq!(
            snapshot.commit(),
            Some(commits[expected].as_str()),
            "{time}"
        );
    }
}

#[test]
fn what_a_compaction_put_under_a_tag_can_be_reached() {
    let (origin, commits) = counted(&DAYS);
    origin.git(&["tag", "ghettodb/before", "main"]);
    origin.git(&["update-ref", "-d", "refs/heads/main"]);
    origin.commit_at(
        "2026-01-05T00:00:00Z",
        &[("100644", "db/t/a.json", r#"{"n": 2}"#)],
    );
    for repo in [origin.local(), origin.url()] {
        let mut database = open(&repo);
        for (text, expected) in [
            (&commits[0][..10], Some(0)),
            ("ghettodb/before~1", Some(1)),
            ("2026-01-02", Some(1)),
            ("2025-01-01", None),
        ] {
            let found = n_at(&mut database, text).unwrap();
            assert_eq!(found, expected.map(Value::from), "{text} in {repo}");
        }
    }
}

#[test]
fn a_history_that_is_cut_off_is_no_empty_database() {
    let (origin, commits) = counted(&DAYS);
    let shallow = origin.shallow(2);
    for repo in [shallow.clone(), format!("file://{shallow}")] {
        let mut database = open(&repo);
        assert_eq!(n_at(&mut database, "main~1").unwrap(), Some(json!(1)));
        assert_eq!(n_at(&mut database, "2026-01-02").unwrap(), Some(json!(1)));
        for text in ["2026-01-01", "main~2"] {
            let error = n_at(&mut database, text).unwrap_err().to_string();
            assert!(error.contains("cut off at"), "{error}");
            assert!(error.contains(&commits[1]), "{error}");
        }
    }
}

/// `table/id kind fields`, a line each.
fn lines(diffs: &[RecordDiff]) -> Vec<String> {
    let line = |diff: &RecordDiff| {
        let json = diff.to_json();
        format!(
            "{}/{} {} {}",
            diff.table,
            diff.id,
            diff.kind.name(),
            json["fields"]
        )
    };
    diffs.iter().map(line).collect()
}

#[test]
fn a_difference_is_told_by_record_and_field() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        transact(&mut database, |tx| {
            tx.insert(
                "stock",
                record(json!({"_id": "s", "n": 5, "at": {"row": 1, "bin": "x"}})),
            )?;
            tx.insert("stock", record(json!({"_id": "gone", "n": 1})))?;
            tx.insert("stock", record(json!({"_id": "back", "n": 1})))
        });
        transact(&mut database, |tx| {
            tx.update(
                "stock",
                "s",
                record(json!({"n": 3, "at": {"row": 2, "bin": "x"}})),
            )?;
            tx.update("stock", "back", record(json!({"n": 2})))?;
            tx.delete("stock", "gone")
        });
        transact(&mut database, |tx| {
            tx.update("stock", "back", record(json!({"n": 1})))?;
            tx.insert("orders", record(json!({"_id": "o", "of": ["s"]})))
        });
        let mut database = open(&repo(&origin));
        let mut diff =
            |from: &str, to: &str, table| lines(&database.diff(&at(from), &at(to), table).unwrap());
        assert_eq!(
            diff("main~2", "main", None),
            [
                r#"orders/o created {"of":{"after":["s"]}}"#,
                r#"stock/gone deleted {"n":{"before":1}}"#,
                r#"stock/s changed {"n":{"before":5,"after":3},"at.row":{"before":1,"after":2}}"#,
            ]
        );
        assert_eq!(
            diff("main", "main~1", None),
            [
                r#"orders/o deleted {"of":{"before":["s"]}}"#,
                r#"stock/back changed {"n":{"before":1,"after":2}}"#,
            ]
        );
        assert_eq!(diff("main~1", "main", Some("orders")).len(), 1);
        assert_eq!(diff("main~1", "main", Some("nothing")).len(), 0);
        assert_eq!(diff("2000-01-01", "main", None).len(), 3);
        assert_eq!(diff("main", "main", None).len(), 0);
    }
}

#[test]
fn what_one_s_own_commit_changed_is_told_without_the_history() {
    let (origin, commits) = counted(&DAYS);
    for repo in [origin.local(), origin.url()] {
        let mut database = open(&repo);
        let before = n_at(&mut open(&repo), "main").unwrap();
        let committed = transact(&mut database, |tx| {
            tx.insert("t", record(json!({ "new": true })))?;
            tx.update("t", "a", record(json!({ "n": repo.len() })))
        });
        let changes = database.changes_of(&committed.commit.unwrap()).unwrap();
        let kinds: Vec<_> = changes.iter().map(|change| change.kind).collect();
        assert!(
            kinds.contains(&ChangeKind::Created) && kinds.len() == 2,
            "{kinds:?}"
        );
        let changed = changes
            .iter()
            .find(|change| change.id == "a")
            .unwrap()
            .fields();
        assert_eq!(
            (changed[0].path.as_str(), &changed[0].before),
            ("n", &before)
        );
        let error = database.changes_of("main").unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
    }
    // A clone of a remote elsewhere holds the tip alone.
    let database = open(&origin.url());
    assert!(matches!(
        database.changes_of(&commits[0]),
        Err(Error::Repository(_))
    ));
}

#[test]
fn a_side_that_cannot_be_read_is_named() {
    let (origin, _) = counted(&DAYS[..1]);
    origin.commit(&[
        ("100644", "db/t/a.json", "{"),
        ("100644", "db/t/README.md", "no record"),
        ("120000", "db/t/link.json", "a.json"),
    ]);
    let diffs = open(&origin.local())
        .diff(&at("main~1"), &at("main"), None)
        .unwrap();
    let unreadable: Vec<_> = diffs
        .iter()
        .map(|diff| {
            (
                diff.id.as_str(),
                diff.kind,
                diff.unreadable.clone().unwrap(),
            )
        })
        .collect();
    assert_eq!(unreadable.len(), 2, "{unreadable:?}");
    assert_eq!(unreadable[0].0, "a");
    assert!(unreadable[0].2.starts_with("db/t/a.json:1:2: "));
    assert_eq!(
        (unreadable[1].0, unreadable[1].1),
        ("link", ChangeKind::Created)
    );
    assert!(unreadable[1].2.contains("symbolic link"));
}

/// Table `t` with `a` and `gone`; then `a` changed, `gone` deleted, `late` new.
fn worked_on(repo: &str) -> Database {
    let mut database = open(repo);
    transact(&mut database, |tx| {
        tx.insert("t", record(json!({"_id": "a", "n": 1, "old": true})))?;
        tx.insert("t", record(json!({"_id": "gone", "n": 1})))
    });
    transact(&mut database, |tx| {
        tx.delete("t", "a")?;
        tx.insert("t", record(json!({"_id": "a", "n": 2})))?;
        tx.delete("t", "gone")?;
        tx.insert("t", record(json!({"_id": "late", "n": 1})))
    });
    database
}

fn all(database: &mut Database) -> Vec<Value> {
    timeless(database.snapshot().unwrap().all("t").unwrap())
}

#[test]
fn a_record_is_put_back_as_it_was() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        drop(worked_on(&repo(&origin)));
        let mut database = open(&repo(&origin));
        let from = origin.git(&["rev-parse", "main~1"]);
        let restored = database.restore("t", "a", &at("main~1")).unwrap();
        assert_eq!(restored.value.from.as_ref(), Some(&from));
        assert_eq!(
            lines(&restored.value.changes),
            [r#"t/a changed {"n":{"before":2,"after":1},"old":{"after":true}}"#]
        );
        assert_eq!(restored.commit, Some(origin.tip()));
        assert_eq!(
            all(&mut database),
            [
                json!({"_id": "a", "n": 1, "old": true}),
                json!({"_id": "late", "n": 1})
            ]
        );
        let trailers = origin.git(&["log", "-1", "--format=%(trailers:only)", "main"]);
        assert_eq!(
            trailers,
            format!("Operation: restore\nRestored-From: {from}")
        );

        let restored = database.restore("t", "gone", &at(&from)).unwrap();
        assert_eq!(restored.value.changes[0].kind, ChangeKind::Created);
        let restored = database.restore("t", "late", &at(&from)).unwrap();
        assert_eq!(restored.value.changes[0].kind, ChangeKind::Deleted);
        assert_eq!(all(&mut database).len(), 2);

        let tip = origin.tip();
        let again = database.restore("t", "a", &at(&from)).unwrap();
        assert_eq!((again.commit, again.value.changes), (None, vec![]));
        assert_eq!(origin.tip(), tip, "nothing to change is no commit");
        origin.assert_sound();
    }
}

#[test]
fn a_table_is_put_back_and_what_came_later_goes_only_when_told() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        drop(worked_on(&repo(&origin)));
        let mut database = open(&repo(&origin));
        let tip = origin.tip();
        let error = database
            .restore_table("t", &at("main~1"), false)
            .unwrap_err();
        assert!(
            error.to_string().contains("would be deleted (1)"),
            "{error}"
        );
        assert_eq!(origin.tip(), tip);
        let restored = database.restore_table("t", &at("main~1"), true).unwrap();
        assert_eq!(
            restored
                .value
                .changes
                .iter()
                .map(|change| (change.id.as_str(), change.kind))
                .collect::<Vec<_>>(),
            [
                ("a", ChangeKind::Changed),
                ("gone", ChangeKind::Created),
                ("late", ChangeKind::Deleted)
            ]
        );
        assert_eq!(
            all(&mut database),
            [
                json!({"_id": "a", "n": 1, "old": true}),
                json!({"_id": "gone", "n": 1})
            ]
        );
        assert_eq!(origin.commits(), 3);
        // A restore is undone by another one.
        database.restore_table("t", &at(&tip), true).unwrap();
        assert_eq!(database.diff(&at(&tip), &At::default(), None).unwrap(), []);
    }
}

#[test]
fn a_restore_mends_a_broken_file_and_keeps_the_journal() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        tx.insert("t", record(json!({"_id": "a", "n": 1})))
    });
    let whole = origin.tip();
    origin.commit(&[("100644", "db/t/a.json", "<<<<<<< ours\n")]);
    let restored = database.restore("t", "a", &at(&whole)).unwrap();
    assert!(restored.value.changes[0].unreadable.is_some());
    assert_eq!(all(&mut database), [json!({"_id": "a", "n": 1})]);

    let once = |tx: &mut ghettodb::Transaction<'_>| {
        ghettodb::once(tx, "key", "sha", |tx| {
            tx.insert("t", record(json!({"_id": "b"}))).map(Value::from)
        })
    };
    database.transact(&message("once"), once).unwrap();
    let error = database
        .restore_table("operations", &at(&whole), true)
        .unwrap_err();
    assert!(error.to_string().contains("take effect twice"), "{error}");
}

#[test]
fn a_restore_wins_against_other_writers() {
    let origin = Origin::new();
    let mut database = worked_on(&origin.url());
    // Another writer is faster, once: the restore runs again on the new tip.
    origin.hook(
        "pre-receive",
        r#"[ -e raced ] && exit 0; touch raced
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
commit=$(git -c user.name=x -c user.email=x commit-tree -p main -m faster 'main^{tree}') &&
git update-ref refs/heads/main "$commit""#,
    );
    let restored = database.restore("t", "a", &at("main~1")).unwrap();
    assert_eq!(restored.attempts, 2);
    assert_eq!(
        origin.git(&["log", "-1", "--format=%s", "main~1"]),
        "faster"
    );
    assert_eq!(
        all(&mut database)[0],
        json!({"_id": "a", "n": 1, "old": true})
    );
}

/// Runs a command; gives exit code, result, and standard error.
fn run(origin: &Origin, args: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
    isolate(&mut command);
    let output = command
        .args(["--repo", &origin.local()])
        .args(args)
        .output()
        .unwrap();
    let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), value, stderr)
}

#[track_caller]
fn done(origin: &Origin, args: &[&str]) -> Value {
    let (code, value, stderr) = run(origin, args);
    assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
    value
}

#[test]
fn the_commands() {
    let (origin, commits) = counted(&DAYS);
    let n = |value: Value| value["n"].clone();
    assert_eq!(n(done(&origin, &["get", "t", "a"])), 2);
    assert_eq!(done(&origin, &["get", "t", "b"]), Value::Null);
    assert_eq!(n(done(&origin, &["get", "t", "a", "--at", "main~2"])), 0);
    assert_eq!(
        n(done(&origin, &["get", "t", "a", "--at", "2026-01-03"])),
        1
    );
    let then = ["--table", "t", "--at", "main~1", "--query", r#"{"n": 1}"#];
    let find = |command: &str| done(&origin, &[&[command], &then as &[&str]].concat());
    assert_eq!(n(find("findone")), 1);
    assert_eq!(find("findmany").as_array().unwrap().len(), 1);
    assert_eq!(find("count"), 1);
    assert_eq!(
        done(&origin, &["count", "--table", "t", "--at", "2025-01-01"]),
        0
    );
    let diff = json!([{
        "table": "t", "_id": "a", "change": "changed",
        "fields": {"n": {"before": 0, "after": 2}},
    }]);
    assert_eq!(done(&origin, &["diff", &format!("{}..", commits[0])]), diff);
    assert_eq!(
        done(&origin, &["diff", "2026-01-01..main", "--table", "t"]),
        diff
    );
    assert_eq!(done(&origin, &["diff", "main..main"]), json!([]));

    let restored = done(
        &origin,
        &["restore", "--table", "t", "--id", "a", "--at", "main~1"],
    );
    assert_eq!(restored["restored_from"], commits[1].as_str());
    assert_eq!(restored["commit"], origin.tip());
    assert_eq!(
        restored["changes"][0]["fields"],
        json!({"n": {"before": 2, "after": 1}})
    );
    let restored = done(&origin, &["restore", "--table", "t", "--at", "main"]);
    assert_eq!(restored["commit"], Value::Null);

    let history = done(&origin, &["history", "t", "a", "--limit", "2"]);
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[0]["operation"], "restore");
    assert_eq!(history[1]["commit"], commits[2].as_str());
    assert_eq!(
        history[1]["author"],
        json!({"name": "someone", "email": "someone@example.org"})
    );
    assert_eq!(history[1]["time"], DAYS[2]);
    assert_eq!(history[1]["order_id"], Value::Null);
    assert_eq!(
        history[1]["fields"],
        json!({"n": {"before": 1, "after": 2}})
    );
}

#[test]
fn bad_arguments_change_nothing() {
    let (origin, commits) = counted(&DAYS);
    for (args, expected) in [
        (
            &["get", "t", "a", "--at", "nowhere"] as &[&str],
            "no commit \"nowhere\"",
        ),
        (&["get", "t", "a", "--at", "2026-02-30"], "is no time"),
        (&["get", "../x", "a"], "bad table"),
        (&["get", "t", "a/b"], "bad _id"),
        (&["history", "t", ".."], "bad _id"),
        (&["diff", "main"], "is no range"),
        (&["diff", "main...main"], "is no range"),
        (&["diff", "..main"], "is no range"),
        (&["diff", "main..nowhere"], "no commit \"nowhere\""),
        (&["diff", "main..main", "--table", "a/b"], "bad table"),
        (
            &["restore", "--table", "t", "--at", "2025-01-01"],
            "add --all",
        ),
        (&["restore", "--table", "t", "--id", "a"], "--at"),
        (
            &["restore", "--table", "t", "--id", "a", "--at", "nowhere"],
            "no commit",
        ),
        (
            &[
                "restore", "--table", "t", "--id", "a", "--at", "main", "--all",
            ],
            "--all",
        ),
        (&["watch", "--interval", "0"], "above 0"),
        (&["watch", "--since", "nowhere"], "no commit"),
        (&["watch", "../x"], "bad table"),
    ] {
        let (code, value, stderr) = run(&origin, args);
        assert_eq!((code, value), (2, Value::Null), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    }
    assert_eq!(origin.tip(), commits[2]);
}

#[test]
fn an_absent_record_is_restored_to_absence_by_name_alone() {
    let (origin, _) = counted(&DAYS[..1]);
    let mut database = open(&origin.local());
    let restored = database.restore("t", "a", &at("2025-01-01")).unwrap();
    assert_eq!(restored.value.from, None);
    assert_eq!(
        database
            .snapshot()
            .unwrap()
            .find("t", &Record::new())
            .unwrap(),
        []
    );
    let trailers = origin.git(&["log", "-1", "--format=%(trailers:only)", "main"]);
    assert_eq!(trailers, "Operation: restore");
}
