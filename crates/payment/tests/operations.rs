//! The service's operations on records in memory, from payload to answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ghettodb::Memory;
use messaging::operation::{Answer, Error};
use payment::SERVICE;
use serde_json::{Value, json};

fn perform(memory: &mut Memory, event_type: &str, payload: Value) -> Result<Answer, Error> {
    let payload = payload.as_object().unwrap().clone();
    SERVICE.perform_in_memory(memory, event_type, payload)
}

fn charge(id: &str, token: &str) -> Value {
    json!({"_id": id, "customer_id": "c-1", "payment_method": token, "amount": 450, "currency": "EUR"})
}

#[test]
fn a_good_card_is_charged() {
    let mut memory = Memory::new();
    let answer = perform(
        &mut memory,
        "charge_customer",
        charge("o-1", "pm_card_visa"),
    )
    .unwrap();
    assert_eq!(answer["customer_charged"], true);
    assert_eq!(answer["decline_reason"], Value::Null);
    let payment = memory
        .get("payments", answer["payment_id"].as_str().unwrap())
        .unwrap();
    for (field, value) in [
        ("order_id", json!("o-1")),
        ("customer_id", json!("c-1")),
        ("amount", json!(450)),
        ("currency", json!("EUR")),
        ("status", json!("captured")),
    ] {
        assert_eq!(payment[field], value, "{field}");
    }
    assert!(
        !payment.contains_key("payment_method"),
        "the token stays out of the books"
    );
}

#[test]
fn a_declined_card_is_a_result_that_is_kept() {
    let mut memory = Memory::new();
    let payload = charge("o-1", "pm_card_chargeDeclinedInsufficientFunds");
    let answer = perform(&mut memory, "charge_customer", payload.clone()).unwrap();
    assert_eq!(answer["customer_charged"], false);
    assert_eq!(answer["decline_reason"], "insufficient_funds");
    let payment = memory
        .get("payments", answer["payment_id"].as_str().unwrap())
        .unwrap();
    assert_eq!(payment["status"], "declined");
    assert_eq!(payment["decline_reason"], "insufficient_funds");
    let before = memory.clone();
    assert_eq!(
        perform(&mut memory, "charge_customer", payload).unwrap(),
        answer
    );
    assert_eq!(memory, before);
}

#[test]
fn twice_the_same_dispatch_charges_once() {
    let mut memory = Memory::new();
    let payload = charge("o-1", "pm_card_visa");
    let answer = perform(&mut memory, "charge_customer", payload.clone()).unwrap();
    let before = memory.clone();
    assert_eq!(
        perform(&mut memory, "charge_customer", payload).unwrap(),
        answer
    );
    assert_eq!(memory, before);
    let mut other = charge("o-1", "pm_card_visa");
    other["amount"] = json!(451);
    let error = perform(&mut memory, "charge_customer", other).unwrap_err();
    assert!(
        error.is_refusal() && error.to_string().contains("o-1/charge_customer"),
        "{error}"
    );
    assert_eq!(memory, before);
}

#[test]
fn a_captured_payment_is_refunded_whole_and_once() {
    let mut memory = Memory::new();
    let paid = perform(
        &mut memory,
        "charge_customer",
        charge("o-1", "pm_card_visa"),
    )
    .unwrap();
    let payment_id = paid["payment_id"].clone();
    let payload = json!({"_id": "refund-1", "payment_id": payment_id});
    let answer = perform(&mut memory, "refund_customer", payload.clone()).unwrap();
    assert_eq!(
        (&answer["amount"], &answer["currency"]),
        (&json!(450), &json!("EUR"))
    );
    let refund = memory
        .get("payments", answer["refund_id"].as_str().unwrap())
        .unwrap();
    assert_eq!(refund["status"], "refunded");
    assert_eq!(refund["refund_of"], payment_id);
    assert_eq!(
        refund["order_id"], "o-1",
        "a refund belongs to the order that was paid"
    );
    let before = memory.clone();
    assert_eq!(
        perform(&mut memory, "refund_customer", payload).unwrap(),
        answer
    );
    let again = json!({"_id": "refund-2", "payment_id": payment_id});
    let error = perform(&mut memory, "refund_customer", again).unwrap_err();
    assert!(
        error.is_refusal() && error.to_string().contains("already refunded"),
        "{error}"
    );
    assert_eq!(memory, before);
}

#[test]
fn what_was_not_captured_is_not_refunded() {
    let mut memory = Memory::new();
    let declined = charge("o-1", "pm_card_chargeDeclined");
    let declined = perform(&mut memory, "charge_customer", declined).unwrap();
    let before = memory.clone();
    for (payment_id, words) in [
        (declined["payment_id"].clone(), "was not captured"),
        (json!("pay_of_nobody"), "does not exist"),
        (json!("../stock/x"), "_id"),
    ] {
        let payload = json!({"_id": "refund-1", "payment_id": payment_id});
        let error = perform(&mut memory, "refund_customer", payload).unwrap_err();
        assert!(
            error.is_refusal() && error.to_string().contains(words),
            "{error}"
        );
    }
    assert_eq!(memory, before);
}

#[test]
fn refusals_name_the_field_and_write_nothing() {
    #[track_caller]
    fn check(field: &str, value: Value, words: &str) {
        let mut payload = charge("o-1", "pm_card_visa");
        payload[field] = value;
        let mut memory = Memory::new();
        let error = perform(&mut memory, "charge_customer", payload).unwrap_err();
        assert!(
            error.is_refusal() && error.to_string().contains(words),
            "{error}"
        );
        assert_eq!(memory, Memory::new());
    }
    for amount in [json!(0), json!(-1), json!(4.5), json!("450"), Value::Null] {
        check(
            "amount",
            amount,
            "'amount' must be a whole number from 1 to",
        );
    }
    check(
        "currency",
        json!("euro"),
        "'currency' must be a currency's three capital letters",
    );
    check("customer_id", json!(""), "'customer_id'");
    check(
        "payment_method",
        json!(""),
        "'payment_method' must be a token",
    );
    check("tip", json!(1), "surplus field 'tip'");
}

#[test]
fn a_card_number_is_refused_and_not_repeated() {
    let mut memory = Memory::new();
    let payload = charge("o-1", "4242 4242 4242 4242");
    let error = perform(&mut memory, "charge_customer", payload).unwrap_err();
    assert!(
        error.is_refusal() && error.to_string().contains("a card number"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("4242"));
    assert_eq!(memory, Memory::new());
}
