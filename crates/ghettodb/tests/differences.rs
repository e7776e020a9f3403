//! What differs on purpose from the original GhettoHub DB, and what does not: each row of the page has
//! one test here, through the action, which takes the original's place.

use crate::remote::challenging_server;
use crate::step::Checkout;
use crate::support::Origin;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

/// An origin and a checkout of it, with the short ways of its users.
struct Shop {
    origin: Origin,
    checkout: Checkout,
}

impl Shop {
    fn new(files: &[(&str, &str)]) -> Self {
        let origin = Origin::new();
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| ("100644", *path, *text))
            .collect();
        if !files.is_empty() {
            origin.commit(&files);
        }
        let checkout = Checkout::of(&origin);
        Shop { origin, checkout }
    }

    /// An operation on the table `stock`.
    #[track_caller]
    fn run(&self, operation: &str, inputs: &[(&str, &str)]) -> Value {
        let common = [("operation", operation), ("table", "stock")];
        self.checkout.step(&[&common, inputs].concat()).result()
    }

    /// An operation on the table `stock` that is refused and changes nothing; gives the annotation.
    #[track_caller]
    fn refused(&self, operation: &str, inputs: &[(&str, &str)]) -> String {
        let before = self.origin.git(&["for-each-ref"]);
        let common = [("operation", operation), ("table", "stock")];
        let (code, message) = self.checkout.step(&[&common, inputs].concat()).failure();
        assert_eq!(code, 2, "{message}");
        assert_eq!(self.origin.git(&["for-each-ref"]), before, "{message}");
        message
    }

    fn stored(&self, id: &str) -> Value {
        let text = self.origin.file(&format!("db/stock/{id}.json"));
        ghettodb::parse_json(&text).unwrap()
    }
}

const ALE: (&str, &str) = (
    "db/stock/ale.json",
    "{\n  \"product\": \"Ale\",\n  \"stock_level\": \"2\",\n  \"_updated\": \"Fri Feb 14 2020 12:27:53 GMT+0000 (Coordinated Universal Time)\",\n  \"_id\": \"ale\"\n}",
);
const OLD_TIME: &str = "Fri Feb 14 2020 12:27:53 GMT+0000 (Coordinated Universal Time)";

