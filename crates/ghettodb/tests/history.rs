//! The history by the commits' own account.

use crate::support::{Origin, open, record, transact};
use ghettodb::{ChangeKind, Message, RecordChange};
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
