//! Lists: their items, their order, and what their numbers come to.

use super::{fatal, fault, illegal};
use crate::eval::{Answer, Evaluator, Fault};
use crate::operators::{is_ordered, order};
use crate::{Number, Value};

pub(super) fn contains(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(items), item] => Ok(items.contains(item).into()),
        other => illegal(other),
    }
}

pub(super) fn count(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(items)] => Ok((items.len() as i64).into()),
        other => illegal(other),
    }
}

pub(super) fn is_empty(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(items)] => Ok(items.is_empty().into()),
        other => illegal(other),
    }
}

// ---- the items in another order, or other ones ----

pub(super) fn sublist(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let (items, start, length) = match arguments {
        [Value::List(items), Value::Number(start)] => (items, start, None),
        [
            Value::List(items),
            Value::Number(start),
            Value::Number(length),
        ] => (items, start, Some(length.to_i32())),
        other => return illegal(other),
    };
    if start.is_zero() {
        return fault("start position must be a non-zero number");
    }
    let count = items.len() as i64;
    let from = index(items, start);
    let to = length.map_or(count, |length| from + i64::from(length));
    let within = |index: i64| index.clamp(0, count) as usize;
    let part = items.get(within(from)..within(to)).unwrap_or_default();
    Ok(Value::list(part.iter().cloned()))
}

/// From a position that counts from 1, or from the end if it is negative.
fn index(items: &[Value], position: &Number) -> i64 {
    match i64::from(position.to_i32()) {
        position @ 1.. => position - 1,
        position => items.len() as i64 + position,
    }
}

fn place(items: &[Value], position: &Number) -> usize {
    index(items, position).clamp(0, items.len() as i64) as usize
}

pub(super) fn append(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(items), Value::List(more)] => {
            Ok(Value::list(items.iter().chain(more.iter()).cloned()))
        }
        other => illegal(other),
    }
}

/// The items of lists, and whatever is no list as an item itself.
fn joined(evaluator: &mut Evaluator<'_>, lists: &[Value]) -> Result<Vec<Value>, Fault> {
    let mut joined = Vec::new();
    for list in lists {
        match list {
            Value::List(items) => {
                evaluator.work(items.len() as u64)?;
                joined.extend(items.iter().cloned());
            }
            item => joined.push(item.clone()),
        }
    }
    Ok(joined)
}

pub(super) fn concatenate(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(lists)] => Ok(Value::list(joined(evaluator, lists)?)),
        other => illegal(other),
    }
}

pub(super) fn union(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(lists)] => {
            let joined = joined(evaluator, lists)?;
            Ok(Value::list(distinct(evaluator, &joined)?))
        }
        other => illegal(other),
    }
}

fn distinct(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Result<Vec<Value>, Fault> {
    let mut distinct: Vec<Value> = Vec::new();
    for item in items {
        evaluator.work(1 + distinct.len() as u64 / 8)?;
        if !distinct.contains(item) {
            distinct.push(item.clone());
        }
    }
    Ok(distinct)
}

pub(super) fn distinct_values(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(items)] => Ok(Value::list(distinct(evaluator, items)?)),
        other => illegal(other),
    }
}

pub(super) fn duplicate_values(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::List(items)] = arguments else {
        return illegal(arguments);
    };
    let distinct = distinct(evaluator, items)?;
    let mut duplicates = Vec::new();
    for item in distinct {
        evaluator.work(1 + items.len() as u64 / 8)?;
        if items
            .iter()
            .filter(|other| **other == item)
            .nth(1)
            .is_some()
        {
            duplicates.push(item);
        }
    }
    Ok(Value::list(duplicates))
}

pub(super) fn insert_before(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(_), Value::Number(position), _] if position.is_zero() => {
            fault("position must be a non-zero number")
        }
        [Value::List(items), Value::Number(position), item] => {
            let (before, after) = items.split_at(place(items, position));
            Ok(Value::list(
                before.iter().chain([item]).chain(after).cloned(),
            ))
        }
        other => illegal(other),
    }
}

pub(super) fn remove(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(_), Value::Number(position)] if position.is_zero() => {
            fault("position must be a non-zero number")
        }
        [Value::List(items), Value::Number(position)] => {
            let removed = index(items, position);
            let kept = (0_i64..).zip(items.iter()).filter(|(i, _)| *i != removed);
            Ok(Value::list(kept.map(|(_, item)| item.clone())))
        }
        other => illegal(other),
    }
}

