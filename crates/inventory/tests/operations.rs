//! The service's operations on records in memory, from payload to answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ghettodb::{Memory, record_from};
use inventory::SERVICE;
use messaging::operation::{Answer, Error};
use serde_json::{Value, json};

const ALE: &str = "Camunda Escalation Ale";

fn perform(memory: &mut Memory, event_type: &str, payload: Value) -> Result<Answer, Error> {
    let payload = payload.as_object().unwrap().clone();
    SERVICE.perform_in_memory(memory, event_type, payload)
}

fn stocked(level: i64) -> Memory {
    let mut memory = Memory::new();
    let payload = json!({"_id": "r-1/1", "product": ALE, "stock_level": level});
    perform(&mut memory, "restock_item", payload).unwrap();
    memory
}

fn level(memory: &Memory) -> Value {
    let rows = memory.all("stock");
    assert_eq!(rows.len(), 1);
    rows[0]["stock_level"].clone()
}

/// A level is the sum of its movements.
#[track_caller]
fn check_sum(memory: &Memory) {
    let movements = memory.all("stock_movements");
    let sum: i64 = movements
        .iter()
        .map(|row| row["quantity"].as_i64().unwrap())
        .sum();
    assert_eq!(level(memory), json!(sum));
}

#[test]
fn a_restock_sets_the_level_and_moves_the_difference() {
    let mut memory = stocked(2);
    let payload = json!({"_id": "r-2/1", "product": ALE, "stock_level": 5});
    let answer = perform(&mut memory, "restock_item", payload).unwrap();
    assert_eq!(answer["stock_level"], 5);
    assert_eq!(level(&memory), 5);
    let movements = memory.find(
        "stock_movements",
        &record_from(json!({"order_id": "r-2/1"})).unwrap(),
    );
    assert_eq!(movements.len(), 1);
    assert_eq!(movements[0]["quantity"], 3);
    assert_eq!(movements[0]["reason"], "restock");
    check_sum(&memory);
    let payload = json!({"_id": "r-3/1", "product": ALE, "stock_level": 0});
    perform(&mut memory, "restock_item", payload).unwrap();
    check_sum(&memory);
}

#[test]
fn a_level_is_read_and_0_without_a_record() {
    let mut memory = stocked(2);
    let before = memory.clone();
    let read = |memory: &mut Memory, product| {
        perform(
            memory,
            "get_stock_level",
            json!({"_id": "o", "product": product}),
        )
        .unwrap()
    };
    assert_eq!(read(&mut memory, ALE)["stock_level"], 2);
    assert_eq!(read(&mut memory, "Never heard of")["stock_level"], 0);
    assert_eq!(memory, before, "reading leaves no journal");
}

#[test]
fn a_read_reads_again() {
    let mut memory = stocked(2);
    let read = json!({"_id": "o", "product": ALE});
    assert_eq!(
        perform(&mut memory, "get_stock_level", read.clone()).unwrap()["stock_level"],
        2
    );
    let take = json!({"_id": "other", "product": ALE, "quantity": 1});
    perform(&mut memory, "decrement_stock", take).unwrap();
    assert_eq!(
        perform(&mut memory, "get_stock_level", read).unwrap()["stock_level"],
        1
    );
}

#[test]
fn stock_is_taken_while_there_is_enough() {
    let mut memory = stocked(2);
    let take = |memory: &mut Memory, id: &str, quantity: i64| {
        let payload = json!({"_id": id, "product": ALE, "quantity": quantity});
        perform(memory, "decrement_stock", payload).unwrap()
    };
    let all = take(&mut memory, "o-1", 2);
    assert_eq!(
        (&all["stock_reserved"], &all["stock_level"]),
        (&json!(true), &json!(0))
    );
    let none = take(&mut memory, "o-2", 1);
    assert_eq!(
        (&none["stock_reserved"], &none["stock_level"]),
        (&json!(false), &json!(0))
    );
    assert_eq!(level(&memory), 0);
    assert_eq!(memory.all("stock_movements").len(), 2);
    check_sum(&memory);
}

#[test]
fn a_refusal_is_kept_and_stays() {
    let mut memory = stocked(0);
    let payload = json!({"_id": "o-1", "product": ALE, "quantity": 1});
    let refused = perform(&mut memory, "decrement_stock", payload.clone()).unwrap();
    assert_eq!(refused["stock_reserved"], false);
    let restock = json!({"_id": "r-2/1", "product": ALE, "stock_level": 9});
    perform(&mut memory, "restock_item", restock).unwrap();
    let before = memory.clone();
    assert_eq!(
        perform(&mut memory, "decrement_stock", payload).unwrap(),
        refused
    );
    assert_eq!(memory, before);
    let key = record_from(json!({"key": "o-1/decrement_stock"})).unwrap();
    let journal = memory.find("operations", &key);
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0]["result"], Value::Object(refused));
}

