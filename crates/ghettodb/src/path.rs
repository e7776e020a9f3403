//! Field paths, `customer.email`: how sorting, projection, queries and indexes name a field. A field
//! that is literally named so comes first; else each dot walks into an object.

use crate::Record;
use serde_json::Value;

/// The field that a path names.
pub(crate) fn field<'r>(mut record: &'r Record, mut path: &str) -> Option<&'r Value> {
    loop {
        if let Some(value) = record.get(path) {
            return Some(value);
        }
        let (first, rest) = path.split_once('.')?;
        record = record.get(first)?.as_object()?;
        path = rest;
    }
}
