//! What the story has to show: step by step for people, one document for programs.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::ui;

/// What a step says and finds out.
pub(crate) struct Page {
    teller: Teller,
    facts: Map<String, Value>,
}

/// Says the story's words: on standard output, or beside it where that is for the document.
#[derive(Clone, Copy)]
pub(crate) struct Teller {
    json: bool,
}

/// One step of the story.
struct Step {
    name: &'static str,
    outcome: Outcome,
    duration: Duration,
    facts: Map<String, Value>,
}

enum Outcome {
    Came,
    /// Why it was left out.
    Skipped(&'static str),
    /// What did not come true.
    Failed(String),
}

/// The steps so far.
pub(crate) struct Report {
    pub(crate) teller: Teller,
    steps: Vec<Step>,
    /// What the closing step adds: engine, orders, tables.
    pub(crate) closing: Map<String, Value>,
}

impl Teller {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn say(self, text: &str) {
        if self.json {
            ui::note(text);
        } else {
            ui::line(text);
        }
    }
}

impl Page {
    /// Says a line of the step.
    pub(crate) fn say(&self, text: &str) {
        self.teller.say(&format!("   {text}"));
    }

    pub(crate) fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        for row in ui::laid_out(headings, rows) {
            self.say(&row);
        }
    }

    /// Keeps what was found out, for the document.
    pub(crate) fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }
}

impl Report {
    pub(crate) fn new(teller: Teller) -> Self {
        Self {
            teller,
            steps: Vec::new(),
            closing: Map::new(),
        }
    }

    /// Plays a step; `None` if it did not come true.
    pub(crate) async fn play<T>(
        &mut self,
        name: &'static str,
        title: &str,
        play: impl AsyncFnOnce(&mut Page) -> Result<T>,
    ) -> Option<T> {
        self.teller
            .say(&format!("\n{}. {title}", self.steps.len() + 1));
        let begun = Instant::now();
        let mut page = Page {
            teller: self.teller,
            facts: Map::new(),
        };
        let played = play(&mut page).await;
        let duration = begun.elapsed();
        let (outcome, value) = match played {
            Ok(value) => (Outcome::Came, Some(value)),
            Err(error) => {
                let why = format!("{error:#}");
                self.teller
                    .say(&format!("   This did not come true: {why}"));
                (Outcome::Failed(why), None)
            }
        };
        if value.is_some() {
            self.teller
                .say(&format!("   ({:.1} s)", duration.as_secs_f64()));
        }
        self.steps.push(Step {
            name,
            outcome,
            duration,
            facts: page.facts,
        });
        value
    }

    /// Leaves a step out, by name.
    pub(crate) fn skip(&mut self, name: &'static str, title: &str, why: &'static str) {
        self.teller
            .say(&format!("\n{}. {title}", self.steps.len() + 1));
        self.teller.say(&format!("   Skipped '{name}': {why}"));
        self.steps.push(Step {
            name,
            outcome: Outcome::Skipped(why),
            duration: Duration::ZERO,
            facts: Map::new(),
        });
    }

    /// Whether nothing failed.
    pub(crate) fn is_ok(&self) -> bool {
        !self.steps.is_empty() && !self.has_failed()
    }

    /// Whether a step did not come true: what follows builds on it.
    pub(crate) fn has_failed(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| matches!(step.outcome, Outcome::Failed(_)))
    }

    /// The document of `--json`.
    pub(crate) fn json(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            let mut document = json!({
                "name": step.name,
                "ok": match step.outcome {
                    Outcome::Came => Value::Bool(true),
                    Outcome::Failed(_) => Value::Bool(false),
                    Outcome::Skipped(_) => Value::Null,
                },
                "duration_ms": u64::try_from(step.duration.as_millis()).unwrap_or(u64::MAX),
                "facts": step.facts,
            });
            match &step.outcome {
                Outcome::Came => {}
                Outcome::Skipped(why) => document["skipped"] = (*why).into(),
                Outcome::Failed(why) => document["error"] = why.as_str().into(),
            }
            document
        });
        let mut document = json!({ "ok": self.is_ok(), "steps": steps.collect::<Vec<_>>() });
        if let Value::Object(document) = &mut document {
            document.extend(self.closing.clone());
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_skipped_step_is_no_failure_and_a_failed_one_is() {
        let mut report = Report::new(Teller::new(true));
        assert!(!report.is_ok());
        let fine = async |page: &mut Page| {
            page.fact("n", 1);
            Ok(7)
        };
        assert_eq!(report.play("one", "One", fine).await, Some(7));
        report.skip("two", "Two", "no clock");
        assert!(report.is_ok());
        let document = report.json();
        assert_eq!(document["ok"], true);
        assert_eq!(document["steps"][0]["facts"]["n"], 1);
        assert_eq!(document["steps"][1]["ok"], Value::Null);
        assert_eq!(document["steps"][1]["skipped"], "no clock");

        let broken = async |_: &mut Page| Err::<(), _>(anyhow::anyhow!("why"));
        assert_eq!(report.play("three", "Three", broken).await, None);
        assert!(report.has_failed() && !report.is_ok());
        assert_eq!(report.json()["steps"][2]["error"], "why");
    }
}
