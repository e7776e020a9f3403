//! A selection: which records of a table are wanted, in which order, how many, and how much of each.

use crate::query::Query;
use crate::transaction::sort_by_id;
use crate::{Error, Record, json, path};
use std::cmp::Ordering;

/// What [`Snapshot::select`](crate::Snapshot::select) looks for.
///
/// Paths are names of fields, with dots into objects: `customer.email`. A field that is literally
/// named so comes first.
///
/// ```
/// use ghettodb::{Selection, record_from};
///
/// # fn main() -> Result<(), ghettodb::Error> {
/// let scarce = Selection {
///     query: record_from(serde_json::json!({"stock_level": {"$lt": 10}}))?,
///     sort: vec!["-stock_level".to_owned(), "product".to_owned()],
///     limit: Some(20),
///     fields: vec!["product".to_owned(), "stock_level".to_owned()],
///     ..Selection::default()
/// };
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Conditions that a record must meet; `{}` takes all.
    pub query: Record,
    /// Paths to sort by, the first first; one with a leading `-` descends. A record without the
    /// field comes before null, booleans, numbers, texts, lists and objects, in this order. Records
    /// that are equal so far, or all without `sort`, are in the order of their `_id`.
    pub sort: Vec<String>,
    /// How many of the first to leave out.
    pub skip: usize,
    /// How many to give at most.
    pub limit: Option<usize>,
    /// Paths of the fields to give, beside `_id`; empty = whole records.
    pub fields: Vec<String>,
}

impl Selection {
    /// All records that match a query, whole, by `_id`.
    pub fn new(query: Record) -> Self {
        Selection {
            query,
            ..Selection::default()
        }
    }
}

/// A selection, checked.
pub(crate) struct Plan<'s> {
    pub(crate) query: Query<'s>,
    sort: Vec<SortKey<'s>>,
    skip: usize,
    limit: Option<usize>,
    fields: &'s [String],
}

struct SortKey<'s> {
    path: &'s str,
    descending: bool,
}

impl<'s> Plan<'s> {
    pub(crate) fn new(selection: &'s Selection) -> Result<Self, Error> {
        let sort = selection.sort.iter().map(|path| {
            let (path, descending) = match path.strip_prefix('-') {
                Some(path) => (path, true),
                None => (path.as_str(), false),
            };
            check_path("sort", path)?;
            Ok(SortKey { path, descending })
        });
        let sort = sort.collect::<Result<_, Error>>()?;
        for path in &selection.fields {
            check_path("fields", path)?;
        }
        Ok(Plan {
            query: Query::new(&selection.query)?,
            sort,
            skip: selection.skip,
            limit: selection.limit,
            fields: &selection.fields,
        })
    }

    /// How many records by `_id` are enough, where the others don't matter.
    pub(crate) fn enough(&self) -> Option<usize> {
        match self.sort.is_empty() {
            true => self.limit?.checked_add(self.skip),
            false => None,
        }
    }

    /// What of a record that matches is needed until all are known.
    pub(crate) fn keep(&self, record: Record) -> Record {
        match self.sort.is_empty() && !self.fields.is_empty() {
            true => self.project(&record),
            false => record,
        }
    }

    /// What is wanted of the records that match.
    pub(crate) fn apply(&self, mut records: Vec<Record>) -> Vec<Record> {
        sort_by_id(&mut records);
        if !self.sort.is_empty() {
            records.sort_by(|one, other| self.compare(one, other));
        }
        let wanted = records
            .into_iter()
            .skip(self.skip)
            .take(self.limit.unwrap_or(usize::MAX));
        match self.fields.is_empty() || self.sort.is_empty() {
            true => wanted.collect(),
            false => wanted.map(|record| self.project(&record)).collect(),
        }
    }

