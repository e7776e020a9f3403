//! Moving a table to the other layout: what moves, what stays, and who writes meanwhile.

use crate::support::{Origin, open, record, transact};
use ghettodb::{Database, Layout};
use serde_json::json;
use std::sync::mpsc::channel;
use std::thread;

fn fill(database: &mut Database, count: usize) {
    transact(database, |tx| {
        for n in 0..count {
            tx.insert("t", record(json!({"_id": format!("r{n}"), "n": n})))?;
        }
        Ok(())
    });
}

/// Contents of the records' files by name, wherever they stand.
fn contents(origin: &Origin) -> Vec<(String, String)> {
    let listing = origin.git(&["ls-tree", "-r", "main", "db/t/"]);
    let mut contents: Vec<_> = listing
        .lines()
        .map(|line| {
            let (meta, path) = line.split_once('\t').unwrap();
            let name = path.rsplit('/').next().unwrap();
            (name.to_owned(), meta.to_owned())
        })
        .collect();
    contents.sort();
    contents
}

#[test]
fn files_move_and_nothing_else_changes() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        fill(&mut database, 20);
        origin.commit(&[
            ("100644", "db/t/README.md", "about"),
            ("100644", "db/u/x.json", "{}"),
        ]);
        let before = contents(&origin);

        let out = database.reshard("t", Layout::FanOut).unwrap();
        assert_eq!((out.value.records, out.value.moved), (20, 20));
        assert_eq!(out.commit, Some(origin.tip()));
        let files = origin.files();
        assert!(files.contains(&"db/t/README.md".to_owned()));
        assert!(files.contains(&"db/u/x.json".to_owned()));
        let fanned = |path: &&String| path.starts_with("db/t/") && path.split('/').count() == 4;
        assert_eq!(files.iter().filter(fanned).count(), 20);
        assert_eq!(contents(&origin), before, "blobs stay byte for byte");
        let settings = origin.file("db/_tables/t.json");
        assert!(settings.contains("\"layout\": \"fan-out\""), "{settings}");
        // Records have not changed, only the settings have.
        let log = database.log(1).unwrap();
        let changed: Vec<_> = log[0].changes.iter().map(|change| &*change.table).collect();
        assert_eq!(changed, ["_tables"]);
        // New records follow the layout, and old ones are found.
        transact(&mut database, |tx| {
            tx.insert("t", record(json!({"_id": "new"})))?;
            tx.update("t", "r7", record(json!({"n": 70})))
        });
        assert!(origin.files().contains(&"db/t/11/new.json".to_owned()));
        assert_eq!(database.snapshot().unwrap().count("t").unwrap(), 21);
        assert_eq!(
            database
                .snapshot()
                .unwrap()
                .get("t", "r7")
                .unwrap()
                .unwrap()["n"],
            70
        );

        let back = database.reshard("t", Layout::Flat).unwrap();
        assert_eq!((back.value.records, back.value.moved), (21, 21));
        let flat = |path: &&String| path.starts_with("db/t/") && path.split('/').count() == 3;
        assert_eq!(origin.files().iter().filter(flat).count(), 22);
        origin.assert_sound();

        let again = database.reshard("t", Layout::Flat).unwrap();
        assert_eq!((again.value.moved, again.commit), (0, None));
    }
}

#[test]
fn other_settings_and_an_empty_table_are_kept() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        tx.insert("_tables", record(json!({"_id": "t", "unique": ["n"]})))
    });
    let out = database.reshard("t", Layout::FanOut).unwrap();
    assert_eq!((out.value.records, out.value.moved), (0, 0));
    let settings = database.snapshot().unwrap().get("_tables", "t").unwrap();
    let settings = settings.unwrap();
    assert_eq!(
        (&settings["unique"], &settings["layout"]),
        (&json!(["n"]), &json!("fan-out"))
    );
    fill(&mut database, 1);
    assert_eq!(origin.files().len(), 2);
    assert!(!origin.files().contains(&"db/t/r0.json".to_owned()));
}

