//! What stands in the repository: files, commits, branches.

use crate::support::{Origin, message, open, options, record, transact};
use ghettodb::{Author, Database, Error, Message, Options};
use serde_json::json;

#[test]
fn a_record_is_a_pretty_file_and_a_transaction_one_commit() {
    let origin = Origin::new();
    let mut database = Database::open(Options {
        author: Author {
            name: "In<ventory>\n".to_owned(),
            email: "inventory@example.org".to_owned(),
        },
        ..options(&origin.local())
    })
    .unwrap();
    let message = Message {
        subject: "decrement stock of \"T-shirt\"".to_owned(),
        trailers: vec![
            ("Order-Id".to_owned(), "o-1".to_owned()),
            ("Customer".to_owned(), "Ann\nB. 🍺".to_owned()),
        ],
    };
    let mut now = String::new();
    let committed = database
        .transact(&message, |tx| {
            now = tx.now().to_owned();
            tx.insert(
                "stock",
                serde_json::from_str(
                    r#"{"product": "é", "level": 1.10, "big": 12345678901234567890, "_id": "s"}"#,
                )
                .unwrap(),
            )?;
            tx.insert(
                "stock_movements",
                record(json!({"_id": "m", "quantity": -1})),
            )?;
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(
        origin.file("db/stock/s.json"),
        format!(
            "{{\n  \"_id\": \"s\",\n  \"product\": \"é\",\n  \"level\": 1.10,\n  \"big\": 12345678901234567890,\n  \"_updated\": \"{now}\"\n}}"
        )
    );
    assert_eq!(
        origin.files(),
        ["db/stock/s.json", "db/stock_movements/m.json"]
    );
    assert_eq!(committed.commit, Some(origin.tip()));
    assert_eq!((origin.commits(), committed.attempts), (1, 1));
    assert_eq!(
        origin.git(&["log", "--format=%an|%ae|%cn|%s|%(trailers:unfold)", "main"]),
        "In ventory|inventory@example.org|In ventory|decrement stock of \"T-shirt\"|Order-Id: o-1\nCustomer: Ann\\nB. 🍺"
    );
    let mode = origin.git(&["ls-tree", "main", "db/stock/"]);
    assert!(mode.starts_with("100644 blob "), "{mode}");
    origin.assert_sound();
}

#[test]
fn writing_what_is_there_is_no_commit() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        let first = transact(&mut database, |tx| {
            tx.insert("t", record(json!({"_id": "a", "n": 1})))
        });
        let same = transact(&mut database, |tx| {
            tx.update("t", "a", record(json!({"n": 2})))?;
            tx.insert("t", record(json!({"_id": "b"})))?;
            tx.delete("t", "b")?;
            tx.upsert("t", &record(json!({"_id": "a"})), record(json!({"n": 1})))
        });
        assert_eq!((same.commit, same.value), (None, first.value));
        assert_eq!(origin.commits(), 1);
    }
}

#[test]
fn an_unborn_branch_is_made_by_the_first_write() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::with_branch("trunk");
        let mut database = open(&repo(&origin));
        assert_eq!(database.branch(), "trunk");
        let empty = database.snapshot().unwrap();
        assert_eq!((empty.commit(), empty.get("t", "a").unwrap()), (None, None));
        assert_eq!(
            (empty.all("t").unwrap(), empty.tables().unwrap()),
            (vec![], vec![])
        );
        assert_eq!(database.log(10).unwrap(), []);
        transact(&mut database, |tx| {
            tx.insert("t", record(json!({"_id": "a"})))
        });
        assert_eq!(
            origin.git(&["for-each-ref", "--format=%(refname)"]),
            "refs/heads/trunk"
        );
        assert!(
            database
                .snapshot()
                .unwrap()
                .get("t", "a")
                .unwrap()
                .is_some()
        );
    }
}

