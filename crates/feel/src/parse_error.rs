//! Why a text is not an expression, in the words that Zeebe uses.

use std::fmt;

/// A text that is not an expression: what was expected, where, and what was found instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    message: String,
}

impl ParseError {
    /// `position` in bytes.
    pub(crate) fn expected(text: &str, alternatives: &[&str], position: usize) -> Self {
        let (before, rest) = text.split_at(position);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].encode_utf16().count() + 1;
        let expected = match alternatives {
            [only] => (*only).to_owned(),
            _ => format!("({})", alternatives.join(" | ")),
        };
        let found = shown(rest);
        let message = format!(
            "failed to parse expression '{text}': Expected {expected}:{line}:{column}, found \"{found}\""
        );
        ParseError { message }
    }

    pub(crate) fn refused(text: &str, reason: &str) -> Self {
        ParseError {
            message: format!("failed to parse expression '{text}': {reason}"),
        }
    }

    pub(crate) fn invalid(text: &str, reason: &str) -> Self {
        ParseError {
            message: format!("validation of expression '{text}' failed: {reason}"),
        }
    }
}

/// The first ten characters, escaped.
fn shown(text: &str) -> String {
    let mut units = 0;
    let mut shown = String::new();
    for c in text.chars() {
        units += c.len_utf16();
        if units > 10 {
            break;
        }
        match c {
            '"' => shown.push_str("\\\""),
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c => shown.push(c),
        }
    }
    shown
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}
