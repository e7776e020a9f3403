//! Rules: what a test or a demonstration makes go wrong on purpose, by event type and `_id`.
//!
//! A rule of the way (drop, duplicate, delay, reorder) acts once, when the event comes in, and
//! never on a redelivery; a rule of the run (fail, cancel, drop_answer, double_answer) acts on each
//! run that is made. Of each kind the oldest rule that fits, has `times` left and whose draw says
//! so is taken. A draw is a function of the rule's seed and of how often the rule was asked, so the
//! same events in the same order meet the same fate.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::files;

/// Longest delay that a rule may ask for: a day.
pub const DELAY_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The event is acknowledged and recorded, and starts nothing.
    Drop,
    /// Every listening workflow runs twice.
    Duplicate,
    /// The runs start `delay_ms` later.
    Delay,
    /// The runs start after those of the next event, or `delay_ms` later if none comes.
    Reorder,
    /// The run fails without its binary being started.
    Fail,
    /// The run is cancelled before its binary is started, or `delay_ms` after that.
    Cancel,
    /// The run's service keeps its result message to itself.
    DropAnswer,
    /// The run's service publishes its result message twice.
    DoubleAnswer,
}

impl Action {
    fn is_of_the_way(self) -> bool {
        matches!(
            self,
            Action::Drop | Action::Duplicate | Action::Delay | Action::Reorder
        )
    }
}

/// A rule as a caller writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// Fits only this event type; absent = any.
    pub event_type: Option<String>,
    /// Fits only a payload with this `_id`; absent = any.
    #[serde(rename = "_id")]
    pub order_id: Option<String>,
    /// What it does.
    pub action: Action,
    /// How often it acts; absent = until it is deleted.
    pub times: Option<u32>,
    /// For `delay`, `reorder` and `cancel`, in milliseconds.
    pub delay_ms: Option<u64>,
    /// How likely it acts where it fits, over 0 and at most 1; absent = always.
    pub probability: Option<f64>,
    /// What the draws of `probability` follow from; absent = one is made, and shown.
    pub seed: Option<u64>,
}

/// A rule that stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its number, never used again.
    pub id: u64,
    /// Fits only this event type; `None` = any.
    pub event_type: Option<String>,
    /// Fits only a payload with this `_id`; `None` = any.
    #[serde(rename = "_id")]
    pub order_id: Option<String>,
    /// What it does.
    pub action: Action,
    /// How often it will still act; `None` = until it is deleted.
    pub times: Option<u32>,
    /// For `delay`, `reorder` and `cancel`, in milliseconds.
    pub delay_ms: Option<u64>,
    /// How likely it acts where it fits; `None` = always.
    #[serde(default)]
    pub probability: Option<f64>,
    /// What the draws of `probability` follow from.
    #[serde(default)]
    pub seed: Option<u64>,
    /// How often it was asked, where it fitted.
    #[serde(default)]
    pub asked: u64,
    /// How often it has acted.
    pub used: u64,
}

impl Rule {
    /// Whether it acts this time.
    fn draw(&mut self) -> bool {
        self.asked += 1;
        match (self.probability, self.seed) {
            (Some(probability), Some(seed)) => {
                let mut random = fastrand::Rng::with_seed(seed.wrapping_add(self.asked));
                random.f64() < probability
            }
            _ => true,
        }
    }
}

