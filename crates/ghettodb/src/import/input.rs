//! The formats of an input: a stream of bytes to records, one at a time, each with its line. Whether a
//! record may be stored is not asked here.

use super::ImportFormat;
use crate::json::{self, Fault};
use crate::{Error, Record, column};
use serde_json::Value;
use std::io::{BufRead, Read as _};

/// Longest line of NDJSON, in bytes: a record of the largest size with all its characters escaped.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What editors on Windows leave at the start; it is not content.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Gives each record to `visit`, with the line on which it begins, from 1. `file` is what errors call
/// the input.
pub(super) fn read(
    format: ImportFormat,
    file: &str,
    input: &mut dyn BufRead,
    visit: &mut dyn FnMut(usize, Record) -> Result<(), Error>,
) -> Result<(), Error> {
    let source = Source { file };
    match format {
        ImportFormat::Ndjson => source.lines(input, visit),
        ImportFormat::Json => source.array(input, visit),
        ImportFormat::Csv => source.rows(input, visit),
    }
}

type Visit<'v> = &'v mut dyn FnMut(usize, Record) -> Result<(), Error>;

struct Source<'f> {
    file: &'f str,
}

impl Source<'_> {
    fn bad(&self, line: usize, column: usize, reason: impl Into<String>) -> Error {
        Error::BadInput {
            file: self.file.to_owned(),
            line,
            column,
            reason: reason.into(),
        }
    }

    fn fault(&self, line: usize, fault: Fault) -> Error {
        self.bad(line + fault.line - 1, fault.column, fault.reason)
    }

    fn unreadable(&self) -> impl FnOnce(std::io::Error) -> Error + use<> {
        Error::io(format!("cannot read {}", self.file))
    }

    fn record(&self, line: usize, value: Value) -> Result<Record, Error> {
        match value {
            Value::Object(record) => Ok(record),
            other => Err(self.bad(
                line,
                0,
                format!("a record is a JSON object, found {}", kind(&other)),
            )),
        }
    }

    fn lines(&self, input: &mut dyn BufRead, visit: Visit<'_>) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            let mut limited = (&mut *input).take(LINE_BYTES_MAX);
            limited
                .read_until(b'\n', &mut bytes)
                .map_err(self.unreadable())?;
            if bytes.is_empty() {
                break;
            }
            if limited.limit() == 0 && !bytes.ends_with(b"\n") {
                let reason = format!(
                    "the line is longer than {LINE_BYTES_MAX} bytes; is this one record a line?"
                );
                return Err(self.bad(line, 0, reason));
            }
            let text = match line {
                1 => bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes),
                _ => &bytes,
            };
            let text = std::str::from_utf8(text)
                .map_err(|_| self.bad(line, 0, "the line is not UTF-8"))?;
            if text.trim().is_empty() {
                continue;
            }
            let value = json::parse(text).map_err(|fault| self.fault(line, fault))?;
            visit(line, self.record(line, value)?)?;
        }
        Ok(())
    }

    /// The whole text is held, one record of it at a time is a value.
    fn array(&self, input: &mut dyn BufRead, visit: Visit<'_>) -> Result<(), Error> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(self.unreadable())?;
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        let text = std::str::from_utf8(text).map_err(|error| {
            let before = &text[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            self.bad(line, 0, "the input is not UTF-8")
        })?;
        for item in json::items(text) {
            let (line, value) = item.map_err(|fault| self.fault(1, fault))?;
            visit(line, self.record(line, value)?)?;
        }
        Ok(())
    }

    fn rows(&self, input: &mut dyn BufRead, visit: Visit<'_>) -> Result<(), Error> {
        let mut reader = csv::Reader::from_reader(input);
        let headers = reader.headers().map_err(|error| self.csv(error))?.clone();
        let columns: Vec<Vec<String>> = headers.iter().map(column::names).collect();
        if let Some(index) =
            (1..columns.len()).find(|index| columns[..*index].contains(&columns[*index]))
        {
            return Err(self.bad(1, 0, format!("column {:?} stands twice", &headers[index])));
        }
        for row in reader.into_records() {
            let row = row.map_err(|error| self.csv(error))?;
            let line = row
                .position()
                .map_or(0, |position| position.line() as usize);
            let mut record = Record::new();
            for ((names, header), cell) in columns.iter().zip(&headers).zip(&row) {
                if let Some(value) = column::value(header, cell)
                    && !column::set(&mut record, names, value)
                {
                    let reason =
                        format!("column {header:?} is for a field that another column has set");
                    return Err(self.bad(line, 0, reason));
                }
            }
            visit(line, record)?;
        }
        Ok(())
    }

    fn csv(&self, error: csv::Error) -> Error {
        let line = error
            .position()
            .map_or(0, |position| position.line() as usize);
        match error.into_kind() {
            csv::ErrorKind::Io(error) => self.unreadable()(error),
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => self.bad(
                line,
                0,
                format!("the row has {len} cells, but there are {expected_len} columns"),
            ),
            csv::ErrorKind::Utf8 { .. } => self.bad(line, 0, "the row is not UTF-8"),
            other => self.bad(line, 0, format!("{other:?}")),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
