//! The merge of people's branches: records by field, and the driver as a real `git merge` calls it.

use crate::support::{Origin, isolate};
use ghettodb::{Merge, merge_records, parse_json};
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Merges three records of one line each, laid out as the database does.
fn merged(base: &str, ours: &str, theirs: &str) -> Merge {
    merge_records(
        "db/t/x.json",
        base.as_bytes(),
        ours.as_bytes(),
        theirs.as_bytes(),
    )
    .unwrap()
}

#[track_caller]
fn clean(base: &str, ours: &str, theirs: &str, expected: &str) {
    let merge = merged(base, ours, theirs);
    assert_eq!(merge.conflicts, [] as [&str; 0], "{}", merge.text);
    let value = parse_json(&merge.text).unwrap();
    assert_eq!(value.to_string(), expected);
    assert_eq!(merge.text, format!("{value:#}\n"));
}

#[test]
fn each_side_keeps_what_it_alone_changed() {
    clean(
        r#"{"_id": "x", "a": 1, "b": 1, "c": 1}"#,
        r#"{"_id": "x", "a": 2, "b": 1}"#,
        r#"{"_id": "x", "a": 1, "b": 3, "c": 1, "d": 4}"#,
        r#"{"_id":"x","a":2,"b":3,"d":4}"#,
    );
    clean(
        r#"{"a": 1}"#,
        r#"{"a": 2, "b": [1]}"#,
        r#"{"a": 2, "b": [1]}"#,
        r#"{"a":2,"b":[1]}"#,
    );
    clean(r#"{"a": 1, "b": 2}"#, r#"{"a": 1}"#, "{}", "{}");
}

#[test]
fn nested_objects_are_merged_by_field_and_lists_as_a_whole() {
    clean(
        r#"{"a": {"b": {"c": 1, "d": [1, 2]}, "e": 1}}"#,
        r#"{"a": {"b": {"c": 2, "d": [1, 2]}, "e": 1}}"#,
        r#"{"a": {"b": {"c": 1, "d": [1, 2, 3]}}, "f": null}"#,
        r#"{"a":{"b":{"c":2,"d":[1,2,3]}},"f":null}"#,
    );
    let merge = merged(r#"{"a": [1]}"#, r#"{"a": [1, 2]}"#, r#"{"a": [0, 1]}"#);
    assert_eq!(merge.conflicts, ["a"]);
}

#[test]
fn two_new_records_are_merged_field_by_field() {
    clean(
        "",
        r#"{"_id": "x", "n": 1, "address": {"city": "Ulm"}}"#,
        r#"{"_id": "x", "address": {"city": "Ulm", "zip": "89073"}, "n": 1}"#,
        r#"{"_id":"x","n":1,"address":{"city":"Ulm","zip":"89073"}}"#,
    );
    assert_eq!(merged("", r#"{"n": 1}"#, r#"{"n": 2}"#).conflicts, ["n"]);
}

#[test]
fn the_later_time_counts() {
    let at = |time: &str| format!(r#"{{"_id": "x", "_updated": "{time}"}}"#);
    let (old, one, two) = (
        "2026-01-01T00:00:00.000Z",
        "2026-03-01T09:00:00+02:00",
        "2026-03-01T08:00:00.000Z",
    );
    for (ours, theirs) in [(one, two), (two, one)] {
        // By the clock, not by the text: 09:00 in Cairo is 07:00 UTC.
        clean(
            &at(old),
            &at(ours),
            &at(theirs),
            &format!(r#"{{"_id":"x","_updated":"{two}"}}"#),
        );
    }
    clean(
        &at(old),
        &at("yesterday"),
        &at(one),
        &format!(r#"{{"_id":"x","_updated":"{one}"}}"#),
    );
    clean(
        &at(old),
        &at(one),
        r#"{"_id": "x"}"#,
        &format!(r#"{{"_id":"x","_updated":"{one}"}}"#),
    );
}

#[test]
fn fields_stand_where_a_reader_looks_for_them() {
    clean(
        r#"{"_id": "x", "b": 1, "d": 1, "_updated": "t"}"#,
        r#"{"_id": "x", "d": 1, "b": 1, "_updated": "t", "e": 1}"#,
        r#"{"a": 1, "_id": "x", "b": 1, "c1": 1, "c2": 1, "d": 1, "_updated": "t", "f": 1}"#,
        r#"{"_id":"x","a":1,"d":1,"b":1,"c1":1,"c2":1,"f":1,"e":1,"_updated":"t"}"#,
    );
}

#[test]
fn numbers_keep_their_spelling() {
    // Equal by value: ours. Spelled anew by one side only: that one's.
    clean(
        r#"{"n": 1}"#,
        r#"{"n": 1.10}"#,
        r#"{"n": 1.1}"#,
        r#"{"n":1.10}"#,
    );
    clean(
        r#"{"n": 1.1}"#,
        r#"{"n": 1.1}"#,
        r#"{"n": 1.10}"#,
        r#"{"n":1.10}"#,
    );
    clean(
        r#"{"n": 1.1}"#,
        r#"{"n": 1.10}"#,
        r#"{"n": 2.50}"#,
        r#"{"n":2.50}"#,
    );
    clean(
        r#"{"n": 12345678901234567890}"#,
        r#"{"n": 12345678901234567891, "m": 1e2}"#,
        r#"{"n": 12345678901234567890, "k": -0}"#,
        r#"{"n":12345678901234567891,"k":-0,"m":1e2}"#,
    );
}

#[test]
fn a_conflict_is_marked_on_its_own_lines_and_the_rest_is_merged() {
    let merge = merged(
        r#"{"_id": "x", "stock_level": 5, "price": 1.10, "at": {"city": "Ulm", "zip": 1}, "_updated": "2026-01-01T00:00:00Z"}"#,
        r#"{"_id": "x", "stock_level": 4, "price": 1.20, "at": {"city": "Bonn", "zip": 1}, "_updated": "2026-01-02T00:00:00Z"}"#,
        r#"{"_id": "x", "stock_level": 3, "price": 1.10, "at": {"city": "Köln", "zip": 2}, "_updated": "2026-01-03T00:00:00Z"}"#,
    );
    assert_eq!(merge.conflicts, ["stock_level", "at.city"]);
    let expected = r#"{
  "_id": "x",
<<<<<<< ours
  "stock_level": 4,
=======
  "stock_level": 3,
>>>>>>> theirs
  "price": 1.20,
  "at": {
<<<<<<< ours
    "city": "Bonn",
=======
    "city": "Köln",
>>>>>>> theirs
    "zip": 2
  },
  "_updated": "2026-01-03T00:00:00Z"
}
"#;
    assert_eq!(merge.text, expected);
}

#[test]
fn a_comma_goes_with_the_side_that_needs_it() {
    let merge = merged(r#"{"a": 1, "b": 1}"#, r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#);
    assert_eq!(merge.conflicts, ["b"]);
    let expected = r#"{
<<<<<<< ours
  "a": 1
=======
  "a": 1,
  "b": 2
>>>>>>> theirs
}
"#;
    assert_eq!(merge.text, expected);
}

#[test]
fn a_version_that_is_no_record_is_named() {
    let merge = |base: &str, ours: &str, theirs: &str| {
        merge_records(
            "db/t/x.json",
            base.as_bytes(),
            ours.as_bytes(),
            theirs.as_bytes(),
        )
        .unwrap_err()
        .to_string()
    };
    assert_eq!(
        merge("{}", "{}", "{\n\"a\": }"),
        "db/t/x.json (theirs):2:6: expected a JSON value, found '}'"
    );
    assert_eq!(
        merge("{}", "{\n<<<<<<< HEAD\n", "{}"),
        "db/t/x.json (ours):2:1: a conflict marker of a merge stands here"
    );
    assert_eq!(
        merge("[]", "{}", "{}"),
        "db/t/x.json (base):1:1: the file holds no JSON object"
    );
}

/// The text with one side of each conflict kept, as a person does it.
fn keep(text: &str, ours: bool) -> String {
    let mut kept = String::new();
    let mut side = None;
    for line in text.lines() {
        match line {
            "<<<<<<< ours" => side = Some(true),
            "=======" => side = Some(false),
            ">>>>>>> theirs" => side = None,
            _ if side.is_none_or(|side| side == ours) => {
                kept.push_str(line);
                kept.push('\n');
            }
            _ => {}
        }
    }
    kept
}

fn random_object(random: &mut fastrand::Rng, depth: usize) -> Value {
    let mut object = serde_json::Map::new();
    for name in ["a", "b", "c", "d"] {
        match random.u8(..7) {
            0..=2 => {}
            3 if depth < 3 => {
                object.insert(name.to_owned(), random_object(random, depth + 1));
            }
            4 => {
                object.insert(name.to_owned(), json!([random.u8(..2)]));
            }
            _ => {
                object.insert(name.to_owned(), random.u8(..3).into());
            }
        }
    }
    object.into()
}

#[test]
fn whatever_conflicts_both_choices_are_records() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..5_000 {
        let [base, ours, theirs] = [(); 3].map(|()| random_object(&mut random, 0));
        let merge = merged(&base.to_string(), &ours.to_string(), &theirs.to_string());
        let [kept_ours, kept_theirs] = [true, false].map(|side| {
            let text = keep(&merge.text, side);
            parse_json(&text).unwrap_or_else(|error| panic!("{error}\n{}", merge.text))
        });
        assert_eq!(
            merge.conflicts.is_empty(),
            kept_ours == kept_theirs,
            "{}",
            merge.text
        );
        // What neither side touched is as it was, and what one touched is as that one has it.
        for name in ["a", "b", "c", "d"] {
            let (base, ours, theirs) = (base.get(name), ours.get(name), theirs.get(name));
            if ours == base {
                assert_eq!(kept_ours.get(name), theirs, "{name} in {}", merge.text);
            }
            if theirs == base || ours == theirs {
                assert_eq!(kept_theirs.get(name), ours, "{name} in {}", merge.text);
            }
        }
        let mirrored = merged(&base.to_string(), &theirs.to_string(), &ours.to_string());
        assert_eq!(mirrored.conflicts.len(), merge.conflicts.len());
    }
}

/// A person's repository with the driver installed and one record on `main`.
struct WorkTree {
    folder: TempDir,
}

const RECORD: &str = "db/stock/beer.json";

impl WorkTree {
    fn new() -> Self {
        let work_tree = WorkTree {
            folder: tempfile::tempdir().unwrap(),
        };
        work_tree.git(&["init", "-q", "-b", "main"]);
        let installed = work_tree.install();
        assert_eq!(installed["configured"], true);
        assert_eq!(installed["attributed"], true);
        work_tree.git(&["add", ".gitattributes"]);
        work_tree.put(Some(r#"{"_id": "beer", "level": 5, "price": 1.10}"#));
        work_tree
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        isolate(&mut command);
        command.current_dir(self.folder.path()).args(args);
        command.output().unwrap()
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        let output = self.run("git", args);
        let text = format!("{}{}", stdout(&output), stderr(&output));
        assert!(output.status.success(), "git {args:?}: {text}");
        stdout(&output)
    }

    fn install(&self) -> Value {
        let output = self.run(
            env!("CARGO_BIN_EXE_ghettodb"),
            &["merge-driver", "--install"],
        );
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn file(&self) -> String {
        fs::read_to_string(self.folder.path().join(RECORD)).unwrap()
    }

    /// Commits the record with this content, or without its file.
    fn put(&self, content: Option<&str>) {
        let path = self.folder.path().join(RECORD);
        match content {
            Some(content) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                // Laid out as the database does, where it is JSON.
                let text = match parse_json(content) {
                    Ok(value) => format!("{value:#}\n"),
                    Err(_) => content.to_owned(),
                };
                fs::write(path, text).unwrap();
            }
            None => fs::remove_file(path).unwrap(),
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "by hand"]);
    }

    /// Lets `theirs` and `main` change the record from what it is on `main` now, and merges; gives
    /// whether git was content, and all that it and the driver said.
    fn merge(&self, ours: Option<&str>, theirs: Option<&str>) -> (bool, String) {
        self.git(&["checkout", "-q", "-B", "theirs", "main"]);
        self.put(theirs);
        self.git(&["checkout", "-q", "main"]);
        self.put(ours);
        let output = self.run("git", &["merge", "-q", "-m", "merge", "theirs"]);
        (output.status.success(), stdout(&output) + &stderr(&output))
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn git_merges_neighbouring_fields_by_the_driver() {
    let work_tree = WorkTree::new();
    let (content, said) = work_tree.merge(
        Some(r#"{"_id": "beer", "level": 4, "price": 1.10}"#),
        Some(r#"{"_id": "beer", "level": 5, "price": 1.20, "note": "new"}"#),
    );
    assert_eq!(
        (content, said.as_str()),
        (true, "Auto-merging db/stock/beer.json\n")
    );
    let expected =
        "{\n  \"_id\": \"beer\",\n  \"level\": 4,\n  \"price\": 1.20,\n  \"note\": \"new\"\n}\n";
    assert_eq!(work_tree.file(), expected);
    assert_eq!(work_tree.git(&["status", "--porcelain"]), "");
}

#[test]
fn git_stops_at_a_field_that_both_changed() {
    let work_tree = WorkTree::new();
    let (content, said) = work_tree.merge(
        Some(r#"{"_id": "beer", "level": 4, "price": 1.10, "a": 1}"#),
        Some(r#"{"_id": "beer", "level": 3, "price": 1.20, "a": 2}"#),
    );
    assert!(!content);
    assert!(
        said.contains("ghettodb: db/stock/beer.json: both sides changed level, a\n"),
        "{said}"
    );
    assert_eq!(
        work_tree.git(&["status", "--porcelain"]),
        "UU db/stock/beer.json\n"
    );
    let text = work_tree.file();
    assert!(text.contains("\n  \"price\": 1.20,\n<<<<<<< ours\n  \"a\": 1\n=======\n  \"a\": 2\n>>>>>>> theirs\n}\n"), "{text}");
    // A person chooses, and goes on.
    fs::write(work_tree.folder.path().join(RECORD), keep(&text, false)).unwrap();
    work_tree.git(&["commit", "-q", "-a", "-m", "merged by hand"]);
    let kept: Value = serde_json::from_str(&work_tree.file()).unwrap();
    assert_eq!(kept["level"], 3);
}

#[test]
fn two_people_who_add_the_same_record_meet_in_the_driver() {
    let work_tree = WorkTree::new();
    work_tree.put(None);
    let (content, said) = work_tree.merge(
        Some(r#"{"_id": "beer", "level": 4}"#),
        Some(r#"{"_id": "beer", "price": 1.20}"#),
    );
    assert!(content, "{said}");
    let merged: Value = serde_json::from_str(&work_tree.file()).unwrap();
    assert_eq!(
        merged.to_string(),
        r#"{"_id":"beer","price":1.20,"level":4}"#
    );
}

#[test]
fn a_record_deleted_here_and_changed_there_is_left_to_git() {
    let work_tree = WorkTree::new();
    let (content, said) = work_tree.merge(None, Some(r#"{"_id": "beer", "level": 4}"#));
    assert!(!content);
    assert!(said.contains("CONFLICT (modify/delete)"), "{said}");
}

#[test]
fn a_broken_file_is_a_conflict_and_loses_nothing() {
    let work_tree = WorkTree::new();
    let broken = "{\n  \"_id\": \"beer\",\n  \"level\": 4,,\n  \"price\": 1.20\n}\n";
    let (content, said) = work_tree.merge(
        Some(r#"{"_id": "beer", "level": 3, "price": 1.10}"#),
        Some(broken),
    );
    assert!(!content);
    assert!(
        said.contains("ghettodb: merged as text, not by field: db/stock/beer.json (theirs):3:14: expected a key in double quotes, found ','\n"),
        "{said}"
    );
    assert_eq!(
        work_tree.git(&["status", "--porcelain"]),
        "UU db/stock/beer.json\n"
    );
    for line in [
        "<<<<<<< ours",
        "  \"level\": 3,",
        "  \"level\": 4,,",
        ">>>>>>> theirs",
    ] {
        assert!(
            work_tree.file().lines().any(|found| found == line),
            "{}",
            work_tree.file()
        );
    }
    assert_eq!(work_tree.git(&["show", &format!(":3:{RECORD}")]), broken);
}

#[test]
fn where_a_broken_file_merges_as_text_a_person_still_looks() {
    let work_tree = WorkTree::new();
    let line = |n: u32, end: &str| {
        format!("{{\n  \"a\": {n},\n  \"b\": 1,\n  \"c\": 1,\n  \"d\": 1{end}\n}}\n")
    };
    work_tree.put(Some(&line(1, "")));
    let (content, said) = work_tree.merge(Some(&line(2, "")), Some(&line(1, ",")));
    assert!(!content, "{said}");
    assert_eq!(work_tree.file(), line(2, ","));
}

#[test]
fn histories_that_cross_are_merged_too() {
    let work_tree = WorkTree::new();
    let level = |n: u32| format!(r#"{{"_id": "beer", "level": {n}, "price": 1.10}}"#);
    // Each side merges the other's first change in its own way: two bases, which conflict.
    let (content, _) = work_tree.merge(Some(&level(6)), Some(&level(7)));
    assert!(!content);
    work_tree.put(Some(&level(6)));
    work_tree.git(&["checkout", "-q", "theirs"]);
    let output = work_tree.run("git", &["merge", "-q", "-m", "merge", "main^1"]);
    assert!(!output.status.success());
    work_tree.put(Some(&level(7)));
    work_tree.put(Some(r#"{"_id": "beer", "level": 7, "price": 2}"#));
    work_tree.git(&["checkout", "-q", "main"]);
    let output = work_tree.run("git", &["merge", "-q", "-m", "merge", "theirs"]);
    assert!(!output.status.success());
    let said = stderr(&output);
    assert!(said.contains("both sides changed level\n"), "{said}");
    assert_eq!(
        parse_json(&keep(&work_tree.file(), true)).unwrap()["price"],
        2
    );
}

#[test]
fn a_second_installation_changes_nothing() {
    let work_tree = WorkTree::new();
    let attributes = work_tree.folder.path().join(".gitattributes");
    let config = work_tree.git(&["config", "--local", "--list"]);
    let installed = work_tree.install();
    assert_eq!(
        (&installed["configured"], &installed["attributed"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        fs::read_to_string(&attributes).unwrap(),
        "db/**/*.json merge=ghettodb\n"
    );
    assert_eq!(work_tree.git(&["config", "--local", "--list"]), config);
    // Other people's lines stay, also without a line break at the end.
    fs::write(&attributes, "*.png binary").unwrap();
    assert_eq!(work_tree.install()["attributed"], true);
    assert_eq!(
        fs::read_to_string(&attributes).unwrap(),
        "*.png binary\ndb/**/*.json merge=ghettodb\n"
    );
}

#[test]
fn there_is_nothing_to_install_without_a_work_tree() {
    let origin = Origin::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
    isolate(&mut command);
    let output = command
        .args(["merge-driver", "--install", "--repo-dir", &origin.local()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("must be run in a work tree"),
        "{}",
        stderr(&output)
    );
}