/// Why a rule is not taken or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field is missing or out of bounds.
    #[error("{0}")]
    Invalid(&'static str),
    /// The rules cannot be written.
    #[error("cannot keep the rules: {0}")]
    Write(#[from] std::io::Error),
}

/// The rules of a dispatcher, kept in one file.
#[derive(Debug)]
pub(crate) struct Rules {
    path: PathBuf,
    book: Mutex<Book>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Book {
    next_id: u64,
    rules: Vec<Rule>,
}

impl Rules {
    pub(crate) fn open(path: PathBuf) -> Result<Rules, files::Error> {
        let book = files::read_json(&path)?.unwrap_or_default();
        Ok(Rules {
            path,
            book: Mutex::new(book),
        })
    }

    pub(crate) fn list(&self) -> Vec<Rule> {
        self.lock().rules.clone()
    }

    pub(crate) fn add(&self, new: NewRule) -> Result<Rule, Error> {
        match (new.action, new.delay_ms) {
            (Action::Delay, None) => {
                return Err(Error::Invalid("a rule 'delay' needs 'delay_ms'"));
            }
            (_, Some(ms)) if ms > DELAY_MS_MAX => {
                return Err(Error::Invalid("'delay_ms' must be at most 86400000, a day"));
            }
            (Action::Delay | Action::Reorder | Action::Cancel, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                return Err(Error::Invalid(
                    "'delay_ms' belongs to the rules 'delay', 'reorder' and 'cancel' alone",
                ));
            }
        }
        if new.probability.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            return Err(Error::Invalid("'probability' must be over 0 and at most 1"));
        }
        if new.seed.is_some() && new.probability.is_none() {
            return Err(Error::Invalid(
                "'seed' belongs to a rule with 'probability'",
            ));
        }
        if new.times == Some(0) {
            return Err(Error::Invalid(
                "'times' must be at least 1; leave it out for a rule that stands until deleted",
            ));
        }
        self.change(|book| {
            book.next_id += 1;
            let rule = Rule {
                id: book.next_id,
                event_type: new.event_type,
                order_id: new.order_id,
                action: new.action,
                times: new.times,
                delay_ms: new.delay_ms,
                probability: new.probability,
                seed: new
                    .seed
                    .or_else(|| new.probability.map(|_| fastrand::u64(..))),
                asked: 0,
                used: 0,
            };
            book.rules.push(rule.clone());
            rule
        })
        .map_err(Error::Write)
    }

    /// Takes away one rule, or with `None` all; says how many went.
    pub(crate) fn remove(&self, id: Option<u64>) -> std::io::Result<usize> {
        self.change(|book| {
            let before = book.rules.len();
            book.rules.retain(|rule| id.is_some_and(|id| rule.id != id));
            before - book.rules.len()
        })
    }

    /// The rule of the way for an event that comes in.
    pub(crate) fn take_for_way(
        &self,
        event_type: &str,
        order_id: Option<&str>,
    ) -> std::io::Result<Option<Rule>> {
        self.take(event_type, order_id, Action::is_of_the_way)
    }

    /// The rule of the run for a run that is made.
    pub(crate) fn take_for_run(
        &self,
        event_type: &str,
        order_id: Option<&str>,
    ) -> std::io::Result<Option<Rule>> {
        self.take(event_type, order_id, |action| !action.is_of_the_way())
    }

    fn take(
        &self,
        event_type: &str,
        order_id: Option<&str>,
        kind: impl Fn(Action) -> bool,
    ) -> std::io::Result<Option<Rule>> {
        let fits = |rule: &Rule| {
            kind(rule.action)
                && rule.times != Some(0)
                && rule.event_type.as_deref().is_none_or(|t| t == event_type)
                && rule
                    .order_id
                    .as_deref()
                    .is_none_or(|id| order_id == Some(id))
        };
        if !self.lock().rules.iter().any(fits) {
            return Ok(None);
        }
        self.change(|book| {
            let mut fitting = book.rules.iter_mut().filter(|rule| fits(rule));
            let rule = fitting.find_map(|rule| rule.draw().then_some(rule))?;
            rule.times = rule.times.map(|times| times - 1);
            rule.used += 1;
            Some(rule.clone())
        })
    }

    /// Changes a copy, writes it, and only then lets it stand.
    fn change<T>(&self, f: impl FnOnce(&mut Book) -> T) -> std::io::Result<T> {
        let mut book = self.lock();
        let mut changed = book.clone();
        let answer = f(&mut changed);
        files::write_json(&self.path, &changed)?;
        *book = changed;
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // A change replaces the book as a whole, so even after a panic it is consistent.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn new(rule: &Value) -> NewRule {
        serde_json::from_str(&rule.to_string()).unwrap()
    }

    #[test]
    fn times_are_counted_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.json");
        let rules = Rules::open(path.clone()).unwrap();
        let rule = rules
            .add(new(
                &json!({"event_type": "e", "_id": "1", "action": "drop", "times": 2}),
            ))
            .unwrap();
        assert_eq!(rules.take_for_way("e", Some("2")).unwrap(), None);
        assert_eq!(rules.take_for_way("f", Some("1")).unwrap(), None);
        assert_eq!(rules.take_for_way("e", None).unwrap(), None);
        assert_eq!(rules.take_for_run("e", Some("1")).unwrap(), None);
        assert_eq!(
            rules.take_for_way("e", Some("1")).unwrap().map(|r| r.id),
            Some(rule.id)
        );
        let rules = Rules::open(path).unwrap();
        assert!(rules.take_for_way("e", Some("1")).unwrap().is_some());
        assert_eq!(rules.take_for_way("e", Some("1")).unwrap(), None);
        assert_eq!(rules.list()[0].used, 2);
        assert_eq!(rules.remove(Some(99)).unwrap(), 0);
        assert_eq!(rules.remove(Some(rule.id)).unwrap(), 1);
    }

    #[test]
    fn the_oldest_rule_of_each_kind_wins() {
        let folder = tempfile::tempdir().unwrap();
        let rules = Rules::open(folder.path().join("rules.json")).unwrap();
        for rule in [
            json!({"action": "duplicate", "times": 1}),
            json!({"action": "drop"}),
            json!({"action": "double_answer"}),
        ] {
            rules.add(new(&rule)).unwrap();
        }
        let action = |rule: Option<Rule>| rule.unwrap().action;
        assert_eq!(
            action(rules.take_for_way("e", None).unwrap()),
            Action::Duplicate
        );
        assert_eq!(action(rules.take_for_way("e", None).unwrap()), Action::Drop);
        assert_eq!(
            action(rules.take_for_run("e", None).unwrap()),
            Action::DoubleAnswer
        );
        assert_eq!(rules.remove(None).unwrap(), 3);
    }

    #[test]
    fn draws_follow_from_the_seed() {
        let folder = tempfile::tempdir().unwrap();
        let fates = |name: &str, seed: u64| -> Vec<bool> {
            let path = folder.path().join(name);
            let rules = Rules::open(path.clone()).unwrap();
            let rule = json!({"action": "drop", "probability": 0.3, "seed": seed});
            rules.add(new(&rule)).unwrap();
            let first: Vec<_> = (0..40)
                .map(|_| rules.take_for_way("e", None).unwrap().is_some())
                .collect();
            // A restart goes on where it was.
            let rules = Rules::open(path).unwrap();
            let rest = (0..60).map(|_| rules.take_for_way("e", None).unwrap().is_some());
            first.into_iter().chain(rest).collect()
        };
        let one = fates("a.json", 7);
        assert_eq!(one, fates("b.json", 7));
        assert_ne!(one, fates("c.json", 8));
        let hits = one.iter().filter(|hit| **hit).count();
        assert!((15..45).contains(&hits), "{hits} of 100");

        let rules = Rules::open(folder.path().join("d.json")).unwrap();
        let made = rules
            .add(new(&json!({"action": "drop", "probability": 1})))
            .unwrap();
        assert!(made.seed.is_some(), "a seed that is not given is told");
    }

    #[test]
    fn bounds() {
        let folder = tempfile::tempdir().unwrap();
        let rules = Rules::open(folder.path().join("rules.json")).unwrap();
        for (bad, says) in [
            (json!({"action": "delay"}), "needs 'delay_ms'"),
            (json!({"action": "drop", "delay_ms": 1}), "alone"),
            (json!({"action": "drop", "probability": 0}), "over 0"),
            (json!({"action": "drop", "probability": 1.5}), "at most 1"),
            (json!({"action": "drop", "seed": 1}), "with 'probability'"),
            (json!({"action": "delay", "delay_ms": 86_400_001}), "a day"),
            (json!({"action": "drop", "times": 0}), "at least 1"),
        ] {
            let error = rules.add(new(&bad)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        rules
            .add(new(&json!({"action": "delay", "delay_ms": 86_400_000})))
            .unwrap();
    }
}
