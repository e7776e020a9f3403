//! What queries mean, and that the prefilter never rules a match out.

use super::*;
use crate::{parse_json, record_from, record_json};
use serde_json::json;

#[track_caller]
fn check(record: Value, query: Value, expected: bool) {
    let record = record_from(record).unwrap();
    let fields = record_from(query).unwrap();
    let query = Query::new(&fields).unwrap();
    assert_eq!(query.matches(&record), expected, "{fields:?}");
    if expected {
        assert!(
            query.may_match(record_json(&record).as_bytes()),
            "{fields:?}"
        );
    }
}

#[track_caller]
fn refused(query: &str, expected: &str) {
    let query = record_from(parse_json(query).unwrap()).unwrap();
    let error = Query::new(&query).map(drop).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn equality_on_fields() {
    check(json!({"a": 1, "b": 2}), json!({"a": 1}), true);
    check(json!({"a": 1}), json!({}), true);
    check(json!({"a": 1}), json!({"a": "1"}), false);
    check(json!({"a": 1}), json!({"a": 1.0}), true);
    check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1}}), true);
    check(
        json!({"a": {"b": 1}}),
        json!({"a": {"b": 1, "c": 2}}),
        false,
    );
    check(json!({"a": {"b": 1}}), json!({"a": {}}), true);
    check(json!({"a": 1}), json!({"a": {}}), false);
    check(json!({"a": [1, 2]}), json!({"a": [1]}), false);
    check(
        json!({"a": [1, {"b": 1.0}]}),
        json!({"a": [1, {"b": 1}]}),
        true,
    );
    check(json!({"a": null}), json!({"a": null}), true);
    check(json!({}), json!({"a": null}), false);
    check(
        json!({"a": "\"q\" é \n 🍺"}),
        json!({"a": "\"q\" é \n 🍺"}),
        true,
    );
}

#[test]
fn paths_reach_into_objects() {
    check(json!({"a": {"b": {"c": 1}}}), json!({"a.b.c": 1}), true);
    check(
        json!({"a": {"b": {"c": 1}}}),
        json!({"a.b": {"c": 1}}),
        true,
    );
    check(
        json!({"a": {"b": {"c": 1}}}),
        json!({"a": {"b.c": 1}}),
        true,
    );
    check(json!({"a.b": 1, "a": {"b": 2}}), json!({"a.b": 1}), true);
    check(json!({"a.b": 1, "a": {"b": 2}}), json!({"a.b": 2}), false);
    check(json!({"a": [1]}), json!({"a.0": 1}), false);
    check(json!({"a": {"$b": 1}}), json!({"a.$b": 1}), true);
}

