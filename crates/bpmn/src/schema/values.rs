//! Simple values: names, numbers, enumerations.

use crate::xml::Document;

/// Checks the text of an attribute or an element against a simple type.
pub(super) fn check(
    type_name: &str,
    enumeration: Option<&[&str]>,
    text: &str,
    document: &Document,
) -> Result<(), String> {
    if let Some(values) = enumeration {
        // The enumerations restrict strings, whose white space counts.
        if values.contains(&text) {
            return Ok(());
        }
        return Err(format!(
            "cvc-enumeration-valid: Value '{text}' is not facet-valid with respect to enumeration \
             '[{}]'. It must be a value from the enumeration.",
            values.join(", ")
        ));
    }
    let value = text.trim();
    let (valid, shown_type) = match type_name {
        "ID" | "IDREF" => (is_ncname(value), "NCName"),
        "boolean" => (matches!(value, "true" | "false" | "1" | "0"), "boolean"),
        "integer" => (is_integer(value), "integer"),
        "int" => (value.parse::<i32>().is_ok(), "int"),
        "double" => (is_double(value), "double"),
        "QName" => {
            let (prefix, local) = match value.split_once(':') {
                Some((prefix, local)) => (Some(prefix), local),
                None => (None, value),
            };
            let valid = is_ncname(local) && prefix.is_none_or(is_ncname);
            if let Some(prefix) = prefix.filter(|_| valid)
                && document.namespace_of_prefix(prefix).is_none()
            {
                return Err(format!(
                    "UndeclaredPrefix: Cannot resolve '{value}' as a QName: the prefix '{prefix}' \
                     is not declared."
                ));
            }
            (valid, "QName")
        }
        _ => (true, ""),
    };
    if valid {
        Ok(())
    } else {
        Err(format!(
            "cvc-datatype-valid.1.2.1: '{value}' is not a valid value for '{shown_type}'."
        ))
    }
}

fn is_ncname(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\u{b7}'))
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Rust reads more than the schema allows: `inf`, `nan`, `infinity`.
fn is_double(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    matches!(text, "INF" | "-INF" | "NaN") || (plain && text.parse::<f64>().is_ok())
}
