//! A place in a text and the smallest things that can stand there: white space, comments,
//! names, numbers, strings. Knows nothing of expressions.
//!
//! FEEL has no tokens that could be told apart without their context (`a-b` is a difference, but
//! one key in `{a-b: 1}`; `get or else` is one name), so the parser asks for what may come.

/// The words that are no names, though names may start with them.
const RESERVED: [&str; 11] = [
    "null",
    "true",
    "false",
    "function",
    "in",
    "return",
    "then",
    "else",
    "satisfies",
    "and",
    "or",
];

pub(crate) struct Lexer<'t> {
    text: &'t str,
    /// The byte that comes next.
    pub(crate) at: usize,
    /// A comment runs to the end of the text: then nothing before it counts.
    pub(crate) unclosed_comment: bool,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Lexer {
            text,
            at: 0,
            unclosed_comment: false,
        }
    }

    pub(crate) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn next_char(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes white space and comments.
    pub(crate) fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let space = rest.len() - rest.trim_start_matches(is_space).len();
            self.at += space;
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.find("*/") {
                    Some(end) => self.at += end + 4,
                    None => {
                        self.unclosed_comment = true;
                        self.at = self.text.len();
                    }
                }
            } else {
                return;
            }
        }
    }

    /// Passes this text if it comes next; not only as a whole word.
    pub(crate) fn exactly(&mut self, text: &str) -> Option<()> {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found.then_some(())
    }

    /// Like [`Lexer::exactly`], after white space.
    pub(crate) fn symbol(&mut self, text: &str) -> Option<()> {
        self.skip_space();
        self.exactly(text)
    }

    /// The first of these that comes next, after white space.
    pub(crate) fn one_of<T: Copy>(&mut self, symbols: &[(&str, T)]) -> Option<T> {
        self.skip_space();
        symbols
            .iter()
            .find_map(|(text, meaning)| self.exactly(text).map(|()| *meaning))
    }

    /// A name that is not a reserved word.
    pub(crate) fn identifier(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        if !self.next_char().is_some_and(is_name_start) {
            return None;
        }
        let word = &rest[..rest.find(|c| !is_name_part(c)).unwrap_or(rest.len())];
        if RESERVED.contains(&word) {
            return None;
        }
        self.at += word.len();
        Some(word)
    }

    /// Two or more names with spaces between.
    pub(crate) fn spaced_identifier(&mut self) -> Option<&'t str> {
        let start = self.at;
        self.identifier()?;
        let mut end = self.at;
        let mut count = 1;
        while self.exactly(" ").is_some() {
            if self.identifier().is_some() {
                end = self.at;
                count += 1;
            }
        }
        self.at = end;
        (count > 1).then(|| &self.text[start..end])
    }

    /// Anything between backticks.
    pub(crate) fn escaped_identifier(&mut self) -> Option<&'t str> {
        self.exactly("`")?;
        let end = self.rest().find('`').filter(|end| *end > 0)?;
        let name = &self.rest()[..end];
        self.at += end + 1;
        Some(name)
    }

    /// What stands between double quotes, with its escapes as they are.
    pub(crate) fn quoted(&mut self) -> Option<&'t str> {
        self.exactly("\"")?;
        let rest = self.rest();
        let mut chars = rest.char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += i + 1;
                    return Some(&rest[..i]);
                }
                '\\' => {
                    chars.next();
                }
                _ => {}
            }
        }
        None
    }

    /// Digits with an optional sign and fraction (`-1`, `.5`); no exponent.
    pub(crate) fn number(&mut self) -> Option<&'t str> {
        let start = self.at;
        self.exactly("-");
        let whole = self.digits();
        let before_point = self.at;
        let fraction = self.exactly(".").and_then(|()| self.digits());
        if fraction.is_none() {
            self.at = before_point;
        }
        whole.or(fraction)?;
        Some(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        (count > 0).then_some(())
    }

    /// The key of a context's entry: anything up to a character with a meaning there, without
    /// the white space at its end.
    pub(crate) fn context_key(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let end = rest
            .find(['"', '{', '}', ':', ',', '[', ']', '`'])
            .unwrap_or(rest.len());
        let key = rest[..end].trim_end_matches(is_space);
        self.at += key.len();
        (!key.is_empty()).then_some(key)
    }
}

/// A string's value: `\n`, `\"` and the like are translated, other escapes (`\d`, `\u00e9`)
/// stay as they are.
pub(crate) fn unescape(quoted: &str) -> String {
    let mut value = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => value.push('\n'),
            Some('r') => value.push('\r'),
            Some('t') => value.push('\t'),
            Some('b') => value.push('\u{8}'),
            Some('f') => value.push('\u{c}'),
            Some(c @ ('\'' | '"' | '\\')) => value.push(c),
            Some(other) => value.extend(['\\', other]),
            None => value.push('\\'),
        }
    }
    value
}

fn is_space(c: char) -> bool {
    matches!(c,
        '\t'..='\r' | ' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200b}'
        | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}')
}

/// As in Java's identifiers, which end at the edge of Unicode's first plane.
fn is_name_start(c: char) -> bool {
    let currency = matches!(c, '$' | '¢'..='¥' | '\u{20a0}'..='\u{20c0}');
    c <= '\u{ffff}' && (c.is_alphabetic() || currency || matches!(c, '_' | '\u{203f}' | '\u{2040}'))
}

fn is_name_part(c: char) -> bool {
    let digit = c.is_ascii_digit() || (c > '\u{7f}' && c.is_numeric());
    let mark =
        matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}');
    is_name_start(c) || (c <= '\u{ffff}' && !is_space(c) && (digit || mark))
}