    fn compare(&self, one: &Record, other: &Record) -> Ordering {
        let mut orders = self.sort.iter().map(|key| {
            let order = match (path::field(one, key.path), path::field(other, key.path)) {
                (Some(one), Some(other)) => json::compare(one, other),
                (one, other) => one.is_some().cmp(&other.is_some()),
            };
            if key.descending {
                order.reverse()
            } else {
                order
            }
        });
        orders
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    fn project(&self, record: &Record) -> Record {
        let paths = self.fields.iter().map(String::as_str);
        path::project(record, std::iter::once("_id").chain(paths))
    }
}

fn check_path(what: &str, path: &str) -> Result<(), Error> {
    match path.is_empty() {
        true => Err(Error::Usage(format!(
            "{what}: an empty path names no field; paths look like \"customer.email\""
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_from;
    use serde_json::{Value, json};

    fn sample() -> Vec<Record> {
        [
            json!({"_id": "f", "n": 2.0, "t": "b"}),
            json!({"_id": "e", "n": "2"}),
            json!({"_id": "d", "n": 2, "t": "a", "o": {"p": 1, "q": 2}}),
            json!({"_id": "c", "n": null}),
            json!({"_id": "b"}),
            json!({"_id": "a", "n": 10}),
        ]
        .map(|value| record_from(value).unwrap())
        .to_vec()
    }

    /// What is left of the sample.
    fn selected(selection: &Selection) -> Vec<Record> {
        let plan = Plan::new(selection).unwrap();
        plan.apply(
            sample()
                .into_iter()
                .map(|record| plan.keep(record))
                .collect(),
        )
    }

    fn owned(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[track_caller]
    fn check(sort: &[&str], skip: usize, limit: Option<usize>, expected: &str) {
        let selection = Selection {
            sort: owned(sort),
            skip,
            limit,
            ..Selection::default()
        };
        let records = selected(&selection);
        let ids: String = records.iter().map(|r| r["_id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{selection:?}");
    }

    #[test]
    fn order_and_number() {
        check(&[], 0, None, "abcdef");
        check(&["n"], 0, None, "bcdfae");
        check(&["-n"], 0, None, "eadfcb");
        check(&["n", "-t"], 0, None, "bcfdae");
        check(&["-_id"], 0, None, "fedcba");
        check(&["o.p"], 0, None, "abcefd");
        check(&["n"], 1, Some(2), "cd");
        check(&[], 4, Some(9), "ef");
        check(&[], 6, None, "");
        check(&[], 0, Some(0), "");
    }

    #[test]
    fn enough_is_known_where_the_order_is_that_of_the_ids() {
        let enough = |selection: Selection| Plan::new(&selection).unwrap().enough();
        let some = Selection {
            skip: 2,
            limit: Some(3),
            ..Selection::default()
        };
        assert_eq!(enough(some.clone()), Some(5));
        assert_eq!(
            enough(Selection {
                limit: None,
                ..some.clone()
            }),
            None
        );
        assert_eq!(
            enough(Selection {
                limit: Some(usize::MAX),
                ..some.clone()
            }),
            None
        );
        assert_eq!(
            enough(Selection {
                sort: owned(&["n"]),
                ..some
            }),
            None
        );
    }

    #[test]
    fn projection_always_has_the_id() {
        let selection = Selection {
            fields: owned(&["o.q", "t", "no"]),
            ..Selection::default()
        };
        let records = selected(&selection);
        assert_eq!(
            Value::Object(records[3].clone()).to_string(),
            r#"{"_id":"d","o":{"q":2},"t":"a"}"#
        );
        assert_eq!(Value::Object(records[0].clone()), json!({"_id": "a"}));
    }

    #[test]
    fn an_empty_path_is_refused() {
        for selection in [
            Selection {
                sort: owned(&["-"]),
                ..Selection::default()
            },
            Selection {
                fields: owned(&[""]),
                ..Selection::default()
            },
        ] {
            let error = Plan::new(&selection).map(drop).unwrap_err();
            assert!(error.to_string().contains("names no field"), "{error}");
        }
    }
}
