//! The rules of a table, asked of what an import is about to leave in it: the schema of each record that
//! is written, and that no unique value stands twice, in the input or beside what is in the table.

use super::{Import, Put, bad};
use crate::rules::{Rules, Seen};
use crate::settings::TABLES;
use crate::transaction::{Base as _, id_of};
use crate::tree::View;
use crate::{Error, Record, record};
use gix::ObjectId;
use std::collections::HashSet;

/// How many records are read at a time.
const BATCH: usize = 10_000;

/// Names the line of the first record that breaks a rule.
pub(super) fn check(import: &Import<'_>, puts: &[Put<'_>], view: &View<'_>) -> Result<(), Error> {
    let Some(settings) = view.get(TABLES, import.table)? else {
        return Ok(());
    };
    let rules = Rules::of(import.table, &settings)?;
    if rules.is_empty() {
        return Ok(());
    }
    let mut seen = Seen::new(rules.unique.clone());
    if !rules.unique.is_empty() {
        let written: HashSet<&str> = puts.iter().map(|put| put.entry.id.as_str()).collect();
        view.each_record(import.table, &mut Err, &mut |record| {
            let id = id_of(&record);
            if !written.contains(id.as_str()) {
                // What breaks the rules already is no fault of this import.
                seen.add(&id, &record);
            }
            Ok(())
        })?;
    }
    for batch in puts.chunks(BATCH) {
        let contents: Vec<ObjectId> = batch.iter().map(|put| put.content).collect();
        let records = view.objects().visit_blobs(&contents, |place, text| {
            let put = &batch[place];
            Some(record::parse(&put.path, &put.entry.id, text))
        })?;
        for (put, (_, record)) in batch.iter().zip(records) {
            let record: Record = record?;
            let mut faults = rules.schema_faults(&record);
            faults.extend(seen.add(&put.entry.id, &record));
            if !faults.is_empty() {
                let broken = Error::rule(import.table, &put.entry.id, faults);
                return Err(bad(import, put.entry.line, broken.to_string()));
            }
        }
    }
    Ok(())
}
