//! Regular expressions as Java reads them, on the `regex` crate: classes such as `\d` know ASCII
//! alone, and a replacement names groups by `$1` and `${name}`.
//!
//! Look-around and back-references, which need unbounded time, are no valid patterns here.

use std::fmt::Write;

use regex::{Regex, RegexBuilder};

/// Compiles a pattern with flags out of `i`, `m`, `s`, `x`; others are ignored.
pub(crate) fn compile(pattern: &str, flags: &str) -> Option<Regex> {
    RegexBuilder::new(&translated(pattern))
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .ignore_whitespace(flags.contains('x'))
        .build()
        .ok()
}

fn translated(pattern: &str) -> String {
    let mut regex = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            regex.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => regex.push_str("[0-9]"),
            Some('D') => regex.push_str("[^0-9]"),
            Some('w') => regex.push_str("[0-9A-Za-z_]"),
            Some('W') => regex.push_str("[^0-9A-Za-z_]"),
            Some('s') => regex.push_str("[ \\t-\\r]"),
            Some('S') => regex.push_str("[^ \\t-\\r]"),
            Some('h') => regex.push_str("[ \\t\\x{a0}]"),
            Some('R') => regex.push_str("(?:\\r\\n|[\\n-\\r])"),
            Some('b') => regex.push_str("(?-u:\\b)"),
            Some('Z') => regex.push_str("\\n?\\z"),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                write!(regex, "\\u{digits}").expect("a string takes all");
            }
            Some('Q') => {
                let rest = chars.as_str();
                let (literal, after) = rest.split_once("\\E").unwrap_or((rest, ""));
                regex.push_str(&regex::escape(literal));
                chars = after.chars();
            }
            Some(other) => regex.extend(['\\', other]),
            None => regex.push('\\'),
        }
    }
    regex
}

/// Replaces all matches; `None` if the replacement names a group that there is not.
pub(crate) fn replace_all(regex: &Regex, text: &str, replacement: &str) -> Option<String> {
    let mut result = String::with_capacity(text.len());
    let mut end = 0;
    for found in regex.captures_iter(text) {
        let whole = found.get_match();
        result.push_str(&text[end..whole.start()]);
        expand(regex, &found, replacement, &mut result)?;
        end = whole.end();
    }
    result.push_str(&text[end..]);
    Some(result)
}

fn expand(
    regex: &Regex,
    found: &regex::Captures<'_>,
    replacement: &str,
    result: &mut String,
) -> Option<()> {
    let mut rest = replacement;
    while let Some(place) = rest.find(['\\', '$']) {
        result.push_str(&rest[..place]);
        let special = &rest[place..];
        rest = &special[1..];
        if special.starts_with('\\') {
            let escaped = rest.chars().next()?;
            result.push(escaped);
            rest = &rest[escaped.len_utf8()..];
            continue;
        }
        let group = match rest.strip_prefix('{') {
            Some(named) => {
                let (name, after) = named.split_once('}')?;
                rest = after;
                regex
                    .capture_names()
                    .flatten()
                    .find(|known| *known == name)?;
                found.name(name)
            }
            None => {
                let (number, length) = group_number(rest, found.len())?;
                rest = &rest[length..];
                found.get(number)
            }
        };
        result.push_str(group.map_or("", |group| group.as_str()));
    }
    result.push_str(rest);
    Some(())
}

/// As many digits as name a group, at least one.
fn group_number(text: &str, groups: usize) -> Option<(usize, usize)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (1..=digits.min(4)).rev().find_map(|length| {
        let number: usize = text[..length].parse().ok()?;
        (number < groups).then_some((number, length))
    })
}
