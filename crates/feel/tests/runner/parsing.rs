//! Texts that are no expressions, and the words they are refused with; what is static.

use feel::Value;

#[track_caller]
fn refused(text: &str, detail: &str) {
    let error = feel::parse_expression(text).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("failed to parse expression '{text}': {detail}")
    );
}

#[track_caller]
fn refused_tests(text: &str, detail: &str) {
    let error = feel::parse_unary_tests(text).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("failed to parse expression '{text}': {detail}")
    );
}

#[test]
fn an_operator_without_a_right_side() {
    refused(
        "a <",
        r#"Expected (binaryComparison | between | instanceOf | in | "and" | "or" | end-of-input):1:3, found "<""#,
    );
    refused(
        "a or",
        r#"Expected (binaryComparison | between | instanceOf | in | "and" | "or" ~ conjunction | end-of-input):1:3, found "or""#,
    );
    refused(
        "1 = 2 +",
        r#"Expected (path | filter | "**" | [*/] | [+\\-] ~ mulDiv | "and" | "or" | end-of-input):1:7, found "+""#,
    );
}

#[test]
fn nothing_readable_at_the_start() {
    let expected = "Expected (start-of-input | ifOp | forOp | quantifiedOp | disjunction):1:1";
    refused("", &format!(r#"{expected}, found """#));
    refused("(1", &format!(r#"{expected}, found "(1""#));
    refused("\"abc", &format!(r#"{expected}, found "\"abc""#));
    refused(
        "  (1",
        r#"Expected (ifOp | forOp | quantifiedOp | disjunction):1:3, found "(1""#,
    );
}

#[test]
fn constructs_that_end_early() {
    refused(
        "if true",
        r#"Expected ((ifOp | forOp | quantifiedOp | disjunction) ~ "then" | binaryComparison | between | instanceOf | in | "and" | "or" | end-of-input):1:4, found "true""#,
    );
    refused(
        "for x in l, y return 1",
        r#"Expected (listIterator.rep(1) ~ "return" | binaryComparison | between | instanceOf | in | "and" | "or" | end-of-input):1:5, found "x in l, y ""#,
    );
    refused(
        "a instance of number b",
        r#"Expected ("." | "and" | "or" | end-of-input):1:22, found "b""#,
    );
    refused("1 /* c", r#"Expected "*/":1:7, found """#);
}

#[test]
fn places_count_lines_and_utf16_units() {
    refused(
        "a\n  👍 b",
        r#"Expected (binaryComparison | between | instanceOf | in | "and" | "or" | end-of-input):2:3, found "👍 b""#,
    );
    refused(
        "\"👍\" b",
        r#"Expected (binaryComparison | between | instanceOf | in | "and" | "or" | end-of-input):1:6, found "b""#,
    );
}

#[test]
fn unary_tests() {
    refused_tests(
        ">",
        r#"Expected (start-of-input | negation | positiveUnaryTests | anyInput):1:1, found ">""#,
    );
    refused_tests(
        "not(-)",
        r#"Expected ("(" ~ positiveUnaryTests | binaryComparison | between | instanceOf | in | "and" | "or" | "," | end-of-input):1:4, found "(-)""#,
    );
    refused_tests("not(1), 2", r#"Expected end-of-input:1:7, found ", 2""#);
}

#[test]
fn functions_outside_of_feel_are_refused() {
    let text = r#"function(x) external {java: {class: "A", method signature: "a()"}}"#;
    let error = feel::parse_expression(text).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("validation of expression '{text}' failed: External functions are disabled.")
    );
}

#[test]
fn names_may_hold_reserved_words_and_most_else() {
    super::check(
        "nullable + intern",
        r#"{"nullable": 1, "intern": 2}"#,
        "3",
        &[],
    );
    super::check("{a-b: 1}.`a-b` + {c d: 2}.`c d`", "{}", "3", &[]);
    super::check("get or else(null, 1) // the rest", "{}", "1", &[]);
}

#[track_caller]
fn check_static(text: &str, expected: Option<Value>) {
    let expression = feel::parse_expression(text).unwrap();
    assert_eq!(expression.as_static(), expected.as_ref(), "{text}");
    assert_eq!(expression.text(), text);
}

#[test]
fn literals_are_static() {
    check_static("\"a\\n\"", Some("a\n".into()));
    check_static(" -5 ", Some((-5).into()));
    check_static("true", Some(true.into()));
    check_static("null", Some(Value::Null));
    check_static("a", None);
    check_static("1 + 1", None);
    check_static("[1]", None);
}
