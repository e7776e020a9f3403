//! A query: a JSON object that says what a record must be like, compiled once and asked of many.
//!
//! A field with a plain value asks for equality: a nested object for its own fields alone, everything
//! else for the same value, numbers by value. An object of `$` operators asks for what they say.
//! `$and`, `$or` and `$not` stand where conditions can stand. This module puts the parts together:
//! [`condition`] is what a query means, `parse` how it is written, `prefilter` what a file's bytes
//! tell before they are parsed.

mod condition;
mod parse;
mod prefilter;

use crate::{Error, Record, json, name, path};
use condition::{Condition, Subject};
use prefilter::Prefilter;
use serde_json::Value;

/// A compiled query.
pub(crate) struct Query<'q> {
    condition: Condition<'q>,
    ids: Option<Vec<&'q str>>,
    prefilter: Prefilter,
}

impl<'q> Query<'q> {
    /// A bad query is refused with a text that names the place in it; a bad `_id` as it is everywhere.
    pub(crate) fn new(query: &'q Record) -> Result<Self, Error> {
        let condition = parse::parse(query)?;
        let mut ids = None;
        condition.each_required(&mut |path, condition| {
            if path == "_id" && ids.is_none() {
                ids = condition.values();
            }
        });
        let ids = ids.map(|ids| ids.into_iter().filter_map(Value::as_str).collect());
        Ok(Query {
            prefilter: Prefilter::new(&condition),
            condition,
            ids,
        })
    }

    /// The only records that can match, where the query names them: sorted, each once.
    pub(crate) fn ids(&self) -> Option<Vec<&'q str>> {
        let mut ids = self.ids.clone()?;
        ids.sort_unstable();
        ids.dedup();
        Some(ids)
    }

    pub(crate) fn matches(&self, record: &Record) -> bool {
        self.condition.holds(Subject::Record(record))
    }

    /// Whether a file with this text could match, without parsing it. A text may be spelt with
    /// escapes, so a file with a backslash always could.
    pub(crate) fn may_match(&self, text: &[u8]) -> bool {
        self.prefilter.may_match(text)
    }

    /// Whether the record in the file of that name could match, without reading it.
    pub(crate) fn may_be(&self, id: &str) -> bool {
        let mut may = true;
        self.condition.each_required(&mut |path, condition| {
            may = may && (path != "_id" || condition.holds(Subject::Text(id)));
        });
        may
    }

    /// The fields that the query fixes: what a record inserted for it starts with. Operators other
    /// than `$eq` fix nothing.
    pub(crate) fn fixed_fields(&self) -> Result<Record, Error> {
        let mut record = Record::new();
        fix(&self.condition, &mut record)?;
        Ok(record)
    }

    /// Paths whose field must be one of some scalar values for a match, with those values.
    #[cfg(feature = "sqlite")]
    pub(crate) fn lookups(&self) -> Vec<(String, Vec<&'q Value>)> {
        let mut lookups = Vec::new();
        self.condition.each_required(&mut |path, condition| {
            let scalar = |value: &&Value| !value.is_array() && !value.is_object();
            if let Some(values) = condition.values()
                && values.iter().all(scalar)
            {
                lookups.push((path.to_owned(), values));
            }
        });
        lookups
    }
}

fn fix(condition: &Condition<'_>, record: &mut Record) -> Result<(), Error> {
    match condition {
        Condition::All(conditions) => conditions
            .iter()
            .try_for_each(|condition| fix(condition, record)),
        Condition::Fields(fields) => fields.iter().try_for_each(|(path, condition)| {
            let fixed = fixed_value(condition)?;
            match fixed.is_none_or(|value| path::set(record, path, value)) {
                true => Ok(()),
                false => Err(Error::Usage(format!(
                    "query: {path}: another part of the query asks for something else there, \
                     so no record can be made of it"
                ))),
            }
        }),
        _ => Ok(()),
    }
}

/// The value that a condition on a field leaves no choice about.
fn fixed_value(condition: &Condition<'_>) -> Result<Option<Value>, Error> {
    match condition {
        Condition::Equal(value) => Ok(Some((*value).clone())),
        Condition::Fields(fields) => {
            let mut inner = Record::new();
            fix(condition, &mut inner)?;
            Ok((fields.is_empty() || !inner.is_empty()).then_some(Value::Object(inner)))
        }
        Condition::All(conditions) => {
            let mut fixed: Option<Value> = None;
            for condition in conditions {
                match (&mut fixed, fixed_value(condition)?) {
                    (Some(Value::Object(fixed)), Some(Value::Object(more))) => fixed.extend(more),
                    (Some(fixed), Some(more)) if !json::same(fixed, &more) => return Ok(None),
                    (None, more) => fixed = more,
                    _ => {}
                }
            }
            Ok(fixed)
        }
        _ => Ok(None),
    }
}

/// Refuses what cannot be the `_id` of a record.
fn check_id(value: &Value) -> Result<(), Error> {
    match value {
        Value::String(id) => name::check_id(id),
        other => Err(Error::Name {
            what: "_id",
            name: other.to_string(),
            reason: "it is not a text".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
