//! The one secret that holds all of a client's settings: `ZEEBE_CLIENT_CONFIG`. No error quotes it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Error;

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

/// The text between one pair of quotes, or as it is where there is none.
fn unquote(text: &str) -> Option<&str> {
    for quote in ['\'', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.strip_suffix(quote);
        }
    }
    Some(text)
}
