//! A JSON database that lives in git.
//!
//! A record is a file, `db/<table>/<_id>.json`; a transaction is a commit; a commit counts once the
//! remote has taken it. Writers do not lock: each pushes on the tip that it read, and whoever comes
//! second fetches the new tip and runs its operation again there. Text is never merged, and there
//! is no work tree: objects are read and written directly, in a temporary bare repository.
//!
//! * [`Database`] is one repository: [`Database::snapshot`] to read, [`Database::transact`] to write.
//! * [`Transaction`] is what an operation works on; [`Memory`] offers the same without git.
//! * [`once`] keeps the result of an operation under an idempotency key, in the same commit.
//!
//! The crate knows nothing of what the records mean.

mod commit;
mod database;
mod error;
mod git;
mod history;
mod json;
mod memory;
mod name;
mod once;
mod operation;
mod push;
mod query;
mod record;
mod snapshot;
mod transaction;
mod tree;
mod turn;

pub use commit::{Committed, Message};
pub use database::{Author, Database, Options, init};
pub use error::{Error, TransactError};
pub use git::{is_url, origin_of};
pub use history::{ChangeKind, CommitInfo, RecordChange};
pub use json::{canonical_json, canonical_sha256, parse_json};
pub use memory::Memory;
pub use once::once;
pub use record::{Record, record_from, record_json};
pub use snapshot::{Scan, Snapshot};
pub use transaction::Transaction;
