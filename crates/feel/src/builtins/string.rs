//! Strings. Positions and lengths count UTF-16 units, as in Java; half a surrogate pair becomes
//! a question mark, as it does where Java writes UTF-8.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use super::{fatal, fault, illegal};
use crate::Value;
use crate::eval::{Answer, Evaluator};
use crate::pattern;

fn units(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    }
}

fn from_units(units: &[u16]) -> String {
    char::decode_utf16(units.iter().copied())
        .map(|c| c.unwrap_or('?'))
        .collect()
}

/// A start from 1, or from the end if it is not positive.
pub(super) fn substring(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let (text, start, length) = match arguments {
        [Value::String(text), Value::Number(start)] => (text, start.to_i32(), None),
        [
            Value::String(text),
            Value::Number(start),
            Value::Number(length),
        ] => (text, start.to_i32(), Some(length.to_i32())),
        other => return illegal(other),
    };
    let all: Vec<u16> = text.encode_utf16().collect();
    let count = all.len() as i64;
    let start = i64::from(start);
    let from = if start > 0 { start - 1 } else { count + start };
    let to = length.map_or(count, |length| count.min(from + i64::from(length)));
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| all.get(from..to)) {
        Some(part) => Ok(from_units(part).into()),
        None => fatal(format!(
            "range [{from}, {to}) out of bounds for length {count}"
        )),
    }
}

pub(super) fn length(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => Ok((units(text) as i64).into()),
        other => illegal(other),
    }
}

pub(super) fn upper_case(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => Ok(text.to_uppercase().into()),
        other => illegal(other),
    }
}

pub(super) fn lower_case(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => Ok(text.to_lowercase().into()),
        other => illegal(other),
    }
}

pub(super) fn substring_before(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text), Value::String(part)] => Ok(text
            .split_once(&**part)
            .map_or("", |(before, _)| before)
            .into()),
        other => illegal(other),
    }
}

pub(super) fn substring_after(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text), Value::String(part)] => Ok(text
            .split_once(&**part)
            .map_or("", |(_, after)| after)
            .into()),
        other => illegal(other),
    }
}

pub(super) fn contains(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text), Value::String(part)] => Ok(text.contains(&**part).into()),
        other => illegal(other),
    }
}

pub(super) fn starts_with(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text), Value::String(part)] => Ok(text.starts_with(&**part).into()),
        other => illegal(other),
    }
}

pub(super) fn ends_with(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text), Value::String(part)] => Ok(text.ends_with(&**part).into()),
        other => illegal(other),
    }
}

pub(super) fn trim(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => Ok(text.trim_matches(|c| c <= ' ').into()),
        other => illegal(other),
    }
}

pub(super) fn is_blank(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => Ok(text.trim().is_empty().into()),
        other => illegal(other),
    }
}

pub(super) fn to_base64(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => Ok(STANDARD.encode(&**text).into()),
        other => illegal(other),
    }
}

/// A random one (version 4).
pub(super) fn uuid(evaluator: &mut Evaluator<'_>, _: &[Value]) -> Answer {
    let bits =
        (u128::from(evaluator.random.next_u64()) << 64) | u128::from(evaluator.random.next_u64());
    let version = 0xf << 76;
    let variant = 0b11 << 62;
    let bits = (bits & !version & !variant) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    Ok(parts.join("-").into())
}

// ---- patterns ----

/// A pattern compiled once an evaluation; none if it isn't one.
fn compiled(evaluator: &mut Evaluator<'_>, pattern: &Arc<str>, flags: &Arc<str>) -> Option<Regex> {
    let key = (pattern.clone(), flags.clone());
    if let Some(known) = evaluator.patterns.get(&key) {
        return Some(known.clone());
    }
    let compiled = pattern::compile(pattern, flags)?;
    evaluator.patterns.insert(key, compiled.clone());
    Some(compiled)
}

fn no_flags() -> Arc<str> {
    Arc::default()
}

pub(super) fn matches(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let (text, pattern, flags) = match arguments {
        [Value::String(text), Value::String(pattern)] => (text, pattern, no_flags()),
        [
            Value::String(text),
            Value::String(pattern),
            Value::String(flags),
        ] => (text, pattern, flags.clone()),
        other => return illegal(other),
    };
    match compiled(evaluator, pattern, &flags) {
        Some(regex) => Ok(regex.is_match(text).into()),
        None => fault(format!("Invalid pattern '{pattern}'")),
    }
}

pub(super) fn replace(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let (text, pattern, replacement, flags) = match arguments {
        [
            Value::String(text),
            Value::String(pattern),
            Value::String(replacement),
        ] => (text, pattern, replacement, no_flags()),
        [
            Value::String(text),
            Value::String(pattern),
            Value::String(replacement),
            Value::String(flags),
        ] => (text, pattern, replacement, flags.clone()),
        other => return illegal(other),
    };
    let regex = compiled(evaluator, pattern, &flags);
    match regex.and_then(|regex| pattern::replace_all(&regex, text, replacement)) {
        Some(replaced) => Ok(replaced.into()),
        None => fault(format!("Invalid pattern '{pattern}'")),
    }
}

pub(super) fn split(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::String(text), Value::String(delimiter)] = arguments else {
        return illegal(arguments);
    };
    let Some(regex) = compiled(evaluator, delimiter, &no_flags()) else {
        return fault(format!("Invalid pattern for delimiter '{delimiter}'"));
    };
    let mut parts = Vec::new();
    let mut start = 0;
    for found in regex.find_iter(text) {
        // Nothing before the text is no part.
        if found.end() == 0 {
            continue;
        }
        parts.push(text[start..found.start()].into());
        start = found.end();
    }
    parts.push(text[start..].into());
    Ok(Value::list(parts))
}

pub(super) fn extract(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::String(text), Value::String(pattern)] = arguments else {
        return illegal(arguments);
    };
    match compiled(evaluator, pattern, &no_flags()) {
        Some(regex) => Ok(Value::list(
            regex.find_iter(text).map(|found| found.as_str().into()),
        )),
        None => fault(format!("Invalid pattern '{pattern}'")),
    }
}
