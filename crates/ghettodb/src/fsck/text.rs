//! The text of one file: whether it is a record, and where it is not.

use super::{Code, Problem};
use crate::json::{FaultKind, locate};
use crate::record::{self, BYTE_ORDER_MARK};
use crate::{Record, record_json};
use serde_json::Value;

/// A problem in a text.
pub(super) fn problem(
    code: Code,
    path: &str,
    place: (usize, usize),
    message: impl Into<String>,
) -> Problem {
    Problem {
        code,
        path: path.to_owned(),
        line: place.0,
        column: place.1,
        message: message.into(),
        fixable: false,
    }
}

/// Where the field that a JSON pointer names stands; the nearest object around it, where it is
/// missing.
pub(super) fn place(bytes: &[u8], pointer: &str) -> (usize, usize) {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let found = std::str::from_utf8(text)
        .ok()
        .and_then(|text| locate(text, pointer));
    found.unwrap_or((1, 1))
}

/// Reads a record as its file has it, `_id` and all.
pub(super) fn read(path: &str, bytes: &[u8]) -> Result<Record, Problem> {
    record::read(bytes).map_err(|fault| {
        let code = match fault.kind {
            FaultKind::Syntax => Code::NotJson,
            FaultKind::ConflictMarker => Code::ConflictMarker,
            FaultKind::DuplicateKey => Code::DuplicateKey,
            FaultKind::NumberRange => Code::NumberRange,
            FaultKind::TooDeep => Code::TooDeep,
            FaultKind::TooLarge => Code::TooLarge,
            FaultKind::NotUtf8 => Code::NotUtf8,
            FaultKind::NotAnObject => Code::NotAnObject,
        };
        problem(code, path, (fault.line, fault.column), fault.reason)
    })
}

/// The text without its byte order mark, if it has one.
pub(super) fn without_mark(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(BYTE_ORDER_MARK)
}

/// The text of a record under another `_id`, which stands first; all else is as it was.
pub(super) fn with_id(mut record: Record, id: &str) -> String {
    match record.get_mut("_id") {
        Some(own) => *own = id.into(),
        None => {
            record.shift_insert(0, "_id".to_owned(), Value::from(id));
        }
    }
    record_json(&record)
}
