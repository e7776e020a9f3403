//! What the recorded cases leave out: the wording of warnings and failures, functions, types.

use feel::{Environment, Value};

use super::{check, evaluate};

#[test]
fn warnings_in_zeebe_s_words() {
    check(
        "stock_level > 5",
        "{}",
        "null",
        &[
            "NO_VARIABLE_FOUND No variable found with name 'stock_level'",
            "NOT_COMPARABLE Can't compare 'null' with '5'",
        ],
    );
    check(
        "a > 5",
        r#"{"a": "many"}"#,
        "null",
        &[r#"NOT_COMPARABLE Can't compare '"many"' with '5'"#],
    );
    check(
        "o.zz.y",
        r#"{"o": {"a": 1, "b": 2}}"#,
        "null",
        &[
            "NO_CONTEXT_ENTRY_FOUND No context entry found with key 'zz'. Available keys: 'a', 'b'",
            "NO_CONTEXT_ENTRY_FOUND No context entry found with key 'y'. The context is null",
        ],
    );
    check(
        "abs(\"a\") + foo(1, 2) + abs(x: 1)",
        "{}",
        "null",
        &[
            "FUNCTION_INVOCATION_FAILURE Failed to invoke function 'abs': Illegal arguments: '\"a\"'",
            "NO_FUNCTION_FOUND No function found with name 'foo' and 2 parameters",
            "INVALID_TYPE Can't add 'null' to 'null'",
            "NO_FUNCTION_FOUND No function found with name 'abs' and parameters: x",
            "INVALID_TYPE Can't add 'null' to 'null'",
        ],
    );
}

#[test]
fn a_failed_assertion_is_a_failure() {
    check(
        "{y:assert(missing, missing != null)}",
        "{}",
        "Assertion failure on evaluate the expression '{y:assert(missing, missing != null)}': The condition is not fulfilled",
        &[
            "NO_VARIABLE_FOUND No variable found with name 'missing'",
            "NO_VARIABLE_FOUND No variable found with name 'missing'",
            "ASSERT_FAILURE The condition is not fulfilled",
        ],
    );
    check("assert(1, true, \"no\")", "{}", "1", &[]);
}

#[test]
fn functions_see_where_they_stand() {
    check("{n: 2, f: function(x) x * n, r: f(3)}.r", "{}", "6", &[]);
    check(
        "{f: function(x) x + k, r: f(1)}.r",
        r#"{"k": 10}"#,
        "11",
        &[],
    );
    check(
        "{f: function(a, b) a - b, r: f(b: 1, a: 5)}.r",
        "{}",
        "4",
        &[],
    );
    check(
        "{f: function(x) 1, g: {f: function(x) 2, r: f(0)}.r}.g",
        "{}",
        "2",
        &[],
    );
    check(
        "{m: {twice: function(x) x * 2}, r: m.twice(4)}.r",
        "{}",
        "8",
        &[],
    );
    check(
        "[1, 2, 3][{f: function(x) x > 1, r: f(item)}.r]",
        "{}",
        "[2, 3]",
        &[
            "NO_VARIABLE_FOUND No variable found with name 'item'",
            "NOT_COMPARABLE Can't compare 'null' with '1'",
        ],
    );
    check(
        "sort([3, 1, 2], function(a, b) a > b)",
        "{}",
        "[3, 2, 1]",
        &[],
    );
    check("string(function(a, b) a)", "{}", "\"function(a, b)\"", &[]);
}

#[test]
fn sorting_is_stable_and_survives_contradictions() {
    let items =
        r#"{"l": [{"k": 2, "n": 1}, {"k": 1, "n": 2}, {"k": 2, "n": 3}, {"k": 1, "n": 4}]}"#;
    check(
        "sort(l, function(a, b) a.k < b.k).n",
        items,
        "[2, 4, 1, 3]",
        &[],
    );
    let many: Vec<Value> = (0..100).map(Value::from).collect();
    let sort = feel::parse_expression("count(sort(l, function(a, b) true))").unwrap();
    let context = feel::ValueContext::from([("l".to_owned(), Value::list(many))]);
    assert_eq!(
        sort.evaluate(&context, &Environment::utc(0)).result,
        Ok(100.into())
    );
}

#[test]
fn patterns_are_java_s() {
    check(
        r#"replace("abracadabra", "(a)(b)", "$2$1")"#,
        "{}",
        "\"baracadbara\"",
        &[],
    );
    check(
        r#"replace("abc", "(?<x>b)", "${x}${x}\\$")"#,
        "{}",
        "\"abb$c\"",
        &[],
    );
    check(r#"matches("a\n1", "^\d$", "m")"#, "{}", "true", &[]);
    check(r#"matches("٣", "\d")"#, "{}", "false", &[]);
    check(r#"matches("ABC", "b", "i")"#, "{}", "true", &[]);
    check(r#"matches("a.c", "\Q.\E")"#, "{}", "true", &[]);
    check(r#"matches("é", "\u00e9")"#, "{}", "true", &[]);
    for (expression, name, pattern) in [
        (r#"replace("abc", "b", "$3")"#, "replace", "b"),
        (r#"replace("abc", "b", "${y}")"#, "replace", "b"),
        (r#"matches("a", "(")"#, "matches", "("),
        (r#"extract("a", "(?=a)")"#, "extract", "(?=a)"),
    ] {
        let warning = format!(
            "FUNCTION_INVOCATION_FAILURE Failed to invoke function '{name}': Invalid pattern '{pattern}'"
        );
        check(expression, "{}", "null", &[&warning]);
    }
}

#[test]
fn randomness_comes_from_the_seed() {
    let random = feel::parse_expression("[uuid(), uuid(), random number()]").unwrap();
    let drawn = |seed| {
        let env = Environment {
            seed,
            ..Environment::utc(0)
        };
        random.evaluate(&(), &env).result.unwrap()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    let items = drawn(7);
    let [first, second, number] = items.as_list().unwrap() else {
        panic!("{items}")
    };
    assert_ne!(first, second);
    let uuid = first.as_str().unwrap();
    assert_eq!(
        (uuid.len(), &uuid[14..15], uuid.matches('-').count()),
        (36, "4", 4)
    );
    assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    let Value::Number(number) = number else {
        panic!("{number}")
    };
    assert!((0.0..1.0).contains(&number.to_f64()), "{number}");
}

#[test]
fn types_as_zeebe_names_them() {
    for (expression, expected) in [
        ("null", "NULL"),
        ("true", "BOOLEAN"),
        ("1", "NUMBER"),
        ("\"a\"", "STRING"),
        ("[]", "ARRAY"),
        ("{}", "OBJECT"),
        ("date(\"2026-01-01\")", "DATE"),
        ("time(\"10:00:00\")", "TIME"),
        ("now()", "DATE_TIME"),
        ("duration(\"PT1H\")", "DURATION"),
        ("duration(\"P1M\")", "PERIOD"),
        ("function(x) x", "FUNCTION"),
    ] {
        assert_eq!(
            evaluate(expression, "{}").result.unwrap().type_name(),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn values_open_up() {
    let value = Value::context([
        ("list", Value::list([1.into(), Value::Null])),
        ("text", "a".into()),
        ("whole", Value::from_json("3.0").unwrap()),
    ]);
    assert_eq!(
        value.get("list").unwrap().as_list(),
        Some(&[1.into(), Value::Null][..])
    );
    assert_eq!(value.get("text").unwrap().as_str(), Some("a"));
    assert_eq!(value.get("whole").unwrap().as_i64(), Some(3));
    assert_eq!(value.get("none"), None);
    assert_eq!(Value::from_json("2.5").unwrap().as_i64(), None);
    assert_eq!(Value::from_json("1e30").unwrap().as_i64(), None);
    assert_eq!(Value::from(true).as_bool(), Some(true));
    assert_eq!(
        value,
        Value::from_json(r#"{"whole": 3, "text": "a", "list": [1.0, null]}"#).unwrap()
    );
}

#[test]
fn expressions_go_between_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<feel::Expression>();
    check::<feel::UnaryTests>();
    check::<Value>();
}

#[test]
fn points_in_ranges_that_run_backwards() {
    check("during(3, (4..3])", "{}", "true", &[]);
    check("includes(]3..3], 3)", "{}", "true", &[]);
    check("includes((3..3), 3)", "{}", "false", &[]);
    check("during(2, [4..3])", "{}", "false", &[]);
}
