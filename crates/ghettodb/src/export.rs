//! Export: the records of one commit as files for other programs. Each file is written beside its place
//! and moved there when it is whole, so that nobody reads half of one.
//!
//! NDJSON and CSV come back by an import as the same records. SQLite is for asking, not for coming back:
//! see [`ExportFormat::Sqlite`].

#[cfg(feature = "sqlite")]
mod sqlite;

use crate::column::Columns;
use crate::tree::View;
use crate::{Error, Record, Snapshot, name};
use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What the files of an export are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// One record a line, as compact JSON, numbers as written.
    Ndjson,
    /// A head with the names of fields, `_id` first, dots for nested ones, then one row a record. A list
    /// is JSON in its cell; so is a text that would read as JSON, such as `"12"`; an absent field is
    /// empty, `null` is `null`. All comes back by an import but the order of fields. A text that begins
    /// with `=` is written as it is, since anything else would be another text: a spreadsheet that opens
    /// the file must be told not to calculate.
    Csv,
    /// One SQLite database: a table each, with a column for each top-level field: INTEGER (`true` is 1)
    /// or REAL where all its values fit exactly, else TEXT with numbers as written; objects and lists are
    /// JSON in TEXT; absent and null are NULL. A table `_export` says where it came from.
    Sqlite,
}

impl ExportFormat {
    fn extension(self) -> &'static str {
        match self {
            ExportFormat::Ndjson => "ndjson",
            ExportFormat::Csv => "csv",
            ExportFormat::Sqlite => "sqlite",
        }
    }
}

/// What is exported.
#[derive(Debug, Clone)]
pub struct Export<'a> {
    /// The tables; empty for all.
    pub tables: &'a [String],
    /// What the files are.
    pub format: ExportFormat,
    /// Whether files that are there may be replaced.
    pub force: bool,
    /// The branch that the snapshot is of, to be noted in a SQLite database.
    pub branch: &'a str,
}

/// Where an export goes.
pub enum ExportTo<'a> {
    /// A stream, for one table in NDJSON or CSV.
    Stream(&'a mut dyn Write),
    /// A file, for one table or SQLite; else a folder that gets one file a table, `<table>.<format>`.
    Path(&'a Path),
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Each table and the number of its records.
    pub tables: Vec<(String, u64)>,
    /// The files, in the same order where there is one a table.
    pub files: Vec<PathBuf>,
}

impl Snapshot {
    /// Exports tables. What is no record is given to `bad`, whose error ends the export; files that are
    /// not yet whole are then not there.
    ///
    /// # Errors
    /// [`Error::Usage`] for a table that is not there, a file that is there already, a stream for several
    /// tables, or what the format cannot hold.
    pub fn export(
        &self,
        export: &Export<'_>,
        to: ExportTo<'_>,
        bad: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<Exported, Error> {
        let view = self.view()?;
        let tables = tables(&view, export)?;
        let mut exporter = Exporter {
            view,
            export,
            commit: self.commit(),
            bad,
        };
        match (to, export.format) {
            (ExportTo::Path(file), ExportFormat::Sqlite) => exporter.database(&tables, file),
            (ExportTo::Path(path), _) => {
                let files: Vec<PathBuf> = match export.tables {
                    [_] => vec![path.to_owned()],
                    _ => {
                        let extension = export.format.extension();
                        let file = |table| path.join(format!("{table}.{extension}"));
                        tables.iter().map(file).collect()
                    }
                };
                exporter.files(tables, files, path)
            }
            (ExportTo::Stream(_), ExportFormat::Sqlite) => Err(Error::Usage(
                "a SQLite database is a file; say which, with --output".to_owned(),
            )),
            (ExportTo::Stream(out), _) => match tables.as_slice() {
                [table] => {
                    let mut out = BufWriter::new(out);
                    let count = exporter.table(table, &mut out)?;
                    out.flush().map_err(Error::io("cannot write the export"))?;
                    Ok(Exported {
                        tables: vec![(table.clone(), count)],
                        files: Vec::new(),
                    })
                }
                tables => Err(Error::Usage(format!(
                    "{} tables do not fit into one stream; name one with --table, or a folder with --output",
                    tables.len()
                ))),
            },
        }
    }
}

/// The tables that are meant.
fn tables(view: &View<'_>, export: &Export<'_>) -> Result<Vec<String>, Error> {
    use crate::transaction::Base as _;
    let there = view.tables()?;
    if export.tables.is_empty() {
        return Ok(there);
    }
    let mut tables: Vec<String> = Vec::new();
    for table in export.tables {
        name::check_table(table)?;
        if !there.contains(table) {
            return Err(Error::Usage(format!("there is no table {table:?}")));
        }
        if !tables.contains(table) {
            tables.push(table.clone());
        }
    }
    Ok(tables)
}

struct Exporter<'a> {
    view: View<'a>,
    export: &'a Export<'a>,
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(dead_code, reason = "only a SQLite database tells it")
    )]
    commit: Option<&'a str>,
    bad: &'a mut dyn FnMut(Error) -> Result<(), Error>,
}

