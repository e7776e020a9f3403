//! The export as a SQLite database: which column a field becomes, and which value a cell.
//!
//! SQLite converts what it stores to the type of the column, a text that looks like a number too. So a
//! column is INTEGER or REAL only where all its values are numbers that fit exactly; else it is TEXT, and
//! what is stored is what was written.

use super::Exporter;
use crate::json::{canonical_number, compare_numbers};
use crate::{Error, Record};
use rusqlite::types::{ToSqlOutput, Value as Cell};
use rusqlite::{Connection, ToSql};
use serde_json::{Number, Value};
use std::collections::HashMap;
use std::path::Path;

/// The table that says where the records came from.
const EXPORT: &str = "_export";

/// Writes the tables into a new database; gives the number of records of each.
pub(super) fn write(
    exporter: &mut Exporter<'_>,
    tables: &[String],
    file: &Path,
) -> Result<Vec<(String, u64)>, Error> {
    if tables.iter().any(|table| table == EXPORT) {
        return Err(Error::Usage(format!(
            "table {EXPORT:?} has the name of the one that says where a SQLite export came from; export the others with --table"
        )));
    }
    let mut connection = Connection::open(file).map_err(failed(EXPORT))?;
    let transaction = connection.transaction().map_err(failed(EXPORT))?;
    note_origin(exporter, &transaction).map_err(failed(EXPORT))?;
    let mut counts = Vec::new();
    for table in tables {
        let count = write_table(exporter, table, &transaction)?;
        counts.push((table.clone(), count));
    }
    transaction.commit().map_err(failed(EXPORT))?;
    connection
        .close()
        .map_err(|(_, error)| failed(EXPORT)(error))?;
    Ok(counts)
}

fn failed(table: &str) -> impl Fn(rusqlite::Error) -> Error + use<> {
    let table = table.to_owned();
    move |error| Error::Usage(format!("SQLite cannot hold table {table:?}: {error}"))
}

fn note_origin(exporter: &Exporter<'_>, connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        r#"CREATE TABLE _export ("commit" TEXT, branch TEXT NOT NULL, time TEXT NOT NULL)"#,
    )?;
    connection.execute(
        r"INSERT INTO _export VALUES (?, ?, ?)",
        (
            exporter.commit,
            exporter.export.branch,
            jiff::Timestamp::now().to_string(),
        ),
    )?;
    Ok(())
}

fn write_table(
    exporter: &mut Exporter<'_>,
    table: &str,
    connection: &Connection,
) -> Result<u64, Error> {
    let mut columns = Columns::default();
    columns.add(&Record::from_iter([("_id".to_owned(), "".into())]));
    exporter.each_twice(table, &mut |record| columns.add(record))?;
    columns.check_names(table)?;
    let failed = failed(table);
    connection
        .execute_batch(&columns.create(table))
        .map_err(&failed)?;
    let places = vec!["?"; columns.columns.len()].join(", ");
    let mut insert = connection
        .prepare(&format!("INSERT INTO {} VALUES ({places})", quoted(table)))
        .map_err(&failed)?;
    let mut count = 0;
    exporter
        .view
        .each_record(table, &mut |_| Ok(()), &mut |record| {
            count += 1;
            let cells = columns
                .columns
                .iter()
                .map(|(name, kind)| Field(record.get(name), *kind));
            insert
                .execute(rusqlite::params_from_iter(cells))
                .map(drop)
                .map_err(&failed)
        })?;
    Ok(count)
}

/// The top-level fields of a table's records, in the order in which they were first seen.
#[derive(Default)]
struct Columns {
    columns: Vec<(String, Kind)>,
    places: HashMap<String, usize>,
}

/// What the values of a column are, as far as they were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// There was none but null.
    Empty,
    Boolean,
    /// Whole numbers that are REAL numbers too; so may others of the column not be.
    SmallInteger,
    Integer,
    Real,
    Text,
}

impl Columns {
    fn add(&mut self, record: &Record) {
        for (name, value) in record {
            let place = match self.places.get(name) {
                Some(place) => *place,
                None => {
                    self.places.insert(name.clone(), self.columns.len());
                    self.columns.push((name.clone(), Kind::Empty));
                    self.columns.len() - 1
                }
            };
            let kind = &mut self.columns[place].1;
            *kind = kind.with(Kind::of(value));
        }
    }

    /// SQLite takes names that differ only by the case of Latin letters for one.
    fn check_names(&self, table: &str) -> Result<(), Error> {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (name, _) in &self.columns {
            if let Some(other) = seen.insert(name.to_ascii_lowercase(), name) {
                return Err(Error::Usage(format!(
                    "SQLite cannot hold table {table:?}: fields {other:?} and {name:?} differ only by case; export it as ndjson or csv"
                )));
            }
        }
        Ok(())
    }

    fn create(&self, table: &str) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| {
                let key = match name.as_str() {
                    "_id" => " PRIMARY KEY NOT NULL",
                    _ => "",
                };
                format!("{} {}{key}", quoted(name), kind.sql())
            })
            .collect();
        format!("CREATE TABLE {} ({})", quoted(table), columns.join(", "))
    }
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Kind::Empty,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(number) => match (integer(number), real(number)) {
                (Some(_), Some(_)) => Kind::SmallInteger,
                (Some(_), None) => Kind::Integer,
                (None, Some(_)) => Kind::Real,
                (None, None) => Kind::Text,
            },
            Value::String(_) | Value::Array(_) | Value::Object(_) => Kind::Text,
        }
    }

    fn with(self, other: Kind) -> Kind {
        use Kind::{Empty, Integer, Real, SmallInteger, Text};
        match (self, other) {
            (one, other) if one == other => one,
            (Empty, kind) | (kind, Empty) => kind,
            (SmallInteger, kind @ (Integer | Real)) | (kind @ (Integer | Real), SmallInteger) => {
                kind
            }
            _ => Text,
        }
    }

    fn sql(self) -> &'static str {
        match self {
            Kind::Boolean | Kind::SmallInteger | Kind::Integer => "INTEGER",
            Kind::Real => "REAL",
            Kind::Empty | Kind::Text => "TEXT",
        }
    }
}

/// The number as SQLite's INTEGER, if that is the same.
fn integer(number: &Number) -> Option<i64> {
    canonical_number(number)?.parse().ok()
}

/// The number as SQLite's REAL, if its shortest spelling is the same number.
fn real(number: &Number) -> Option<f64> {
    let real: f64 = number.as_str().parse().ok()?;
    let shortest = Number::from_string_unchecked(real.to_string());
    compare_numbers(&shortest, number).is_eq().then_some(real)
}

/// A field of a record in a column.
struct Field<'r>(Option<&'r Value>, Kind);

impl ToSql for Field<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let Field(value, kind) = self;
        let text = |text: String| ToSqlOutput::Owned(Cell::Text(text));
        Ok(match (value, kind) {
            (None | Some(Value::Null), _) => ToSqlOutput::Owned(Cell::Null),
            (Some(Value::Bool(value)), Kind::Boolean) => (i64::from(*value)).into(),
            (Some(Value::Number(number)), Kind::Integer | Kind::SmallInteger) => {
                integer(number).map_or_else(|| text(number.to_string()), Into::into)
            }
            (Some(Value::Number(number)), Kind::Real) => {
                real(number).map_or_else(|| text(number.to_string()), Into::into)
            }
            (Some(Value::String(value)), _) => value.as_str().into(),
            (Some(other), _) => text(other.to_string()),
        })
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
