//! A dispatch and its payload, read strictly: exactly the named fields, each of its type.
//!
//! Refusals name the field and the rule. None of them quotes a text, since a text may be a
//! customer's or, where a token belongs, a card number; numbers are shown.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Number, Value};

/// A correlation key may be as long as this; a longer one is no key of ours.
pub const ID_BYTES_MAX: usize = 200;
/// Ids of records and the like.
const LINE_BYTES_MAX: usize = 200;
/// Names of products: 250 characters of any script.
const NAME_BYTES_MAX: usize = 1_000;
/// Names and addresses of people, which may have several lines.
const TEXT_BYTES_MAX: usize = 4_000;
/// What one order or restock can be about; far above any shop, far below an overflow.
pub const QUANTITY_MAX: i64 = 1_000_000;
/// Ten billion in a currency with cents.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// The fields beside the named ones that each payload has or may have.
const ID: &str = "_id";
const TRACEPARENT: &str = "traceparent";

/// Input that is refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fields are missing or surplus.
    #[error("{place}: {}", named(.missing, .surplus))]
    Fields {
        /// Where they are missing: the event type, or a field of it.
        place: String,
        /// Names that should be there.
        missing: Vec<String>,
        /// Names that should not.
        surplus: Vec<String>,
    },
    /// A field's value breaks its rule.
    #[error("field '{field}' must be {rule}, but is {found}")]
    Field {
        /// Path of the field, such as `customer.email`.
        field: String,
        /// What it must be.
        rule: String,
        /// What it is, in words.
        found: String,
    },
    /// The input is well formed, but does not fit what is stored.
    #[error("{0}")]
    State(String),
}

impl Refusal {
    /// A field that breaks a rule.
    pub fn field(
        field: impl Into<String>,
        rule: impl Into<String>,
        found: impl Into<String>,
    ) -> Refusal {
        Refusal::Field {
            field: field.into(),
            rule: rule.into(),
            found: found.into(),
        }
    }
}

fn named(missing: &[String], surplus: &[String]) -> String {
    let list = |what: &str, names: &[String]| {
        let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
        format!("{what} {}", quoted.join(", "))
    };
    match (missing.is_empty(), surplus.is_empty()) {
        (false, true) => list("missing field", missing),
        (true, false) => list("surplus field", surplus),
        _ => format!(
            "{}; {}",
            list("missing field", missing),
            list("surplus field", surplus)
        ),
    }
}

/// One dispatch: what is to be done, for which order, with what.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    event_type: String,
    id: String,
    payload: Map<String, Value>,
}

impl Dispatch {
    /// A dispatch of this payload. Only `_id` is checked here; the fields are the operation's.
    ///
    /// # Errors
    /// When `_id` is missing or cannot be a correlation key.
    pub fn new(event_type: &str, mut payload: Map<String, Value>) -> Result<Dispatch, Refusal> {
        // A trace belongs to one delivery, not to what is asked: it is no part of the payload.
        payload.shift_remove(TRACEPARENT);
        let rule = || format!("a text of 1 to {ID_BYTES_MAX} bytes");
        let id = match payload.shift_remove(ID) {
            None => {
                return Err(Refusal::Fields {
                    place: event_type.to_owned(),
                    missing: vec![ID.to_owned()],
                    surplus: Vec::new(),
                });
            }
            Some(Value::String(id)) if id.is_empty() || id.len() > ID_BYTES_MAX => {
                return Err(Refusal::field(ID, rule(), format!("{} bytes", id.len())));
            }
            Some(Value::String(id)) => id,
            Some(other) => return Err(Refusal::field(ID, rule(), found(&other))),
        };
        Ok(Dispatch {
            event_type: event_type.to_owned(),
            id,
            payload,
        })
    }

    /// What is to be done.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The payload's `_id`, which is the correlation key of the answer.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The idempotency key: one a dispatch, however often it is delivered.
    pub fn key(&self) -> String {
        format!("{}/{}", self.id, self.event_type)
    }

    /// SHA-256 of the payload as canonical JSON, in hex.
    pub fn payload_sha256(&self) -> String {
        let mut whole = self.payload.clone();
        whole.insert(ID.to_owned(), Value::String(self.id.clone()));
        ghettodb::canonical_sha256(&Value::Object(whole))
    }

    /// The fields beside `_id`, which must be exactly these.
    ///
    /// # Errors
    /// When one is missing or surplus.
    pub fn fields(&self, names: &[&str]) -> Result<Fields<'_>, Refusal> {
        Fields::exactly(&self.payload, &self.event_type, "", names)
    }
}

/// The fields of a payload, or of an object in it.
#[derive(Debug)]
pub struct Fields<'a> {
    fields: &'a Map<String, Value>,
    /// What stands before a name in messages: empty, or `customer.`.
    prefix: String,
}

