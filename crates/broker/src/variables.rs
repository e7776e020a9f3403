//! A client's variables: a JSON object as text becomes names and values, each value as JSON text
//! in one normal form.
//!
//! The form is what Zeebe gives back: no spaces, whole numbers digit for digit, others as the
//! nearest double (1.10 is 1.1, -0.0 stays), of a name that comes twice the last value. Errors
//! are worded as Zeebe's gateway words them, columns included.

use engine::command::Variables;
use std::fmt::Write as _;
use std::sync::Arc;

/// How deep values may nest.
const DEPTH_MAX: usize = 1000;

/// Why a text is not a set of variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not JSON.
    #[error(
        "Invalid JSON value: {text}\n at [Source: REDACTED \
         (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
    )]
    NotJson {
        /// The text as it came.
        text: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It is JSON, but no object.
    #[error(
        "Property 'variables' is invalid: Expected document to be a root level object, but was \
         '{0}'"
    )]
    NotAnObject(&'static str),
}

/// How much of a text that is not JSON an error repeats.
const SHOWN_MAX: usize = 500;

/// Reads variables; an empty text and `null` are none.
///
/// # Errors
///
/// If the text is not JSON, or not an object.
pub fn parse(text: &str) -> Result<Variables, Error> {
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        out: String::new(),
    };
    match parser.variables() {
        Ok(variables) => Ok(variables),
        Err(Fault::At(at)) => {
            let before = &text.as_bytes()[..at.min(text.len())];
            let line_start = before.iter().rposition(|byte| *byte == b'\n');
            let line_start = line_start.map_or(0, |newline| newline + 1);
            let mut shown = text.len().min(SHOWN_MAX);
            while !text.is_char_boundary(shown) {
                shown -= 1;
            }
            Err(Error::NotJson {
                text: text[..shown].to_owned(),
                line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
                column: at - line_start + 1,
            })
        }
        Err(Fault::Root(kind)) => Err(Error::NotAnObject(kind)),
    }
}

enum Fault {
    /// Not JSON, seen at this byte.
    At(usize),
    /// No object, but this.
    Root(&'static str),
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The normal form of the value that is being read.
    out: String,
}

impl Parser<'_> {
    fn variables(&mut self) -> Result<Variables, Fault> {
        let mut variables: Variables = Vec::new();
        match self.peek() {
            None => return Ok(variables),
            Some(b'{') => self.at += 1,
            Some(_) => return self.other_root(),
        }
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                let name = self.member_name()?;
                self.value(1)?;
                let value = Arc::from(self.out.as_str());
                self.out.clear();
                match variables.iter_mut().find(|(known, _)| **known == *name) {
                    Some((_, old)) => *old = value,
                    None => variables.push((Arc::from(name), value)),
                }
                if self.comma_or(b'}')? {
                    break;
                }
            }
        }
        self.end()?;
        Ok(variables)
    }

    /// A text whose root is no object: fine if it is `null`.
    fn other_root(&mut self) -> Result<Variables, Fault> {
        let first = self.peek();
        self.value(0)?;
        self.end()?;
        Err(Fault::Root(match first {
            Some(b'[') => "ARRAY",
            Some(b'"') => "STRING",
            Some(b't' | b'f') => "BOOLEAN",
            Some(b'n') => return Ok(Vec::new()),
            _ if self.out.contains(['.', 'e', 'E']) => "FLOAT",
            _ => "INTEGER",
        }))
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Fault::At(self.at)),
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(Fault::At(self.at))
        }
    }

    /// A comma, or the end of what is open; says whether it was the end.
    fn comma_or(&mut self, end: u8) -> Result<bool, Fault> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(Fault::At(self.at)),
        }
    }

    fn member_name(&mut self) -> Result<String, Fault> {
        if self.peek() != Some(b'"') {
            return Err(Fault::At(self.at));
        }
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// Appends the normal form of the next value to `out`.
    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::At(self.at));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let string = self.string()?;
                write_string(&string, &mut self.out);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$') => self.word(),
            _ => Err(Fault::At(self.at)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        self.out.push('{');
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                let name = self.member_name()?;
                write_string(&name, &mut self.out);
                self.out.push(':');
                self.value(depth + 1)?;
                if self.comma_or(b'}')? {
                    break;
                }
                self.out.push(',');
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        self.out.push('[');
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                self.value(depth + 1)?;
                if self.comma_or(b']')? {
                    break;
                }
                self.out.push(',');
            }
        }
        self.out.push(']');
        Ok(())
    }

    /// `true`, `false`, `null`; anything else is seen as wrong at its end, as Zeebe does.
    fn word(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$') =
            self.bytes.get(self.at)
        {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if !matches!(word, "true" | "false" | "null") {
            return Err(Fault::At(self.at));
        }
        self.out.push_str(word);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.skip_if(|byte| byte == b'-');
        let digits = self.digits()?;
        if digits > 1 && self.bytes[self.at - digits] == b'0' {
            return Err(Fault::At(self.at - digits + 1));
        }
        let mut is_whole = true;
        if self.skip_if(|byte| byte == b'.') {
            is_whole = false;
            self.digits()?;
        }
        if self.skip_if(|byte| matches!(byte, b'e' | b'E')) {
            is_whole = false;
            self.skip_if(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if is_whole {
            self.out.push_str(if text == "-0" { "0" } else { text });
            return Ok(());
        }
        let number: f64 = text.parse().map_err(|_| Fault::At(start))?;
        if number.is_infinite() {
            return Err(Fault::At(self.at));
        }
        write_double(number, &mut self.out);
        Ok(())
    }

    fn skip_if(&mut self, is: impl FnOnce(u8) -> bool) -> bool {
        let skips = self.bytes.get(self.at).copied().is_some_and(is);
        self.at += usize::from(skips);
        skips
    }

    /// One digit or more; says how many.
    fn digits(&mut self) -> Result<usize, Fault> {
        let start = self.at;
        while self.skip_if(|byte| byte.is_ascii_digit()) {}
        match self.at - start {
            0 => Err(Fault::At(self.at)),
            n => Ok(n),
        }
    }

    /// The string that begins here, without its quotes and escapes.
    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let start = self.at;
            while let Some(byte) = self.bytes.get(self.at)
                && !matches!(byte, b'"' | b'\\' | 0..=0x1f)
            {
                self.at += 1;
            }
            string.push_str(&self.text[start..self.at]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(&mut string)?;
                }
                _ => return Err(Fault::At(self.at)),
            }
        }
    }

    fn escape(&mut self, string: &mut String) -> Result<(), Fault> {
        let byte = self.bytes.get(self.at).ok_or(Fault::At(self.at))?;
        let c = match byte {
            b'"' | b'\\' | b'/' => char::from(*byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                let c = self.code_point()?;
                string.push(c);
                return Ok(());
            }
            _ => return Err(Fault::At(self.at)),
        };
        self.at += 1;
        string.push(c);
        Ok(())
    }

    /// The four digits after `\u`, and the second half of a pair; half a pair has no character.
    fn code_point(&mut self) -> Result<char, Fault> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let after_first = self.at;
        if self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = after_first;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.bytes.get(self.at).copied().ok_or(Fault::At(self.at))?;
            let digit = char::from(byte).to_digit(16).ok_or(Fault::At(self.at))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Appends a JSON string.
