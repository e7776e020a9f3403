//! `{{name}}` (and the older `${name}`) in texts: one pass, so that what is filled in is never
//! looked at again and data that happens to hold a placeholder stays text.

use serde_json::{Map, Value};

/// Which spellings are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `{{name}}` alone.
    Braces,
    /// `{{name}}` and `${name}`.
    BracesAndDollar,
}

/// Fills in the placeholders of a text; a name for which `value` gives `None` stays as it is.
pub(crate) fn fill<E>(
    text: &str,
    spelling: Spelling,
    mut value: impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<String, E> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = next(rest, spelling) {
        filled.push_str(&rest[..found.start]);
        match value(found.name)? {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&rest[found.start..found.end]),
        }
        rest = &rest[found.end..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Fills in the placeholders of all texts within a value, not those of its keys.
pub(crate) fn fill_value<E>(
    value: Value,
    spelling: Spelling,
    lookup: &mut impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<Value, E> {
    Ok(match value {
        Value::String(text) => Value::String(fill(&text, spelling, &mut *lookup)?),
        Value::Array(items) => {
            let filled: Result<Vec<_>, E> = items
                .into_iter()
                .map(|item| fill_value(item, spelling, lookup))
                .collect();
            Value::Array(filled?)
        }
        Value::Object(entries) => {
            let filled: Result<Map<_, _>, E> = entries
                .into_iter()
                .map(|(key, value)| Ok((key, fill_value(value, spelling, lookup)?)))
                .collect();
            Value::Object(filled?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    })
}

/// The names of a text's placeholders.
pub(crate) fn names(text: &str, spelling: Spelling) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let found = next(rest, spelling)?;
        rest = &rest[found.end..];
        Some(found.name)
    })
}

struct Found<'a> {
    start: usize,
    end: usize,
    name: &'a str,
}

/// The first placeholder of a text.
fn next(text: &str, spelling: Spelling) -> Option<Found<'_>> {
    let mut from = 0;
    loop {
        let braces = text[from..].find("{{").map(|at| (from + at, "}}"));
        let dollar = (spelling == Spelling::BracesAndDollar)
            .then(|| text[from..].find("${").map(|at| (from + at, "}")))
            .flatten();
        let (start, close) = braces.into_iter().chain(dollar).min()?;
        let inside = &text[start + 2..];
        if let Some(length) = inside.find(close) {
            let name = inside[..length].trim();
            if is_name(name) {
                return Some(Found {
                    start,
                    end: start + 2 + length + close.len(),
                    name,
                });
            }
        }
        from = start + 1;
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[track_caller]
    fn check(text: &str, spelling: Spelling, expected: &str) {
        let filled = fill(text, spelling, |name| {
            Ok::<_, Infallible>(match name {
                "a" => Some("1".to_owned()),
                "loop" => Some("{{a}}".to_owned()),
                _ => None,
            })
        });
        assert_eq!(filled, Ok(expected.to_owned()));
    }

    #[test]
    fn what_is_a_placeholder() {
        use Spelling::{Braces, BracesAndDollar};
        check("x{{a}}y{{ a }}", Braces, "x1y1");
        check("{{loop}}", Braces, "{{a}}");
        check("{{b}} {{}} {{a", Braces, "{{b}} {{}} {{a");
        check("{{{a}}}", Braces, "{1}");
        check("{{x y}} {{a}}", Braces, "{{x y}} 1");
        check("${a} {{a}}", Braces, "${a} 1");
        check("${a} {{a}} ${b}", BracesAndDollar, "1 1 ${b}");
        check("ü{{a}}\u{1f600}", Braces, "ü1\u{1f600}");
    }
}
