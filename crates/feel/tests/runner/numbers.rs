//! Numbers against another implementation of decimals, and where they end.

use std::num::NonZeroU64;

use bigdecimal::{BigDecimal, RoundingMode, Zero};
use feel::Value;

/// A decimal of up to 34 digits, with a scale that makes operands meet.
fn random(random: &mut fastrand::Rng) -> BigDecimal {
    let digits = random.usize(1..=34);
    let text: String = (0..digits).map(|_| random.digit(10)).collect();
    let sign = if random.bool() { "-" } else { "" };
    let exponent = random.i32(-20..=20);
    format!("{sign}{text}e{exponent}").parse().unwrap()
}

fn rounded(n: &BigDecimal) -> BigDecimal {
    n.with_precision_round(NonZeroU64::new(34).unwrap(), RoundingMode::HalfEven)
}

#[track_caller]
fn calculated(expression: &str, a: &BigDecimal, b: &BigDecimal) -> BigDecimal {
    let json = |n: &BigDecimal| n.normalized().to_plain_string();
    let variables = format!(r#"{{"a": {}, "b": {}}}"#, json(a), json(b));
    let value = super::evaluate(expression, &variables).result.unwrap();
    value.to_json().parse().unwrap()
}

#[test]
fn operations_agree_with_another_implementation() {
    let mut source = fastrand::Rng::with_seed(34);
    for _ in 0..2000 {
        let (a, b) = (random(&mut source), random(&mut source));
        let case = format!("{a} and {b}");
        assert_eq!(
            calculated("a + b", &a, &b),
            rounded(&(&a + &b)),
            "sum of {case}"
        );
        assert_eq!(
            calculated("a - b", &a, &b),
            rounded(&(&a - &b)),
            "difference of {case}"
        );
        assert_eq!(
            calculated("a * b", &a, &b),
            rounded(&(&a * &b)),
            "product of {case}"
        );
        if !b.is_zero() {
            assert_eq!(
                calculated("a / b", &a, &b),
                rounded(&(&a / &b)),
                "quotient of {case}"
            );
        }
        let less = super::evaluate("a < b", &format!(r#"{{"a": {a}, "b": {b}}}"#)).result;
        assert_eq!(less, Ok(Value::Boolean(a < b)), "order of {case}");
    }
}

#[track_caller]
fn written(expression: &str, expected: &str) {
    super::check(expression, "{}", expected, &[]);
}

#[test]
fn numbers_are_written_as_java_does() {
    written("string(1.10)", "\"1.10\"");
    written("string(100 * 1.10)", "\"110.00\"");
    written("string(0.00000001)", "\"1E-8\"");
    written(
        "string(10 ** 40)",
        "\"1.000000000000000000000000000000000E+40\"",
    );
    written("string(2/3*3)", "\"2.000000000000000000000000000000000\"");
    written("string(sqrt(100))", "\"10.0\"");
    written("string(decimal(123.456, -1))", "\"1.2E+2\"");
}

#[test]
fn the_edge_between_whole_numbers_and_decimals() {
    written("9223372036854775807 + 1", "9223372036854775808");
    written("-9223372036854775807 - 2", "-9223372036854775809");
    written(
        "9223372036854775807 * 9223372036854775807",
        "8.507059173023461584739690778423250E+37",
    );
    written("9223372036854775808 - 1", "9223372036854775807");
    written(
        "9999999999999999999999999999999999 + 1",
        "1.000000000000000000000000000000000E+34",
    );
}

#[track_caller]
fn out_of_range(expression: &str) {
    let failure = super::evaluate(expression, "{}")
        .result
        .unwrap_err()
        .message;
    assert!(
        failure.starts_with(&format!("failed to evaluate expression '{expression}'")),
        "{failure}"
    );
}

#[test]
fn numbers_end_somewhere() {
    out_of_range("10 ** 999999999 * 10 ** 999999999 * 10 ** 999999999");
    out_of_range("10 ** 9999999999");
    out_of_range("0 ** -1");
    out_of_range("decimal(1, 999999999)");
    out_of_range("modulo(1, 0)");
    out_of_range("log(0)");
    written(
        "10 ** 999999999 + 1",
        "1.000000000000000000000000000000000E+999999999",
    );
    written("10 ** 999999999 > 1", "true");
    written("[1, 2][10 ** 999999999]", "null");
}
