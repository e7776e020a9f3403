//! What is found, in which files.

use super::{ALE, OLD_TIME, Shop};
use serde_json::json;

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
fn a_find_without_a_query_finds_all() {
    let shop = Shop::new(&[ALE, ("db/stock/book.json", "{}")]);
    assert_eq!(shop.run("FINDMANY", &[])["count"], 2);
    assert_eq!(
        shop.run("FINDONE", &[("query", " ")])["record"]["_id"],
        "ale"
    );
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
fn queries_have_operators_and_paths() {
    let shop = Shop::new(&[
        ("db/stock/a.json", r#"{"n": 1, "size": {"w": 2}}"#),
        ("db/stock/b.json", r#"{"n": 3, "$n": 3}"#),
    ]);
    for (query, expected) in [
        (r#"{"n": {"$gt": 1}}"#, "b"),
        (r#"{"size.w": 2}"#, "a"),
        (r#"{"size.w": {"$exists": false}}"#, "b"),
    ] {
        let found = shop.run("FINDMANY", &[("query", query)]);
        assert_eq!(found["count"], 1, "{query}");
        assert_eq!(found["records"][0]["_id"], expected, "{query}");
    }
    let message = shop.refused("FINDMANY", &[("query", r#"{"$n": 3}"#)]);
    assert!(message.contains("$n: no such operator"), "{message}");
}