#[test]
fn another_branch_can_hold_the_data() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        origin.commit(&[("100644", "README.md", "code")]);
        let on_data = || {
            Database::open(Options {
                branch: Some("data/live".to_owned()),
                ..options(&repo(&origin))
            })
            .unwrap()
        };
        transact(&mut on_data(), |tx| {
            tx.insert("t", record(json!({"_id": "a"})))
        });
        let more = transact(&mut on_data(), |tx| {
            tx.insert("t", record(json!({"_id": "b"})))
        });
        assert_eq!(
            origin.git(&["ls-tree", "-r", "--name-only", "data/live"]),
            "db/t/a.json\ndb/t/b.json"
        );
        assert_eq!(
            origin.git(&["rev-parse", "data/live"]),
            more.commit.unwrap()
        );
        assert_eq!(origin.files(), ["README.md"]);
    }
}

#[test]
fn other_files_of_the_repository_stay() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "README.md", "read me"),
        ("100755", "run.sh", "#!/bin/sh"),
        ("100644", "db/README.md", "about"),
        ("100644", "db/t/.gitkeep", ""),
    ]);
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        tx.insert("t", record(json!({"_id": "a"})))
    });
    let snapshot = database.snapshot().unwrap();
    assert_eq!(
        (snapshot.tables().unwrap(), snapshot.count("t").unwrap()),
        (vec!["t".to_owned()], 1)
    );
    transact(&mut database, |tx| tx.delete("t", "a"));
    assert_eq!(
        origin.files(),
        ["README.md", "db/README.md", "db/t/.gitkeep", "run.sh"]
    );
    origin.assert_sound();
}

#[test]
fn operations_are_fanned_out_and_readers_take_both_layouts() {
    let origin = Origin::new();
    let (old, new) = ("ab".repeat(32), "AB".repeat(31) + "04");
    origin.commit(&[
        ("100644", "db/t/59/ab12.json", r#"{"_id": "ab12", "n": 1}"#),
        ("100644", "db/t/bb02.json", r#"{"n": 1}"#),
        (
            "100644",
            &format!("db/operations/{old}.json"),
            r#"{"key": "old"}"#,
        ),
    ]);
    let mut database = open(&origin.url());
    transact(&mut database, |tx| {
        assert_eq!(tx.find("t", &record(json!({"n": 1})))?.len(), 2);
        tx.update("t", "ab12", record(json!({"n": 2})))?;
        tx.update("t", "bb02", record(json!({"n": 2})))?;
        tx.update("operations", &old, record(json!({"n": 2})))?;
        tx.insert("operations", record(json!({"_id": new})))?;
        tx.insert("t", record(json!({"_id": "aa05"})))
    });
    assert_eq!(
        origin.files(),
        [
            format!("db/operations/ab/{new}.json"),
            format!("db/operations/{old}.json"),
            "db/t/59/ab12.json".to_owned(),
            "db/t/aa05.json".to_owned(),
            "db/t/bb02.json".to_owned(),
        ]
    );
    let snapshot = database.snapshot().unwrap();
    assert_eq!(
        snapshot.get("operations", &new).unwrap().unwrap()["_id"],
        new
    );
    assert_eq!(snapshot.count("t").unwrap(), 3);
    transact(&mut database, |tx| {
        assert!(tx.delete("operations", &new)? && tx.delete("t", "ab12")?);
        Ok(())
    });
    assert_eq!(
        origin.files(),
        [
            format!("db/operations/{old}.json"),
            "db/t/aa05.json".to_owned(),
            "db/t/bb02.json".to_owned(),
        ]
    );
}

#[test]
fn a_table_is_laid_out_as_the_database_says() {
    let origin = Origin::new();
    let mut database = open(&origin.url());
    let ids = ["ab12", "AB13", "0193a5c2-7b1e-7cc0-8d2f-0123456789ab"];
    transact(&mut database, |tx| {
        tx.insert("_tables", record(json!({"_id": "t", "layout": "fan-out"})))?;
        for id in ids {
            tx.insert("t", record(json!({"_id": id})))?;
        }
        Ok(())
    });
    assert_eq!(
        origin.files(),
        [
            "db/_tables/t.json",
            "db/t/27/0193a5c2-7b1e-7cc0-8d2f-0123456789ab.json",
            "db/t/4b/AB13.json",
            "db/t/59/ab12.json",
        ]
    );
    let clash = database.transact(&message("clash"), |tx| {
        tx.insert("t", record(json!({"_id": "ab13"})))
    });
    assert!(
        Error::from(clash.unwrap_err())
            .to_string()
            .contains("only by case")
    );
    transact(&mut database, |tx| tx.drop_table("t"));
    transact(&mut database, |tx| {
        tx.insert("t", record(json!({"_id": "ab12"})))
    });
    assert_eq!(
        origin.files(),
        ["db/_tables/t.json", "db/t/59/ab12.json"],
        "the settings outlive the records"
    );
}

#[test]
fn a_record_in_the_directory_of_others_is_named() {
    let origin = Origin::new();
    origin.commit(&[("100644", "db/t/00/ab12.json", "{}")]);
    let snapshot = open(&origin.local()).snapshot().unwrap();
    let error = snapshot.all("t").unwrap_err().to_string();
    assert!(
        error.contains("db/t/00/ab12.json") && error.contains("fsck --fix"),
        "{error}"
    );
}

#[test]
fn a_snapshot_stays_while_the_branch_moves_on() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        transact(&mut database, |tx| {
            tx.insert("t", record(json!({"_id": "a", "n": 1})))
        });
        let before = database.snapshot().unwrap();
        transact(&mut open(&origin.local()), |tx| {
            tx.update("t", "a", record(json!({"n": 2})))
        });
        let after = database.snapshot().unwrap();
        drop(database);
        assert_eq!(before.get("t", "a").unwrap().unwrap()["n"], 1);
        assert_eq!(after.get("t", "a").unwrap().unwrap()["n"], 2);
        assert_eq!(after.commit(), Some(origin.tip().as_str()));
    }
}

