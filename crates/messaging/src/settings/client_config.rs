//! The one secret that holds all of a client's settings: `ZEEBE_CLIENT_CONFIG`. No error quotes it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Error;

/// A shorter word of a broken block is none of its secrets.
const WORD_CHARS_MIN: usize = 6;

/// Reads the block that Camunda's console shows (`export NAME='value'` lines), or a JSON object.
///
/// A name that nothing here uses is no error: the console shows more than a client needs.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, Error> {
    let bad = |line, why| Error::ClientConfig { line, why };
    if text.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| bad(error.line(), "starts as JSON, but is not valid JSON"))?;
        let Value::Object(fields) = value else {
            return Err(bad(1, "is JSON, but not an object"));
        };
        return fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name, text)),
                Value::Bool(flag) => Ok((name, flag.to_string())),
                Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    Err(bad(1, "a field of the JSON object is not a text"))
                }
            })
            .collect();
    }
    let mut fields = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line
            .strip_prefix("export ")
            .unwrap_or(line)
            .trim()
            .trim_end_matches(';');
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(bad(index + 1, "is not NAME='value'"));
        };
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(bad(index + 1, "has no name before the ="));
        }
        let value = unquote(value.trim()).ok_or_else(|| bad(index + 1, "has an open quote"))?;
        if !value.is_empty() {
            fields.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(fields)
}

/// The texts in a block that a log may not show: the values of its fields, and of a block that cannot
/// be read every word that could be one.
pub(super) fn texts(block: &str) -> Vec<String> {
    match parse(block) {
        Ok(fields) => fields.into_values().collect(),
        Err(_) => block
            .split(|c: char| c.is_whitespace() || "'\"=,;:{}[]".contains(c))
            .filter(|word| word.chars().count() >= WORD_CHARS_MIN && !is_name(word))
            .map(str::to_owned)
            .collect(),
    }
}

/// Whether a word of a broken block is a name such as `ZEEBE_CLIENT_ID`, which an error may show.
fn is_name(word: &str) -> bool {
    word == "export" || word.starts_with("ZEEBE_") || word.starts_with("CAMUNDA_")
}

/// The text between one pair of quotes, or as it is where there is none.
fn unquote(text: &str) -> Option<&str> {
    for quote in ['\'', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.strip_suffix(quote);
        }
    }
    Some(text)
}