#[test]
fn taking_and_giving_back_leaves_the_level() {
    let mut memory = stocked(2);
    let payload = json!({"_id": "o-1", "product": ALE, "quantity": 2});
    perform(&mut memory, "decrement_stock", payload.clone()).unwrap();
    let answer = perform(&mut memory, "increment_stock", payload.clone()).unwrap();
    assert_eq!(answer["stock_level"], 2);
    check_sum(&memory);
    let before = memory.clone();
    perform(&mut memory, "increment_stock", payload).unwrap();
    assert_eq!(memory, before, "given back once");
}

#[test]
fn giving_back_what_has_no_record_makes_one() {
    let mut memory = Memory::new();
    let payload = json!({"_id": "o-1", "product": ALE, "quantity": 3});
    let answer = perform(&mut memory, "increment_stock", payload).unwrap();
    assert_eq!(answer["stock_level"], 3);
    check_sum(&memory);
}

#[test]
fn each_operation_happens_once_a_key_and_never_with_other_content() {
    for event_type in ["decrement_stock", "increment_stock", "restock_item"] {
        let mut memory = stocked(5);
        let field = if event_type == "restock_item" {
            "stock_level"
        } else {
            "quantity"
        };
        let payload = |number: i64| json!({"_id": "o-1", "product": ALE, field: number});
        let first = perform(&mut memory, event_type, payload(1)).unwrap();
        let before = memory.clone();
        assert_eq!(perform(&mut memory, event_type, payload(1)).unwrap(), first);
        let error = perform(&mut memory, event_type, payload(2)).unwrap_err();
        assert!(
            error.is_refusal() && error.to_string().contains(event_type),
            "{error}"
        );
        assert_eq!(memory, before);
        check_sum(&memory);
    }
}

#[test]
fn a_level_kept_as_text_is_read_and_written_as_number() {
    let old = |level: Value| {
        let mut memory = Memory::new();
        let record =
            record_from(json!({"_id": "s", "product": ALE, "stock_level": level})).unwrap();
        memory
            .transact::<_, ghettodb::Error>("2020-01-01T00:00:00Z", |tx| tx.insert("stock", record))
            .unwrap();
        memory
    };
    let mut memory = old(json!("2"));
    let payload = json!({"_id": "o-1", "product": ALE, "quantity": 1});
    let answer = perform(&mut memory, "decrement_stock", payload.clone()).unwrap();
    assert_eq!(answer["stock_level"], 1);
    assert_eq!(level(&memory), json!(1));

    let error = perform(&mut old(json!("many")), "decrement_stock", payload).unwrap_err();
    assert!(
        !error.is_refusal(),
        "the record is at fault, not the sender"
    );
    let expected = "record 's' of table 'stock': field 'stock_level' is not a whole number";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn refusals_name_the_field_and_write_nothing() {
    #[track_caller]
    fn check(event_type: &str, payload: Value, words: &str) {
        let mut memory = stocked(2);
        let before = memory.clone();
        let error = perform(&mut memory, event_type, payload).unwrap_err();
        assert!(
            error.is_refusal() && error.to_string().contains(words),
            "{error}"
        );
        assert_eq!(memory, before);
    }
    let quantity = |quantity: Value| json!({"_id": "o", "product": ALE, "quantity": quantity});
    for event_type in ["decrement_stock", "increment_stock"] {
        for bad in [
            json!(0),
            json!(-1),
            json!(1.5),
            json!("1"),
            Value::Null,
            json!(1_000_001),
        ] {
            check(
                event_type,
                quantity(bad),
                "'quantity' must be a whole number from 1 to",
            );
        }
        check(
            event_type,
            json!({"_id": "o", "product": ALE}),
            "missing field 'quantity'",
        );
        check(
            event_type,
            json!({"_id": "o", "product": " ", "quantity": 1}),
            "'product'",
        );
    }
    for bad in [json!(-1), json!("2"), json!(1_000_001)] {
        let payload = json!({"_id": "r", "product": ALE, "stock_level": bad});
        check(
            "restock_item",
            payload,
            "'stock_level' must be a whole number from 0 to",
        );
    }
    check(
        "get_stock_level",
        json!({"_id": "o"}),
        "missing field 'product'",
    );
    check(
        "get_stock_level",
        json!({"_id": "o", "product": "a\nb"}),
        "control characters",
    );
    let surplus = json!({"_id": "o", "product": ALE, "quantity": 1});
    check("get_stock_level", surplus, "surplus field 'quantity'");
    check(
        "drop_database",
        json!({"_id": "o"}),
        "unknown event type 'drop_database'",
    );
}
