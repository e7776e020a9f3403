//! JSON as this database wants it: a strict reader that names line and column and keeps numbers as
//! they are written, and the canonical form behind hashes and comparisons.
//!
//! `serde_json`'s own reader takes the last of two equal keys in silence, and `1e400` as it comes.

mod locate;
mod number;
mod order;

pub(crate) use locate::locate;
pub(crate) use number::{canonical_number, compare_numbers, is_finite};
pub(crate) use order::compare;

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Deepest nesting of arrays and objects that is read or stored.
pub(crate) const DEPTH_MAX: usize = 128;

/// A fault in a JSON text, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    pub(crate) kind: FaultKind,
    pub(crate) reason: String,
}

/// Which rule a text breaks, for those who tell faults apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Syntax,
    ConflictMarker,
    DuplicateKey,
    NumberRange,
    TooDeep,
    TooLarge,
    NotUtf8,
    NotAnObject,
}

/// Reads one JSON text strictly.
///
/// Refuses duplicate keys, numbers that no double can hold, nesting over 128 and anything after the
/// value; the error is one line with line and column. Numbers keep their spelling.
pub fn parse_json(text: &str) -> Result<Value, String> {
    parse(text).map_err(|fault| format!("{}:{}: {}", fault.line, fault.column, fault.reason))
}

pub(crate) fn parse(text: &str) -> Result<Value, Fault> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.unexpected("the end of the text"));
    }
    Ok(value)
}

/// The items of a JSON text that is one array, read one at a time, each with the line on which it
/// begins. After a fault there is nothing more.
pub(crate) struct Items<'t> {
    parser: Parser<'t>,
    /// How far lines have been counted, and which one that is.
    counted: (usize, usize),
    state: ItemsState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ItemsState {
    Start,
    Inside,
    End,
}

pub(crate) fn items(text: &str) -> Items<'_> {
    Items {
        parser: Parser { text, at: 0 },
        counted: (0, 1),
        state: ItemsState::Start,
    }
}

impl Items<'_> {
    fn read(&mut self) -> Result<Option<(usize, Value)>, Fault> {
        let parser = &mut self.parser;
        parser.skip_space();
        let is_last = match self.state {
            ItemsState::End => return Ok(None),
            ItemsState::Start => {
                parser.expect(b'[', "'['")?;
                parser.skip_space();
                parser.peek() == Some(b']')
            }
            ItemsState::Inside if parser.peek() == Some(b']') => true,
            ItemsState::Inside => {
                parser.expect(b',', "',' or ']'")?;
                parser.skip_space();
                false
            }
        };
        if is_last {
            parser.at += 1;
            parser.skip_space();
            self.state = ItemsState::End;
            return match parser.at < parser.text.len() {
                true => Err(parser.unexpected("the end of the text")),
                false => Ok(None),
            };
        }
        self.state = ItemsState::Inside;
        let (counted, line) = self.counted;
        let line = line + parser.text[counted..parser.at].matches('\n').count();
        self.counted = (parser.at, line);
        Ok(Some((line, parser.value(0)?)))
    }
}

