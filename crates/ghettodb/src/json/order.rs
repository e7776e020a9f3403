//! One order of all values: what sorting uses.

use super::compare_numbers;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Orders any two values: null, booleans, numbers by value, texts by code point, lists item by item,
/// objects by their sorted fields. Equal means [`same`](super::same).
pub(crate) fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => compare_numbers(one, other),
        // The bytes of UTF-8 are in the order of the code points.
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => {
            let items = one
                .iter()
                .zip(other)
                .map(|(one, other)| compare(one, other));
            first_difference(items).then(one.len().cmp(&other.len()))
        }
        (Value::Object(one), Value::Object(other)) => compare_objects(one, other),
        _ => rank(one).cmp(&rank(other)),
    }
}

fn compare_objects(one: &Map<String, Value>, other: &Map<String, Value>) -> Ordering {
    let sorted = |object| {
        let mut fields: Vec<(&String, &Value)> = Map::iter(object).collect();
        fields.sort_unstable_by_key(|(key, _)| *key);
        fields
    };
    let (one, other) = (sorted(one), sorted(other));
    let fields = one.iter().zip(&other);
    let fields =
        fields.map(|(one, other)| one.0.cmp(other.0).then_with(|| compare(one.1, other.1)));
    first_difference(fields).then(one.len().cmp(&other.len()))
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::same;
    use crate::parse_json;

    #[test]
    fn values_of_all_types_have_one_order() {
        let ascending = [
            "null",
            "false",
            "true",
            "-1",
            "1.0",
            "2",
            "12345678901234567890",
            "\"\"",
            "\"Z\"",
            "\"a\"",
            "\"a\u{0}\"",
            "\"\u{e9}\"",
            "\"\u{ffff}\"",
            "\"\u{1f37a}\"",
            "[]",
            "[1]",
            "[1, 0]",
            "[2]",
            "[[]]",
            "{}",
            "{\"a\": 1}",
            "{\"b\": 0, \"a\": 1}",
            "{\"a\": 2}",
            "{\"b\": 0}",
        ];
        let values: Vec<Value> = ascending
            .iter()
            .map(|text| parse_json(&text.replace('\u{0}', "\\u0000")).unwrap())
            .collect();
        for (index, one) in values.iter().enumerate() {
            for (other_index, other) in values.iter().enumerate() {
                let order = compare(one, other);
                assert_eq!(order, index.cmp(&other_index), "{one} and {other}");
                assert_eq!(order.is_eq(), same(one, other), "{one} and {other}");
            }
        }
    }
}
