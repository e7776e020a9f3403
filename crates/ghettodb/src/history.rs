//! What was changed when, by the commits' own account.

/// What a commit did to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The record is new.
    Created,
    /// The record has other content.
    Changed,
    /// The record is gone.
    Deleted,
}

/// One record that a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// The table.
    pub table: String,
    /// The `_id`, from the file name.
    pub id: String,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id, in hex.
    pub id: String,
    /// When it was committed, RFC 3339 in UTC.
    pub time: String,
    /// First line of its message.
    pub subject: String,
    /// Key and value each, in order.
    pub trailers: Vec<(String, String)>,
    /// Against its first parent, by table and id.
    pub changes: Vec<RecordChange>,
}
