//! Texts of a model that may be or have to be FEEL expressions: with a leading `=` they are.

use std::sync::Arc;

use crate::process::Text;

/// The FEEL behind the leading `=`, if `text` is an expression.
pub(crate) fn feel_part(text: &str) -> Option<&str> {
    text.strip_prefix('=')
}

/// A text that may be either.
pub(crate) fn text(text: &str) -> Result<Text, String> {
    match feel_part(text) {
        Some(feel) => parse(feel).map(Text::Expression),
        None => Ok(Text::Static(text.into())),
    }
}

/// A text that has to be an expression.
pub(crate) fn expression(text: Option<&str>) -> Result<feel::Expression, String> {
    let text = text.filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| "Expected expression but not found.".to_owned())?;
    match feel_part(text) {
        Some(feel) => parse(feel),
        None => Err(format!(
            "Expected expression but found static value '{text}'. \
             An expression must start with '=' (e.g. '={text}')."
        )),
    }
}

/// A text that is known at deployment: as it stands, or an expression without variables.
pub(crate) fn constant(text: &str) -> Result<Arc<str>, String> {
    let Some(feel) = feel_part(text) else {
        return Ok(text.into());
    };
    let environment = feel::Environment::utc(0);
    let evaluation = parse(feel)?.evaluate(&(), &environment);
    let value = evaluation.result.map_err(|failure| failure.message)?;
    value.as_str().map(Into::into).ok_or_else(|| {
        let found = value.type_name();
        format!("Expected result of the expression '{feel}' to be 'STRING', but was '{found}'.")
    })
}

/// The names of a mapping's target: `a.b.c`.
pub(crate) fn path(text: &str) -> Result<Vec<&str>, String> {
    /// More than anybody nests, and a bound on how deep the joined expression gets.
    const NAMES_MAX: usize = 32;
    let names: Vec<_> = text.split('.').collect();
    if names.len() > NAMES_MAX {
        return Err(format!(
            "A path may have at most {NAMES_MAX} names, but '{text}' has more"
        ));
    }
    let is_name = |name: &&str| {
        !name.is_empty()
            && !name.contains(|c: char| c.is_whitespace() || "\"'`\\{}[](),=<>".contains(c))
    };
    if names.iter().all(is_name) {
        Ok(names)
    } else {
        Err(format!("Expected path expression but found '{text}'."))
    }
}

/// An expression without its `=`.
pub(crate) fn parse(feel: &str) -> Result<feel::Expression, String> {
    feel::parse_expression(feel).map_err(|error| error.to_string())
}

/// `text` as a FEEL string.
pub(crate) fn string_literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether `name` can stand in an expression as it is.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    starts_well && chars.all(|c| c.is_alphanumeric() || c == '_')
}
