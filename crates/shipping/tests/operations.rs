//! The service's operations on records in memory, from payload to answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ghettodb::Memory;
use messaging::operation::{Answer, Error};
use serde_json::{Value, json};
use shipping::SERVICE;

fn ship(memory: &mut Memory, payload: Value) -> Result<Answer, Error> {
    let payload = payload.as_object().unwrap().clone();
    SERVICE.perform_in_memory(memory, "ship_order", payload)
}

fn order(id: &str) -> Value {
    json!({"_id": id, "customer_id": "c-1", "product": "Real-Life BPMN Book", "quantity": 1})
}

#[test]
fn a_shipment_has_a_record_and_a_number() {
    let mut memory = Memory::new();
    let answer = ship(&mut memory, order("o-1")).unwrap();
    let shipment = memory
        .get("shipments", answer["shipment_id"].as_str().unwrap())
        .unwrap();
    for (field, value) in [
        ("order_id", json!("o-1")),
        ("customer_id", json!("c-1")),
        ("product", json!("Real-Life BPMN Book")),
        ("quantity", json!(1)),
        ("tracking_number", answer["tracking_number"].clone()),
    ] {
        assert_eq!(shipment[field], value, "{field}");
    }
    assert_eq!(answer["tracking_number"].as_str().unwrap().len(), 16);
}

#[test]
fn two_orders_have_two_parcels() {
    let mut memory = Memory::new();
    let first = ship(&mut memory, order("o-1")).unwrap();
    let second = ship(&mut memory, order("o-2")).unwrap();
    assert_ne!(first["tracking_number"], second["tracking_number"]);
    assert_eq!(memory.all("shipments").len(), 2);
}

#[test]
fn the_same_dispatch_twice_is_one_parcel() {
    let mut memory = Memory::new();
    let first = ship(&mut memory, order("o-1")).unwrap();
    let before = memory.clone();
    assert_eq!(ship(&mut memory, order("o-1")).unwrap(), first);
    let mut other = order("o-1");
    other["quantity"] = json!(2);
    let error = ship(&mut memory, other).unwrap_err();
    assert!(
        error.is_refusal() && error.to_string().contains("o-1/ship_order"),
        "{error}"
    );
    assert_eq!(memory, before);
}

#[test]
fn refusals_name_the_field_and_write_nothing() {
    for (field, value, words) in [
        (
            "quantity",
            json!(0),
            "'quantity' must be a whole number from 1 to",
        ),
        ("quantity", json!("one"), "'quantity'"),
        ("product", json!("a\tb"), "'product'"),
        ("customer_id", Value::Null, "'customer_id'"),
        ("gift", json!(true), "surplus field 'gift'"),
    ] {
        let mut payload = order("o-1");
        payload[field] = value;
        let mut memory = Memory::new();
        let error = ship(&mut memory, payload).unwrap_err();
        assert!(
            error.is_refusal() && error.to_string().contains(words),
            "{error}"
        );
        assert_eq!(memory, Memory::new());
    }
}
