//! What a command ends with when it did not do its work: a cause for scripts, words for people.

/// Exit codes of `shop`: those of the services, so that a script learns them once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Something broke that the caller did not cause.
    Fault = 1,
    /// The command line is wrong.
    Usage = 2,
    /// What was asked for cannot be: an unknown product, an order that does not exist.
    Refused = 3,
    /// The gateway, its REST API or the dispatcher cannot be reached.
    Unreachable = 4,
}

/// An error that knows its exit code and what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// For scripts.
    pub exit: Exit,
    /// What happened, and where.
    pub message: String,
    /// What to do, laid out by itself.
    pub hint: Option<String>,
}

impl Failure {
    /// An error without a hint.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