pub(crate) fn write_string(string: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in string.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x8 => "\\b",
            0xc => "\\f",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&string[from..at]);
        from = at + 1;
        if escape.is_empty() {
            write!(out, "\\u{byte:04X}").expect("a string takes all that is written to it");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&string[from..]);
    out.push('"');
}

/// Appends a double as Java writes it: the shortest digits that give it back, plain from 0.001 to
/// ten million, else with an exponent.
fn write_double(number: f64, out: &mut String) {
    let magnitude = number.abs();
    if number == 0.0 || (1e-3..1e7).contains(&magnitude) {
        write!(out, "{number:?}").expect("a string takes all that is written to it");
        return;
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').expect("this format has an exponent");
    out.push_str(digits);
    if !digits.contains('.') {
        out.push_str(".0");
    }
    out.push('E');
    out.push_str(exponent);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let variables = parse(text).unwrap();
        let variables: Vec<_> = variables.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(variables, expected, "{text}");
    }

    #[track_caller]
    fn check_column(text: &str, expected: (usize, usize)) {
        match parse(text) {
            Err(Error::NotJson { line, column, .. }) => assert_eq!((line, column), expected),
            other => panic!("{text} gives {other:?}"),
        }
    }

    #[test]
    fn values_take_their_normal_form() {
        check("", &[]);
        check(" null ", &[]);
        check("{ }", &[]);
        check(
            r#" { "a" : 1 , "b" : [ 1.10, -0.0, { "x" : null } ] } "#,
            &[("a", "1"), ("b", r#"[1.1,-0.0,{"x":null}]"#)],
        );
        check(
            r#"{"big":12345678901234567890,"neg":-0,"e":1e3,"large":1.5e10,"small":1e-7}"#,
            &[
                ("big", "12345678901234567890"),
                ("neg", "0"),
                ("e", "1000.0"),
                ("large", "1.5E10"),
                ("small", "1.0E-7"),
            ],
        );
        check(
            r#"{"s":"\u00e9\u2603\/\n\"\\\u0001 \ud83d\ude00 \ud800"}"#,
            &[("s", "\"é☃/\\n\\\"\\\\\\u0001 😀 \u{fffd}\"")],
        );
        check(r#"{"a":1,"b":2,"a":3}"#, &[("a", "3"), ("b", "2")]);
    }

    #[test]
    fn errors_say_where_as_zeebe_does() {
        check_column("{oops", (1, 2));
        check_column("nope", (1, 5));
        check_column("x", (1, 2));
        check_column("{\"a\":\n 01}", (2, 3));
        check_column("{\"a\":1", (1, 7));
        check_column("{\"a\":1}}", (1, 8));
        check_column("{\"a\":\"\u{1}\"}", (1, 7));
        check_column("{\"a\":1e400}", (1, 11));
    }

    #[test]
    fn what_is_no_object_is_named() {
        for (text, kind) in [
            ("[1]", "ARRAY"),
            ("\"x\"", "STRING"),
            ("true", "BOOLEAN"),
            ("1", "INTEGER"),
            ("1.5", "FLOAT"),
        ] {
            assert_eq!(parse(text), Err(Error::NotAnObject(kind)), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        assert!(parse(&nested(DEPTH_MAX + 1)).is_err());
    }
}
