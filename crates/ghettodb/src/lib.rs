//! A JSON database that lives in git.
//!
//! A record is a file, `db/<table>/<_id>.json`; a transaction is a commit; a commit counts once the
//! remote has taken it. Writers do not lock: each pushes on the tip that it read, and whoever comes
//! second fetches the new tip and runs its operation again there. Text is never merged, and there
//! is no work tree: objects are read and written directly, in a temporary bare repository.
//!
//! * [`Database`] is one repository: [`Database::snapshot`] to read, [`Database::transact`] to write.
//! * [`Transaction`] is what an operation works on; [`Memory`] offers the same without git.
//! * [`At`] is a place in the history: [`Database::snapshot_at`], [`Database::diff`],
//!   [`Database::restore`]; [`Database::history`] tells one record's, [`Database::changes_since`] follows
//!   the branch as it goes on.
//! * [`once`] keeps the result of an operation under an idempotency key, in the same commit.
//!
//! The crate knows nothing of what the records mean.
//!
//! # What is decided where nothing else says it
//!
//! * A plain value in a query asks for equality. A nested object asks for its own fields alone, lists
//!   must be the same, `null` asks for a field that is there and null. An object of `$` operators asks
//!   for what they say, named as MongoDB's users know them: `$eq $ne $gt $gte $lt $lte $in $nin $exists
//!   $regex`, with `$and $or $not` around conditions at every level. `$eq` and `$in` take objects as a
//!   whole. Values of different types are neither greater nor less; `$ne`, `$nin` and `$not` hold for
//!   an absent field. `$regex` has no options beside those in the pattern, such as `(?i)`.
//! * `a.b` in a query names the field `a.b`, else `b` in the object `a`. Of several matches, `findone`, `updateone`,
//!   `deleteone` and `upsert` take the first by `_id`.
//! * `_id` stands first in a file and `_updated` last; `_updated` is the time of the transaction, in
//!   milliseconds, whatever the caller put there. A write of what is there already is no change.
//! * The file name is the key: a file without `_id` gets it from there, one with another is an error.
//! * A broken file stops only what could mean it: a search that its text rules out goes on.
//! * A new record may not differ from another one's `_id`, nor a new table from another one's name,
//!   by case or Unicode form alone.
//! * Files that are not `*.json` are left alone; links, submodules, executables and folders where a
//!   record should be are errors, and only a delete or a dropped table removes them.
//! * A commit's message lists the records that it changed. Of values it shows numbers, `true`, `false`
//!   and `null` alone, since it is read where the data is not.
//! * A time means the last commit along first parents that was committed by then; where clocks disagree,
//!   the order of the branch counts.
//! * Each commit carries a `transaction` header of its own, so that equal writes of two writers in
//!   one second stay two commits.
//! * Commits are not signed, and hooks of the user's `core.hooksPath` are not run in the clone.

mod at;
mod column;
mod commit;
mod compact;
mod compare;
mod condition;
mod database;
mod diff;
mod error;
mod export;
mod first_parents;
mod fsck;
mod git;
mod history;
mod import;
#[cfg(feature = "sqlite")]
mod index;
#[cfg(not(feature = "sqlite"))]
#[path = "index/none.rs"]
mod index;
mod json;
mod memory;
mod merge;
mod message;
mod name;
mod once;
mod operation;
mod path;
mod patience;
mod push;
mod query;
mod record;
mod redact;
mod reshard;
mod restore;
mod rules;
mod selection;
mod settings;
mod snapshot;
mod summary;
mod transaction;
mod tree;
mod turn;
mod unpushed;
mod watch;

pub use at::At;
pub use commit::Committed;
pub use compact::{Compaction, Keep};
pub use compare::{FieldChange, compare, fields_json};
pub use condition::Condition;
pub use database::{Author, Database, Options, Scratch, init};
pub use diff::{ChangeKind, RecordDiff};
pub use error::{Error, RuleFault, TransactError};
pub use export::{Export, ExportFormat, ExportTo, Exported};
pub use fsck::{Code, Mended, Problem, Report, Severity};
pub use git::{is_url, origin_of, with_token};
pub use history::{CommitInfo, HistoryEntry, RecordChange, RecordHistory};
pub use import::{Import, ImportFormat, ImportMode, Imported};
pub use json::{canonical_json, canonical_sha256, parse_json};
pub use memory::Memory;
pub use merge::{
    DriverInstalled, Merge, MergeOutcome, install_merge_driver, merge_files, merge_records,
};
pub use message::Message;
pub use once::{kept, once};
pub use record::{Record, record_from, record_json};
pub use reshard::Resharded;
pub use restore::Restored;
pub use selection::Selection;
pub use settings::Layout;
pub use snapshot::{Scan, Snapshot};
pub use transaction::Transaction;
pub use watch::{Arrival, Cursor, Join};
