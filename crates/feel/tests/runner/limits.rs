//! No text and no expression overflows the stack, fills the memory or runs for ever.

use super::evaluate;

#[track_caller]
fn too_deep(text: &str) {
    let error = feel::parse_expression(text).unwrap_err().to_string();
    assert!(error.contains("nested too deeply"), "{error:.200}");
}

#[test]
fn texts_nest_only_so_deep() {
    let count = 10_000;
    too_deep(&format!("{}1{}", "(".repeat(count), ")".repeat(count)));
    too_deep(&format!("{}1{}", "[".repeat(count), "]".repeat(count)));
    too_deep(&format!("{}1{}", "{a: ".repeat(count), "}".repeat(count)));
    too_deep(&format!("{}1{}", "abs(".repeat(count), ")".repeat(count)));
    too_deep(&format!("{}1", "if true then 1 else ".repeat(count)));
    too_deep(&format!("{}1", "for x in [1] return ".repeat(count)));
    too_deep(&format!("{}1", "function(x) ".repeat(count)));
    too_deep(&format!("{}1{}", "a[".repeat(count), "]".repeat(count)));
    too_deep(&format!("{}1", "1 in ".repeat(count)));
    too_deep(&format!("{}1", "1 in (".repeat(count)));
    too_deep(&"(".repeat(count));
    too_deep(&"[".repeat(count));
    too_deep(&"f(".repeat(count));
    let tests = format!("{}1{}", "not(".repeat(count), ")".repeat(count));
    assert!(feel::parse_unary_tests(&tests).is_err());
}

/// What is tried in several ways is read once: without that, these would take ages.
#[test]
fn texts_that_are_ambiguous_for_long_take_no_time() {
    for start in [
        "[",
        "(",
        "]",
        "f(",
        "for x in ",
        "some x in (",
        "{a: ",
        "f(a: ",
        "1 in (",
        "if ",
    ] {
        let text = start.repeat(150);
        assert!(feel::parse_expression(&text).is_err(), "{start}");
    }
}

#[track_caller]
fn evaluates(expression: &str, expected: &str) {
    assert_eq!(
        evaluate(expression, "{}").result.unwrap().to_string(),
        expected,
        "{expression:.100}"
    );
}

#[test]
fn what_is_allowed_can_be_evaluated() {
    let nested =
        |before: &str, after: &str| format!("{}1{}", before.repeat(190), after.repeat(190));
    evaluates(&nested("(", ")"), "1");
    evaluates(&nested("abs(", ")"), "1");
    evaluates(&nested("if true then ", " else 2"), "1");
    evaluates(
        &format!(
            "count({})",
            nested("for x in [1] return ", "").replacen("for x in [1] return ", "", 95)
        ),
        "1",
    );
    evaluates(&format!("0{}", " + 1".repeat(10_000)), "10000");
    evaluates(&format!("true{}", " and true".repeat(10_000)), "true");
    evaluates(&format!("count([1{}])", ", 1".repeat(10_000)), "10001");
}

#[track_caller]
fn fails(expression: &str, reason: &str) {
    let failure = evaluate(expression, "{}").result.unwrap_err().message;
    assert!(
        failure.ends_with(reason),
        "{expression:.100}: {failure:.200}"
    );
}

#[test]
fn evaluations_nest_only_so_deep() {
    let deep = "it is nested more than 400 levels deep";
    fails(&format!("[1]{}", "[1]".repeat(10_000)), deep);
    fails(
        "{c: {f: function(d, n) d.f(d, n + 1)}, r: c.f(c, 0)}.r",
        deep,
    );
}

#[test]
fn values_nest_only_so_deep() {
    let deep = "a value is nested more than 100 levels deep";
    fails("for i in 1..1000 return [partial[-1]]", deep);
    fails("for i in 1..1000 return {a: partial[-1]}", deep);
    fails("for i in 1..1000 return append([], partial[-1])", deep);
    let nested = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
    let value = evaluate(&nested(100), "{}").result.unwrap();
    assert_eq!(feel::Value::from_json(&value.to_json()).unwrap(), value);
    fails(&nested(101), deep);
}

