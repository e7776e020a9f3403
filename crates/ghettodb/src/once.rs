//! Idempotency: the result of an operation is kept under its key, in the commit that holds its
//! changes, so that the same call again changes nothing and gets the same answer.

use crate::json::sha256_hex;
use crate::{Error, Record, Transaction};
use serde_json::Value;

/// The table of the kept results. It grows fastest, so it is fanned out from the start.
pub(crate) const OPERATIONS: &str = "operations";

/// Runs `operation` unless `key` was used before; gives its result, or the kept one.
///
/// The result is stored as a record of table `operations` (`_id` = SHA-256 of the key in hex, `key`,
/// `payload_sha256`, `result`). An operation that gives `Err` leaves nothing behind, and can be tried again.
///
/// # Errors
/// [`Error::KeyReused`] if the key was used with another payload.
pub fn once<E: From<Error>>(
    transaction: &mut Transaction<'_>,
    key: &str,
    payload_sha256: &str,
    operation: impl FnOnce(&mut Transaction<'_>) -> Result<Value, E>,
) -> Result<Value, E> {
    if let Some(kept) = kept(transaction, key)? {
        let field = |name: &str| kept.get(name).and_then(Value::as_str);
        if field("key") != Some(key) || field("payload_sha256") != Some(payload_sha256) {
            return Err(Error::KeyReused {
                key: key.to_owned(),
            }
            .into());
        }
        return Ok(kept.get("result").cloned().unwrap_or(Value::Null));
    }
    let result = operation(transaction)?;
    let mut record = Record::new();
    record.insert("_id".to_owned(), sha256_hex(key.as_bytes()).into());
    record.insert("key".to_owned(), key.into());
    record.insert("payload_sha256".to_owned(), payload_sha256.into());
    record.insert("result".to_owned(), result.clone());
    transaction.insert(OPERATIONS, record)?;
    Ok(result)
}

/// What the journal holds under a key: the record of table `operations`, if the key was used.
pub fn kept(transaction: &Transaction<'_>, key: &str) -> Result<Option<Record>, Error> {
    transaction.get(OPERATIONS, &sha256_hex(key.as_bytes()))
}
