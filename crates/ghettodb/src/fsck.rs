//! `fsck`: everything of the tip that is not as it should be, each with its place, and mending what
//! can be mended without losing a word.
//!
//! The checks read the tree as it is, not as readers see it: what a reader passes over or stops at is
//! what they look for.

mod code;
mod keys;
mod mend;
mod rules;
mod table;
mod text;
mod tip;

use crate::commit::Edit;
use crate::database::CONNECT_LIMIT;
use crate::patience::patiently;
use crate::{Database, Error, Message, TransactError, git};
pub use code::{Code, Severity};
use serde_json::{Value, json};
use tip::Tip;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is.
    pub code: Code,
    /// The file or directory, with forward slashes; empty where it has none.
    pub path: String,
    /// Line, from 1; 0 where it is not in a text.
    pub line: usize,
    /// Column in characters, from 1; 0 where it is not in a text.
    pub column: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// Whether [`Database::mend`] puts it right.
    pub fixable: bool,
}

impl Problem {
    /// As the command line prints it.
    pub fn to_json(&self) -> Value {
        let place = |number: usize| (number > 0).then_some(number);
        json!({
            "code": self.code.name(),
            "severity": self.code.severity().name(),
            "path": self.path,
            "line": place(self.line),
            "column": place(self.column),
            "message": self.message,
            "fixable": self.fixable,
        })
    }
}

/// What the checks found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// By path; those of the history and the objects last.
    pub problems: Vec<Problem>,
    /// Files that are records.
    pub records: usize,
    /// Tables.
    pub tables: usize,
}

impl Report {
    /// Whether no problem is an error.
    pub fn is_ok(&self) -> bool {
        let is_error = |problem: &Problem| problem.code.severity() == Severity::Error;
        !self.problems.iter().any(is_error)
    }
}

/// What was mended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mended {
    /// The problems that are gone.
    pub problems: Vec<Problem>,
    /// The commit that mended them; none where there was nothing to mend.
    pub commit: Option<String>,
}

/// How many mended places a commit names, and how many faults of git's are told.
const NAMED_MAX: usize = 50;

impl Database {
    /// Checks the tip of the branch: its files, names, records, rules and journal, and where the
    /// repository is a path of this machine, by `git fsck`, its objects too.
    pub fn fsck(&mut self) -> Result<Report, Error> {
        self.snapshot()?;
        let mut report = Tip::check(self.remote.objects(), self.tip)?.into_report();
        report.problems.extend(self.check_objects()?);
        Ok(report)
    }

    /// Mends what [`Problem::fixable`] says, in one commit. Nothing that holds content is lost.
    pub fn mend(&mut self) -> Result<Mended, Error> {
        loop {
            self.snapshot()?;
            let found = Tip::check(self.remote.objects(), self.tip)?;
            let fixable = found.fixable();
            if fixable.is_empty() {
                return Ok(Mended::default());
            }
            // The commit says what it mends, so on a tip with other problems it is another commit.
            let committed = self.edit(&message(&fixable), |view, _| {
                let now = Tip::check_view(view)?;
                match now.fixable() == fixable {
                    true => Ok(Edit {
                        value: (),
                        tree: Some(now.mend(view)?),
                    }),
                    false => Err(TransactError::Operation(Changed)),
                }
            });
            match committed {
                Ok(committed) => {
                    return Ok(Mended {
                        problems: fixable,
                        commit: committed.commit,
                    });
                }
                Err(TransactError::Operation(Changed)) => {}
                Err(TransactError::Database(error)) => return Err(error),
            }
        }
    }

    /// Proves that the journal record of each acknowledged idempotency key was added exactly once in
    /// the history of the branch (first parents), and is in the tip as it was added. Gives those of
    /// which this is not so. Fetches the whole history.
    pub fn prove_keys(&mut self, keys: &[String]) -> Result<Vec<Problem>, Error> {
        self.tip = patiently(CONNECT_LIMIT, || {
            self.remote.fetch_history(git::CLONE_LIMIT)
        })?;
        keys::prove(self.remote.objects(), self.tip, keys)
    }

    /// What git itself says of the objects.
    fn check_objects(&self) -> Result<Vec<Problem>, Error> {
        let lines = self.remote.check_objects()?;
        let more = lines.len().saturating_sub(NAMED_MAX);
        let problem = |message: String| Problem {
            code: match message.starts_with("warning") {
                true => Code::ObjectsWarning,
                false => Code::Objects,
            },
            path: String::new(),
            line: 0,
            column: 0,
            message,
            fixable: false,
        };
        let mut problems: Vec<_> = lines.into_iter().take(NAMED_MAX).map(problem).collect();
        if more > 0 {
            problems.push(problem(format!("git fsck: and {more} more lines")));
        }
        Ok(problems)
    }
}

/// The tip has other problems than the one before.
struct Changed;

fn message(problems: &[Problem]) -> Message {
    let mut trailers = vec![("Operation".to_owned(), "fsck".to_owned())];
    for problem in problems.iter().take(NAMED_MAX) {
        let text = format!(
            "{} {}: {}",
            problem.code.name(),
            problem.path,
            problem.message
        );
        trailers.push(("Mended".to_owned(), text));
    }
    if problems.len() > NAMED_MAX {
        let more = format!("and {} more", problems.len() - NAMED_MAX);
        trailers.push(("Mended".to_owned(), more));
    }
    let noun = if problems.len() == 1 {
        "fault"
    } else {
        "faults"
    };
    Message {
        subject: format!("fsck: mend {} {noun} of the files", problems.len()),
        trailers,
    }
}
