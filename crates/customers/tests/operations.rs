//! The service's operations on records in memory, from payload to answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use customers::SERVICE;
use ghettodb::Memory;
use messaging::operation::{Answer, Error};
use serde_json::{Value, json};

fn upsert(memory: &mut Memory, payload: Value) -> Result<Answer, Error> {
    let payload = payload.as_object().unwrap().clone();
    SERVICE.perform_in_memory(memory, "upsert_customer", payload)
}

fn ada() -> Value {
    json!({"email": "ada@example.com", "name": "Ada", "address": "1 Engine Street",
           "payment_method": "pm_card_visa"})
}

#[test]
fn a_new_customer_gets_a_record() {
    let mut memory = Memory::new();
    let answer = upsert(&mut memory, json!({"_id": "o-1", "customer": ada()})).unwrap();
    let id = answer["customer_id"].as_str().unwrap();
    let record = memory.get("customers", id).unwrap();
    assert_eq!(record["email"], "ada@example.com");
    assert_eq!(record["address"], "1 Engine Street");
    assert_eq!(record["payment_method"], "pm_card_visa");
}

#[test]
fn a_known_address_keeps_its_record_and_id() {
    let mut memory = Memory::new();
    let first = upsert(&mut memory, json!({"_id": "o-1", "customer": ada()})).unwrap();
    let mut moved = ada();
    moved["address"] = json!("2 Engine Street");
    let second = upsert(&mut memory, json!({"_id": "o-2", "customer": moved})).unwrap();
    assert_eq!(first, second);
    assert_eq!(memory.all("customers").len(), 1);
    assert_eq!(memory.all("customers")[0]["address"], "2 Engine Street");
}

#[test]
fn a_name_stands_literally_in_the_row() {
    let name = "Robert'); DROP TABLE \"$(reboot)\" `id`\n::error::x 🎉 ${{ secrets.X }}";
    let mut customer = ada();
    customer["name"] = json!(name);
    let mut memory = Memory::new();
    upsert(&mut memory, json!({"_id": "o-1", "customer": customer})).unwrap();
    assert_eq!(memory.all("customers")[0]["name"], name);
}

#[test]
fn the_same_dispatch_twice_is_one() {
    let mut memory = Memory::new();
    let payload = json!({"_id": "o-1", "customer": ada()});
    let first = upsert(&mut memory, payload).unwrap();
    let before = memory.clone();
    let traced = json!({"_id": "o-1", "customer": ada(), "traceparent": "00-ab-cd-01"});
    assert_eq!(upsert(&mut memory, traced).unwrap(), first);
    assert_eq!(memory, before);
}

#[test]
fn the_same_key_with_other_content_is_refused() {
    let mut memory = Memory::new();
    upsert(&mut memory, json!({"_id": "o-1", "customer": ada()})).unwrap();
    let before = memory.clone();
    let mut other = ada();
    other["name"] = json!("Eve");
    let error = upsert(&mut memory, json!({"_id": "o-1", "customer": other})).unwrap_err();
    assert!(error.is_refusal());
    assert!(error.to_string().contains("o-1/upsert_customer"), "{error}");
    assert_eq!(memory, before);
}

#[test]
fn refusals_name_the_field_and_write_nothing() {
    #[track_caller]
    fn check(field: &str, value: Value, words: &str) {
        let mut customer = ada();
        customer[field] = value;
        let mut memory = Memory::new();
        let error = upsert(&mut memory, json!({"_id": "o-1", "customer": customer})).unwrap_err();
        assert!(error.is_refusal());
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(memory, Memory::new());
    }
    check(
        "email",
        json!("ada.example.com"),
        "'customer.email' must be an e-mail address",
    );
    check("email", json!(7), "'customer.email'");
    check("name", json!("  "), "'customer.name'");
    check("address", Value::Null, "'customer.address'");
    check(
        "payment_method",
        json!("4242 4242 4242 4242"),
        "'customer.payment_method' must be a token",
    );
    check(
        "colour",
        json!("red"),
        "field 'customer': surplus field 'colour'",
    );
}

#[test]
fn a_payload_has_exactly_its_fields() {
    let mut memory = Memory::new();
    for (payload, words) in [
        (json!({"customer": ada()}), "missing field '_id'"),
        (json!({"_id": "o"}), "missing field 'customer'"),
        (
            json!({"_id": "o", "customer": ada(), "x": 1}),
            "surplus field 'x'",
        ),
        (
            json!({"_id": "o", "customer": "Ada"}),
            "'customer' must be an object, but is a text",
        ),
        (
            json!({"_id": "o", "customer": {}}),
            "missing field 'email', 'name', 'address', 'payment_method'",
        ),
    ] {
        let error = upsert(&mut memory, payload).unwrap_err();
        assert!(
            error.is_refusal() && error.to_string().contains(words),
            "{error}"
        );
    }
    assert_eq!(memory, Memory::new());
}
