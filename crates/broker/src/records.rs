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
    /// The log, from which the file is continued, cannot be read.
    #[error(transparent)]
    Log(#[from] crate::log::Error),
}

/// The file, which grows.
pub(crate) struct RecordFile {
    path: PathBuf,
    file: BufWriter<File>,
    context: Context,
}

impl RecordFile {
    /// Opens or makes the file. `definitions` are those that the engine knows.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn open<'a>(
        path: &Path,
        definitions: impl Iterator<Item = &'a engine::Definition>,
    ) -> Result<Self, Error> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(fault(path))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(256 * 1024, file),
            context: Context::new(definitions),
        })
    }

    /// Goes to the file's end, cuts a line that is not whole, and learns from the log what later
    /// lines need. Gives the position of the last line.
    pub(crate) fn resume(&mut self, storage: &Arc<dyn Storage>) -> Result<u64, Error> {
        let last = self.last_position().map_err(fault(&self.path))?;
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

    fn last_position(&mut self) -> io::Result<u64> {
        let file = self.file.get_mut();
        let size = file.seek(SeekFrom::End(0))?;
        // Looks back in growing steps until there is a whole line.
        let mut back = 64 * 1024;
        loop {
            let from = size.saturating_sub(back);
            file.seek(SeekFrom::Start(from))?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail)?;
            let whole = tail
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map(|at| at + 1);
            let end = whole.unwrap_or(0);
            let line = tail[..end.saturating_sub(1)]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map(|at| at + 1);
            if line.is_none() && from > 0 {
                back *= 4;
                continue;
            }
            let end_of_file = from + end as u64;
            file.set_len(end_of_file)?;
            file.seek(SeekFrom::Start(end_of_file))?;
            if end == 0 {
                return Ok(0);
            }
            let line: Value = serde_json::from_slice(&tail[line.unwrap_or(0)..end])?;
            return line.get("position").and_then(Value::as_u64).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its last line is no record: is this another file?",
                )
            });
        }
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

fn fault(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    |source| Error::Io {
        path: path.display().to_string(),
        source,
    }
}
