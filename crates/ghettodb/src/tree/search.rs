//! Finding records: which files can match, reading them, and asking the query.

use super::{File, View, not_a_record, stands_twice};
use crate::query::Query;
use crate::{Error, Record, record};
use gix::ObjectId;
use gix::objs::tree::EntryKind;

/// Most records that are looked up one by one: for more, the table is listed once.
const LOOKUPS_MAX: usize = 8;
/// How many files are looked at first where a few records are enough.
const FIRST_FILES: usize = 64;

impl View<'_> {
    /// The records of a table that match, by `_id`, each as `keep` keeps it; at least the first
    /// `enough` of them. Files that `hidden` names are passed over; what is no record is given to
    /// `bad`.
    pub(crate) fn search<T: Send>(
        &self,
        table: &str,
        query: &Query<'_>,
        enough: Option<usize>,
        hidden: &dyn Fn(&str) -> bool,
        keep: impl Fn(Record) -> T + Sync,
        bad: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<Vec<T>, Error> {
        let mut files = self.candidates(table, query, bad)?;
        files.retain(|file| query.may_be(&file.id) && !hidden(&file.id));
        files.sort_by(|one, other| one.id.cmp(&other.id));
        let mut found = Vec::new();
        let mut rest = files.as_slice();
        while !rest.is_empty() && enough.is_none_or(|enough| found.len() < enough) {
            let (step, after) = match (enough, rest.len() == files.len()) {
                (Some(enough), true) => rest.split_at(enough.max(FIRST_FILES).min(rest.len())),
                _ => (rest, &[][..]),
            };
            self.read(step, query, &keep, &mut found, bad)?;
            rest = after;
        }
        Ok(found)
    }

    /// The files that can match as far as their names and the index tell.
    fn candidates(
        &self,
        table: &str,
        query: &Query<'_>,
        bad: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<Vec<File>, Error> {
        let ids = match query.ids() {
            Some(ids) => ids.into_iter().map(str::to_owned).collect(),
            None => match self.indexed(table, query) {
                Some(ids) => ids,
                None => return self.files(table, bad),
            },
        };
        if ids.len() > LOOKUPS_MAX {
            let mut files = self.files(table, &mut |_| Ok(()))?;
            files.retain(|file| ids.binary_search(&file.id).is_ok());
            return Ok(files);
        }
        let mut files = Vec::new();
        for id in ids {
            files.append(&mut self.places(table, &id)?);
        }
        Ok(files)
    }

    /// Reads files that are sorted by id, and keeps the records among them that match.
    fn read<T: Send>(
        &self,
        files: &[File],
        query: &Query<'_>,
        keep: &(impl Fn(Record) -> T + Sync),
        found: &mut Vec<T>,
        bad: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut readable = Vec::with_capacity(files.len());
        let mut last = None;
        for file in files {
            if last.replace(&file.id) == Some(&file.id) {
                bad(stands_twice(&file.path()))?;
            } else if file.mode.kind() == EntryKind::Blob {
                readable.push(file);
            } else {
                bad(not_a_record(&file.path(), file.mode))?;
            }
        }
        let blobs: Vec<ObjectId> = readable.iter().map(|file| file.object).collect();
        let outcomes = self.objects.visit_blobs(&blobs, |place, text| {
            if !query.may_match(text) {
                return None;
            }
            let file = readable[place];
            match record::parse(&file.path(), &file.id, text) {
                Ok(record) => query.matches(&record).then(|| Ok(keep(record))),
                Err(error) => Some(Err(error)),
            }
        })?;
        for (_, outcome) in outcomes {
            match outcome {
                Ok(kept) => found.push(kept),
                Err(error) => bad(error)?,
            }
        }
        Ok(())
    }
}