impl<'a> Fields<'a> {
    /// The fields of an object that is no dispatch; `place` names it in messages.
    ///
    /// # Errors
    /// When one is missing or surplus.
    pub fn of(
        fields: &'a Map<String, Value>,
        place: &str,
        names: &[&str],
    ) -> Result<Fields<'a>, Refusal> {
        Fields::exactly(fields, place, "", names)
    }

    fn exactly(
        fields: &'a Map<String, Value>,
        place: &str,
        prefix: &str,
        names: &[&str],
    ) -> Result<Fields<'a>, Refusal> {
        let missing: Vec<_> = names
            .iter()
            .filter(|name| !fields.contains_key(**name))
            .map(|name| (*name).to_owned())
            .collect();
        // A name is the sender's text: as much of it as helps, on one line.
        let surplus: Vec<_> = fields
            .keys()
            .filter(|name| !names.contains(&name.as_str()))
            .map(|name| one_line(name, 60))
            .collect();
        if missing.is_empty() && surplus.is_empty() {
            return Ok(Fields {
                fields,
                prefix: prefix.to_owned(),
            });
        }
        Err(Refusal::Fields {
            place: place.to_owned(),
            missing,
            surplus,
        })
    }

    /// An object with exactly these fields.
    ///
    /// # Errors
    /// When it is none, or a field is missing or surplus.
    pub fn object(&self, name: &str, names: &[&str]) -> Result<Fields<'a>, Refusal> {
        let path = self.path(name);
        match self.value(name) {
            Value::Object(fields) => Fields::exactly(
                fields,
                &format!("field '{path}'"),
                &format!("{path}."),
                names,
            ),
            other => Err(Refusal::field(path, "an object", found(other))),
        }
    }

    /// A text that may have several lines, such as a person's name or address.
    ///
    /// # Errors
    /// When it is no text, blank, or too long.
    pub fn text(&self, name: &str) -> Result<String, Refusal> {
        let rule = || format!("a text of at most {TEXT_BYTES_MAX} bytes that is not blank");
        let text = self.string(name, rule)?;
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(Refusal::field(self.path(name), rule(), length(text)));
        }
        Ok(text.to_owned())
    }

    /// A text on one line, such as a record's id.
    ///
    /// # Errors
    /// When it is no text, blank, too long, or holds control characters.
    pub fn line(&self, name: &str) -> Result<String, Refusal> {
        self.one_line(name, LINE_BYTES_MAX)
    }

    /// A product's name, on one line.
    ///
    /// # Errors
    /// When it is no text, blank, too long, or holds control characters.
    pub fn product(&self, name: &str) -> Result<String, Refusal> {
        self.one_line(name, NAME_BYTES_MAX)
    }

    fn one_line(&self, name: &str, bytes_max: usize) -> Result<String, Refusal> {
        let rule = || format!("a text of at most {bytes_max} bytes on one line that is not blank");
        let text = self.string(name, rule)?;
        if text.chars().any(char::is_control) {
            let found = "a text with control characters";
            return Err(Refusal::field(self.path(name), rule(), found));
        }
        if text.trim().is_empty() || text.len() > bytes_max {
            return Err(Refusal::field(self.path(name), rule(), length(text)));
        }
        Ok(text.to_owned())
    }

    /// An e-mail address.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn email(&self, name: &str) -> Result<String, Refusal> {
        let rule = || "an e-mail address such as ada@example.com".to_owned();
        let text = self.string(name, rule)?;
        if !is_email(text) {
            return Err(Refusal::field(self.path(name), rule(), "malformed"));
        }
        Ok(text.to_owned())
    }

    /// A payment provider's token. A card number is refused, and never repeated.
    ///
    /// # Errors
    /// When it is no token.
    pub fn payment_token(&self, name: &str) -> Result<String, Refusal> {
        let rule = || "a token of the payment provider such as pm_card_visa".to_owned();
        let text = self.string(name, rule)?;
        if holds_card_number(text) {
            let found = "a card number, which belongs to the payment provider alone";
            return Err(Refusal::field(self.path(name), rule(), found));
        }
        if !is_token(text) {
            return Err(Refusal::field(self.path(name), rule(), "another text"));
        }
        Ok(text.to_owned())
    }

    /// A currency's code in capitals.
    ///
    /// # Errors
    /// When it is none.
    pub fn currency(&self, name: &str) -> Result<String, Refusal> {
        let rule = || "a currency's three capital letters such as EUR".to_owned();
        let text = self.string(name, rule)?;
        if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Refusal::field(self.path(name), rule(), "another text"));
        }
        Ok(text.to_owned())
    }

    /// A whole number in this range. A number written as text is refused.
    ///
    /// # Errors
    /// When it is no number, not whole, or out of the range.
    pub fn whole_number(&self, name: &str, range: RangeInclusive<i64>) -> Result<i64, Refusal> {
        let rule = || format!("a whole number from {} to {}", range.start(), range.end());
        match self.value(name) {
            Value::Number(number) => whole_number(number)
                .filter(|whole| range.contains(whole))
                .ok_or_else(|| {
                    Refusal::field(self.path(name), rule(), one_line(&number.to_string(), 40))
                }),
            other => Err(Refusal::field(self.path(name), rule(), found(other))),
        }
    }

    /// How many of a product, at least one.
    ///
    /// # Errors
    /// As [`Fields::whole_number`].
    pub fn quantity(&self, name: &str) -> Result<i64, Refusal> {
        self.whole_number(name, 1..=QUANTITY_MAX)
    }

    fn string(&self, name: &str, rule: impl Fn() -> String) -> Result<&'a str, Refusal> {
        match self.value(name) {
            Value::String(text) => Ok(text),
            other => Err(Refusal::field(self.path(name), rule(), found(other))),
        }
    }

    fn value(&self, name: &str) -> &'a Value {
        self.fields
            .get(name)
            .expect("the caller named this field when the fields were checked")
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// What a value is, in words that give nothing of it away.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
    .to_owned()
}

