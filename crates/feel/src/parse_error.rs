//! Why a text is not an expression, in the words that Zeebe uses.

use std::fmt;

/// A text that is not an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    text: String,
    detail: String,
}

impl ParseError {
    pub(crate) fn new(text: &str, detail: impl Into<String>) -> Self {
        ParseError {
            text: text.to_owned(),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "failed to parse expression '{}': {}",
            self.text, self.detail
        )
    }
}

impl std::error::Error for ParseError {}
