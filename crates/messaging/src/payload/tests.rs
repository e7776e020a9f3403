//! The rules of fields, as tables.

use super::*;
use serde_json::json;

fn dispatch(payload: Value) -> Result<Dispatch, Refusal> {
    let Value::Object(payload) = payload else {
        panic!("a payload is an object");
    };
    Dispatch::new("decrement_stock", payload)
}

#[test]
fn missing_and_surplus_fields_are_named_together() {
    let dispatch = dispatch(json!({"_id": "o", "product": "x", "colour": "red"})).unwrap();
    let refusal = dispatch.fields(&["product", "quantity"]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "decrement_stock: missing field 'quantity'; surplus field 'colour'"
    );
}

#[test]
fn traceparent_may_stand_beside_the_fields_and_changes_no_digest() {
    let plain = dispatch(json!({"_id": "o", "product": "x"})).unwrap();
    let traced = dispatch(json!({"traceparent": "00-1", "product": "x", "_id": "o"})).unwrap();
    assert!(traced.fields(&["product"]).is_ok());
    assert_eq!(plain.payload_sha256(), traced.payload_sha256());
    assert_eq!(plain.key(), "o/decrement_stock");
}

#[test]
fn the_digest_covers_the_id_and_each_field() {
    let digest = |payload| dispatch(payload).unwrap().payload_sha256();
    let one = digest(json!({"_id": "o", "product": "x", "quantity": 1}));
    assert_eq!(
        one,
        digest(json!({"quantity": 1.0, "_id": "o", "product": "x"}))
    );
    assert_ne!(
        one,
        digest(json!({"_id": "o", "product": "x", "quantity": 2}))
    );
    assert_ne!(
        one,
        digest(json!({"_id": "p", "product": "x", "quantity": 1}))
    );
}

#[test]
fn an_id_has_a_length() {
    assert!(dispatch(json!({"_id": "x".repeat(ID_BYTES_MAX)})).is_ok());
    for (id, words) in [
        (json!("x".repeat(ID_BYTES_MAX + 1)), "201 bytes"),
        (json!(""), "0 bytes"),
        (json!(7), "a number"),
        (Value::Null, "null"),
    ] {
        let refusal = dispatch(json!({"_id": id})).unwrap_err().to_string();
        assert!(refusal.ends_with(words), "{refusal}");
    }
    let refusal = dispatch(json!({})).unwrap_err().to_string();
    assert_eq!(refusal, "decrement_stock: missing field '_id'");
}

