//! Values from and to JSON.

use feel::Value;

#[track_caller]
fn stored(json: &str, expected: &str) {
    assert_eq!(
        Value::from_json(json).unwrap().to_json(),
        expected,
        "{json}"
    );
}

#[test]
fn numbers_keep_their_digits_but_not_their_spelling() {
    stored("1.10", "1.1");
    stored("100.00", "100");
    stored("-0.0", "-0.0");
    stored("-0", "0");
    stored("12345678901234567890", "12345678901234567890");
    stored("1e3", "1000");
    stored("1E-8", "0.00000001");
    stored(
        "0.1234567890123456789012345678901234567890",
        "0.123456789012345678901234567890123456789",
    );
    stored("9223372036854775808", "9223372036854775808");
    stored("1e400", &format!("1{}", "0".repeat(400)));
    stored("1e4000", "1E+4000");
}

#[test]
fn objects_keep_their_order_and_the_last_of_doubled_names() {
    stored(
        r#"{"b":1,"a":[true,null,{}],"b":2}"#,
        r#"{"b":2,"a":[true,null,{}]}"#,
    );
}

#[test]
fn strings_are_escaped() {
    stored(
        r#""a\"\\\n\t\u0001é☃\ud83d\udc4d""#,
        r#""a\"\\\n\t\u0001é☃👍""#,
    );
}

#[track_caller]
fn refused(json: &str, part: &str) {
    let error = Value::from_json(json).unwrap_err().to_string();
    assert!(error.contains(part), "{json}: {error}");
}

#[test]
fn what_is_no_json_is_refused() {
    refused("", "not a JSON value");
    refused("{oops", "not a JSON value");
    refused("1 2", "not a JSON value");
    refused(&"[".repeat(100_000), "recursion limit");
    refused("1e99999999999", "out of range");
    refused("1e99999999999999999999999", "out of range");
}

#[track_caller]
fn result(expression: &str, expected: &str) {
    let value = super::evaluate(expression, "{}").result.unwrap();
    assert_eq!(value.to_json(), expected, "{expression}");
}

#[test]
fn results_are_stored_as_zeebe_does() {
    result(r#"date("2026-01-31")"#, r#""2026-01-31""#);
    result(r#"time("10:00:00.5+02:00")"#, r#""10:00:00.5+02:00""#);
    result(
        r#"date and time("2026-01-01T10:00:00Z")"#,
        r#""2026-01-01T10:00:00Z""#,
    );
    result(
        r#"date and time("2026-01-01T10:00:00@Europe/Berlin")"#,
        r#""2026-01-01T10:00:00+01:00[Europe/Berlin]""#,
    );
    result(
        r#"[duration("PT90M"), duration("P14M")]"#,
        r#"["PT1H30M","P1Y2M"]"#,
    );
    result(
        "{a: function(x) x, b: [function(x) x], c: 1/4}",
        r#"{"b":[null],"c":0.25}"#,
    );
    result("10 ** 30", "1000000000000000000000000000000");
}
