//! What `fsck` finds, what it mends, and what it proves of the history.

use crate::support::{Origin, git_command, open, record, transact};
use ghettodb::{Code, Database, Error, Layout, Problem, Report, once};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

type Files<'a> = &'a [(&'a str, &'a str, &'a str)];

/// Where the journal keeps the key `k1`: under its SHA-256.
const K1: &str =
    "db/operations/6a/6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0.json";
const K1_ID: &str = "6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0";
const GOOD: (&str, &str, &str) = ("100644", "db/t/good.json", r#"{"_id": "good"}"#);

/// Files that have just one problem.
struct Case<'a> {
    code: Code,
    files: Files<'a>,
    /// `path`, or `path:line:column`.
    place: &'a str,
    /// Part of the message.
    says: &'a str,
    /// The files after mending; none where it cannot be mended.
    mended: Option<Files<'a>>,
}

fn place(problem: &Problem) -> String {
    match problem.line {
        0 => problem.path.clone(),
        line => format!("{}:{line}:{}", problem.path, problem.column),
    }
}

#[track_caller]
fn check(case: &Case<'_>) {
    let origin = Origin::new();
    origin.commit(&[GOOD]);
    let submodule = origin.tip();
    let files: Vec<_> = case
        .files
        .iter()
        .map(|&(mode, path, content)| match mode {
            "160000" => (mode, path, submodule.as_str()),
            _ => (mode, path, content),
        })
        .collect();
    origin.commit(&files);
    let tip = origin.tip();
    let mut database = open(&origin.local());
    let report = database.fsck().unwrap();
    let found: Vec<_> = report
        .problems
        .iter()
        .map(|problem| (problem.code, place(problem), problem.fixable))
        .collect();
    assert_eq!(
        found,
        [(case.code, case.place.to_owned(), case.mended.is_some())],
        "{:?}",
        report.problems
    );
    let message = &report.problems[0].message;
    assert!(message.contains(case.says), "{message}");
    let is_error = case.code.severity() == ghettodb::Severity::Error;
    assert_eq!(report.is_ok(), !is_error);

    let mended = database.mend().unwrap();
    let Some(expected) = case.mended else {
        assert_eq!((mended.problems.len(), mended.commit), (0, None));
        assert_eq!(origin.tip(), tip);
        return;
    };
    assert_eq!(mended.problems, report.problems);
    assert_eq!(mended.commit, Some(origin.tip()));
    let left = database.fsck().unwrap();
    assert!(left.is_ok() && left.problems.is_empty(), "{left:?}");
    for (mode, path, content) in expected {
        assert_eq!(origin.file(path), *content, "{path}");
        let entry = origin.git(&["ls-tree", "main", path]);
        assert!(entry.starts_with(mode), "{entry}");
    }
    assert_eq!(
        origin.files().iter().filter(|path| *path != GOOD.1).count(),
        expected.len()
    );
    assert_eq!(database.mend().unwrap().commit, None);
    origin.assert_sound();
}

/// A file that has the problem and cannot be mended.
fn broken(code: Code, content: &str, place: &str, says: &str) -> Code {
    let path = "db/t/a.json";
    check(&Case {
        code,
        files: &[("100644", path, content)],
        place: &format!("{path}{place}"),
        says,
        mended: None,
    });
    code
}

fn lasting(code: Code, files: Files<'_>, place: &str, says: &str) -> Code {
    check(&Case {
        code,
        files,
        place,
        says,
        mended: None,
    });
    code
}

fn passing(code: Code, files: Files<'_>, place: &str, says: &str, mended: Files<'_>) -> Code {
    check(&Case {
        code,
        files,
        place,
        says,
        mended: Some(mended),
    });
    code
}

fn texts() -> Vec<Code> {
    let deep = format!("{{\"a\": {}}}", "[".repeat(128) + &"]".repeat(128));
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(1024 * 1024));
    vec![
        broken(
            Code::NotJson,
            "{\n  \"a\": }",
            ":2:8",
            "expected a JSON value",
        ),
        broken(
            Code::ConflictMarker,
            "{\n<<<<<<< HEAD\n\"a\": 1\n=======\n",
            ":2:1",
            "conflict marker",
        ),
        broken(
            Code::DuplicateKey,
            "{\"a\": 1,\n \"a\": 2}",
            ":2:2",
            "stands twice",
        ),
        broken(
            Code::NumberRange,
            "{\"a\": 1e400}",
            ":1:7",
            "larger than a double",
        ),
        broken(Code::TooDeep, &deep, ":1:134", "deeper than 128"),
        broken(Code::TooLarge, &large, "", "bytes"),
        broken(Code::NotAnObject, "[1]", ":1:1", "no JSON object"),
    ]
}

fn ids() -> Vec<Code> {
    let (a, b) = ("db/t/a.json", "db/t/b.json");
    vec![
        passing(
            Code::ByteOrderMark,
            &[("100644", a, "\u{feff}{\"_id\": \"a\", \"n\": 1.10}")],
            "db/t/a.json:1:1",
            "byte order mark",
            &[("100644", a, "{\"_id\": \"a\", \"n\": 1.10}")],
        ),
        passing(
            Code::IdMissing,
            &[("100644", a, "{\"n\": 1.10}")],
            "db/t/a.json:1:1",
            "`_id` is missing",
            &[("100644", a, "{\n  \"_id\": \"a\",\n  \"n\": 1.10\n}")],
        ),
        // Nobody else claims the name or the `_id`: the file's name is the key.
        passing(
            Code::IdMismatch,
            &[("100644", a, "{\"n\": 1,\n\"_id\": \"b\"}")],
            "db/t/a.json:2:1",
            "`_id` is \"b\", but the file is named \"a\"",
            &[("100644", a, "{\n  \"n\": 1,\n  \"_id\": \"a\"\n}")],
        ),
        passing(
            Code::IdMismatch,
            &[("100644", a, "{\"_id\": 7}")],
            "db/t/a.json:1:2",
            "`_id` is 7",
            &[("100644", a, "{\n  \"_id\": \"a\"\n}")],
        ),
        // A copy of another record, whichever of the two is meant.
        lasting(
            Code::IdMismatch,
            &[
                ("100644", a, "{\"_id\": \"b\"}"),
                ("100644", b, "{\"_id\": \"b\"}"),
            ],
            "db/t/a.json:1:2",
            "\"b\"",
        ),
    ]
}

fn names() -> Vec<Code> {
    let mut codes = Vec::new();
    for name in ["con", "aux.x", "a b", "a\u{200b}", "\u{e9}", "-a", "a."] {
        let (path, table) = (format!("db/t/{name}.json"), format!("db/{name}/a.json"));
        codes.push(lasting(
            Code::BadName,
            &[("100644", &path, "{}")],
            &path,
            "bad _id",
        ));
        codes.push(lasting(
            Code::BadName,
            &[("100644", &table, "{}")],
            &format!("db/{name}"),
            "bad table",
        ));
    }
    let (order, capital) = (r#"{"_id": "order"}"#, r#"{"_id": "Order"}"#);
    codes.push(lasting(
        Code::NameClash,
        &[
            ("100644", "db/t/Order.json", capital),
            ("100644", "db/t/order.json", order),
        ],
        "db/t/order.json",
        "record \"Order\" differs from it only by case",
    ));
    codes.push(lasting(
        Code::NameClash,
        &[("100644", "db/T/order.json", order)],
        "db/t",
        "table \"T\" differs",
    ));
    codes.push(lasting(
        Code::NameClash,
        &[("100644", "DB/t/order.json", order)],
        "DB",
        "differs from \"db\"",
    ));
    codes
}

fn kinds() -> Vec<Code> {
    let a = r#"{"_id": "a"}"#;
    vec![
        lasting(
            Code::Symlink,
            &[("120000", "db/t/a.json", "good.json")],
            "db/t/a.json",
            "link",
        ),
        lasting(
            Code::Symlink,
            &[("120000", "db/u", "t")],
            "db/u",
            "a table is a directory",
        ),
        lasting(
            Code::Submodule,
            &[("160000", "db/t/a.json", "")],
            "db/t/a.json",
            "submodule",
        ),
        lasting(
            Code::Submodule,
            &[("160000", "db/u", "")],
            "db/u",
            "a table is a directory",
        ),
        lasting(
            Code::StrayDirectory,
            &[("100644", "db/t/sub/a.json", a)],
            "db/t/sub",
            "no fan-out directory",
        ),
        lasting(
            Code::StrayFile,
            &[("100644", "db/a.json", a)],
            "db/a.json",
            "no table",
        ),
        lasting(
            Code::NotADirectory,
            &[("100644", "db/t/ab", "text")],
            "db/t/ab",
            "where a fan-out directory belongs",
        ),
        passing(
            Code::Executable,
            &[("100755", "db/t/a.json", a)],
            "db/t/a.json",
            "executable",
            &[("100644", "db/t/a.json", a)],
        ),
    ]
}

fn places() -> Vec<Code> {
    let a = r#"{"_id": "a"}"#;
    // SHA-256 of `a` begins with ca.
    let fan_out = (
        "100644",
        "db/_tables/u.json",
        r#"{"_id": "u", "layout": "fan-out"}"#,
    );
    vec![
        passing(
            Code::Misplaced,
            &[("100644", "db/t/00/a.json", a)],
            "db/t/00/a.json",
            "its own is ca/",
            &[("100644", "db/t/a.json", a)],
        ),
        passing(
            Code::Layout,
            &[("100644", "db/t/ca/a.json", a)],
            "db/t",
            "1 file of the table",
            &[("100644", "db/t/a.json", a)],
        ),
        passing(
            Code::Layout,
            &[fan_out, ("100644", "db/u/a.json", a)],
            "db/u",
            "as stated, fan-out",
            &[fan_out, ("100644", "db/u/ca/a.json", a)],
        ),
        passing(
            Code::Twice,
            &[
                ("100644", "db/t/a.json", a),
                ("100644", "db/t/ca/a.json", a),
            ],
            "db/t/ca/a.json",
            "db/t/a.json too",
            &[("100644", "db/t/a.json", a)],
        ),
        lasting(
            Code::Twice,
            &[
                ("100644", "db/t/a.json", a),
                ("100644", "db/t/ca/a.json", r#"{"_id": "a", "n": 1}"#),
            ],
            "db/t/ca/a.json",
            "db/t/a.json too",
        ),
    ]
}

fn rules() -> Vec<Code> {
    let schema = r#"{"_id": "u", "schema": {"properties": {"n": {"type": "integer"}}}}"#;
    let unique = r#"{"_id": "u", "unique": ["e.f"]}"#;
    vec![
        lasting(
            Code::Settings,
            &[(
                "100644",
                "db/_tables/u.json",
                r#"{"_id": "u", "uniqe": []}"#,
            )],
            "db/_tables/u.json",
            "unknown setting \"uniqe\"",
        ),
        lasting(
            Code::Settings,
            &[(
                "100644",
                "db/_tables/u.json",
                r#"{"_id": "u", "schema": {"type": "text"}}"#,
            )],
            "db/_tables/u.json",
            "`schema` at \"/type\"",
        ),
        lasting(
            Code::Schema,
            &[
                ("100644", "db/_tables/u.json", schema),
                (
                    "100644",
                    "db/u/a.json",
                    "{\"_id\": \"a\",\n  \"n\": \"one\"}",
                ),
            ],
            "db/u/a.json:2:3",
            "/n: \"one\" is not of type \"integer\"",
        ),
        lasting(
            Code::Unique,
            &[
                ("100644", "db/_tables/u.json", unique),
                ("100644", "db/u/a.json", r#"{"_id": "a", "e": {"f": 1}}"#),
                (
                    "100644",
                    "db/u/b.json",
                    "{\"_id\": \"b\", \"e\": {\n\"f\": 1.0}}",
                ),
            ],
            "db/u/b.json:2:1",
            "/e/f: 1.0 must be unique, and record \"a\" has it",
        ),
    ]
}

fn journal() -> Vec<Code> {
    let other =
        "db/operations/00/00b9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0.json";
    let other_id = "00b9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0";
    vec![
        lasting(
            Code::JournalKey,
            &[("100644", K1, &format!("{{\"_id\": \"{K1_ID}\"}}"))],
            &format!("{K1}:1:1"),
            "`key`",
        ),
        lasting(
            Code::JournalId,
            &[(
                "100644",
                other,
                &format!("{{\"_id\": \"{other_id}\",\n\"key\": \"k1\"}}"),
            )],
            &format!("{other}:2:1"),
            "not the SHA-256 of the key \"k1\"",
        ),
    ]
}

/// What needs more than files.
fn others() -> Vec<Code> {
    vec![
        not_utf8(),
        mode(),
        damaged_object(),
        warned_object(),
        two_records_of_one_key(),
        key_missing(),
        key_twice(),
        key_changed(),
    ]
}

#[test]
fn every_kind_of_problem_is_found_where_it_is() {
    let parts: [fn() -> Vec<Code>; 8] = [texts, ids, names, kinds, places, rules, journal, others];
    let found: BTreeSet<Code> = std::thread::scope(|scope| {
        let parts: Vec<_> = parts.into_iter().map(|part| scope.spawn(part)).collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap())
            .collect()
    });
    assert_eq!(found, Code::ALL.iter().copied().collect());
}

/// Puts bytes into the repository as an object that git itself would not make.
fn write_object(origin: &Origin, kind: &str, bytes: &[u8]) -> String {
    let mut child = git_command()
        .arg("--git-dir")
        .arg(origin.path())
        .args(["hash-object", "-t", kind, "-w", "--stdin", "--literally"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes `main` a commit of one file in table `t`, whose entry is these bytes.
fn commit_entry(origin: &Origin, mode_and_name: &[u8], content: &[u8]) {
    let hex = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let tree = |entry: &[u8], object: &str| {
        let bytes = [entry, b"\0", &hex(object)].concat();
        write_object(origin, "tree", &bytes)
    };
    let blob = write_object(origin, "blob", content);
    let table = tree(mode_and_name, &blob);
    let root = tree(b"40000 db", &tree(b"40000 t", &table));
    let commit = origin.git(&["commit-tree", &root, "-m", "by hand"]);
    origin.git(&["update-ref", "refs/heads/main", &commit]);
}

fn only(report: &Report, code: Code) -> &Problem {
    let found: Vec<_> = report.problems.iter().filter(|p| p.code == code).collect();
    assert_eq!(found.len(), 1, "{:?}", report.problems);
    found[0]
}

fn not_utf8() -> Code {
    let origin = Origin::new();
    commit_entry(
        &origin,
        b"100644 a.json",
        b"{\"_id\": \"a\",\n\"n\": \"\xff\"}",
    );
    let report = open(&origin.local()).fsck().unwrap();
    assert_eq!(only(&report, Code::NotUtf8).line, 2);
    // Nor is the name, elsewhere.
    commit_entry(&origin, b"100644 \xff.json", b"{}");
    let report = open(&origin.local()).fsck().unwrap();
    assert_eq!(
        only(&report, Code::BadName).message,
        "the name is not UTF-8"
    );
    Code::NotUtf8
}

fn mode() -> Code {
    let origin = Origin::new();
    commit_entry(&origin, b"100664 a.json", b"{\"_id\": \"a\"}");
    let mut database = open(&origin.local());
    let report = database.fsck().unwrap();
    let problem = only(&report, Code::Mode);
    assert!(problem.fixable && problem.message.contains("100664"));
    database.mend().unwrap();
    let left = database.fsck().unwrap();
    assert!(
        left.problems.iter().all(|left| left.code != Code::Mode),
        "{left:?}"
    );
    Code::Mode
}

fn damaged_object() -> Code {
    let origin = Origin::new();
    origin.commit(&[GOOD, ("100644", "README.md", "not of the database")]);
    let blob = origin.git(&["rev-parse", "main:README.md"]);
    let path = origin
        .path()
        .join("objects")
        .join(&blob[..2])
        .join(&blob[2..]);
    std::fs::remove_file(path).unwrap();
    let mut database = open(&origin.local());
    let report = database.fsck().unwrap();
    assert!(!report.is_ok());
    let lines: Vec<_> = report
        .problems
        .iter()
        .map(|p| (p.code, &*p.message))
        .collect();
    assert!(
        lines.contains(&(Code::Objects, &*format!("missing blob {blob}"))),
        "{lines:?}"
    );
    // Through a connection only what the database reads is looked at.
    assert!(open(&origin.url()).fsck().unwrap().is_ok());
    Code::Objects
}

fn warned_object() -> Code {
    let origin = Origin::new();
    let tag = format!("object {}\ntype commit\ntag x\n\n", {
        origin.commit(&[GOOD]);
        origin.tip()
    });
    // A tag without its maker: git takes it, with a word about it.
    write_object(&origin, "tag", tag.as_bytes());
    let report = open(&origin.local()).fsck().unwrap();
    let problem = only(&report, Code::ObjectsWarning);
    assert!(
        problem.message.contains("missingTaggerEntry"),
        "{problem:?}"
    );
    assert!(report.is_ok());
    Code::ObjectsWarning
}

fn two_records_of_one_key() -> Code {
    let origin = Origin::new();
    let other = format!("db/operations/00/00{}.json", &K1_ID[2..]);
    let text = |id: &str| format!("{{\"_id\": \"{id}\", \"key\": \"k1\"}}");
    origin.commit(&[
        ("100644", K1, &text(K1_ID)),
        ("100644", &other, &text(&format!("00{}", &K1_ID[2..]))),
    ]);
    let report = open(&origin.local()).fsck().unwrap();
    only(&report, Code::JournalId);
    only(&report, Code::JournalTwice);
    Code::JournalTwice
}

/// Runs a change under a key.
fn acknowledge(database: &mut Database, key: &str) {
    transact(database, |tx| {
        once(tx, key, "00", |tx| {
            tx.upsert(
                "t",
                &record(json!({"_id": "counter"})),
                record(json!({"key": key})),
            )?;
            Ok::<Value, Error>(Value::Null)
        })
    });
}

#[track_caller]
fn proved(origin: &Origin, keys: &[&str]) -> Vec<Problem> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let near = open(&origin.local()).prove_keys(&keys).unwrap();
    let far = open(&origin.url()).prove_keys(&keys).unwrap();
    assert_eq!(near, far);
    near
}

fn key_missing() -> Code {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    acknowledge(&mut database, "k1");
    acknowledge(&mut database, "k2");
    assert_eq!(proved(&origin, &["k1", "k2", "k1"]), []);
    let found = proved(&origin, &["k1", "never"]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "no commit holds the acknowledged key \"never\""
    );
    let first = origin.git(&["rev-parse", "main~1"]);
    transact(&mut database, |tx| tx.delete("operations", K1_ID));
    let found = proved(&origin, &["k1", "k2"]);
    assert_eq!((found.len(), &*found[0].path), (1, K1));
    assert_eq!(
        found[0].message,
        format!("the acknowledged key \"k1\" was added in {first}, and is gone")
    );
    found[0].code
}

fn key_twice() -> Code {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    acknowledge(&mut database, "k1");
    let first = origin.tip();
    transact(&mut database, |tx| tx.delete("operations", K1_ID));
    acknowledge(&mut database, "k1");
    acknowledge(&mut database, "k2");
    let found = proved(&origin, &["k1", "k2"]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        format!("the acknowledged key \"k1\" was added 2 times, first in {first}")
    );
    found[0].code
}

fn key_changed() -> Code {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    acknowledge(&mut database, "k1");
    transact(&mut database, |tx| {
        tx.update("operations", K1_ID, record(json!({"result": "forged"})))
    });
    let changed = origin.tip();
    acknowledge(&mut database, "k2");
    let found = proved(&origin, &["k1", "k2"]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .message
            .ends_with(&format!("was changed in {changed}")),
        "{found:?}"
    );
    found[0].code
}

#[test]
fn a_journal_that_moves_or_was_compacted_is_still_proof() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    let keys: Vec<String> = (0..30).map(|n| format!("key {n}")).collect();
    keys[..10]
        .iter()
        .for_each(|key| acknowledge(&mut database, key));
    database.reshard("operations", Layout::Flat).unwrap();
    keys[10..20]
        .iter()
        .for_each(|key| acknowledge(&mut database, key));
    database.reshard("operations", Layout::FanOut).unwrap();
    keys[20..]
        .iter()
        .for_each(|key| acknowledge(&mut database, key));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(proved(&origin, &keys), []);
    // A merge counts for what it brings to the first parent.
    let side = origin.git(&["commit-tree", "main^{tree}", "-p", "main~15", "-m", "side"]);
    let merge = origin.git(&[
        "commit-tree",
        "main^{tree}",
        "-p",
        "main",
        "-p",
        &side,
        "-m",
        "merge",
    ]);
    origin.git(&["update-ref", "refs/heads/main", &merge]);
    assert_eq!(proved(&origin, &keys), []);
    // One commit instead of all: what stands in it was added there.
    let root = origin.git(&["commit-tree", "main^{tree}", "-m", "compacted"]);
    origin.git(&["update-ref", "refs/heads/main", &root]);
    acknowledge(&mut database, "one more");
    assert_eq!(proved(&origin, &[&keys[..], &["one more"]].concat()), []);
    assert_eq!(proved(&origin, &["never"])[0].code, Code::KeyMissing);
    assert_eq!(proved(&Origin::new(), &["never"])[0].code, Code::KeyMissing);
}

#[test]
fn a_sound_repository_has_no_problems() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    assert_eq!(database.fsck().unwrap(), Report::default());
    transact(&mut database, |tx| {
        tx.insert(
            "_tables",
            record(json!({"_id": "t", "unique": ["key"], "schema": true})),
        )
    });
    acknowledge(&mut database, "k1");
    origin.commit(&[
        ("100644", "README.md", "read me"),
        ("100755", "run.sh", "#!/bin/sh"),
        ("100644", "db/README.md", "about"),
        ("100644", "db/t/.gitkeep", ""),
    ]);
    for repo in [Origin::local, Origin::url] {
        let report = open(&repo(&origin)).fsck().unwrap();
        assert_eq!(report.problems, []);
        assert_eq!((report.records, report.tables), (3, 3));
    }
    // A history without parents, and a branch beside it, are fine.
    let root = origin.git(&["commit-tree", "main^{tree}", "-m", "compacted"]);
    origin.git(&["update-ref", "refs/heads/main", &root]);
    assert_eq!(database.fsck().unwrap().problems, []);
}

#[test]
fn a_file_in_the_place_of_the_database_is_named() {
    let origin = Origin::new();
    origin.commit(&[("100644", "db", "a file")]);
    let report = open(&origin.local()).fsck().unwrap();
    let problem = only(&report, Code::NotADirectory);
    assert_eq!((&*problem.path, report.is_ok()), ("db", false));
}

#[test]
fn all_is_mended_in_one_commit_that_says_so() {
    let origin = Origin::new();
    origin.commit(&[
        GOOD,
        ("100755", "db/t/a.json", "\u{feff}{\"n\": 1}"),
        ("100644", "db/t/00/b.json", "{\"_id\": \"x\"}"),
        ("100644", "db/u/c.json", "{"),
        ("120000", "db/u/d.json", "c.json"),
    ]);
    let before = origin.commits();
    let mut database = open(&origin.url());
    let mended = database.mend().unwrap();
    assert_eq!((mended.problems.len(), origin.commits()), (5, before + 1));
    assert_eq!(
        origin.file("db/t/a.json"),
        "{\n  \"_id\": \"a\",\n  \"n\": 1\n}"
    );
    assert_eq!(origin.file("db/t/b.json"), "{\n  \"_id\": \"b\"\n}");
    let log = origin.git(&["log", "-1", "--format=%s%n%(trailers:unfold)", "main"]);
    assert_eq!(
        log.trim_end(),
        "fsck: mend 5 faults of the files\n\
         Operation: fsck\n\
         Mended: misplaced db/t/00/b.json: it stands in the fan-out directory of other ids; its own is 3e/\n\
         Mended: id-mismatch db/t/00/b.json: `_id` is \"x\", but the file is named \"b\"\n\
         Mended: executable db/t/a.json: it is executable; a record is a plain file (mode 100644)\n\
         Mended: byte-order-mark db/t/a.json: a byte order mark stands before the text\n\
         Mended: id-missing db/t/a.json: `_id` is missing; the file's name stands for it"
    );
    let left = database.fsck().unwrap();
    let left: Vec<_> = left.problems.iter().map(|p| (p.code, &*p.path)).collect();
    assert_eq!(
        left,
        [
            (Code::NotJson, "db/u/c.json"),
            (Code::Symlink, "db/u/d.json")
        ]
    );
}

#[test]
fn records_that_claim_each_others_name_are_left_to_a_person() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/a.json", "{\"_id\": \"b\"}"),
        ("100644", "db/t/b.json", "{\"_id\": \"a\"}"),
        ("100644", "db/t/c.json", "{\"_id\": \"x\"}"),
        ("100644", "db/t/d.json", "{\"_id\": \"x\"}"),
    ]);
    let report = open(&origin.local()).fsck().unwrap();
    assert_eq!(report.problems.len(), 4);
    assert!(
        report
            .problems
            .iter()
            .all(|p| p.code == Code::IdMismatch && !p.fixable)
    );
    assert_eq!(report.records, 0);
}
