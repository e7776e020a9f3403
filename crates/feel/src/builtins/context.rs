//! Contexts.

use std::sync::Arc;

use super::illegal;
use crate::Value;
use crate::eval::{Answer, Evaluator};
use crate::value::ContextMap;

pub(super) fn get_entries(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::Context(map)] = arguments else {
        return illegal(arguments);
    };
    let entry = |(key, value): (&str, &Value)| {
        Value::context([("key", Value::from(key)), ("value", value.clone())])
    };
    Ok(Value::list(map.iter().map(entry)))
}

/// By a key, or by several one below the other.
pub(super) fn get_value(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::Context(map), Value::String(key)] => {
            Ok(map.get(key).cloned().unwrap_or(Value::Null))
        }
        [context @ Value::Context(_), Value::List(keys)] => {
            if keys.is_empty() {
                return Ok(Value::Null);
            }
            let below = |value: Value, key: &Value| value.get(key.as_str()?);
            Ok(keys
                .iter()
                .try_fold(context.clone(), below)
                .unwrap_or(Value::Null))
        }
        other => illegal(other),
    }
}

/// With an entry more, or another value for it; in a context below, if there are several keys.
pub(super) fn put(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::Context(map), Value::String(key), value] => Ok(with_entry(map, key, value.clone())),
        [Value::Context(map), Value::List(keys), value] => {
            let strings = keys.iter().map(|key| match key {
                Value::String(key) => Some(key),
                _ => None,
            });
            match strings.collect::<Option<Vec<_>>>() {
                None => illegal(arguments),
                Some(keys) if keys.is_empty() => Ok(Value::Null),
                Some(keys) => Ok(with_path(map, &keys, value)),
            }
        }
        other => illegal(other),
    }
}

fn with_entry(map: &ContextMap, key: &Arc<str>, value: Value) -> Value {
    Value::context(map.entries().iter().cloned().chain([(key.clone(), value)]))
}

/// From the innermost context outwards.
fn with_path(map: &ContextMap, keys: &[&Arc<str>], value: &Value) -> Value {
    let mut maps = vec![map.clone()];
    for key in &keys[..keys.len() - 1] {
        let below = match maps.last().and_then(|map| map.get(key)) {
            Some(Value::Context(below)) => ContextMap::clone(below),
            _ => ContextMap::default(),
        };
        maps.push(below);
    }
    let levels = maps.iter().zip(keys).rev();
    levels.fold(value.clone(), |value, (map, key)| {
        with_entry(map, key, value)
    })
}

pub(super) fn merge(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::List(contexts)] = arguments else {
        return Ok(Value::Null);
    };
    let mut entries = Vec::new();
    for context in contexts.iter() {
        let Value::Context(map) = context else {
            return Ok(Value::Null);
        };
        entries.extend(map.entries().iter().cloned());
    }
    Ok(Value::context(entries))
}

pub(super) fn from_entries(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::List(entries)] = arguments else {
        return Ok(Value::Null);
    };
    let entry = |entry: &Value| match (entry.get("key"), entry.get("value")) {
        (Some(Value::String(key)), Some(value)) => Some((key, value)),
        _ => None,
    };
    let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
    Ok(entries.map_or(Value::Null, Value::context))
}
