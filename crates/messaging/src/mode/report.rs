//! What a run says of itself when it is done: the notice, the log's group, and the job summary.
//!
//! The summary shows records' texts only where the records stand in the repository whose workflow
//! runs: whoever may read the one may read the other. Of another repository's records it shows numbers
//! and switches alone, as commit messages do.

use ghettodb::{ChangeKind, Committed, RecordDiff};
use serde_json::{Value, json};

use crate::actions::{Environment, code, fenced};
use crate::operation::{Answer, Prepared};
use crate::payload::{Dispatch, one_line};
use crate::result_message::Delivery;

/// Lines of a diff that are shown; no operation of ours comes near.
const DIFF_LINES_MAX: usize = 400;
/// Room for a subject in the notice, which GitHub shows on one line.
const SUBJECT_CHARS: usize = 120;

/// One run of an operation, done and answered.
pub(crate) struct Report<'a> {
    pub(crate) service: &'static str,
    pub(crate) dispatch: &'a Dispatch,
    pub(crate) prepared: &'a Prepared,
    pub(crate) committed: &'a Committed<Answer>,
    /// The records that the commit changed, without the journal.
    pub(crate) changes: Vec<RecordDiff>,
    /// The answer's name and what became of it; none where nothing waits for one.
    pub(crate) delivery: Option<(&'static str, Delivery)>,
    /// Whether the records stand in the repository whose workflow runs.
    pub(crate) is_own_repository: bool,
}

impl Report<'_> {
    /// Service and operation.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.service, self.dispatch.event_type())
    }

    /// The commit's id, empty where there is none.
    pub(crate) fn commit(&self) -> &str {
        self.committed.commit.as_deref().unwrap_or_default()
    }

    /// The answer as one line of JSON.
    pub(crate) fn result(&self) -> String {
        Value::Object(self.committed.value.clone()).to_string()
    }

    /// The whole run as JSON, for the log.
    pub(crate) fn json(&self) -> Value {
        json!({
            "service": self.service,
            "operation": self.dispatch.event_type(),
            "_id": self.dispatch.id(),
            "result": self.committed.value,
            "commit": self.committed.commit,
            "attempts": self.committed.attempts,
            "message": self.delivery.map(|(name, delivery)| json!({
                "name": name,
                "delivery": delivered(delivery),
            })),
        })
    }

    /// What was done, in one line.
    pub(crate) fn notice(&self) -> String {
        let subject = one_line(self.subject(), SUBJECT_CHARS);
        let subject = if self.was_done_before() {
            format!("done before: {subject}")
        } else {
            subject
        };
        match self.delivery {
            None => subject,
            Some((name, delivery)) => format!("{subject}; {name} {}", delivered(delivery)),
        }
    }

    /// The job summary.
    pub(crate) fn markdown(&self, environment: &Environment) -> String {
        let id = code(&one_line(self.dispatch.id(), 200));
        let mut lines = vec![
            format!("### {}", self.title()),
            String::new(),
            format!("{} for {id}", code(self.subject())),
            String::new(),
            format!("- {}", self.commit_line(environment)),
            format!("- {}", self.message_line()),
        ];
        if let Some(url) = environment.run_url() {
            lines.push(format!("- [Log of this run]({url})"));
        }
        lines.push("\nThe result:\n".to_owned());
        lines.push(fenced(&self.pretty_result(), "json"));
        if !self.changes.is_empty() {
            lines.push("\nWhat changed in the records:\n".to_owned());
            lines.push(fenced(&self.diff(), "diff"));
        }
        lines.join("\n")
    }

    /// What its commit is headed by, which may name a customer; elsewhere the bare operation.
    fn subject(&self) -> &str {
        if self.is_own_repository {
            self.prepared.subject()
        } else {
            self.dispatch.event_type()
        }
    }

    /// Whether the journal had the answer of an earlier run.
    fn was_done_before(&self) -> bool {
        self.prepared.writes() && self.committed.commit.is_none()
    }

    fn commit_line(&self, environment: &Environment) -> String {
        match &self.committed.commit {
            None if self.was_done_before() => {
                "This was done before: nothing was written, and the answer is the same".to_owned()
            }
            None => "It only reads: nothing was written".to_owned(),
            Some(commit) => commit_line(commit, environment, self.is_own_repository),
        }
    }

    fn message_line(&self) -> String {
        match self.delivery {
            None => "No message: nothing waits for this operation".to_owned(),
            Some((name, Delivery::Delivered)) => {
                format!("Message `{name}` is published: the process goes on")
            }
            Some((name, Delivery::WasDelivered)) => {
                format!("Message `{name}` was published before: the engine keeps it once")
            }
            Some((name, Delivery::Dropped)) => {
                format!("Message `{name}` was dropped, as a test asked")
            }
        }
    }

    fn pretty_result(&self) -> String {
        // A map of texts and numbers can always be written.
        serde_json::to_string_pretty(&self.committed.value).unwrap_or_default()
    }

    /// The changed records, field by field, as lines of a diff.
    fn diff(&self) -> String {
        let mut lines = Vec::new();
        for change in &self.changes {
            let verb = match change.kind {
                ChangeKind::Created => "new",
                ChangeKind::Changed => "changed",
                ChangeKind::Deleted => "deleted",
            };
            lines.push(format!("@@ {}/{}: {verb} @@", change.table, change.id));
            for field in change.fields() {
                let sides = [('-', &field.before), ('+', &field.after)];
                for (sign, value) in sides {
                    if let Some(value) = value {
                        lines.push(format!("{sign} {}: {}", field.path, self.shown(value)));
                    }
                }
            }
        }
        let more = lines.len().saturating_sub(DIFF_LINES_MAX);
        lines.truncate(DIFF_LINES_MAX);
        if more > 0 {
            lines.push(format!("  and {more} lines more"));
        }
        lines.join("\n")
    }

    /// A value as JSON, which stands on one line whatever it holds.
    fn shown(&self, value: &Value) -> String {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ if self.is_own_repository => value.to_string(),
            Value::String(_) => "(a text)".to_owned(),
            Value::Array(_) => "(a list)".to_owned(),
            Value::Object(_) => "(an object)".to_owned(),
        }
    }
}

/// A commit, with a link where it stands in the repository whose workflow runs.
pub(crate) fn commit_line(
    commit: &str,
    environment: &Environment,
    is_own_repository: bool,
) -> String {
    let short = code(commit.get(..8).unwrap_or(commit));
    let url = environment.commit_url(commit);
    match url.filter(|_| is_own_repository) {
        Some(url) => format!("Commit [{short}]({url})"),
        None => format!("Commit {short} of the data repository"),
    }
}

fn delivered(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "published",
        Delivery::WasDelivered => "was published before",
        Delivery::Dropped => "dropped for a test",
    }
}
