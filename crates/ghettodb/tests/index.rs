//! The index of field values: searches with it find what searches without it find, whatever happens
//! to the repository or to the index.

use crate::support::{Origin, isolate, open, options, record, transact};
use ghettodb::{Database, Error, Options, Record, Snapshot, record_json};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Enough for a table to be indexed.
const RECORDS: usize = 1020;

fn sample(n: usize) -> Value {
    json!({
        "_id": format!("{n:04}"),
        "email": format!("c{n}@example.org"),
        "n": n % 10,
        "at": {"city": if n.is_multiple_of(2) { "Ulm" } else { "Bonn" }},
    })
}

fn filled() -> Origin {
    let origin = Origin::new();
    let mut stream = "commit refs/heads/main\ncommitter a <a@b> 1 +0000\ndata 0\n".to_owned();
    for n in 0..RECORDS {
        let text = record_json(&record(sample(n)));
        let path = format!("db/t/{n:04}.json");
        write!(
            stream,
            "M 100644 inline {path}\ndata {}\n{text}\n",
            text.len()
        )
        .unwrap();
    }
    origin.git_with_input(&["fast-import", "--quiet"], &stream);
    origin
}

fn open_with(repo: &str, cache: &Path) -> Database {
    let cache = Some(cache.to_owned());
    Database::open(Options {
        cache,
        ..options(repo)
    })
    .unwrap()
}

/// The only index in a folder.
fn file_in(cache: &Path) -> PathBuf {
    let files = cache.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut indexes = files.filter(|path| path.extension().is_some_and(|end| end == "sqlite"));
    let file = indexes.next().unwrap();
    assert_eq!(indexes.next(), None);
    file
}

/// The paths of table `t` that are indexed, if that is for the tree at the tip.
fn indexed(origin: &Origin, cache: &Path) -> Vec<String> {
    let connection = Connection::open(file_in(cache)).unwrap();
    let tree: Vec<u8> = connection
        .query_row("SELECT tree FROM tables WHERE name = 't'", [], |row| {
            row.get(0)
        })
        .unwrap();
    let tree: String = tree.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(tree, origin.git(&["rev-parse", "main:db/t"]));
    let mut statement = connection
        .prepare("SELECT path FROM paths ORDER BY path")
        .unwrap();
    let paths = statement.query_map([], |row| row.get(0)).unwrap();
    paths.map(Result::unwrap).collect()
}

fn queries() -> Vec<Record> {
    [
        json!({"email": "c7@example.org"}),
        json!({"email": {"$in": ["c7@example.org", "c8@example.org", "none"]}}),
        json!({"email": "changed"}),
        json!({"n": 3.0}),
        json!({"n": {"$eq": 3}, "at.city": "Bonn"}),
        json!({"at": {"city": "Ulm"}, "n": {"$lt": 1}}),
        json!({"at.city": null}),
        json!({"new": true}),
        json!({"$or": [{"email": "c1@example.org"}]}),
    ]
    .map(record)
    .to_vec()
}

#[track_caller]
fn assert_agree(with: &Snapshot, without: &Snapshot) {
    assert_eq!(with.commit(), without.commit());
    for query in queries() {
        let expected = without.find("t", &query).unwrap();
        assert_eq!(with.find("t", &query).unwrap(), expected, "{query:?}");
        // A second time, by what the first one built.
        assert_eq!(with.find("t", &query).unwrap(), expected, "{query:?}");
    }
}

#[test]
fn it_follows_the_repository() {
    for repo in [Origin::local, Origin::url] {
        let origin = filled();
        let repo = repo(&origin);
        let cache = TempDir::new().unwrap();
        let mut writer = open(&origin.local());
        let mut reader = open_with(&repo, cache.path());
        let agree = |reader: &mut Database, writer: &mut Database| {
            assert_agree(&reader.snapshot().unwrap(), &writer.snapshot().unwrap());
            // One that starts afresh, which by URL does not have the tree that the index is of.
            let fresh = open_with(&repo, cache.path()).snapshot().unwrap();
            assert_agree(&fresh, &writer.snapshot().unwrap());
            assert_eq!((reader.cache_note(), fresh.cache_note()), (None, None));
            assert_eq!(
                indexed(&origin, cache.path()),
                ["at.city", "email", "n", "new"]
            );
        };
        agree(&mut reader, &mut writer);
        transact(&mut writer, |tx| {
            tx.update("t", "0003", record(json!({"email": "changed", "n": "3"})))?;
            tx.update("t", "0005", record(json!({"at": null})))?;
            tx.delete("t", "0007")?;
            tx.insert(
                "t",
                record(json!({"_id": "x", "email": "c8@example.org", "new": true})),
            )
        });
        agree(&mut reader, &mut writer);
        // A record moves to where a fan-out has it, and a file comes that is no record's.
        let moved = origin.file("db/t/0009.json");
        origin.commit(&[
            ("0", "db/t/0009.json", ""),
            ("100644", "db/t/44/0009.json", &moved),
            ("100644", "db/t/README", "x"),
        ]);
        agree(&mut reader, &mut writer);
        // The branch goes back.
        origin.git(&["update-ref", "refs/heads/main", "main~2"]);
        agree(&mut reader, &mut writer);
    }
}