#[test]
fn work_is_bounded() {
    let long = "it takes more than 10000000 steps";
    fails("for i in 1..1000000000 return i", long);
    fails(
        "for a in 1..1000, b in 1..1000, c in 1..1000 return a",
        long,
    );
    fails(
        "count(for a in 1..10000 return count(for b in 1..10000 return b))",
        long,
    );
    fails("distinct values(for i in 1..100000 return i)", long);
}

#[test]
fn what_shared_parts_come_to_is_bounded() {
    let long = "it takes more than 10000000 steps";
    let large = "a value holds more than 10000000 others";
    fails("for i in 1..60 return [partial[-1], partial[-1]]", large);
    fails(
        "for i in 1..1000 return {p: partial, f: function(x) p}",
        large,
    );
    fails(
        "for i in 1..60 return if i = 1 then \"0123456789abcdef\" else partial[-1] + partial[-1]",
        large,
    );
    fails(
        "for i in 1..60 return if i = 1 then [1] else concatenate(partial[-1], partial[-1])",
        long,
    );
}

/// Random texts out of what means something, with arguments at the edges of their ranges.
#[test]
fn random_texts_never_panic() {
    const PARTS: &[&str] = &[
        "if ",
        " then ",
        " else ",
        "for x in ",
        " return ",
        "some x in ",
        " satisfies ",
        " and ",
        " or ",
        "not(",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ":",
        ", ",
        ".",
        "..",
        " + ",
        " - ",
        " * ",
        " / ",
        " ** ",
        " < ",
        " = ",
        " in ",
        " between ",
        " instance of ",
        "function(x) ",
        "x",
        "a",
        "null",
        "true",
        "?",
        "\"",
        "\\",
        "`",
        "@\"P1D\"",
        "/*",
        "//",
        "👍",
        "é",
        "\u{feff}",
        "1",
        "-1",
        "0.5",
        "9223372036854775807",
        "-9223372036854775808",
        "2147483648",
        "10 ** 400",
        "10 ** -999999999",
        "\"a👍b\"",
        "[1, 2, 3]",
        "{a: 1}",
        "[1..3]",
        "(2..5)",
        "date(\"9999-12-31\")",
        "date(\"-9999-01-01\")",
        "time(\"23:59:59.999999999\")",
        "date and time(\"2026-10-25T02:30:00@Europe/Berlin\")",
        "duration(\"P106751991167300D\")",
        "duration(\"-P178956970Y\")",
        "duration(\"PT0.000000001S\")",
        "substring(",
        "sublist(",
        "insert before(",
        "remove(",
        "partition(",
        "decimal(",
        "modulo(",
        "time(",
        "date(",
        "duration(",
        "date and time(",
        "years and months duration(",
        "string(",
        "number(",
        "abs(",
        "sort(",
        "replace(",
        "split(",
        "index of(",
        "sum(",
        "stddev(",
        "before(",
        "overlaps(",
        "context put(",
        "get value(",
        "string join(",
        "last day of month(",
        "get or else(",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let context = super::context(r#"{"a": [1, null, "a", {"a": 1e30}], "x": -0.0}"#);
    let env = feel::Environment::utc(0);
    let mut evaluated = 0;
    for _ in 0..20_000 {
        let count = random.usize(1..12);
        let text: String = (0..count)
            .map(|_| PARTS[random.usize(..PARTS.len())])
            .collect();
        let closed = text
            .matches('(')
            .count()
            .saturating_sub(text.matches(')').count());
        let text = text + &")".repeat(closed);
        if let Ok(expression) = feel::parse_expression(&text) {
            evaluated += 1;
            if let Ok(value) = expression.evaluate(&context, &env).result {
                let json = value.to_json();
                assert!(feel::Value::from_json(&json).is_ok(), "{text} gives {json}");
            }
        }
        if let Ok(tests) = feel::parse_unary_tests(&text) {
            tests.evaluate(&1.into(), &context, &env);
        }
    }
    assert!(evaluated > 1000, "{evaluated} of them were expressions");
}
