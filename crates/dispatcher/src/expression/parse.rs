//! Text to expression: a reader of characters that knows the precedence of the operators.

use serde_json::{Number, Value};

use super::{Error, Expression, Function, Operator};

/// The contexts that exist where an event is judged, before any job runs.
const CONTEXTS: [&str; 3] = ["github", "inputs", "vars"];
/// Deeper nesting is nobody's honest expression, and would exhaust the stack.
const DEPTH_MAX: usize = 50;
/// Operators by precedence, loosest first; of one line the longer spelling first.
const LEVELS: [&[(&str, Operator)]; 4] = [
    &[("||", Operator::Or)],
    &[("&&", Operator::And)],
    &[("==", Operator::Equal), ("!=", Operator::NotEqual)],
    &[
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
];

/// Reads the expression after `${{`; gives it with what stands behind its `}}`.
pub(super) fn expression(text: &str) -> Result<(Expression, &str), Error> {
    let mut reader = Reader {
        rest: text,
        depth: 0,
    };
    reader.skip_blanks();
    if reader.rest.starts_with("}}") {
        return Err(Error("an expression '${{ }}' is empty".to_owned()));
    }
    let expression = reader.binary(0)?;
    match reader.take("}}") {
        true => Ok((expression, reader.rest)),
        false if reader.rest.is_empty() => Err(not_closed("${{", "}}")),
        false => Err(reader.unexpected("an operator or '}}'")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn binary(&mut self, level: usize) -> Result<Expression, Error> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.take(sign)) {
            let right = self.binary(level + 1)?;
            left = Expression::Binary(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, Error> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error(format!(
                "an expression is nested more than {DEPTH_MAX} deep"
            )));
        }
        let read = if self.take("!") {
            Expression::Not(Box::new(self.unary()?))
        } else {
            self.indexed()?
        };
        self.depth -= 1;
        Ok(read)
    }

    fn indexed(&mut self) -> Result<Expression, Error> {
        let mut of = self.primary()?;
        loop {
            let at = if self.take(".") {
                match self.name() {
                    "" => return Err(self.unexpected("a name after '.'")),
                    name => Expression::Literal(name.into()),
                }
            } else if self.take("[") {
                let at = self.binary(0)?;
                self.expect("]")?;
                at
            } else {
                return Ok(of);
            };
            of = Expression::Index(Box::new(of), Box::new(at));
        }
    }

    fn primary(&mut self) -> Result<Expression, Error> {
        if self.take("(") {
            let inner = self.binary(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.take("'") {
            return self.text();
        }
        if self
            .rest
            .starts_with(|c: char| c.is_ascii_digit() || c == '-')
        {
            return self.number();
        }
        let name = self.name();
        match name {
            "" => Err(self.unexpected("a value")),
            "true" => Ok(Expression::Literal(true.into())),
            "false" => Ok(Expression::Literal(false.into())),
            "null" => Ok(Expression::Literal(Value::Null)),
            _ if self.take("(") => self.call(name),
            _ if CONTEXTS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name)) =>
            {
                Ok(Expression::Context(name.to_ascii_lowercase()))
            }
            _ => Err(Error(format!(
                "'{name}' is not available here; what is: {}",
                CONTEXTS.join(", ")
            ))),
        }
    }

    fn call(&mut self, name: &str) -> Result<Expression, Error> {
        let (function, counts) = match name.to_ascii_lowercase().as_str() {
            "contains" => (Function::Contains, 2..=2),
            "startswith" => (Function::StartsWith, 2..=2),
            "endswith" => (Function::EndsWith, 2..=2),
            "format" => (Function::Format, 1..=usize::MAX),
            "join" => (Function::Join, 1..=2),
            "tojson" => (Function::ToJson, 1..=1),
            "fromjson" => (Function::FromJson, 1..=1),
            _ => {
                return Err(Error(format!(
                    "the function '{name}' is not available here; what is: contains, startsWith, \
                     endsWith, format, join, toJSON, fromJSON"
                )));
            }
        };
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.binary(0)?);
        }
        if !counts.contains(&arguments.len()) {
            return Err(Error(format!(
                "'{name}' takes another number of arguments than {}",
                arguments.len()
            )));
        }
        Ok(Expression::Call(function, arguments))
    }

    /// After the opening quote; a quote within is written twice.
    fn text(&mut self) -> Result<Expression, Error> {
        let mut text = String::new();
        loop {
            let (part, rest) = self
                .rest
                .split_once('\'')
                .ok_or_else(|| not_closed("'", "'"))?;
            text.push_str(part);
            self.rest = rest;
            match rest.strip_prefix('\'') {
                Some(rest) => {
                    text.push('\'');
                    self.rest = rest;
                }
                None => return Ok(Expression::Literal(text.into())),
            }
        }
    }

    fn number(&mut self) -> Result<Expression, Error> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (written, rest) = self.rest.split_at(end);
        self.rest = rest;
        let number = match written.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok().map(Number::from),
            None => match written.parse::<i64>() {
                Ok(whole) => Some(Number::from(whole)),
                Err(_) => written.parse().ok().and_then(Number::from_f64),
            },
        };
        number
            .map(|number| Expression::Literal(Value::Number(number)))
            .ok_or_else(|| Error(format!("'{written}' is no number")))
    }

    fn name(&mut self) -> &'a str {
        self.skip_blanks();
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let end = match self.rest.starts_with(is_first) {
            true => self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len()),
            false => 0,
        };
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip_blanks();
        // `!=` is no `!`.
        if sign == "!" && self.rest.starts_with("!=") {
            return false;
        }
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                if sign != "'" && sign != "}}" {
                    self.skip_blanks();
                }
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, sign: &str) -> Result<(), Error> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("'{sign}'"))),
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self, wanted: &str) -> Error {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        match &self.rest[..end.max(first)] {
            "" => not_closed("${{", "}}"),
            found => Error(format!(
                "'{found}' in an expression where {wanted} should be"
            )),
        }
    }
}

fn not_closed(opening: &str, closing: &str) -> Error {
    Error(format!(
        "an expression's \"{opening}\" is not closed by \"{closing}\""
    ))
}