#[test]
fn operators_on_a_field() {
    let two = || json!({"n": 2, "t": "beer", "z": null, "l": [1], "o": {"p": 1}});
    for (query, expected) in [
        (json!({"n": {"$eq": 2.0}}), true),
        (json!({"o": {"$eq": {"p": 1}}}), true),
        (json!({"o": {"$eq": {}}}), false),
        (json!({"n": {"$ne": 2}}), false),
        (json!({"n": {"$ne": "2"}}), true),
        (json!({"no": {"$ne": 2}}), true),
        (json!({"no": {"$ne": null}}), true),
        (json!({"z": {"$ne": null}}), false),
        (json!({"n": {"$gt": 1, "$lt": 3}}), true),
        (json!({"n": {"$gt": 2}}), false),
        (json!({"n": {"$gte": 2, "$lte": 2}}), true),
        (json!({"n": {"$lt": 2}}), false),
        (json!({"n": {"$lt": "3"}}), false),
        (json!({"no": {"$lt": 3}}), false),
        (json!({"z": {"$lt": 3}}), false),
        (json!({"t": {"$gt": "be"}}), true),
        (json!({"t": {"$lte": "beer"}}), true),
        (json!({"t": {"$gt": 1}}), false),
        (json!({"n": {"$in": [1, 2.0]}}), true),
        (json!({"n": {"$in": ["2", [2]]}}), false),
        (json!({"n": {"$in": []}}), false),
        (json!({"l": {"$in": [[1.0], 7]}}), true),
        (json!({"z": {"$in": [null]}}), true),
        (json!({"no": {"$in": [null]}}), false),
        (json!({"n": {"$nin": [1, 3]}}), true),
        (json!({"n": {"$nin": [1, 2]}}), false),
        (json!({"no": {"$nin": [1]}}), true),
        (json!({"z": {"$exists": true}}), true),
        (json!({"no": {"$exists": true}}), false),
        (json!({"no": {"$exists": false}}), true),
        (json!({"o.p": {"$exists": true}}), true),
        (json!({"t": {"$regex": "^B"}}), false),
        (json!({"t": {"$regex": "(?i)^B.{3}$"}}), true),
        (json!({"t": {"$regex": "ee"}}), true),
        (json!({"n": {"$regex": "2"}}), false),
        (json!({"n": {"$not": {"$gt": 2}}}), true),
        (json!({"no": {"$not": {"$gt": 2}}}), true),
        (json!({"o": {"$not": {"p": 1}}}), false),
        (json!({"o": {"$not": {"p": 2}}}), true),
        (json!({"n": {"$or": [{"$lt": 1}, {"$gt": 1}]}}), true),
    ] {
        check(two(), query, expected);
    }
    let exact = parse_json(r#"{"n": 12345678901234567890}"#).unwrap();
    check(exact, json!({"n": {"$gt": 12345678901234567889_u64}}), true);
}

#[test]
fn connectives_at_every_level() {
    let record = || json!({"a": 1, "b": {"c": 2, "d": "x"}});
    for (query, expected) in [
        (json!({"$or": [{"a": 2}, {"b": {"c": 2}}]}), true),
        (json!({"$or": [{"a": 2}, {"b": {"c": 3}}]}), false),
        (json!({"$and": [{"a": 1}, {"b.c": {"$gt": 1}}]}), true),
        (json!({"$and": [{"a": 1}, {"a": 2}]}), false),
        (json!({"a": 1, "$or": [{"b.c": 2}, {"b.c": 3}]}), true),
        (json!({"a": 2, "$or": [{"b.c": 2}, {"b.c": 3}]}), false),
        (json!({"$not": {"a": 1, "b": {"c": 2}}}), false),
        (json!({"$not": {"a": 1, "b": {"c": 3}}}), true),
        (
            json!({"b": {"c": 2, "$or": [{"d": "x"}, {"d": "y"}]}}),
            true,
        ),
        (json!({"b": {"$or": [{"d": "z"}, {"d": "y"}]}}), false),
        (
            json!({"b": {"$or": [{"$exists": false}, {"d": "x"}]}}),
            true,
        ),
        (json!({"b": {"c": 2, "$not": {"d": "x"}}}), false),
        (
            json!({"$or": [{"$and": [{"a": 1}, {"$not": {"a": 2}}]}]}),
            true,
        ),
    ] {
        check(record(), query, expected);
    }
}

#[test]
fn a_bad_query_is_refused_with_its_place() {
    refused(
        r#"{"stock_level": {"$gt": null}}"#,
        "query: stock_level.$gt: a number or a text is expected, found null",
    );
    refused(
        r#"{"a": {"b": {"$exists": 1}}}"#,
        "query: a.b.$exists: true or false is expected, found a number",
    );
    refused(
        r#"{"a": {"$in": "x"}}"#,
        "query: a.$in: a list of values is expected, found a text",
    );
    refused(
        r#"{"a": {"$size": 1}}"#,
        "query: a.$size: no such operator; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, \
         $exists, $regex, $not, $and, $or",
    );
    refused(
        r#"{"$nor": []}"#,
        "query: $nor: no such operator; here there are $and, $or, $not",
    );
    refused(
        r#"{"$gt": 1}"#,
        "query: $gt: it stands at a field, as in {\"field\": {\"$gt\": ...}}",
    );
    refused(
        r#"{"a": {"$gt": 1, "b": 2}}"#,
        "query: a: operator $gt and field \"b\" stand side by side; put one of them under $and",
    );
    refused(
        r#"{"a": {"$not": 5}}"#,
        "query: a.$not: an object (for a plain value there is $ne) is expected, found a number",
    );
    refused(r#"{"$or": []}"#, "query: $or: the list is empty");
    refused(
        r#"{"$or": {"a": 1}}"#,
        "query: $or: a list of conditions is expected, found an object",
    );
    refused(
        r#"{"$or": [{"a": 1}, {"$and": [{"b": {"$lt": []}}]}]}"#,
        "query: $or[1].$and[0].b.$lt: a number or a text is expected, found a list",
    );
    refused(
        r#"{"$or": [7]}"#,
        "query: $or[0]: an object is expected, found a number",
    );
    refused(
        r#"{"a": {"$regex": 1}}"#,
        "query: a.$regex: a text with a regular expression is expected, found a number",
    );
    refused(
        r#"{"a": {"$regex": "(b"}}"#,
        "query: a.$regex: no regular expression: unclosed group",
    );
    refused(
        r#"{"_id": "a/b"}"#,
        "bad _id \"a/b\": it holds '/'; letters a-z, digits, '_', '-' and '.' are allowed",
    );
    refused(
        r#"{"_id": {"$in": ["a", 7]}}"#,
        "bad _id \"7\": it is not a text",
    );
    refused(
        r#"{"$or": [{"_id": ".."}]}"#,
        "bad _id \"..\": it must start with a letter, a digit or '_'",
    );
}

#[test]
fn a_query_has_limits() {
    refused(
        r#"{"a": {"$regex": "((\\w{100}){100}){100}"}}"#,
        "query: a.$regex: the pattern needs more than 2097152 bytes of memory",
    );
    let patterns = |count| json!({"$and": vec![json!({"a": {"$regex": "x"}}); count]});
    check(json!({"a": "x"}), patterns(16), true);
    refused(
        &patterns(17).to_string(),
        "query: $and[16].a.$regex: a query holds at most 16 regular expressions; \
         several can be one, as in \"one|other\"",
    );
    let nested = |depth: usize| {
        let mut query = json!({"a": 1});
        for _ in 1..depth {
            query = json!({"$not": query});
        }
        record_from(query).unwrap()
    };
    Query::new(&nested(128)).unwrap();
    let error = Query::new(&nested(129)).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "query: it is nested deeper than 128");
}

#[test]
fn the_only_possible_ids_are_known() {
    #[track_caller]
    fn check(query: Value, expected: Option<&[&str]>) {
        let query = record_from(query).unwrap();
        assert_eq!(Query::new(&query).unwrap().ids().as_deref(), expected);
    }
    check(json!({"_id": "a", "b": 1}), Some(&["a"]));
    check(json!({"_id": {"$eq": "a"}}), Some(&["a"]));
    check(json!({"_id": {"$in": ["b", "a", "b"]}}), Some(&["a", "b"]));
    check(json!({"_id": {"$in": []}}), Some(&[]));
    check(json!({"$and": [{"x": 1}, {"_id": "a"}]}), Some(&["a"]));
    check(json!({"$or": [{"_id": "a"}]}), None);
    check(json!({"_id": {"$gt": "a"}}), None);
    check(json!({"": {"_id": "a"}}), None);
    check(json!({"$not": {"_id": "a"}}), None);

    let query = record_from(json!({"_id": {"$gt": "a", "$regex": "x$"}})).unwrap();
    let query = Query::new(&query).unwrap();
    assert!(query.may_be("bx"));
    assert!(!query.may_be("b"));
    assert!(!query.may_be("Ax"));
}

#[test]
fn what_a_query_fixes_starts_a_record() {
    #[track_caller]
    fn check(query: Value, expected: Value) {
        let query = record_from(query).unwrap();
        let fixed = Query::new(&query).unwrap().fixed_fields().unwrap();
        assert_eq!(Value::Object(fixed).to_string(), expected.to_string());
    }
    check(
        json!({"a": 1, "b": {"c": 2}, "d": {}, "e": [{}]}),
        json!({"a": 1, "b": {"c": 2}, "d": {}, "e": [{}]}),
    );
    check(
        json!({"a.b": 1, "a": {"c": 2}, "x": {"$eq": {"y": 1}}}),
        json!({"a": {"b": 1, "c": 2}, "x": {"y": 1}}),
    );
    check(
        json!({"a": {"$gt": 1}, "b": {"c": {"$in": [1]}}, "$or": [{"d": 1}], "$not": {"e": 1}}),
        json!({}),
    );
    check(
        json!({"$and": [{"a": 1}, {"b": {"$eq": 2, "$lt": 3}}]}),
        json!({"a": 1, "b": 2}),
    );
    let query = record_from(json!({"$and": [{"a.b": 1}, {"a": 2}]})).unwrap();
    let error = Query::new(&query).unwrap().fixed_fields().unwrap_err();
    assert_eq!(
        error.to_string(),
        "query: a: another part of the query asks for something else there, so no record can be \
         made of it"
    );
}

#[test]
fn bytes_rule_out_what_cannot_match() {
    #[track_caller]
    fn check(query: Value, text: &str, expected: bool) {
        let query = record_from(query).unwrap();
        let query = Query::new(&query).unwrap();
        assert_eq!(query.may_match(text.as_bytes()), expected, "{text}");
    }
    let zoe = || json!({"name": "Zo\u{eb}"});
    check(zoe(), r#"{"name": "Zo\u00eb"}"#, true);
    check(zoe(), "{\"name\": \"Zo\u{eb}\"}", true);
    check(zoe(), r#"{"name": "Zoe"}"#, false);
    let either = || json!({"name": {"$in": ["Ada", "Bob"]}});
    check(either(), r#"{"name": "Bob"}"#, true);
    check(either(), r#"{"name": "Bobby"}"#, false);
    let or = || json!({"$or": [{"name": "Ada"}, {"size": {"$gt": 1}}]});
    check(or(), r#"{"size": 0}"#, true);
    check(or(), r#"{"name": "Bob"}"#, false);
    let not = || json!({"$not": {"name": "Ada"}});
    check(not(), r#"{"name": "Bob"}"#, true);
    check(json!({"name": {"$ne": "Ada"}}), "{}", true);
    check(json!({"a.size": 5}), r#"{"a.size": 5}"#, true);
    check(json!({"a.size": 5}), r#"{"a": {"size": 5}}"#, true);
    check(json!({"a.size": 5}), r#"{"a": {"siz": 5}}"#, false);
    check(json!({"size": {"$exists": false}}), "{}", true);
    check(json!({"_id": {"$gt": "a"}}), "{}", true);
}

/// A small language of values, so that random queries often meet random records.
fn value(random: &mut fastrand::Rng, depth: u8) -> Value {
    match random.u8(0..if depth == 0 { 8 } else { 10 }) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 | 3 => {
            let numbers = [
                "1",
                "1.0",
                "2",
                "-1",
                "10e-1",
                "1e2",
                "12345678901234567890",
            ];
            parse_json(random.choice(numbers).unwrap()).unwrap()
        }
        4..8 => (*random
            .choice(["", "x", "é", "a\"b", "\n", "🍺", "xx"])
            .unwrap())
        .into(),
        8 => (0..random.usize(0..3))
            .map(|_| value(random, depth - 1))
            .collect(),
        _ => Value::Object(fields(random, depth - 1)),
    }
}

fn name(random: &mut fastrand::Rng) -> String {
    (*random.choice(["a", "b", "a.b", "é", "\"", ""]).unwrap()).to_owned()
}

fn fields(random: &mut fastrand::Rng, depth: u8) -> Record {
    (0..random.usize(0..4))
        .map(|_| (name(random), value(random, depth)))
        .collect()
}

fn condition(random: &mut fastrand::Rng, depth: u8) -> Value {
    let list = |random: &mut fastrand::Rng| -> Value {
        (0..random.usize(0..3)).map(|_| value(random, 1)).collect()
    };
    match random.u8(0..if depth == 0 { 8 } else { 12 }) {
        0..3 => value(random, 2),
        3 => json!({"$eq": value(random, 2)}),
        4 => json!({"$ne": value(random, 2)}),
        5 => json!({"$in": list(random)}),
        6 => json!({"$nin": list(random), "$exists": random.bool()}),
        7 => json!({"$regex": "x|é"}),
        8 => json!({"$not": json!({"$eq": value(random, 1)})}),
        9 => json!({"$or": [query(random, depth - 1), {"$eq": value(random, 1)}]}),
        _ => query(random, depth - 1),
    }
}

fn query(random: &mut fastrand::Rng, depth: u8) -> Value {
    let mut object: Record = (0..random.usize(0..3))
        .map(|_| (name(random), condition(random, depth)))
        .collect();
    if depth > 0 && random.u8(0..3) == 0 {
        let branches = (0..random.usize(1..3)).map(|_| query(random, depth - 1));
        object.insert("$or".to_owned(), branches.collect());
    }
    if depth > 0 && random.u8(0..5) == 0 {
        object.insert("$not".to_owned(), query(random, depth - 1));
    }
    object.into()
}

#[test]
fn what_the_bytes_rule_out_does_not_match() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut matches, mut ruled_out) = (0, 0);
    for _ in 0..30_000 {
        let asked = record_from(query(&mut random, 2)).unwrap();
        let compiled = Query::new(&asked).unwrap();
        let record = fields(&mut random, 3);
        let holds = compiled.matches(&record);
        matches += u32::from(holds);
        let compact = Value::Object(record.clone()).to_string();
        let escaped = compact.replace('é', "\\u00e9");
        for text in [record_json(&record), compact, escaped] {
            let may = compiled.may_match(text.as_bytes());
            ruled_out += u32::from(!may);
            assert!(may || !holds, "{asked:?} {text}");
        }
    }
    assert!(matches > 1000 && ruled_out > 1000, "{matches} {ruled_out}");
}
