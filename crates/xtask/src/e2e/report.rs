//! What came true of the stories, as a table for people and as one JSON document.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::ui;

/// How a part ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    True,
    False,
    Skipped,
}

/// One thing that must be so, of one back end or of both.
struct Row {
    backend: String,
    what: &'static str,
    verdict: Verdict,
    detail: String,
    took: Duration,
}

/// Everything that was looked at.
pub(super) struct Report {
    is_json: bool,
    rows: Vec<Row>,
    differences: Vec<Value>,
}

impl Report {
    /// Rows are printed as they come, unless one JSON document is wanted.
    pub(super) fn new(is_json: bool) -> Self {
        let report = Self {
            is_json,
            rows: Vec::new(),
            differences: Vec::new(),
        };
        report.line(&format!(
            "{:<11} {:<13} {:<8} {:>7}  {}",
            "BACK END", "PART", "RESULT", "SECONDS", "WHAT WAS SEEN"
        ));
        report
    }

    /// Does a part; an error is what makes it untrue.
    pub(super) fn part<T>(
        &mut self,
        backend: &str,
        what: &'static str,
        work: impl FnOnce() -> Result<(T, String)>,
    ) -> Option<T> {
        let begun = Instant::now();
        let (verdict, detail, got) = match work() {
            Ok((got, detail)) => (Verdict::True, detail, Some(got)),
            Err(error) => (Verdict::False, format!("{error:#}"), None),
        };
        self.add(backend, what, verdict, detail, begun.elapsed());
        got
    }

    /// Says that a part can't be done on this machine.
    pub(super) fn skipped(&mut self, backend: &str, what: &'static str, why: String) {
        self.add(backend, what, Verdict::Skipped, why, Duration::ZERO);
    }

    /// Keeps what two stores don't have in common, for the JSON document.
    pub(super) fn differences(&mut self, differences: Vec<Value>) {
        self.differences = differences;
    }

    /// Prints the document, or the last line; tells whether all came true.
    pub(super) fn close(self) -> bool {
        let is_true = self.is_true();
        if self.is_json {
            ui::line(&format!("{:#}", self.json()));
        } else {
            let skipped = self.rows.iter().any(|row| row.verdict == Verdict::Skipped);
            ui::line(match (is_true, skipped) {
                (false, _) => "not all of it came true",
                (true, true) => "what could be tried came true; the rest was skipped",
                (true, false) => "all of it came true",
            });
        }
        is_true
    }

    fn is_true(&self) -> bool {
        self.rows.iter().all(|row| row.verdict != Verdict::False)
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "backend": row.backend,
                "part": row.what,
                "result": row.verdict.word(),
                "detail": row.detail,
                "duration_ms": u64::try_from(row.took.as_millis()).unwrap_or(u64::MAX),
            })
        });
        json!({
            "came_true": self.is_true(),
            "parts": rows.collect::<Vec<_>>(),
            "differences": self.differences,
        })
    }

    fn add(
        &mut self,
        backend: &str,
        what: &'static str,
        verdict: Verdict,
        detail: String,
        took: Duration,
    ) {
        let word = verdict.word();
        let seconds = took.as_secs_f64();
        self.line(&format!(
            "{backend:<11} {what:<13} {word:<8} {seconds:>7.1}  {detail}"
        ));
        self.rows.push(Row {
            backend: backend.to_owned(),
            what,
            verdict,
            detail,
            took,
        });
    }

    fn line(&self, text: &str) {
        if self.is_json {
            ui::note(text);
        } else {
            ui::line(text);
        }
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::True => "true",
            Verdict::False => "FALSE",
            Verdict::Skipped => "skipped",
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn one_part_that_is_not_so_decides() {
        let mut report = Report::new(true);
        let part = report.part("direct", "orders", || Ok((7, "seven".to_owned())));
        assert_eq!(part, Some(7));
        report.skipped("act", "orders", "there is no go".to_owned());
        assert_eq!(report.json()["parts"][1]["result"], "skipped");
        assert_eq!(report.json()["came_true"], true);
        let part: Option<()> = report.part("direct", "crowd", || bail!("one is lost"));
        assert_eq!(part, None);
        let document = report.json();
        assert_eq!(document["parts"][0]["detail"], "seven");
        assert_eq!(document["parts"][2]["result"], "FALSE");
        assert_eq!(document["parts"][2]["detail"], "one is lost");
        assert_eq!(document["came_true"], false);
    }
}
