//! How a query is written, and what is wrong with one that is not written so.

use super::check_id;
use super::condition::{Condition, Operand, Operator};
use crate::message::one_line;
use crate::{Error, Record, json, record};
use regex::RegexBuilder;
use serde_json::Value;

/// What may stand at a field.
const OPERATORS: &str =
    "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $not, $and, $or";
/// What may stand beside fields.
const CONNECTIVES: &str = "$and, $or, $not";

/// Largest memory of one compiled pattern, and again of what a search builds from it, in bytes.
const REGEX_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most patterns of one query, so that their memory stays bounded too.
const REGEXES_MAX: usize = 16;

pub(super) fn parse(query: &Record) -> Result<Condition<'_>, Error> {
    record::check_object(query, 1).map_err(|reason| Error::Usage(format!("query: {reason}")))?;
    Parser::default().object(query, true)
}

/// Where the parser is in the query, and what it has taken on so far.
#[derive(Default)]
struct Parser {
    place: Vec<String>,
    regexes: usize,
}

impl Parser {
    fn fault<T>(&self, reason: impl std::fmt::Display) -> Result<T, Error> {
        let place = self.place.join(".").replace(".[", "[");
        let text = match place.as_str() {
            "" => format!("query: {reason}"),
            place => format!("query: {place}: {reason}"),
        };
        // The name of a field holds whatever its writer put there.
        Err(Error::Usage(one_line(&text)))
    }

    fn expected<T>(&self, wanted: &str, found: &Value) -> Result<T, Error> {
        self.fault(format_args!("{wanted} is expected, found {}", kind(found)))
    }

    fn at<T>(
        &mut self,
        step: impl Into<String>,
        parse: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.place.push(step.into());
        let parsed = parse(self)?;
        self.place.pop();
        Ok(parsed)
    }

    /// An object is a list of fields, or of operators on one value; `$and`, `$or` and `$not` go
    /// with both. The record as a whole, `top`, has fields alone.
    fn object<'q>(&mut self, object: &'q Record, top: bool) -> Result<Condition<'q>, Error> {
        let mut parts = Vec::new();
        let mut fields = Vec::new();
        let mut operator = None;
        for (key, value) in object {
            match key.as_str() {
                "$and" | "$or" => {
                    let branches = self.at(key, |parser| parser.branches(value, top))?;
                    parts.push(match key.as_str() {
                        "$and" => Condition::All(branches),
                        _ => Condition::Any(branches),
                    });
                }
                "$not" => {
                    let inner = self.at(key, |parser| match value {
                        Value::Object(object) => parser.object(object, top),
                        Value::Null
                        | Value::Bool(_)
                        | Value::Number(_)
                        | Value::String(_)
                        | Value::Array(_) => {
                            parser.expected("an object (for a plain value there is $ne)", value)
                        }
                    })?;
                    parts.push(Condition::Not(Box::new(inner)));
                }
                _ if key.starts_with('$') => {
                    parts.push(self.at(key, |parser| parser.operator(key, value, top))?);
                    operator = Some(key);
                }
                _ => fields.push((
                    key.as_str(),
                    self.at(key, |parser| parser.field(key, value, top))?,
                )),
            }
        }
        match (operator, fields.first()) {
            (Some(operator), Some((field, _))) => {
                return self.fault(format_args!(
                    "operator {operator} and field {field:?} stand side by side; \
                     put one of them under $and"
                ));
            }
            // `{}` asks for an object.
            (None, None) if parts.is_empty() => parts.push(Condition::Fields(fields)),
            (_, None) => {}
            (None, Some(_)) => parts.push(Condition::Fields(fields)),
        }
        Ok(match parts.len() {
            1 => parts.swap_remove(0),
            _ => Condition::All(parts),
        })
    }

    fn branches<'q>(&mut self, value: &'q Value, top: bool) -> Result<Vec<Condition<'q>>, Error> {
        let Value::Array(items) = value else {
            return self.expected("a list of conditions", value);
        };
        if items.is_empty() {
            return self.fault("the list is empty");
        }
        let mut branches = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            branches.push(self.at(format!("[{index}]"), |parser| match item {
                Value::Object(object) => parser.object(object, top),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => parser.expected("an object", item),
            })?);
        }
        Ok(branches)
    }

    fn field<'q>(
        &mut self,
        key: &str,
        value: &'q Value,
        top: bool,
    ) -> Result<Condition<'q>, Error> {
        let condition = match value {
            Value::Object(object) => self.object(object, false)?,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Condition::Equal(value),
        };
        if top && key == "_id" {
            condition
                .values()
                .unwrap_or_default()
                .into_iter()
                .try_for_each(check_id)?;
        }
        Ok(condition)
    }

    fn operator<'q>(
        &mut self,
        operator: &str,
        value: &'q Value,
        top: bool,
    ) -> Result<Condition<'q>, Error> {
        let negated = |condition| Condition::Not(Box::new(condition));
        let known = match operator {
            "$eq" => Ok(Condition::Equal(value)),
            "$ne" => Ok(negated(Condition::Equal(value))),
            "$gt" => self.compare(Operator::Greater, value),
            "$gte" => self.compare(Operator::GreaterOrEqual, value),
            "$lt" => self.compare(Operator::Less, value),
            "$lte" => self.compare(Operator::LessOrEqual, value),
            "$in" => self.list(value),
            "$nin" => self.list(value).map(negated),
            "$exists" => match value {
                Value::Bool(wanted) => Ok(Condition::Exists(*wanted)),
                Value::Null
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => self.expected("true or false", value),
            },
            "$regex" => self.regex(value),
            _ if top => {
                return self.fault(format_args!(
                    "no such operator; here there are {CONNECTIVES}"
                ));
            }
            _ => return self.fault(format_args!("no such operator; there are {OPERATORS}")),
        };
        match known {
            Ok(_) if top => self.fault(format_args!(
                "it stands at a field, as in {{\"field\": {{\"{operator}\": ...}}}}"
            )),
            known => known,
        }
    }

    fn compare<'q>(&self, operator: Operator, value: &'q Value) -> Result<Condition<'q>, Error> {
        match value {
            Value::Number(number) => Ok(Condition::Compare(operator, Operand::Number(number))),
            Value::String(text) => Ok(Condition::Compare(operator, Operand::Text(text))),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.expected("a number or a text", value)
            }
        }
    }

    fn list<'q>(&self, value: &'q Value) -> Result<Condition<'q>, Error> {
        let Value::Array(items) = value else {
            return self.expected("a list of values", value);
        };
        let mut items: Vec<&Value> = items.iter().collect();
        items.sort_by(|one, other| json::compare(one, other));
        Ok(Condition::In(items))
    }

    fn regex<'q>(&mut self, value: &Value) -> Result<Condition<'q>, Error> {
        let Value::String(pattern) = value else {
            return self.expected("a text with a regular expression", value);
        };
        self.regexes += 1;
        if self.regexes > REGEXES_MAX {
            return self.fault(format_args!(
                "a query holds at most {REGEXES_MAX} regular expressions; \
                 several can be one, as in \"one|other\""
            ));
        }
        let regex = RegexBuilder::new(pattern)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .build();
        match regex {
            Ok(regex) => Ok(Condition::Matches(regex)),
            Err(regex::Error::CompiledTooBig(limit)) => self.fault(format_args!(
                "the pattern needs more than {limit} bytes of memory"
            )),
            Err(error) => {
                // The first line draws the pattern, the last says what is wrong with it.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                let reason = reason.trim_start_matches("error: ");
                self.fault(format_args!("no regular expression: {reason}"))
            }
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
