//! Preconditions: what a record must be for a transaction to go on. They are asked on the same tip
//! that the changes are made on, so nothing can come in between.

use crate::query::Query;
use crate::{Error, Record, Transaction, name};

/// What is expected of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// It is there.
    Exists,
    /// It is not there.
    Absent,
    /// It is there, and matches this query.
    Matches(Record),
    /// It is exactly as it was when [`Transaction::revision`] gave this.
    Revision(String),
}

impl Transaction<'_> {
    /// Stops the transaction unless the record meets the condition.
    ///
    /// # Errors
    /// [`Error::Condition`] if it does not; nothing is written then.
    pub fn require(&self, table: &str, id: &str, condition: &Condition) -> Result<(), Error> {
        let failed = |expected: String, found: String| {
            Err(Error::Condition {
                table: table.to_owned(),
                id: id.to_owned(),
                expected,
                found,
            })
        };
        let revision = self.revision(table, id)?;
        match (condition, &revision) {
            (Condition::Exists, Some(_)) | (Condition::Absent, None) => Ok(()),
            (Condition::Absent, Some(revision)) => failed(
                "absent".to_owned(),
                format!("there, at revision {revision}"),
            ),
            (Condition::Revision(expected), Some(revision)) if expected == revision => Ok(()),
            (Condition::Revision(expected), Some(revision)) => failed(
                format!("at revision {expected}"),
                format!("at revision {revision}"),
            ),
            (Condition::Exists, None) => failed("there".to_owned(), "absent".to_owned()),
            (Condition::Revision(expected), None) => {
                failed(format!("at revision {expected}"), "absent".to_owned())
            }
            (Condition::Matches(query), _) => {
                let compiled = Query::new(query)?;
                let expected = || {
                    let query = serde_json::to_string(query);
                    format!(
                        "a match of {}",
                        query.expect("a JSON object is serialisable")
                    )
                };
                match self.get(table, id)? {
                    Some(record) if compiled.matches(&record) => Ok(()),
                    Some(_) => failed(expected(), "another one".to_owned()),
                    None => failed(expected(), "absent".to_owned()),
                }
            }
        }
    }

    /// Names the content of a record's file: the id of its git blob, in hex. It is another one after
    /// each change, `_updated` included.
    pub fn revision(&self, table: &str, id: &str) -> Result<Option<String>, Error> {
        name::check_table(table)?;
        name::check_id(id)?;
        self.current_revision(table, id)
    }
}