impl Iterator for Items<'_> {
    type Item = Result<(usize, Value), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read().transpose();
        if matches!(item, Some(Err(_))) {
            self.state = ItemsState::End;
        }
        item
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault_at(&self, at: usize, reason: impl Into<String>) -> Fault {
        self.fault_of(FaultKind::Syntax, at, reason)
    }

    fn fault_of(&self, kind: FaultKind, at: usize, reason: impl Into<String>) -> Fault {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Fault {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            kind,
            reason: reason.into(),
        }
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let line = self.text[..self.at]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        if ["<<<<<<<", "=======", ">>>>>>>"]
            .iter()
            .any(|mark| self.text[line..].starts_with(mark))
        {
            let reason = "a conflict marker of a merge stands here";
            return self.fault_of(FaultKind::ConflictMarker, self.at, reason);
        }
        match self.text[self.at..].chars().next() {
            Some(c) => self.fault_at(self.at, format!("expected {wanted}, found {c:?}")),
            None => self.fault_at(
                self.at,
                format!("expected {wanted}, but the text ends here"),
            ),
        }
    }

    fn expect(&mut self, byte: u8, wanted: &str) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected(wanted));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => {
                let reason = format!("nested deeper than {DEPTH_MAX}");
                Err(self.fault_of(FaultKind::TooDeep, self.at, reason))
            }
            Some(b'{') => self.object(depth + 1).map(Value::Object),
            Some(b'[') => self.array(depth + 1).map(Value::Array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, Fault> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected("a JSON value"))
    }

    fn object(&mut self, depth: usize) -> Result<Map<String, Value>, Fault> {
        let mut map = Map::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(map);
        }
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            if map.contains_key(&key) {
                let reason = format!("key {key:?} stands twice");
                return Err(self.fault_of(FaultKind::DuplicateKey, start, reason));
            }
            self.skip_space();
            self.expect(b':', "':'")?;
            self.skip_space();
            let value = self.value(depth)?;
            map.insert(key, value);
            self.skip_space();
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(map);
            }
            self.expect(b',', "',' or '}'")?;
            self.skip_space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, Fault> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(items);
            }
            self.expect(b',', "',' or ']'")?;
            self.skip_space();
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .find(|c: char| c == '"' || c == '\\' || c < ' ')
                .ok_or_else(|| self.fault_at(self.text.len(), "the text ends inside a string"))?;
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => {
                    return Err(
                        self.fault_at(self.at, "a control character stands unescaped in a string")
                    );
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex4(start)?;
                let code = if (0xd800..0xdc00).contains(&first) {
                    if !self.text[self.at..].starts_with("\\u") {
                        return Err(self.fault_at(start, "half of a surrogate pair"));
                    }
                    self.at += 2;
                    let second = self.hex4(start)?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(self.fault_at(start, "half of a surrogate pair"));
                    }
                    0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                char::from_u32(code)
                    .ok_or_else(|| self.fault_at(start, "half of a surrogate pair"))?
            }
            _ => return Err(self.fault_at(start, "unknown escape in a string")),
        })
    }

    fn hex4(&mut self, start: usize) -> Result<u32, Fault> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or_else(|| self.fault_at(start, "\\u needs four hex digits"))?;
        self.at += 4;
        u32::from_str_radix(digits, 16)
            .map_err(|_| self.fault_at(start, "\\u needs four hex digits"))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Number, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(self.fault_at(start, "not a JSON number"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.fault_at(start, "not a JSON number"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.fault_at(start, "not a JSON number"));
            }
        }
        let number = Number::from_string_unchecked(self.text[start..self.at].to_owned());
        if !is_finite(&number) {
            let reason = format!("number {number} is larger than a double can hold");
            return Err(self.fault_of(FaultKind::NumberRange, start, reason));
        }
        Ok(number)
    }
}

/// Whether two values are the same, numbers compared by value (`1.10` = `1.1`), exactly.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b).is_eq(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}

/// One text for one value: no spaces, keys sorted by bytes, numbers by value (`1.0` as `1`).
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(&Value::String(key.clone()), out);
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Number(number) => match canonical_number(number) {
            Some(canonical) => out.push_str(&canonical),
            None => out.push_str(number.as_str()),
        },
        Value::String(_) | Value::Bool(_) | Value::Null => out.push_str(&value.to_string()),
    }
}

/// SHA-256 of [`canonical_json`], in lower-case hex.
pub fn canonical_sha256(value: &Value) -> String {
    sha256_hex(canonical_json(value).as_bytes())
}