pub(super) fn reverse(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(items)] => Ok(Value::list(items.iter().rev().cloned())),
        other => illegal(other),
    }
}

pub(super) fn index_of(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(items), wanted] => {
            let found = (1_i64..)
                .zip(items.iter())
                .filter(|(_, item)| *item == wanted);
            Ok(Value::list(found.map(|(position, _)| position.into())))
        }
        other => illegal(other),
    }
}

pub(super) fn flatten(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::List(items)] = arguments else {
        return illegal(arguments);
    };
    let mut flat = Vec::new();
    let mut open = vec![items.iter()];
    while let Some(items) = open.last_mut() {
        evaluator.work(1)?;
        match items.next() {
            Some(Value::List(inner)) => open.push(inner.iter()),
            Some(item) => flat.push(item.clone()),
            None => {
                open.pop();
            }
        }
    }
    Ok(Value::list(flat))
}

pub(super) fn partition(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::List(items), Value::Number(size)] => match usize::try_from(size.to_i32()) {
            Ok(length @ 1..) => {
                let part = |part: &[Value]| Value::list(part.iter().cloned());
                Ok(Value::list(items.chunks(length).map(part)))
            }
            _ => fault(format!(
                "'size' should be greater than zero but was '{size}'"
            )),
        },
        other => illegal(other),
    }
}

/// By a function of two items that says whether the first goes before the second.
pub(super) fn sort(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::List(items), Value::Function(function)] = arguments else {
        return illegal(arguments);
    };
    let parameters = function.parameters().len();
    if parameters != 2 {
        return fault(format!(
            "expect boolean function with 2 arguments, but found '{parameters}'"
        ));
    }
    let sorted = merge_sort(items.to_vec(), &mut |a, b| {
        let failed = |found: &str| {
            Fault::Null(format!(
                "fail to sort list by given precedes function: expected boolean but found '{found}'"
            ))
        };
        match evaluator.invoke(function, vec![a.clone(), b.clone()]) {
            Ok(Value::Boolean(precedes)) => Ok(precedes),
            Ok(other) => Err(failed(&other.to_string())),
            Err(Fault::Fatal(message)) => Err(Fault::Fatal(message)),
            Err(other) => Err(failed(other.message())),
        }
    })?;
    Ok(Value::list(sorted))
}

/// Stable, and content with an order that contradicts itself.
fn merge_sort(
    mut items: Vec<Value>,
    precedes: &mut impl FnMut(&Value, &Value) -> Result<bool, Fault>,
) -> Result<Vec<Value>, Fault> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let count = items.len() + right.len();
    let mut left = merge_sort(items, precedes)?.into_iter().peekable();
    let mut right = merge_sort(right, precedes)?.into_iter().peekable();
    let mut sorted = Vec::with_capacity(count);
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if precedes(b, a)? {
            right.next()
        } else {
            left.next()
        };
        sorted.extend(next);
    }
    sorted.extend(left.chain(right));
    Ok(sorted)
}

pub(super) fn string_join(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.to_string()),
        Value::Null => Some(String::new()),
        _ => None,
    };
    let Some((Value::List(items), affixes)) = arguments.split_first() else {
        return illegal(arguments);
    };
    let affixes: Option<Vec<String>> = affixes.iter().map(text).collect();
    let (delimiter, prefix, suffix) = match affixes.as_deref() {
        Some([]) => ("", "", ""),
        Some([delimiter]) => (&**delimiter, "", ""),
        Some([delimiter, prefix, suffix]) => (&**delimiter, &**prefix, &**suffix),
        _ => return illegal(arguments),
    };
    let mut parts = Vec::with_capacity(items.len());
    for item in items.iter() {
        match item {
            Value::String(part) => parts.push(&**part),
            Value::Null => {}
            _ => {
                let shown = Value::List(items.clone());
                return fault(format!("expected a list of strings but found '{shown}'"));
            }
        }
    }
    Ok([prefix, &parts.join(delimiter), suffix].concat().into())
}

// ---- of booleans ----