impl Exporter<'_> {
    /// One file a table.
    fn files(
        &mut self,
        tables: Vec<String>,
        files: Vec<PathBuf>,
        path: &Path,
    ) -> Result<Exported, Error> {
        for (table, file) in tables.iter().zip(&files) {
            // Another tool may have made a directory that no table of ours is called after.
            name::check_table(table)?;
            self.check_free(file)?;
        }
        if self.export.tables.len() != 1 {
            std::fs::create_dir_all(path).map_err(Error::io(format!(
                "cannot make the folder {:?}",
                path.display()
            )))?;
        }
        let mut exported = Exported {
            tables: Vec::new(),
            files: files.clone(),
        };
        for (table, file) in tables.into_iter().zip(files) {
            let draft = draft(&file)?;
            let mut out = BufWriter::new(draft.as_file());
            let count = self.table(&table, &mut out)?;
            out.flush().map_err(unwritable(&file))?;
            drop(out);
            self.publish(draft, &file)?;
            exported.tables.push((table, count));
        }
        Ok(exported)
    }

    /// One table as a stream of text; gives the number of its records.
    fn table(&mut self, table: &str, out: &mut dyn Write) -> Result<u64, Error> {
        let failed = || Error::io(format!("cannot write the export of table {table:?}"));
        let mut count = 0;
        if self.export.format == ExportFormat::Ndjson {
            self.view.each_record(table, self.bad, &mut |record| {
                count += 1;
                serde_json::to_writer(&mut *out, &record)
                    .map_err(std::io::Error::from)
                    .and_then(|()| out.write_all(b"\n"))
                    .map_err(failed())
            })?;
            return Ok(count);
        }
        let mut columns = Columns::new();
        self.each_twice(table, &mut |record| columns.add(record))?;
        let mut writer = csv::Writer::from_writer(out);
        let failed = |error: csv::Error| failed()(error.into());
        writer.write_record(columns.names()).map_err(failed)?;
        self.view
            .each_record(table, &mut |_| Ok(()), &mut |record| {
                count += 1;
                writer.write_record(columns.row(&record)).map_err(failed)
            })?;
        writer.flush().map_err(|error| failed(error.into()))?;
        Ok(count)
    }

    /// The first of two passes over a table: the one in which what is no record is told.
    fn each_twice(&mut self, table: &str, visit: &mut dyn FnMut(&Record)) -> Result<(), Error> {
        self.view.each_record(table, self.bad, &mut |record| {
            visit(&record);
            Ok(())
        })
    }

    #[cfg(feature = "sqlite")]
    fn database(&mut self, tables: &[String], file: &Path) -> Result<Exported, Error> {
        self.check_free(file)?;
        let draft = draft(file)?;
        let tables = sqlite::write(self, tables, draft.path())?;
        self.publish(draft, file)?;
        Ok(Exported {
            tables,
            files: vec![file.to_owned()],
        })
    }

    #[cfg(not(feature = "sqlite"))]
    fn database(&mut self, _: &[String], _: &Path) -> Result<Exported, Error> {
        Err(Error::Usage(
            "this program was built without SQLite (the cargo feature `sqlite`)".to_owned(),
        ))
    }

    fn check_free(&self, file: &Path) -> Result<(), Error> {
        match file.exists() && !self.export.force {
            true => Err(Error::Usage(format!(
                "{:?} is there already; --force replaces it",
                file.display()
            ))),
            false => Ok(()),
        }
    }

    /// Moves a file that is whole to its place.
    fn publish(&self, draft: NamedTempFile, file: &Path) -> Result<(), Error> {
        draft.as_file().sync_all().map_err(unwritable(file))?;
        let moved = match self.export.force {
            true => draft.persist(file),
            false => draft.persist_noclobber(file),
        };
        moved
            .map(drop)
            .map_err(|error| unwritable(file)(error.error))
    }
}

/// A file beside the one that is to be written.
fn draft(file: &Path) -> Result<NamedTempFile, Error> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".ghettodb-export-")
        // As of any new file: less what the user's mask takes away.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(unwritable(file))
}

fn unwritable(file: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    Error::io(format!("cannot write {:?}", file.display()))
}
