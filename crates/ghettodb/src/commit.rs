//! What a transaction's commit says, and what the caller gets back.

/// A commit's message: one line for people, trailers for people and tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// One line that says what happened.
    pub subject: String,
    /// Key and value each, as in `Order-Id: 0193..`; line breaks in values are escaped.
    pub trailers: Vec<(String, String)>,
}

/// An operation's result, and the commit that holds its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed<T> {
    /// What the operation gave, in the run whose changes were accepted.
    pub value: T,
    /// Id of the commit; none where nothing changed, so nothing was pushed.
    pub commit: Option<String>,
    /// How often the operation was run.
    pub attempts: u32,
}