fn length(text: &str) -> String {
    if text.trim().is_empty() {
        "blank".to_owned()
    } else {
        format!("{} bytes", text.len())
    }
}

/// The number as an integer, also where it is written `2.0`.
pub fn whole_number(number: &Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.')?;
    let zeros = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    zeros.then(|| whole.parse().ok()).flatten()
}

/// A whole number that a person wrote into a form.
///
/// # Errors
/// When the text is no whole number in this range.
pub fn form_number(field: &str, text: &str, range: RangeInclusive<i64>) -> Result<i64, Refusal> {
    let rule = format!("a whole number from {} to {}", range.start(), range.end());
    match text.trim().parse::<i64>() {
        Ok(number) if range.contains(&number) => Ok(number),
        Ok(number) => Err(Refusal::field(field, rule, number.to_string())),
        Err(_) => Err(Refusal::field(field, rule, "another text")),
    }
}

/// A number that a person wrote; what is none stays a text, which its operation refuses by its own
/// rule.
pub fn number_or_text(text: &str) -> Value {
    serde_json::from_str::<Number>(text.trim())
        .map_or_else(|_| Value::String(text.to_owned()), Value::Number)
}

/// A level or quantity of a stored record, which older databases keep as text.
pub fn stored_number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => whole_number(number),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a text has the shape of an e-mail address: not that someone reads it.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let local_fits =
        |c: char| !c.is_whitespace() && !c.is_control() && !"@<>()[]\\,;:\"".contains(c);
    let label_fits = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    (1..=64).contains(&local.len())
        && text.len() <= 254
        && local.chars().all(local_fits)
        && local.split('.').all(|part| !part.is_empty())
        && domain.contains('.')
        && domain.split('.').all(label_fits)
}

/// Whether a text has the shape of a provider's token: a word that starts with a letter.
fn is_token(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Whether a text holds 13 to 19 digits, in groups or not, whose check digit is right.
pub fn holds_card_number(text: &str) -> bool {
    let mut digits: Vec<u32> = Vec::new();
    for c in text.chars().chain(['\0']) {
        match c.to_digit(10) {
            Some(digit) => digits.push(digit),
            None if matches!(c, ' ' | '-' | '.' | '\u{a0}') => {}
            None => {
                if (13..=19).contains(&digits.len()) && check_digit_fits(&digits) {
                    return true;
                }
                digits.clear();
            }
        }
    }
    false
}

/// The Luhn check.
fn check_digit_fits(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

/// A text on one line of at most this many characters, for commit subjects and messages.
pub fn one_line(text: &str, chars_max: usize) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if line.chars().count() <= chars_max {
        return line;
    }
    let kept: String = line.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// An amount of money for people: `12.50 EUR` of 1250 and `EUR`.
pub fn money(minor_units: i64, currency: &str) -> String {
    // The few currencies of ISO 4217 that have no minor unit.
    let whole = matches!(
        currency,
        "JPY" | "KRW" | "VND" | "CLP" | "ISK" | "UGX" | "XAF" | "XOF"
    );
    if whole {
        return format!("{minor_units} {currency}");
    }
    format!("{}.{:02} {currency}", minor_units / 100, minor_units % 100)
}

impl fmt::Display for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.event_type, one_line(&self.id, 80))
    }
}

#[cfg(test)]
mod tests;