#[test]
fn a_transaction_searches_with_it_and_sees_its_own_writes() {
    let origin = filled();
    let cache = TempDir::new().unwrap();
    let mut database = open_with(&origin.local(), cache.path());
    for n in [1, 2] {
        let email = record(json!({"email": "c7@example.org"}));
        let committed = transact(&mut database, |tx| {
            let updated = tx.upsert("t", &email, record(json!({"visits": n})))?;
            tx.update("t", "0008", record(json!({"email": "c7@example.org"})))?;
            assert_eq!(tx.find("t", &email)?.len(), 2);
            Ok(updated)
        });
        assert_eq!(committed.value["_id"], "0007");
        assert_eq!(committed.value["visits"], n);
    }
    database
        .snapshot()
        .unwrap()
        .find("t", &record(json!({"email": "x"})))
        .unwrap();
    assert_eq!(indexed(&origin, cache.path()), ["email"]);
    assert_eq!(database.cache_note(), None);
}

#[test]
fn what_is_no_record_is_told_as_without_it() {
    let origin = filled();
    let cache = TempDir::new().unwrap();
    let email = record(json!({"email": "c7@example.org"}));
    let find = || {
        let with = open_with(&origin.local(), cache.path()).snapshot().unwrap();
        let with = with.scan("t", &email).unwrap();
        let without = open(&origin.local()).snapshot().unwrap();
        let without = without.scan("t", &email).unwrap();
        let texts =
            |bad: Vec<Error>| -> Vec<String> { bad.iter().map(ToString::to_string).collect() };
        assert_eq!(with.records, without.records);
        let bad = texts(with.bad);
        assert_eq!(bad, texts(without.bad));
        bad.len()
    };
    assert_eq!(find(), 0);
    // Its text rules a match out, or not.
    origin.commit(&[("100644", "db/t/0100.json", "{\"email\": \"other\", }")]);
    assert_eq!(find(), 0);
    origin.commit(&[(
        "100644",
        "db/t/0100.json",
        "{\"email\": \"c7@example.org\", }",
    )]);
    assert_eq!(find(), 1);
    // The same record twice, also where its twin is the one that changed.
    let twin = origin.file("db/t/0009.json");
    origin.commit(&[("100644", "db/t/44/0009.json", &twin)]);
    assert_eq!(find(), 2);
    origin.commit(&[
        ("0", "db/t/44/0009.json", ""),
        ("120000", "db/t/0101.json", "0009.json"),
    ]);
    assert_eq!(find(), 2);
    origin.commit(&[
        ("100644", "db/t/0101.json", "{}"),
        ("100644", "db/t/0100.json", "{}"),
    ]);
    assert_eq!(find(), 0);
}

/// Does something to the index, and searches.
#[track_caller]
fn survives(what: &str, noted: bool, harm: impl FnOnce(&Path)) {
    let origin = filled();
    let cache = TempDir::new().unwrap();
    let email = record(json!({"email": "c7@example.org"}));
    let find = || {
        let mut database = open_with(&origin.local(), cache.path());
        let found = database.snapshot().unwrap().find("t", &email).unwrap();
        let ids: Vec<Value> = found
            .into_iter()
            .map(|record| record["_id"].clone())
            .collect();
        assert_eq!(ids, ["0007"], "{what}");
        database.cache_note()
    };
    assert_eq!(find(), None, "{what}");
    harm(&file_in(cache.path()));
    assert_eq!(find().is_some(), noted, "{what}");
}

#[test]
fn harm_to_its_file_costs_time_alone() {
    survives("removed", false, |file| std::fs::remove_file(file).unwrap());
    survives("emptied", false, |file| std::fs::write(file, "").unwrap());
    survives("overwritten", true, |file| {
        std::fs::write(file, "no database").unwrap();
    });
    survives("cut off", true, |file| {
        let bytes = std::fs::read(file).unwrap();
        std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    });
    survives("overwritten inside", true, |file| {
        let mut bytes = std::fs::read(file).unwrap();
        bytes[4096..].fill(0xa5);
        std::fs::write(file, bytes).unwrap();
    });
    survives("another database", true, |file| {
        std::fs::remove_file(file).unwrap();
        let other = Connection::open(file).unwrap();
        other.execute_batch("CREATE TABLE tables (x)").unwrap();
    });
    survives("another layout under our name", true, |file| {
        let file = Connection::open(file).unwrap();
        file.execute_batch("DROP TABLE entries").unwrap();
    });
    survives("a directory", true, |file| {
        std::fs::remove_file(file).unwrap();
        std::fs::create_dir(file).unwrap();
    });
    survives("read-only", false, |file| {
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(file, 0o400);
        mode(file.parent().unwrap(), 0o500);
    });
    survives("wrong rows", false, |file| {
        let file = Connection::open(file).unwrap();
        // Every value leads to other records too, and to some that are not there.
        file.execute_batch(
            "INSERT INTO records (of_table, id, object) VALUES (1, '../x', x'00'), (1, 'none', x'00');
             INSERT INTO entries SELECT 1, '\"c7@example.org\"', key FROM records WHERE key <> 8;",
        )
        .unwrap();
    });
}

