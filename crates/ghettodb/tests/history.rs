//! The history by the commits' own account: the branch's, a record's, and what people read of it.

use crate::support::{Origin, message, open, record, transact};
use ghettodb::{ChangeKind, Database, Error, Message, RecordChange, RecordHistory, Transaction};
use serde_json::json;

fn change(table: &str, id: &str, kind: ChangeKind) -> RecordChange {
    RecordChange {
        table: table.to_owned(),
        id: id.to_owned(),
        kind,
    }
}

#[test]
fn each_commit_tells_what_it_did() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        let message = Message {
            subject: "reserve".to_owned(),
            trailers: vec![("Order-Id".to_owned(), "o-1".to_owned())],
        };
        let first = database
            .transact(&message, |tx| {
                tx.insert("stock", record(json!({"_id": "s", "n": 1})))?;
                tx.insert("operations", record(json!({"_id": "ab01"})))?;
                tx.insert("movements", record(json!({"_id": "m"})))
            })
            .unwrap();
        origin.commit(&[
            ("100644", "README.md", "by hand"),
            ("100644", "db/stock/README.md", ""),
        ]);
        transact(&mut open(&origin.local()), |tx| {
            tx.update("stock", "s", record(json!({"n": 2})))?;
            tx.insert("stock", record(json!({"_id": "t"})))?;
            tx.delete("movements", "m")
        });
        // A fresh clone knows the tip alone until it is asked.
        let mut database = open(&repo(&origin));
        let log = database.log(10).unwrap();
        assert_eq!(
            log.iter()
                .map(|commit| commit.subject.as_str())
                .collect::<Vec<_>>(),
            ["test", "by hand", "reserve"]
        );
        assert_eq!(
            log[0].changes,
            [
                change("movements", "m", ChangeKind::Deleted),
                change("stock", "s", ChangeKind::Changed),
                change("stock", "t", ChangeKind::Created),
            ]
        );
        assert_eq!(log[1].changes, []);
        assert_eq!(
            log[2].changes,
            [
                change("movements", "m", ChangeKind::Created),
                change("operations", "ab01", ChangeKind::Created),
                change("stock", "s", ChangeKind::Created),
            ]
        );
        assert_eq!(log[0].id, origin.tip());
        assert_eq!(Some(&log[2].id), first.commit.as_ref());
        assert_eq!(log[2].trailer("order-id"), Some("o-1"));
        let time = origin.git(&[
            "log",
            "-1",
            "--format=%cd",
            "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
            &log[2].id,
        ]);
        assert_eq!(log[2].time.len(), time.len());
        assert_eq!(database.log(1).unwrap(), log[..1]);
        let next = transact(&mut database, |tx| tx.delete("stock", "t"));
        assert_eq!(next.attempts, 1);
        assert_eq!(database.log(2).unwrap()[1], log[0]);
    }
}

#[test]
fn a_file_that_moves_into_its_fan_out_is_no_change() {
    let origin = Origin::new();
    origin.commit(&[("100644", "db/t/ab01.json", "{}")]);
    let mut database = open(&origin.local());
    let blob = origin.git(&["rev-parse", "main:db/t/ab01.json"]);
    let fan = origin.git_with_input(&["mktree"], &format!("100644 blob {blob}\tab01.json\n"));
    let table = origin.git_with_input(&["mktree"], &format!("040000 tree {fan}\tca\n"));
    let db = origin.git_with_input(&["mktree"], &format!("040000 tree {table}\tt\n"));
    let root = origin.git_with_input(&["mktree"], &format!("040000 tree {db}\tdb\n"));
    let commit = origin.git(&["commit-tree", "-p", "main", "-m", "reshard", &root]);
    origin.git(&["update-ref", "refs/heads/main", &commit]);
    assert_eq!(database.log(1).unwrap()[0].changes, []);
    assert!(
        database
            .snapshot()
            .unwrap()
            .get("t", "ab01")
            .unwrap()
            .is_some()
    );
}

