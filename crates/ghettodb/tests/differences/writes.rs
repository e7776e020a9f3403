//! What is stored, and under which name.

use super::{ALE, OLD_TIME, Shop};
use crate::step::Checkout;
use crate::support::Origin;
use serde_json::json;
use std::thread;

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
fn concurrent_writers_all_land() {
    let origin = Origin::new();
    let checkouts: Vec<Checkout> = (0..20).map(|_| Checkout::of(&origin)).collect();
    thread::scope(|scope| {
        for (writer, checkout) in checkouts.iter().enumerate() {
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