#[test]
fn a_locked_file_is_passed_over() {
    let origin = filled();
    let cache = TempDir::new().unwrap();
    let email = record(json!({"email": "c7@example.org"}));
    let mut database = open_with(&origin.local(), cache.path());
    database.snapshot().unwrap().find("t", &email).unwrap();
    let other = Connection::open(file_in(cache.path())).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let found = database.snapshot().unwrap().find("t", &email).unwrap();
    assert_eq!(found.len(), 1);
    let note = database.cache_note().unwrap();
    assert!(note.contains("locked"), "{note}");
    assert_eq!(database.cache_note(), None);
    // It is left alone for a while.
    assert_eq!(
        database
            .snapshot()
            .unwrap()
            .find("t", &email)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(database.cache_note(), None);
}

#[test]
fn its_folder_is_private_and_its_name_tells_nothing() {
    let origin = filled();
    let parent = TempDir::new().unwrap();
    let cache = parent.path().join("a/b");
    let mut database = open_with(&origin.url(), &cache);
    let email = record(json!({"email": "c7@example.org"}));
    assert!(!cache.exists(), "nothing is made before it is needed");
    database.snapshot().unwrap().find("t", &email).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache), 0o700);
    let file = file_in(&cache);
    assert_eq!(mode(&file), 0o600);
    let name = file.file_stem().unwrap().to_str().unwrap();
    assert!(
        name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()),
        "{name}"
    );
}

#[test]
fn a_small_table_is_read_without_it() {
    let origin = Origin::new();
    let cache = TempDir::new().unwrap();
    let mut database = open_with(&origin.local(), cache.path());
    transact(&mut database, |tx| tx.insert("t", record(sample(1))));
    let email = record(json!({"email": "c1@example.org"}));
    assert_eq!(
        database
            .snapshot()
            .unwrap()
            .find("t", &email)
            .unwrap()
            .len(),
        1
    );
    let connection = Connection::open(file_in(cache.path())).unwrap();
    let tables: u32 = connection
        .query_row("SELECT count(*) FROM tables", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0);
}

#[test]
fn many_processes_build_and_use_one() {
    let origin = filled();
    let cache = TempDir::new().unwrap();
    let children: Vec<_> = (0..8)
        .map(|n| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
            isolate(&mut command);
            let query = json!({"email": format!("c{n}@example.org")}).to_string();
            command
                .args([
                    "findmany", "--table", "t", "--fields", "n", "--query", &query,
                ])
                .args(["--repo", &origin.local()])
                .env("GHETTODB_CACHE", cache.path())
                .stdout(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for (n, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found, json!([{"_id": format!("{n:04}"), "n": n % 10}]));
    }
    assert_eq!(indexed(&origin, cache.path()), ["email"]);
}

#[test]
fn it_agrees_after_random_changes() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let origin = filled();
    let caches = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let mut writer = open_with(&origin.local(), caches[0].path());
    let mut reader = open_with(&origin.url(), caches[1].path());
    let value = |random: &mut fastrand::Rng| {
        let values = [
            json!(1),
            json!(1.0),
            json!("1"),
            json!(null),
            json!([1]),
            json!(true),
        ];
        random.choice(values.iter()).unwrap().clone()
    };
    for round in 0..25 {
        let query = record(json!({"n": value(&mut random)}));
        let changes: Vec<(String, Value)> = (0..random.usize(1..5))
            .map(|_| {
                (
                    format!("{:04}", random.usize(0..RECORDS + 20)),
                    value(&mut random),
                )
            })
            .collect();
        let committed = transact(&mut writer, |tx| {
            // Searching within it takes the index to the tree before the changes.
            let before = tx.find("t", &query)?;
            for (id, n) in &changes {
                match n {
                    Value::Bool(_) => drop(tx.delete("t", id)?),
                    n => drop(tx.upsert(
                        "t",
                        &record(json!({"_id": id})),
                        record(json!({"n": n})),
                    )?),
                }
            }
            Ok(before)
        });
        assert!(committed.value.len() <= RECORDS + 20);
        for database in [&mut writer, &mut reader] {
            let snapshot = database.snapshot().unwrap();
            let found = snapshot.find("t", &query).unwrap();
            let mut expected = open(&origin.local()).snapshot().unwrap().all("t").unwrap();
            expected.retain(|record| match (record.get("n"), &query["n"]) {
                (Some(Value::Number(n)), Value::Number(wanted)) => n.as_f64() == wanted.as_f64(),
                (n, wanted) => n == Some(wanted),
            });
            assert_eq!(
                found, expected,
                "round {round}: {query:?} after {changes:?}"
            );
            assert_eq!(database.cache_note(), None);
        }
    }
    for (database, cache) in [(&mut writer, &caches[0]), (&mut reader, &caches[1])] {
        let snapshot = database.snapshot().unwrap();
        snapshot.find("t", &record(json!({"n": 1}))).unwrap();
        assert_eq!(indexed(&origin, cache.path()), ["n"]);
    }
}