/// Commit's subject, what happened, and the fields, of each entry.
fn told(history: &RecordHistory) -> Vec<(&str, &str, String)> {
    let entries = history.entries.iter();
    entries
        .map(|entry| {
            let fields = entry.to_json()["fields"].to_string();
            let kind = entry.diff.kind.name();
            (entry.commit.subject.as_str(), kind, fields)
        })
        .collect()
}

fn say<T>(
    database: &mut Database,
    subject: &str,
    operation: impl FnMut(&mut Transaction<'_>) -> Result<T, Error>,
) {
    database.transact(&message(subject), operation).unwrap();
}

#[test]
fn a_record_has_its_own_history() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut writer = open(&repo(&origin));
        let trailers = [
            ("Operation", "order"),
            ("Order-Id", "o-1"),
            ("Idempotency-Key", "k-1"),
        ];
        let order = Message {
            subject: "order".to_owned(),
            trailers: trailers.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
        };
        writer
            .transact(&order, |tx| {
                tx.insert("t", record(json!({"_id": "a", "n": 1, "x": {"y": 1}})))
            })
            .unwrap();
        say(&mut writer, "other record", |tx| {
            tx.insert("t", record(json!({"_id": "b"})))
        });
        say(&mut writer, "other table", |tx| {
            tx.insert("u", record(json!({"_id": "a"})))
        });
        say(&mut writer, "change", |tx| {
            tx.update("t", "a", record(json!({"x": {"y": 2}})))
        });
        say(&mut writer, "delete", |tx| tx.delete("t", "a"));
        say(&mut writer, "again", |tx| {
            tx.insert("t", record(json!({"_id": "a", "n": 3})))
        });
        let mut database = open(&repo(&origin));
        let history = database.history("t", "a", usize::MAX).unwrap();
        assert_eq!(
            told(&history),
            [
                ("again", "created", r#"{"n":{"after":3}}"#.to_owned()),
                (
                    "delete",
                    "deleted",
                    r#"{"n":{"before":1},"x":{"before":{"y":2}}}"#.to_owned()
                ),
                (
                    "change",
                    "changed",
                    r#"{"x.y":{"before":1,"after":2}}"#.to_owned()
                ),
                (
                    "order",
                    "created",
                    r#"{"n":{"after":1},"x":{"after":{"y":1}}}"#.to_owned()
                ),
            ]
        );
        assert_eq!(history.cut_off_at, None);
        let json = history.entries[3].to_json();
        assert_eq!(
            (&json["operation"], &json["order_id"], &json["key"]),
            (&json!("order"), &json!("o-1"), &json!("k-1"))
        );
        assert_eq!(json["author"]["name"], "ghettodb");
        let latest = database.history("t", "a", 2).unwrap();
        assert_eq!(latest.entries, history.entries[..2]);
        assert_eq!(told(&database.history("t", "c", 9).unwrap()), []);
        assert_eq!(told(&database.history("none", "c", 9).unwrap()), []);
        // What came since is fetched, all of it.
        for n in [4, 5, 6] {
            say(&mut writer, "later", |tx| {
                tx.update("t", "a", record(json!({ "n": n })))
            });
        }
        assert_eq!(
            database
                .history("t", "a", usize::MAX)
                .unwrap()
                .entries
                .len(),
            7
        );
        database.snapshot().unwrap();
        assert_eq!(database.log(usize::MAX).unwrap().len(), 9);
    }
}

