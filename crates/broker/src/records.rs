//! The record file (`--records`): each record as one line of JSON, in the format of Zeebe's
//! exporters, for tools that read it.
//!
//! Our log holds numbers where Zeebe's records repeat names and references; [`context`] puts
//! these back. A command's line has its name and key, no value: the events say what it did.

mod context;
mod value;

use crate::VERSION;
use crate::log::Reader;
use crate::storage::Storage;
use context::Context;
use engine::{Body, Position, Record};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the file cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The system refused.
    #[error("cannot write the record file '{path}': {source}")]
    Io {
        /// Which file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file goes on where the log does not.
    #[error(
        "the record file '{path}' goes to position {last}, the log only to {durable}: it belongs \
         to another log. Give a file of its own, or move this one away"
    )]
    OtherLog {
        /// Which file.
        path: String,
        /// Its last line's position.
        last: u64,
        /// The log's last position.
        durable: u64,
    },
    /// The log, from which the file is continued, cannot be read.
    #[error(transparent)]
    Log(#[from] crate::log::Error),
}

/// The file, which grows.
pub(crate) struct RecordFile {
    path: PathBuf,
    file: BufWriter<File>,
    context: Context,
    /// The position of the last line that was there when it was opened.
    last: u64,
}

/// How each line begins.
const LINE_START: &[u8] = b"{\"position\":";

impl RecordFile {
    /// Opens or makes the file, and cuts a last line that is not whole. `durable` is the log's
    /// last position, `definitions` are those that the engine knows.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or holds something else than a part of this log.
    pub(crate) fn open<'a>(
        path: &Path,
        durable: Position,
        definitions: impl Iterator<Item = &'a engine::Definition>,
    ) -> Result<Self, Error> {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(fault(path))?;
        let last = seek_to_end(&mut file).map_err(fault(path))?;
        if last > durable.0 {
            return Err(Error::OtherLog {
                path: path.display().to_string(),
                last,
                durable: durable.0,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(256 * 1024, file),
            context: Context::new(definitions),
            last,
        })
    }

    /// Learns from the log what later lines need. Gives the position of the last line.
    pub(crate) fn resume(&mut self, storage: &Arc<dyn Storage>) -> Result<u64, Error> {
        let last = self.last;
        let mut reader = Reader::new(Arc::clone(storage), Position(1));
        reader.read_to(Position(last), |records| {
            for record in records.iter().filter(|record| record.position.0 <= last) {
                self.context.learn(record);
                self.context.forget(record);
            }
            true
        })?;
        Ok(last)
    }

    /// Appends a record.
    pub(crate) fn write(&mut self, record: &Record) -> Result<(), Error> {
        self.context.learn(record);
        let line = self.line(record);
        self.context.forget(record);
        serde_json::to_writer(&mut self.file, &line)
            .map_err(io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(fault(&self.path))
    }

    /// Gives what was written to the system.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.file.flush().map_err(fault(&self.path))
    }

    fn line(&self, record: &Record) -> Value {
        let (record_type, value_type, intent, value) = match &record.body {
            Body::Command(value_type, intent) => ("COMMAND", *value_type, *intent, json!({})),
            Body::Event(event) => {
                let (value_type, intent) = event.names();
                let value = value::of(&self.context, record.key, event);
                ("EVENT", value_type, intent, value)
            }
            Body::Rejection(rejection) => (
                "COMMAND_REJECTION",
                rejection.value_type,
                rejection.intent,
                json!({}),
            ),
        };
        let (rejection_type, reason) = match &record.body {
            Body::Rejection(rejection) => (rejection.code.to_string(), rejection.reason.as_str()),
            Body::Command(..) | Body::Event(_) => ("NULL_VAL".to_owned(), ""),
        };
        let source = match &record.body {
            Body::Command(..) => -1,
            Body::Event(_) | Body::Rejection(_) => record.source.0.cast_signed(),
        };
        json!({
            "position": record.position.0,
            "sourceRecordPosition": source,
            "key": record.key.0,
            "timestamp": record.timestamp.0,
            "recordType": record_type,
            "valueType": value_type.as_str(),
            "intent": intent.as_str(),
            "rejectionType": rejection_type,
            "rejectionReason": reason,
            "partitionId": engine::key::PARTITION,
            "recordVersion": 1,
            "brokerVersion": VERSION,
            "value": value,
        })
    }
}

/// Goes behind the last whole line and cuts what is behind it. Gives the line's position.
fn seek_to_end(file: &mut File) -> io::Result<u64> {
    let other = || {
        let text = "its last line is no record: give a file of its own";
        io::Error::new(io::ErrorKind::InvalidData, text)
    };
    let size = file.seek(SeekFrom::End(0))?;
    // Looks back in growing steps until a whole line is in sight.
    let mut back = 64 * 1024;
    let (from, tail, start, end) = loop {
        let from = size.saturating_sub(back);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let newline = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
        let end = newline(&tail).map_or(0, |at| at + 1);
        let start = newline(&tail[..end.saturating_sub(1)]).map(|at| at + 1);
        if start.is_some() || from == 0 {
            break (from, tail, start.unwrap_or(0), end);
        }
        back *= 4;
    };
    // Nothing is cut but what this program began to write.
    let torn = &tail[end..];
    let begun = torn.len().min(LINE_START.len());
    if torn[..begun] != LINE_START[..begun] {
        return Err(other());
    }
    let last = match &tail[start..end] {
        [] => 0,
        line => serde_json::from_slice::<Value>(line)
            .ok()
            .and_then(|line| line.get("position")?.as_u64())
            .ok_or_else(other)?,
    };
    let end_of_file = from + end as u64;
    file.set_len(end_of_file)?;
    file.seek(SeekFrom::Start(end_of_file))?;
    Ok(last)
}

fn fault(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    |source| Error::Io {
        path: path.display().to_string(),
        source,
    }
}