/// SHA-256 in lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(hex, "{byte:02x}").expect("a String takes all text");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(parse_json(text).unwrap_err(), expected, "{text:?}");
    }

    #[test]
    fn numbers_keep_their_spelling() {
        for number in [
            "12345678901234567890",
            "1.10",
            "1E5",
            "-0",
            "1e-7",
            "0.1e+2",
        ] {
            let value = parse_json(number).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), number);
        }
    }

    #[test]
    fn items_come_one_at_a_time_with_their_lines() {
        let read = |text: &str| -> Result<Vec<(usize, String)>, String> {
            items(text)
                .map(|item| match item {
                    Ok((line, value)) => Ok((line, value.to_string())),
                    Err(fault) => Err(format!("{}:{}: {}", fault.line, fault.column, fault.reason)),
                })
                .collect()
        };
        let item = |line, text: &str| (line, text.to_owned());
        assert_eq!(read(" [ ] "), Ok(vec![]));
        assert_eq!(
            read("[1,\n {\n\"a\": [2]}\n\n, 1.10]\n"),
            Ok(vec![item(1, "1"), item(2, r#"{"a":[2]}"#), item(5, "1.10")])
        );
        let refused = |text: &str| read(text).unwrap_err();
        assert_eq!(refused("{}"), "1:1: expected '[', found '{'");
        assert_eq!(refused("[1 2]"), "1:4: expected ',' or ']', found '2'");
        assert_eq!(refused("[1,]"), "1:4: expected a JSON value, found ']'");
        assert_eq!(
            refused("[1"),
            "1:3: expected ',' or ']', but the text ends here"
        );
        assert_eq!(
            refused("[1] x"),
            "1:5: expected the end of the text, found 'x'"
        );
        assert_eq!(
            refused("[1,\n{\"a\": 1, \"a\": 2}]"),
            "2:10: key \"a\" stands twice"
        );
    }

    #[test]
    fn faults_name_line_and_column() {
        refused("{\"a\": 1,\n  \"a\": 2}", "2:3: key \"a\" stands twice");
        refused(
            "{\"é\": 1, x}",
            "1:10: expected a key in double quotes, found 'x'",
        );
        refused("[1, NaN]", "1:5: expected a JSON value, found 'N'");
        refused(
            "[1e400]",
            "1:2: number 1e400 is larger than a double can hold",
        );
        refused("[01]", "1:2: not a JSON number");
        refused("[1.]", "1:2: not a JSON number");
        refused("{\"a\"", "1:5: expected ':', but the text ends here");
        refused(
            "\"a\u{1}\"",
            "1:3: a control character stands unescaped in a string",
        );
        refused("\"\\ud800x\"", "1:2: half of a surrogate pair");
        refused("\"\\udc00\"", "1:2: half of a surrogate pair");
        refused("\"\\", "1:2: unknown escape in a string");
        refused("\"\\u00é\"", "1:2: \\u needs four hex digits");
        refused("1 2", "1:3: expected the end of the text, found '2'");
        refused("", "1:1: expected a JSON value, but the text ends here");
        refused(
            "{\n<<<<<<< HEAD\n\"a\": 1",
            "2:1: a conflict marker of a merge stands here",
        );
        refused(
            "{\n  \"a\": 1,\n=======\n",
            "3:1: a conflict marker of a merge stands here",
        );
    }

    #[test]
    fn depth_ends_at_the_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        parse_json(&nested(DEPTH_MAX)).unwrap();
        refused(&nested(DEPTH_MAX + 1), "1:129: nested deeper than 128");
    }

    #[test]
    fn agrees_with_serde_json_on_ordinary_text() {
        let text = r#" {"a":[1,2.5,true,null,{"b":"x\n\"\u00e9\ud83c\udf7a\/"}],"":{} } "#;
        assert_eq!(
            parse_json(text).unwrap(),
            serde_json::from_str::<Value>(text).unwrap()
        );
    }

    #[test]
    fn canonical_form_ignores_spelling_alone() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(canonical_json(&parse_json(text).unwrap()), expected);
        }
        check(r#"{"b": 1.0, "a": [10e-1, 1e0]}"#, r#"{"a":[1,1],"b":1}"#);
        check("[100, 1e2, 1.00e2, 0.010, 1e-2]", "[100,100,100,1e-2,1e-2]");
        check("[-0, 0.0, 0e9, -1.50]", "[0,0,0,-15e-1]");
        check(
            "[12345678901234567890, 12345678901234567891]",
            "[12345678901234567890,12345678901234567891]",
        );
        check("1e300", "1e300");
        check(r#""\u00e9\n""#, r#""é\n""#);
        assert_eq!(
            canonical_sha256(&parse_json("{}").unwrap()),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let value = |text| parse_json(text).unwrap();
        assert!(same(
            &value("[1.10, {\"a\": 1}]"),
            &value("[1.1, {\"a\": 1.0}]")
        ));
        assert!(!same(
            &value("9007199254740993"),
            &value("9007199254740992")
        ));
        assert!(!same(&value("1"), &value("\"1\"")));
    }
}