#[test]
fn people_and_moved_files_are_told_as_they_are() {
    let origin = Origin::new();
    origin.commit(&[("100644", "db/t/a.json", r#"{"n": 1}"#)]);
    let base = origin.tip();
    // A merge by a person, of a branch with two commits.
    origin.commit(&[("100644", "db/t/a.json", r#"{"n": 2}"#)]);
    origin.commit(&[("100644", "db/t/a.json", r#"{"n": 3}"#)]);
    let (side, tree) = (origin.tip(), origin.git(&["rev-parse", "main^{tree}"]));
    let merge = [
        "commit-tree",
        "-m",
        "merge",
        "-p",
        &base,
        "-p",
        &side,
        &tree,
    ];
    let merge = origin.git(&merge);
    origin.git(&["update-ref", "refs/heads/main", &merge]);
    // The table is fanned out: the same file in a directory.
    let blob = origin.git(&["rev-parse", "main:db/t/a.json"]);
    let entry = format!("100644 blob {blob}\ta.json\n");
    let fan = origin.git_with_input(&["mktree"], &entry);
    // The first two hex digits of the id's SHA-256.
    let table = origin.git_with_input(&["mktree"], &format!("040000 tree {fan}\tca\n"));
    let db = origin.git_with_input(&["mktree"], &format!("040000 tree {table}\tt\n"));
    let root = origin.git_with_input(&["mktree"], &format!("040000 tree {db}\tdb\n"));
    let moved = origin.git(&["commit-tree", "-p", "main", "-m", "reshard", &root]);
    origin.git(&["update-ref", "refs/heads/main", &moved]);
    say(&mut open(&origin.local()), "after", |tx| {
        tx.update("t", "a", record(json!({"n": 4})))
    });
    let history = open(&origin.local()).history("t", "a", 9).unwrap();
    assert_eq!(
        told(&history),
        [
            (
                "after",
                "changed",
                r#"{"n":{"before":3,"after":4}}"#.to_owned()
            ),
            (
                "merge",
                "changed",
                r#"{"n":{"before":1,"after":3}}"#.to_owned()
            ),
            ("by hand", "created", r#"{"n":{"after":1}}"#.to_owned()),
        ]
    );
    assert_eq!(
        history.entries[2].commit.author.email,
        "someone@example.org"
    );
}

#[test]
fn where_the_history_is_cut_off_it_says_so() {
    let origin = Origin::new();
    for n in 1..=3 {
        origin.commit(&[("100644", "db/t/a.json", &format!("{{\"n\": {n}}}"))]);
    }
    let shallow = origin.shallow(2);
    let history = open(&shallow).history("t", "a", 9).unwrap();
    assert_eq!(told(&history).len(), 1);
    assert_eq!(
        history.cut_off_at,
        Some(origin.git(&["rev-parse", "main~1"]))
    );
}

#[test]
fn a_commit_reads_well_and_holds_no_texts_of_records() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    let order = Message {
        subject: "register".to_owned(),
        trailers: vec![("Order-Id".to_owned(), "o-1".to_owned())],
    };
    let customer = json!({"_id": "c", "name": "Ann Canary", "visits": 1, "vip": false});
    let mut transact = |operation: &dyn Fn(&mut Transaction<'_>) -> Result<(), Error>| {
        database.transact(&order, operation).unwrap();
        origin.git(&["log", "-1", "--format=%B", "main"])
    };
    assert_eq!(
        transact(&|tx| {
            tx.insert("customers", record(customer.clone()))?;
            ghettodb::once(tx, "k", "sha", |_| Ok::<_, Error>(json!(1))).map(drop)
        }),
        "register\n\ncustomers/c: new\n\nOrder-Id: o-1"
    );
    assert_eq!(
        transact(&|tx| {
            let fields = json!({"name": "Bob Canary", "visits": 2, "vip": true, "note": "Canary"});
            tx.update("customers", "c", record(fields))?;
            tx.describe("move Bob in");
            tx.insert("stock", record(json!({"_id": "s"}))).map(drop)
        }),
        "move Bob in\n\ncustomers/c: visits 1 -> 2; vip false -> true; name changed; note added\nstock/s: new\n\nOrder-Id: o-1"
    );
    assert_eq!(
        transact(&|tx| {
            tx.drop_table("stock")?;
            tx.delete("customers", "c").map(drop)
        }),
        "register\n\nstock/: dropped, 1 record\ncustomers/c: deleted\n\nOrder-Id: o-1"
    );
    assert_eq!(
        transact(&|tx| {
            ghettodb::once(tx, "k2", "sha", |_| Ok::<_, Error>(json!("Canary"))).map(drop)
        }),
        "register\n\nOrder-Id: o-1",
        "the journal alone is no line"
    );
    assert!(
        !origin
            .git(&["log", "--format=%B", "main"])
            .contains("Canary")
    );
    assert_eq!(database.log(1).unwrap()[0].trailer("Order-Id"), Some("o-1"));
}
