//! Going through all records of a table without holding them all.

use super::{File, View, not_a_record, stands_twice};
use crate::{Error, Record, record};
use gix::ObjectId;
use gix::objs::tree::EntryKind;

/// How many contents are asked for and held at a time.
const BATCH: usize = 10_000;

impl View<'_> {
    /// Gives the records of a table to `visit`, by `_id`; what is no record is given to `bad`.
    pub(crate) fn each_record(
        &self,
        table: &str,
        bad: &mut dyn FnMut(Error) -> Result<(), Error>,
        visit: &mut dyn FnMut(Record) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut files = self.files(table, bad)?;
        files.sort_by(|one, other| one.id.cmp(&other.id));
        let mut once = Vec::with_capacity(files.len());
        let mut last = None;
        for file in &files {
            match last.replace(&file.id) == Some(&file.id) {
                true => bad(stands_twice(&file.path()))?,
                false => once.push(file),
            }
        }
        for batch in once.chunks(BATCH) {
            for record in self.read_records(batch)? {
                match record {
                    Ok(record) => visit(record)?,
                    Err(error) => bad(error)?,
                }
            }
        }
        Ok(())
    }

    /// The records of these files, in their order, or what is wrong with each.
    pub(crate) fn read_records(
        &self,
        files: &[&File],
    ) -> Result<Vec<Result<Record, Error>>, Error> {
        let is_plain = |file: &File| file.mode.kind() == EntryKind::Blob;
        let plain: Vec<&File> = files
            .iter()
            .copied()
            .filter(|file| is_plain(file))
            .collect();
        let contents: Vec<ObjectId> = plain.iter().map(|file| file.object).collect();
        let records = self.objects.visit_blobs(&contents, |place, text| {
            let file = plain[place];
            Some(record::parse(&file.path(), &file.id, text))
        })?;
        let mut records = records.into_iter().map(|(_, record)| record);
        let read = files.iter().filter_map(|file| match is_plain(file) {
            true => records.next(),
            false => Some(Err(not_a_record(&file.path(), file.mode))),
        });
        Ok(read.collect())
    }
}