#[test]
fn upsert_of_an_existing_record_writes() {
    let shop = Shop::new(&[ALE]);
    for (level, query) in [("3", r#"{"product": "Ale"}"#), ("4", r#"{"_id": "ale"}"#)] {
        let record = json!({"stock_level": level}).to_string();
        let given = shop.run("UPSERT", &[("query", query), ("record", &record)]);
        assert_eq!(shop.stored("ale"), given);
        assert_eq!(given["stock_level"], level);
    }
    let record = r#"{"_id": "ale", "stock_level": "5"}"#;
    shop.run("UPSERT", &[("record", record)]);
    assert_eq!(shop.stored("ale")["stock_level"], "5");
    assert_eq!(shop.origin.files(), [ALE.0]);
}

#[test]
fn upsert_keeps_the_other_fields() {
    let shop = Shop::new(&[ALE]);
    shop.run(
        "UPSERT",
        &[("record", r#"{"_id": "ale", "stock_level": 3}"#)],
    );
    let stored = shop.stored("ale");
    assert_eq!(
        (&stored["product"], &stored["stock_level"]),
        (&json!("Ale"), &json!(3))
    );
}

#[test]
fn upsert_keeps_the_records_own_id() {
    let shop = Shop::new(&[]);
    let stored = shop.run("UPSERT", &[("record", r#"{"_id": "book"}"#)]);
    assert_eq!(stored["_id"], "book");
    assert_eq!(shop.origin.files(), ["db/stock/book.json"]);
}

#[test]
fn upsert_inserts_the_fields_of_the_query() {
    let shop = Shop::new(&[]);
    let stored = shop.run(
        "UPSERT",
        &[
            ("query", r#"{"product": "Book"}"#),
            ("record", r#"{"stock_level": 1}"#),
        ],
    );
    assert_eq!(stored["product"], "Book");
}

#[test]
fn new_ids_sort_by_time() {
    let shop = Shop::new(&[]);
    let id = || {
        let stored = shop.run("UPSERT", &[("record", "{}")]);
        stored["_id"].as_str().unwrap().to_owned()
    };
    let (first, second) = (id(), id());
    assert!(first < second, "{first} {second}");
    assert_eq!(uuid::Uuid::parse_str(&first).unwrap().get_version_num(), 7);
}

#[test]
fn updated_is_rfc_3339() {
    let shop = Shop::new(&[]);
    let before = jiff::Timestamp::now();
    let stored = shop.run("UPSERT", &[("record", "{}")]);
    let text = stored["_updated"].as_str().unwrap();
    let time: jiff::Timestamp = text.parse().unwrap();
    // It has milliseconds.
    assert!(time.as_millisecond() >= before.as_millisecond());
    assert!(time <= jiff::Timestamp::now());
    assert_eq!(text.len(), "2020-02-14T12:27:53.000Z".len(), "{text}");
}

#[test]
fn update_sets_updated() {
    let shop = Shop::new(&[ALE]);
    shop.run(
        "UPDATEONE",
        &[("query", "{}"), ("record", r#"{"stock_level": 3}"#)],
    );
    assert!(
        shop.stored("ale")["_updated"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
}

#[test]
fn updated_is_ours_to_say() {
    let shop = Shop::new(&[ALE]);
    for operation in ["UPDATEMANY", "UPSERT"] {
        let record = json!({"n": operation, "_updated": "1999-01-01T00:00:00Z"}).to_string();
        shop.run(
            operation,
            &[("query", r#"{"_id": "ale"}"#), ("record", &record)],
        );
        let time = shop.stored("ale")["_updated"].clone();
        assert!(time.as_str().unwrap() > "2020", "{time}");
    }
}

#[test]
fn update_cannot_change_the_id() {
    let shop = Shop::new(&[ALE]);
    for id in ["\"book\"", "\"../book\"", "7", "null"] {
        let record = format!("{{\"_id\": {id}}}");
        for operation in ["UPDATEONE", "UPDATEMANY", "UPSERT"] {
            let query = r#"{"product": "Ale"}"#;
            let message = shop.refused(operation, &[("query", query), ("record", &record)]);
            assert!(message.contains("_id"), "{message}");
        }
    }
    // The same one may stand there, as in a record that was found.
    shop.run(
        "UPDATEONE",
        &[("query", "{}"), ("record", r#"{"_id": "ale", "n": 1}"#)],
    );
}

#[test]
fn markers_are_ordinary_fields() {
    let shop = Shop::new(&[ALE]);
    let record = r#"{"__delete": true, "__dirty": false}"#;
    shop.run("UPDATEONE", &[("query", "{}"), ("record", record)]);
    let stored = shop.stored("ale");
    assert_eq!(
        (&stored["__delete"], &stored["__dirty"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn writing_the_same_again_is_no_commit() {
    let shop = Shop::new(&[ALE]);
    let tip = shop.origin.tip();
    let inputs = [("query", "{}"), ("record", r#"{"product": "Ale"}"#)];
    let updated = shop.run("UPDATEMANY", &inputs);
    assert_eq!(updated["updatedRecordIds"], json!(["ale"]));
    let stored = shop.run("UPSERT", &[("record", r#"{"_id": "ale"}"#)]);
    assert_eq!(stored["_updated"], OLD_TIME);
    assert_eq!(shop.origin.tip(), tip);
}

#[test]
fn deletemany_of_everything_needs_all() {
    let shop = Shop::new(&[ALE, ("db/stock/book.json", "{}")]);
    let message = shop.refused("DELETEMANY", &[("query", "{}")]);
    assert!(message.contains("every record"), "{message}");
    let deleted = shop.run("DELETEMANY", &[("query", "{}"), ("all", "true")]);
    assert_eq!(deleted["deletedRecordIds"], json!(["ale", "book"]));
}

#[test]
fn records_are_objects() {
    let shop = Shop::new(&[]);
    for record in ["[1, 2]", "5", "\"s\"", "null", "true"] {
        let message = shop.refused("UPSERT", &[("record", record)]);
        assert!(
            message.contains("a record or query is a JSON object"),
            "{message}"
        );
        let message = shop.refused("FINDMANY", &[("query", record)]);
        assert!(
            message.contains("a record or query is a JSON object"),
            "{message}"
        );
    }
}

#[test]
fn duplicate_keys_are_refused() {
    let shop = Shop::new(&[]);
    let message = shop.refused("UPSERT", &[("record", "{\"a\": 1,\n \"a\": 2}")]);
    assert!(message.contains("2:2: key \"a\" stands twice"), "{message}");
}

#[test]
fn numbers_that_no_double_holds_are_refused() {
    let shop = Shop::new(&[]);
    for number in ["1e400", "-1e400", "NaN", "Infinity"] {
        let record = format!("{{\"a\": {number}}}");
        let message = shop.refused("UPSERT", &[("record", &record)]);
        assert!(message.contains("1:7: "), "{message}");
    }
}

#[test]
fn numbers_are_kept_as_written() {
    let shop = Shop::new(&[]);
    let record = r#"{"_id": "n", "a": 12345678901234567890, "b": 1.10}"#;
    shop.run("UPSERT", &[("record", record)]);
    let file = shop.origin.file("db/stock/n.json");
    assert!(
        file.contains("\"a\": 12345678901234567890,\n  \"b\": 1.10,"),
        "{file}"
    );
    for (query, count) in [
        (r#"{"b": 1.1}"#, 1),
        (r#"{"a": 1.2345678901234567890e19}"#, 1),
        (r#"{"a": 12345678901234567891}"#, 0),
    ] {
        let found = shop.run("FINDMANY", &[("query", query)]);
        assert_eq!(found["count"], count, "{query}");
    }
}

#[test]
fn nested_objects_match() {
    let shop = Shop::new(&[(
        "db/stock/a.json",
        r#"{"size": {"h": 1, "w": 2}, "tags": ["x", "y"]}"#,
    )]);
    for (query, count) in [
        (r#"{"size": {"w": 2}}"#, 1),
        (r#"{"size": {"w": 3}}"#, 0),
        (r#"{"tags": ["x", "y"]}"#, 1),
        (r#"{"tags": ["y", "x"]}"#, 0),
    ] {
        let found = shop.run("FINDMANY", &[("query", query)]);
        assert_eq!(found["count"], count, "{query}");
    }
}

#[test]
fn finds_are_sorted_by_id() {
    let ids = ["B", "a", "b", "0", "_", "ab", "a-", "a.b"];
    let paths: Vec<String> = ids.iter().map(|id| format!("db/stock/{id}.json")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "{}")).collect();
    let shop = Shop::new(&files);
    let found = shop.run("FINDMANY", &[]);
    let records = found["records"].as_array().unwrap().iter();
    let found: Vec<&str> = records
        .map(|record| record["_id"].as_str().unwrap())
        .collect();
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    assert_eq!(found, sorted);
}

#[test]
fn names_that_leave_the_table_are_refused() {
    let shop = Shop::new(&[ALE, ("victim/a.json", "{}")]);
    let tip = shop.origin.tip();
    for name in ["../victim", "/victim", "a/b", "..", ".git", "con", "x."] {
        let table = [("operation", "DROPTABLE"), ("table", name)];
        let (code, message) = shop.checkout.step(&table).failure();
        assert_eq!(code, 2);
        assert!(message.contains("bad table"), "{message}");
        let record = json!({"_id": name}).to_string();
        let message = shop.refused("UPSERT", &[("record", &record)]);
        assert!(message.contains("bad _id"), "{message}");
        let message = shop.refused("UPDATEONE", &[("query", "{}"), ("record", &record)]);
        assert!(message.contains("bad _id"), "{message}");
    }
    assert_eq!(shop.origin.tip(), tip);
}

#[test]
fn ids_that_differ_only_by_case_are_refused() {
    let shop = Shop::new(&[ALE]);
    let message = shop.refused("UPSERT", &[("record", r#"{"_id": "Ale"}"#)]);
    assert!(message.contains("only by case"), "{message}");
}

#[test]
fn a_broken_file_is_named_and_others_are_served() {
    let conflict = "{\n<<<<<<< HEAD\n  \"a\": 1\n=======\n  \"a\": 2\n>>>>>>> b\n}";
    for (text, expected) in [
        ("{\"a\": 1,\n  oops", ":2:3: "),
        (conflict, ":2:1: a conflict marker"),
    ] {
        let shop = Shop::new(&[ALE, ("db/stock/bad.json", text)]);
        let find = [("operation", "FINDMANY"), ("table", "stock")];
        let (code, message) = shop.checkout.step(&find).failure();
        assert_eq!(code, 1);
        assert!(
            message.contains(&format!("db/stock/bad.json{expected}")),
            "{message}"
        );
        let served = shop.run("FINDMANY", &[("skip-bad", "true")]);
        assert_eq!(served["count"], 1);
        let found = shop.run("FINDONE", &[("query", r#"{"_id": "ale"}"#)]);
        assert_eq!(found["count"], 1);
        shop.run("UPSERT", &[("record", r#"{"_id": "ale", "n": 1}"#)]);
        assert_eq!(shop.stored("ale")["n"], 1);
        assert_eq!(
            shop.origin.file("db/stock/bad.json"),
            text,
            "it is as it was"
        );
    }
}

#[test]
fn other_files_in_a_table_are_left_alone() {
    let shop = Shop::new(&[
        ALE,
        ("db/stock/README.md", "what stands here"),
        ("db/.keep", ""),
    ]);
    assert_eq!(shop.run("FINDMANY", &[])["count"], 1);
    shop.run("DELETEMANY", &[("query", "{}"), ("all", "true")]);
    assert_eq!(shop.origin.files(), ["db/.keep", "db/stock/README.md"]);
}

#[test]
fn links_are_not_followed() {
    let shop = Shop::new(&[ALE, ("secret.json", r#"{"password": 1}"#)]);
    shop.origin
        .commit(&[("120000", "db/stock/link.json", "../../secret.json")]);
    let find = [("operation", "FINDMANY"), ("table", "stock")];
    let (_, message) = shop.checkout.step(&find).failure();
    assert!(
        message.contains("db/stock/link.json: it is a symbolic link"),
        "{message}"
    );
    let served = shop.run("FINDMANY", &[("skip-bad", "true")]);
    assert_eq!(
        (&served["count"], &served["records"][0]["_id"]),
        (&json!(1), &json!("ale"))
    );
}

#[test]
fn the_file_name_is_the_key() {
    let shop = Shop::new(&[
        ("db/stock/a.json", r#"{"_id": "b"}"#),
        ("db/stock/c.json", "{}"),
    ]);
    let find = [("operation", "FINDMANY"), ("table", "stock")];
    let (_, message) = shop.checkout.step(&find).failure();
    assert!(
        message.contains("db/stock/a.json: `_id` is \"b\""),
        "{message}"
    );
    let found = shop.run("FINDONE", &[("query", r#"{"_id": "c"}"#)]);
    assert_eq!(found["record"], json!({"_id": "c"}));
    assert_eq!(
        shop.run("FINDONE", &[("query", r#"{"_id": "b"}"#)])["found"],
        false
    );
}

#[test]
fn concurrent_writers_all_land() {
    let origin = Origin::new();
    thread::scope(|scope| {
        for writer in 0..20 {
            let checkout = Checkout::of(&origin);
            scope.spawn(move || {
                for write in 0..3 {
                    let record = json!({"_id": format!("w{writer}-{write}")}).to_string();
                    let inputs = [
                        ("operation", "UPSERT"),
                        ("table", "stock"),
                        ("record", &record),
                        ("push-deadline", "240"),
                    ];
                    checkout.step(&inputs).result();
                }
            });
        }
    });
    assert_eq!((origin.files().len(), origin.commits()), (60, 60));
    origin.assert_sound();
}

#[test]
fn the_checkout_is_neither_read_nor_written() {
    let shop = Shop::new(&[ALE]);
    let head = || {
        let git = shop.checkout.path().join(".git");
        std::fs::read_to_string(git.join("refs/heads/main")).unwrap()
    };
    let before = head();
    // Another writer, after the checkout.
    shop.origin
        .commit(&[("100644", "db/stock/book.json", "{}")]);
    assert_eq!(shop.run("FINDMANY", &[])["count"], 2);
    shop.run("UPDATEMANY", &[("query", "{}"), ("record", r#"{"n": 1}"#)]);
    shop.checkout
        .git(&["diff", "--exit-code", "--quiet", "HEAD"]);
    let here = std::fs::read_to_string(shop.checkout.path().join(ALE.0)).unwrap();
    assert_eq!((here.as_str(), head()), (ALE.1, before));
}

#[test]
fn the_default_branch_is_written() {
    let origin = Origin::with_branch("trunk");
    let checkout = Checkout::of(&origin);
    let inputs = [
        ("operation", "UPSERT"),
        ("table", "stock"),
        ("record", "{}"),
    ];
    checkout.step(&inputs).result();
    checkout
        .step(&[&inputs[..], &[("branch", "data")]].concat())
        .result();
    let branches = origin.git(&["for-each-ref", "--format=%(refname)"]);
    assert_eq!(branches, "refs/heads/data\nrefs/heads/trunk");
}

#[test]
fn commits_say_what_they_did() {
    let shop = Shop::new(&[ALE]);
    let delete = [("query", "{}"), ("key", "order-1/delete")];
    shop.run("DELETEONE", &delete);
    let message = shop.origin.git(&["log", "-1", "--format=%B", "main"]);
    let (subject, trailers) = message.split_once("\n\n").unwrap();
    assert!(subject.contains("stock"), "{subject}");
    assert!(trailers.contains("Operation: deleteone\n"), "{trailers}");
    assert!(
        trailers.contains("Idempotency-Key: order-1/delete"),
        "{trailers}"
    );
}

#[test]
fn the_token_is_in_no_address() {
    // A git that writes down what it is called with.
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let path = std::env::var("PATH").unwrap();
    let git = std::env::split_paths(&path)
        .map(|folder| folder.join("git"))
        .find(|program| program.exists())
        .unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>'{}'\nexec '{}' \"$@\"\n",
        calls.display(),
        git.display()
    );
    // Written beside and renamed: a file that is open for writing cannot be run.
    let draft = folder.path().join("draft");
    std::fs::write(&draft, script).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(draft, folder.path().join("git")).unwrap();

    let origin = Origin::new();
    let mut checkout = Checkout::of(&origin);
    checkout.set("PATH", &format!("{}:{path}", folder.path().display()));
    let (address, server) = challenging_server();
    let url = format!("http://{address}/o/r.git");
    checkout.git(&["remote", "set-url", "origin", &url]);
    let ran = checkout.step(&[
        ("operation", "DROPDB"),
        ("github_token", "canary"),
        ("verbose", "true"),
    ]);
    ran.failure();
    assert_eq!(server.join().unwrap().len(), 1, "it was sent");
    let calls = std::fs::read_to_string(calls).unwrap();
    assert!(
        calls.lines().count() > 1 && !calls.contains("canary"),
        "{calls}"
    );
    assert!(!ran.log.contains("canary"), "{}", ran.log);
    let config = std::fs::read_to_string(checkout.path().join(".git/config")).unwrap();
    assert!(!config.contains("canary"), "{config}");
}

#[test]
fn the_result_goes_to_the_output_file() {
    let shop = Shop::new(&[]);
    let record = json!({"text": "one\n::set-output name=result::two\n"}).to_string();
    let inputs = [
        ("operation", "UPSERT"),
        ("table", "stock"),
        ("record", &record),
    ];
    let ran = shop.checkout.step(&inputs);
    assert_eq!(ran.result()["text"], "one\n::set-output name=result::two\n");
    assert!(!ran.log.lines().any(|line| line.starts_with("::set-output")));
}

#[test]
fn errors_are_one_line_with_an_exit_code() {
    let shop = Shop::new(&[]);
    for (inputs, expected) in [
        ([("operation", "FINDMANY"), ("query", "{")], 2),
        ([("operation", "VACUUM"), ("query", "{}")], 2),
        ([("operation", "DROPDB"), ("branch", "a..b")], 2),
    ] {
        let ran = shop
            .checkout
            .step(&[&inputs[..], &[("table", "stock")]].concat());
        assert_eq!(ran.failure().0, expected);
        let shown = ran.log.lines().filter(|line| line.starts_with("::error "));
        assert_eq!(shown.count(), 1, "{}", ran.log);
    }
    shop.origin.hook("pre-receive", "exit 1");
    let ran = shop.checkout.step(&[
        ("operation", "UPSERT"),
        ("table", "stock"),
        ("record", "{}"),
    ]);
    assert_eq!(ran.failure().0, 6);
}

#[test]
fn operations_are_named_in_any_case() {
    let shop = Shop::new(&[ALE]);
    for operation in ["FINDONE", "findone", "FindOne"] {
        assert_eq!(shop.run(operation, &[])["found"], true);
    }
}

#[test]
fn a_find_without_a_query_finds_all() {
    let shop = Shop::new(&[ALE, ("db/stock/book.json", "{}")]);
    assert_eq!(shop.run("FINDMANY", &[])["count"], 2);
    assert_eq!(
        shop.run("FINDONE", &[("query", " ")])["record"]["_id"],
        "ale"
    );
}

#[test]
fn init_without_tables_lists_none() {
    let shop = Shop::new(&[]);
    assert_eq!(shop.run("INIT", &[])["tables"], json!({}));
    let named = shop.run("INIT", &[("tables", "stock, orders,,")]);
    assert_eq!(
        named["tables"],
        json!({"stock": "stock", "orders": "orders"})
    );
    assert_eq!(shop.origin.git(&["for-each-ref"]), "");
}

#[test]
fn the_base_folder_is_db() {
    let shop = Shop::new(&[ALE]);
    for folder in ["db", "./db", "db/", "./db/"] {
        assert_eq!(shop.run("FINDMANY", &[("basedir", folder)])["count"], 1);
    }
    for folder in ["data", "..", "db/x", "/db"] {
        let message = shop.refused("FINDMANY", &[("basedir", folder)]);
        assert!(message.contains("basedir"), "{message}");
    }
}

#[test]
fn the_originals_files_are_read_found_and_updated() {
    let timeless = r#"{"product":"Book","stock_level":1,"_id":"book"}"#;
    let shop = Shop::new(&[
        ALE,
        ("db/stock/book.json", timeless),
        ("db/stock/cap.json", "{}"),
    ]);
    let found = shop.run("FINDONE", &[("query", r#"{"product": "Ale"}"#)]);
    assert_eq!(
        found["record"],
        json!({"product": "Ale", "stock_level": "2", "_updated": OLD_TIME, "_id": "ale"})
    );
    let by_time = json!({"_updated": OLD_TIME}).to_string();
    assert_eq!(shop.run("FINDMANY", &[("query", &by_time)])["count"], 1);
    let found = shop.run("FINDONE", &[("query", r#"{"stock_level": 1}"#)]);
    assert_eq!(
        found["record"],
        json!({"product": "Book", "stock_level": 1, "_id": "book"})
    );
    let updated = shop.run(
        "UPDATEMANY",
        &[("query", "{}"), ("record", r#"{"shelf": 7}"#)],
    );
    assert_eq!(updated["updatedRecordIds"], json!(["ale", "book", "cap"]));
    let stored = shop.stored("ale");
    assert_eq!(
        (&stored["product"], &stored["stock_level"], &stored["shelf"]),
        (&json!("Ale"), &json!("2"), &json!(7))
    );
    for id in ["ale", "book", "cap"] {
        assert!(shop.stored(id)["_updated"].as_str().unwrap().ends_with('Z'));
    }
    let deleted = shop.run("DELETEMANY", &[("query", r#"{"shelf": 7}"#)]);
    assert_eq!(deleted["count"], 3);
}

#[test]
fn files_stand_where_the_original_reads_them() {
    let shop = Shop::new(&[]);
    let record = r#"{"product": "Ale", "size": {"cl": [33, 50]}}"#;
    let stored = shop.run("UPSERT", &[("record", record)]);
    let id = stored["_id"].as_str().unwrap();
    assert_eq!(shop.origin.files(), [format!("db/stock/{id}.json")]);
    // One object, indented by two, with the fields that the original knows.
    let updated = stored["_updated"].as_str().unwrap();
    assert_eq!(
        shop.origin.file(&format!("db/stock/{id}.json")),
        format!(
            "{{\n  \"_id\": \"{id}\",\n  \"product\": \"Ale\",\n  \"size\": {{\n    \"cl\": [\n      33,\n      50\n    ]\n  }},\n  \"_updated\": \"{updated}\"\n}}"
        )
    );
}

#[test]
fn one_means_one() {
    let shop = Shop::new(&[]);
    for id in ["a", "b"] {
        let record = json!({"_id": id, "n": 1}).to_string();
        shop.run("UPSERT", &[("record", &record)]);
    }
    let query = ("query", r#"{"n": 1}"#);
    let updated = shop.run("UPDATEONE", &[query, ("record", r#"{"x": 1}"#)]);
    assert_eq!(
        updated,
        json!({"updatedCount": 1, "updatedRecordIds": ["a"]})
    );
    let upserted = shop.run("UPSERT", &[query, ("record", r#"{"x": 2}"#)]);
    assert_eq!(upserted["_id"], "a");
    let deleted = shop.run("DELETEONE", &[query]);
    assert_eq!(deleted, json!({"count": 1, "deletedRecordIds": ["a"]}));
    assert_eq!(shop.origin.files(), ["db/stock/b.json"]);
}

#[test]
fn what_is_not_there_is_no_failure() {
    let shop = Shop::new(&[]);
    let query = ("query", r#"{"n": 1}"#);
    let record = ("record", r#"{"n": 2}"#);
    for (operation, expected) in [
        ("FINDONE", json!({"found": false, "count": 0, "record": {}})),
        (
            "FINDMANY",
            json!({"found": false, "count": 0, "records": []}),
        ),
        (
            "UPDATEONE",
            json!({"updatedCount": 0, "updatedRecordIds": []}),
        ),
        (
            "UPDATEMANY",
            json!({"updatedCount": 0, "updatedRecordIds": []}),
        ),
        ("DELETEONE", json!({"count": 0, "deletedRecordIds": []})),
        ("DELETEMANY", json!({"count": 0, "deletedRecordIds": []})),
        ("DROPTABLE", json!({"table": "stock"})),
        ("DROPDB", json!({"droppedDB": true})),
    ] {
        assert_eq!(shop.run(operation, &[query, record]), expected);
    }
    assert_eq!(shop.origin.git(&["for-each-ref"]), "", "and no commit");
}

#[test]
fn values_are_compared_strictly() {
    let shop = Shop::new(&[(
        "db/stock/a.json",
        r#"{"n": 1, "t": "1", "z": null, "b": true}"#,
    )]);
    for (query, count) in [
        (r#"{"n": 1}"#, 1),
        (r#"{"n": "1"}"#, 0),
        (r#"{"t": 1}"#, 0),
        (r#"{"z": null}"#, 1),
        (r#"{"absent": null}"#, 0),
        (r#"{"b": 1}"#, 0),
        (r#"{"n": 1, "t": "2"}"#, 0),
    ] {
        let found = shop.run("FINDMANY", &[("query", query)]);
        assert_eq!(found["count"], count, "{query}");
    }
}

#[test]
fn the_page_and_these_tests_agree() {
    let page = include_str!("../../../docs/ghettodb.md");
    let section = page
        .split("\n## ")
        .find(|s| s.starts_with("What differs"))
        .unwrap();
    let rows = section.lines().filter_map(|line| {
        let (_, last) = line.strip_suffix("` |")?.rsplit_once("| `")?;
        Some(last)
    });
    let rows: Vec<&str> = rows.collect();
    let tests = include_str!("differences.rs").split("#[test]\nfn ").skip(1);
    let tests: BTreeSet<&str> = tests.map(|test| test.split('(').next().unwrap()).collect();
    let named: BTreeSet<&str> = rows
        .iter()
        .copied()
        .chain(["the_page_and_these_tests_agree"])
        .collect();
    assert_eq!(named, tests);
    assert_eq!(rows.len() + 1, named.len(), "a test stands for one row");
}