#[track_caller]
fn check<T: PartialEq + fmt::Debug>(
    value: Value,
    read: impl Fn(&Fields<'_>) -> Result<T, Refusal>,
    expected: Result<T, &str>,
) {
    let dispatch = dispatch(json!({"_id": "o", "f": value})).unwrap();
    let fields = dispatch.fields(&["f"]).unwrap();
    let got = read(&fields).map_err(|refusal| refusal.to_string());
    assert_eq!(
        got.as_ref().map_err(String::as_str),
        expected.as_ref().map_err(|text| *text)
    );
}

#[test]
fn quantities() {
    let read = |fields: &Fields<'_>| fields.quantity("f");
    let rule = "field 'f' must be a whole number from 1 to 1000000, but is";
    check(json!(1), read, Ok(1));
    check(json!(1_000_000), read, Ok(1_000_000));
    check(serde_json::from_str("2.0").unwrap(), read, Ok(2));
    for (value, found) in [
        (json!(0), "0"),
        (json!(-3), "-3"),
        (json!(1_000_001), "1000001"),
        (json!(1.5), "1.5"),
        (serde_json::from_str("1e400").unwrap(), "1e+400"),
        (json!("2"), "a text"),
        (json!("two"), "a text"),
        (json!(true), "a boolean"),
        (Value::Null, "null"),
        (json!([1]), "a list"),
    ] {
        check(value, read, Err(&format!("{rule} {found}")));
    }
}

#[test]
fn lines_and_texts() {
    check(json!("Book"), |f| f.line("f"), Ok("Book".to_owned()));
    check(
        json!("a\nb \"$(id)\" 🎉"),
        |f| f.text("f"),
        Ok("a\nb \"$(id)\" 🎉".to_owned()),
    );
    let line =
        "field 'f' must be a text of at most 200 bytes on one line that is not blank, but is";
    check(
        json!("a\nb"),
        |f| f.line("f"),
        Err(&format!("{line} a text with control characters")),
    );
    check(json!(" "), |f| f.line("f"), Err(&format!("{line} blank")));
    check(
        json!("x".repeat(201)),
        |f| f.line("f"),
        Err(&format!("{line} 201 bytes")),
    );
    let emoji = "🎉".repeat(200);
    check(json!(emoji), |f| f.product("f"), Ok(emoji));
    let long =
        "field 'f' must be a text of at most 1000 bytes on one line that is not blank, but is";
    check(
        json!("🎉".repeat(251)),
        |f| f.product("f"),
        Err(&format!("{long} 1004 bytes")),
    );
    check(
        json!({}),
        |f| f.line("f"),
        Err(&format!("{line} an object")),
    );
}

#[test]
fn addresses() {
    for good in [
        "ada@example.com",
        "a.b+c@x-y.example",
        "jürgen@müller.example",
        "o'neil@a.bc",
    ] {
        assert!(is_email(good), "{good}");
    }
    for bad in [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@.com",
        "ada@example.",
        "a@b@c.de",
        "ada @example.com",
        "ada@exa mple.com",
        "ada..l@example.com",
        ".ada@example.com",
        "ada@-example.com",
        "<ada@example.com>",
        "ada@example.com\n",
        "ada@example.com, b@c.de",
    ] {
        assert!(!is_email(bad), "{bad}");
    }
}

#[test]
fn a_card_number_is_no_token_and_is_not_repeated() {
    let read = |fields: &Fields<'_>| fields.payment_token("f");
    check(json!("pm_card_visa"), read, Ok("pm_card_visa".to_owned()));
    for card in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "pm_4242424242424242",
        "378282246310005",
        "x 4242.4242.4242.4242 y",
    ] {
        let dispatch = dispatch(json!({"_id": "o", "f": card})).unwrap();
        let refusal = read(&dispatch.fields(&["f"]).unwrap()).unwrap_err();
        assert!(refusal.to_string().contains("a card number"), "{card}");
        assert!(
            !format!("{refusal} {refusal:?}").contains("4242"),
            "{refusal}"
        );
    }
    let rule = "field 'f' must be a token of the payment provider such as pm_card_visa, but is";
    for other in [
        "",
        "4111",
        "pm card",
        "{{secrets.X}}",
        "пм_card",
        "pm_card\n",
    ] {
        check(json!(other), read, Err(&format!("{rule} another text")));
    }
    assert!(
        !holds_card_number("4242424242424241"),
        "the check digit is wrong"
    );
    assert!(!holds_card_number("0193a3f0-0000-7000-8000-000000000000"));
}

#[test]
fn numbers_of_older_records() {
    assert_eq!(stored_number(Some(&json!(2))), Some(2));
    assert_eq!(stored_number(Some(&json!("2"))), Some(2));
    assert_eq!(stored_number(Some(&json!(" 15 "))), Some(15));
    assert_eq!(stored_number(Some(&json!("two"))), None);
    assert_eq!(stored_number(Some(&Value::Null)), None);
    assert_eq!(stored_number(None), None);
}

#[test]
fn lines_for_subjects() {
    assert_eq!(one_line("a\r\nb\tc  d", 20), "a b c d");
    assert_eq!(one_line("abcdef", 4), "abc…");
    assert_eq!(one_line("🎉🎉🎉", 3), "🎉🎉🎉");
    assert_eq!(money(1250, "EUR"), "12.50 EUR");
    assert_eq!(money(5, "EUR"), "0.05 EUR");
    assert_eq!(money(1250, "JPY"), "1250 JPY");
}

#[test]
fn numbers_of_forms() {
    let number =
        |text| form_number("quantity", text, 1..=10).map_err(|refusal| refusal.to_string());
    assert_eq!(number(" 7 "), Ok(7));
    let rule = "field 'quantity' must be a whole number from 1 to 10, but is";
    assert_eq!(number("0"), Err(format!("{rule} 0")));
    assert_eq!(number("two"), Err(format!("{rule} another text")));
    assert_eq!(number("1.5"), Err(format!("{rule} another text")));
}