#[test]
fn files_in_the_wrong_place_are_put_right() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/aa/x.json", r#"{"_id": "x"}"#),
        ("100644", "db/t/y.json", r#"{"_id": "y"}"#),
        ("100644", "db/t/a1/y.json", r#"{"_id": "y"}"#),
    ]);
    let mut database = open(&origin.local());
    let out = database.reshard("t", Layout::Flat).unwrap();
    assert_eq!((out.value.records, out.value.moved), (2, 2));
    assert_eq!(
        origin.files(),
        ["db/_tables/t.json", "db/t/x.json", "db/t/y.json"]
    );
}

#[test]
fn nothing_that_differs_is_dropped() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/y.json", r#"{"_id": "y", "n": 1}"#),
        ("100644", "db/t/a1/y.json", r#"{"_id": "y", "n": 2}"#),
    ]);
    let tip = origin.tip();
    let error = open(&origin.local())
        .reshard("t", Layout::FanOut)
        .unwrap_err();
    assert!(error.to_string().contains("stands twice"), "{error}");
    assert_eq!(origin.tip(), tip);
}

#[test]
fn bad_calls_are_refused() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/a.json", "{}"),
        ("100644", "db/t/ff", "a file where a directory belongs"),
        ("100644", "db/u/a.json", "{}"),
        ("100644", "db/_tables/u.json", r#"{"layout": "round"}"#),
    ]);
    // Its directory is the one that the file blocks.
    let blocked = (0..).find(|n| {
        use sha2::Digest;
        format!("{:02x}", sha2::Sha256::digest(format!("b{n}"))[0]) == "ff"
    });
    let blocked = format!("db/t/b{}.json", blocked.unwrap());
    origin.commit(&[("100644", &blocked, "{}")]);
    let tip = origin.tip();
    let mut database = open(&origin.local());
    let mut refused = |table: &str, expected: &str| {
        let error = database.reshard(table, Layout::FanOut).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused("../x", "bad table");
    refused("_tables", "fixed");
    refused("u", "bad settings of table \"u\"");
    refused("t", "db/t/ff: it stands where a fan-out directory belongs");
    assert_eq!(origin.tip(), tip);
}

#[test]
fn what_others_write_meanwhile_is_moved_too() {
    let origin = Origin::new();
    fill(&mut open(&origin.local()), 50);
    let (sender, receiver) = channel();
    let written: Vec<String> = thread::scope(|scope| {
        for (writer, repo) in [Origin::local, Origin::url].into_iter().enumerate() {
            let (origin, sender) = (&origin, sender.clone());
            scope.spawn(move || {
                let mut database = open(&repo(origin));
                for n in 0..8 {
                    let id = format!("w{writer}-{n}");
                    transact(&mut database, |tx| {
                        tx.insert("t", record(json!({"_id": id})))?;
                        let fields = record(json!({ format!("w{writer}"): id }));
                        tx.update("t", "r7", fields)
                    });
                    sender.send(id).unwrap();
                }
            });
        }
        drop(sender);
        let mut database = open(&origin.local());
        let mut layouts = [Layout::FanOut, Layout::Flat].into_iter().cycle();
        // Between their writes, while they go on; until both are done.
        let written = receiver.iter().enumerate().map(|(index, id)| {
            if index % 4 == 0 {
                let layout = layouts.next().expect("it goes round");
                database.reshard("t", layout).unwrap();
            }
            id
        });
        written.collect()
    });
    assert_eq!(written.len(), 16);
    open(&origin.local()).reshard("t", Layout::FanOut).unwrap();
    let mut database = open(&origin.local());
    let snapshot = database.snapshot().unwrap();
    for id in &written {
        assert!(snapshot.get("t", id).unwrap().is_some(), "{id} is lost");
    }
    assert_eq!(snapshot.count("t").unwrap(), 50 + written.len());
    let fanned = |path: &&String| path.starts_with("db/t/") && path.split('/').count() == 4;
    assert_eq!(
        origin.files().iter().filter(fanned).count(),
        50 + written.len()
    );
    origin.assert_sound();
}