#[test]
fn objects_that_the_remote_repacks_are_still_found() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        tx.insert("t", record(json!({"_id": "a"})))
    });
    let snapshot = database.snapshot().unwrap();
    transact(&mut open(&origin.local()), |tx| {
        tx.insert("t", record(json!({"_id": "b"})))
    });
    origin.git(&["gc", "--quiet", "--prune=now"]);
    assert!(snapshot.get("t", "a").unwrap().is_some());
    let last = transact(&mut database, |tx| {
        assert!(tx.get("t", "b")?.is_some());
        tx.insert("t", record(json!({"_id": "c"})))
    });
    assert_eq!(last.commit, Some(origin.tip()));
    origin.assert_sound();
}

#[test]
fn an_answer_without_a_commit_is_not_an_old_one() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        transact(&mut open(&origin.local()), |tx| {
            tx.insert("t", record(json!({"_id": "a"})))
        });
        let seen = transact(&mut database, |tx| Ok(tx.get("t", "a")?.is_some()));
        assert_eq!((seen.value, seen.commit), (true, None));
        transact(&mut open(&origin.local()), |tx| {
            tx.insert("t", record(json!({"_id": "b"})))
        });
        let refused = database.transact(&message("no"), |tx| match tx.get("t", "b") {
            Ok(Some(_)) => Err("it is there"),
            _ => Err::<(), _>("it is not there"),
        });
        assert_eq!(refused.unwrap_err().to_string(), "it is there");
    }
}

#[test]
fn a_database_can_move_to_another_thread() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    let thread = std::thread::spawn(move || {
        transact(&mut database, |tx| {
            tx.insert("t", record(json!({"_id": "a"})))
        })
        .attempts
    });
    assert_eq!(thread.join().unwrap(), 1);
}