pub(super) fn all(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    decided(arguments, false)
}

pub(super) fn any(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    decided(arguments, true)
}

/// The decisive value if it is among the items; null if something that is no boolean is.
fn decided(arguments: &[Value], decisive: bool) -> Answer {
    let [Value::List(items)] = arguments else {
        return illegal(arguments);
    };
    if items.contains(&decisive.into()) {
        return Ok(decisive.into());
    }
    let booleans = items.iter().all(|item| matches!(item, Value::Boolean(_)));
    Ok(if booleans {
        (!decisive).into()
    } else {
        Value::Null
    })
}

// ---- of values with an order ----

pub(super) fn min(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    extreme(arguments, std::cmp::Ordering::Less)
}

pub(super) fn max(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    extreme(arguments, std::cmp::Ordering::Greater)
}

fn extreme(arguments: &[Value], wanted: std::cmp::Ordering) -> Answer {
    let [list @ Value::List(items)] = arguments else {
        return illegal(arguments);
    };
    let Some((first, rest)) = items.split_first() else {
        return Ok(Value::Null);
    };
    if !is_ordered(list) {
        return fault(format!("{list} is not comparable"));
    }
    let mut extreme = first;
    for item in rest {
        match order(item, extreme) {
            Some(found) if found == wanted => extreme = item,
            Some(_) => {}
            None => return fatal(format!("{extreme} can not be compared to {item}")),
        }
    }
    Ok(extreme.clone())
}

// ---- of numbers ----

/// Null for an empty list; else what a function makes of its numbers, `None` if that is out of
/// range.
fn of_numbers(arguments: &[Value], function: fn(&[&Number]) -> Option<Value>) -> Answer {
    let [Value::List(items)] = arguments else {
        return illegal(arguments);
    };
    let mut numbers = Vec::with_capacity(items.len());
    for item in items.iter() {
        match item {
            Value::Number(n) => numbers.push(n),
            other => return fault(format!("expected number but found '{other}'")),
        }
    }
    if numbers.is_empty() {
        return Ok(Value::Null);
    }
    function(&numbers).map_or_else(|| fatal("the result is out of range"), Ok)
}

fn total(numbers: &[&Number]) -> Option<Number> {
    numbers
        .iter()
        .try_fold(Number::from(0), |sum, n| sum.add(n))
}

fn average(numbers: &[&Number]) -> Option<Number> {
    total(numbers)?.div(&(numbers.len() as i64).into())
}

pub(super) fn sum(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_numbers(arguments, |numbers| total(numbers).map(Value::from))
}

pub(super) fn product(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_numbers(arguments, |numbers| {
        let product = numbers
            .iter()
            .try_fold(Number::from(1), |product, n| product.mul(n));
        product.map(Value::from)
    })
}

pub(super) fn mean(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_numbers(arguments, |numbers| average(numbers).map(Value::from))
}

pub(super) fn median(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_numbers(arguments, |numbers| {
        let mut sorted = numbers.to_vec();
        sorted.sort();
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 {
            return Some(sorted[middle].clone().into());
        }
        average(&sorted[middle - 1..=middle]).map(Value::from)
    })
}

/// Of a sample: divided by one less than there are.
pub(super) fn stddev(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_numbers(arguments, |numbers| {
        let mean = average(numbers)?;
        let squares = numbers.iter().try_fold(Number::from(0), |sum, n| {
            let deviation = n.sub(&mean)?;
            sum.add(&deviation.mul(&deviation)?)
        })?;
        let variance = squares.div(&(numbers.len() as i64 - 1).into())?;
        Number::from_f64(variance.to_f64().sqrt()).map(Value::from)
    })
}

/// The most frequent ones, in ascending order.
pub(super) fn mode(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    if let [Value::List(items)] = arguments
        && items.is_empty()
    {
        return Ok(Value::list([]));
    }
    of_numbers(arguments, |numbers| {
        let mut sorted = numbers.to_vec();
        sorted.sort();
        let groups: Vec<&[&Number]> = sorted.chunk_by(|a, b| a == b).collect();
        let most = groups.iter().map(|group| group.len()).max()?;
        let modes = groups.iter().filter(|group| group.len() == most);
        Some(Value::list(modes.map(|group| group[0].clone().into())))
    })
}
