//! Hiding secrets in whatever leaves the worker: messages, variables, logs.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// What stands in place of a secret.
const HIDDEN: &str = "***";
/// A shorter piece of base64 would be found in ordinary text.
const BASE64_CHARS_MIN: usize = 8;

/// The texts that must not show: secrets as they are, and as they look when encoded.
#[derive(Clone, Default)]
pub struct Mask {
    /// Longest first, so that a text which holds another one is hidden as a whole.
    needles: Vec<String>,
}

impl Mask {
    /// Adds a secret: as it is, in base64 at each of its three alignments, in the ways
    /// to encode it in a URL, and as it stands within JSON text.
    pub fn add(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let form: String = url_form(secret);
        let json = Value::from(secret).to_string();
        let mut needles = vec![
            secret.to_owned(),
            form.replace('+', "%20"),
            lower_case_escapes(&form),
            lower_case_escapes(&form).replace('+', "%20"),
            json[1..json.len() - 1].to_owned(),
            form,
        ];
        for shift in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                needles.push(base64_core(engine, secret, shift));
            }
        }
        needles.retain(|needle| !needle.is_empty() && !self.needles.contains(needle));
        self.needles.append(&mut needles);
        self.needles
            .sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        self.needles.dedup();
    }

    /// The text without the secrets.
    pub fn hide(&self, text: &str) -> String {
        self.needles.iter().fold(text.to_owned(), |text, needle| {
            if text.contains(needle.as_str()) {
                text.replace(needle.as_str(), HIDDEN)
            } else {
                text
            }
        })
    }

    /// The value without the secrets, in keys too.
    pub fn hide_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide(&text)),
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.hide_value(item))
                .collect(),
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, value)| (self.hide(&key), self.hide_value(value)))
                .collect(),
            Value::Number(number) => {
                // A secret of digits alone would come back as a number.
                let text = number.to_string();
                if self
                    .needles
                    .iter()
                    .any(|needle| text.contains(needle.as_str()))
                {
                    Value::String(self.hide(&text))
                } else {
                    Value::Number(number)
                }
            }
            Value::Null | Value::Bool(_) => value,
        }
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} texts)", self.needles.len())
    }
}

/// A text as an HTML form or a query writes it.
pub(crate) fn url_form(text: &str) -> String {
    let mut url = reqwest::Url::parse("http://x/").expect("a constant URL");
    url.query_pairs_mut().append_key_only(text);
    url.query().unwrap_or_default().to_owned()
}

/// The same with `%2f` for `%2F`, as some encoders write it.
fn lower_case_escapes(form: &str) -> String {
    let mut parts = form.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at(2);
        lower.extend(["%", &escape.to_ascii_lowercase(), rest]);
    }
    lower
}

/// The characters of a longer base64 text that depend on the secret alone, when `shift` bytes
/// (modulo three) stand before it.
fn base64_core(engine: &base64::engine::GeneralPurpose, secret: &str, shift: usize) -> String {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&bytes);
    let first = (shift * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    match encoded.get(first..end) {
        Some(core) if core.len() >= BASE64_CHARS_MIN => core.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use serde_json::json;

    use super::*;

    const SECRET: &str = "canary +/ü\"token?>~~";

    fn mask() -> Mask {
        let mut mask = Mask::default();
        mask.add(SECRET);
        mask
    }

    #[test]
    fn every_encoding_is_hidden() {
        let mask = mask();
        let json = json!({ "echo": SECRET }).to_string();
        for text in [
            SECRET.to_owned(),
            format!("before {SECRET} after"),
            json.clone(),
            json!({ "nested": json })
                .to_string()
                .replace("\\\\\\\"", "\\\""),
            format!("https://h/?q={}", url_form(SECRET)),
            format!("https://h/?q={}", url_form(SECRET).replace('+', "%20")),
            "https://h/?q=canary%20%2b%2f%c3%bc%22token%3f%3e%7e%7e".to_owned(),
        ] {
            let hidden = mask.hide(&text);
            assert!(
                hidden.contains("***") && !hidden.contains("canary"),
                "{hidden}"
            );
        }
        for before in ["", "u", "u:", "usr:", "user:"] {
            for engine in [&STANDARD, &URL_SAFE] {
                let encoded = engine.encode(format!("{before}{SECRET} and more"));
                let hidden = mask.hide(&encoded);
                assert!(hidden.contains("***"), "{before:?}: {hidden}");
                // What is left of the secret is less than its outermost characters.
                assert!(encoded.len() - hidden.len() >= SECRET.len() - 2, "{hidden}");
            }
        }
    }

    #[test]
    fn values_are_hidden_in_depth() {
        let mut mask = mask();
        mask.add("4711481516");
        let value = json!({"a": [SECRET, {SECRET: 1}], "n": 4_711_481_516_i64, "m": 12, "b": true});
        assert_eq!(
            mask.hide_value(value),
            json!({"a": ["***", {"***": 1}], "n": "***", "m": 12, "b": true})
        );
    }

    #[test]
    fn a_secret_within_a_secret() {
        let mut mask = Mask::default();
        mask.add("inner-secret");
        mask.add("outer inner-secret outer");
        assert_eq!(mask.hide("x outer inner-secret outer"), "x ***");
        assert!(!format!("{mask:?}").contains("inner"));
    }
}
