//! The tip as a whole: the root, `db/`, and each table in it.

use super::mend::{self, Mends};
use super::table::Table;
use super::text::problem;
use super::{Code, Problem, Report};
use crate::git::Objects;
use crate::tree::{Entry, NewTree, ROOT, View};
use crate::{Error, name};
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;
use std::collections::HashMap;

/// What was found in a tip, and how to mend it.
#[derive(Default)]
pub(super) struct Tip {
    report: Report,
    mends: Mends,
}

impl Tip {
    pub(super) fn check(objects: &Objects, commit: Option<ObjectId>) -> Result<Self, Error> {
        match View::new(objects, commit) {
            Ok(view) => Self::check_view(&view),
            // `db` is no directory, and that is all there is to say.
            Err(Error::BadRecord { path, reason, .. }) => {
                let mut tip = Tip::default();
                let found = problem(Code::NotADirectory, &path, (0, 0), reason);
                tip.report.problems.push(found);
                Ok(tip)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn check_view(view: &View<'_>) -> Result<Self, Error> {
        let mut tip = Tip::default();
        for entry in view.list_root()? {
            let name = entry.name.to_str_lossy();
            if name::clash(&name, ROOT) {
                let message = format!("it differs from {ROOT:?} only by case or Unicode form");
                tip.add(problem(Code::NameClash, &name, (0, 0), message));
            }
        }
        let entries = view.list_db()?;
        let mut seen: HashMap<String, String> = HashMap::new();
        for entry in &entries {
            if let Some(table) = tip.table_name(entry, &mut seen) {
                tip.report.tables += 1;
                let table = Table::check(view, table)?;
                tip.report.records += table.records;
                tip.report.problems.extend(table.problems);
                if !table.mends.is_empty() {
                    tip.mends.insert(table.name.to_owned(), table.mends);
                }
            }
        }
        tip.report.problems.sort_by(|a, b| {
            (&a.path, a.line, a.column, a.code).cmp(&(&b.path, b.line, b.column, b.code))
        });
        Ok(tip)
    }

    /// The name of a table whose directory can be looked into.
    fn table_name<'e>(
        &mut self,
        entry: &'e Entry,
        seen: &mut HashMap<String, String>,
    ) -> Option<&'e str> {
        let path = format!("{ROOT}/{}", entry.name);
        let stray = match entry.mode.kind() {
            EntryKind::Tree => None,
            EntryKind::Link => Some((Code::Symlink, "a symbolic link, which is never followed")),
            EntryKind::Commit => Some((Code::Submodule, "a submodule")),
            EntryKind::Blob | EntryKind::BlobExecutable => {
                if entry.id().is_some() {
                    let message = "it belongs to no table; records stand in db/<table>/";
                    self.add(problem(Code::StrayFile, &path, (0, 0), message));
                }
                return None;
            }
        };
        if let Some((code, found)) = stray {
            let message = format!("it is {found}; a table is a directory");
            self.add(problem(code, &path, (0, 0), message));
            return None;
        }
        let Ok(table) = entry.name.to_str() else {
            let message = "the name is not UTF-8";
            self.add(problem(Code::BadName, &path, (0, 0), message));
            return None;
        };
        if let Some(other) = seen.insert(name::fold(table), table.to_owned()) {
            let message = format!("table {other:?} differs from it only by case or Unicode form");
            self.add(problem(Code::NameClash, &path, (0, 0), message));
        }
        if let Err(error) = name::check_table(table) {
            self.add(problem(Code::BadName, &path, (0, 0), error.to_string()));
            return None;
        }
        Some(table)
    }

    fn add(&mut self, problem: Problem) {
        self.report.problems.push(problem);
    }

    pub(super) fn fixable(&self) -> Vec<Problem> {
        let problems = self.report.problems.iter();
        problems
            .filter(|problem| problem.fixable)
            .cloned()
            .collect()
    }

    pub(super) fn mend(&self, view: &View<'_>) -> Result<NewTree, Error> {
        mend::apply(view, &self.mends)
    }

    pub(super) fn into_report(self) -> Report {
        self.report
    }
}
