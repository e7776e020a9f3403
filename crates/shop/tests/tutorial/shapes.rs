//! Whether a command printed what a page shows, where ids and times are another reader's own.
//!
//! What differs at each reading is known by its shape: an id of the page stands for one id of this
//! reading from then on, in what is typed as well; a time, an age or a port for any. All else is held
//! against the page word for word; only how far columns stand apart follows the values in them.

use std::collections::BTreeMap;

use regex::Regex;

/// A line that stands for any number of lines.
const ELIDED: &str = "[...]";

/// Ids, each of which is one thing: UUIDs, payments, commits and digests, the engine's keys.
const IDS: &str =
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|pay_[0-9a-f]{24}|\b[0-9a-f]{7,64}\b";

/// What is different each time: times, dates of git, durations, ages, ports, numbers of runs.
const PASSING: [&str; 6] = [
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4} [+-]\d{4}",
    r"\b\d+\.\d+ s\b",
    r"(?:\bfor |\bis |\()\d+ (?:s|min|h)(?: \d+ (?:s|min))?\b(?: ahead)?",
    r"127\.0\.0\.1:\d+",
    r"\brun \d+ of\b",
];

/// What the page's ids stand for in this reading.
#[derive(Clone)]
pub(super) struct Shapes {
    shapes: Regex,
    /// By the page's own.
    actual: BTreeMap<String, String>,
}

/// A part of a line.
#[derive(Debug, PartialEq)]
enum Part<'l> {
    Words(String),
    Id(&'l str),
    /// With the number of its shape in `PASSING`.
    Passing(usize),
}

impl Shapes {
    pub(super) fn new() -> Self {
        let passing: Vec<String> = PASSING.iter().map(|shape| format!("({shape})")).collect();
        // Times first: parts of them look like ids.
        let all = format!("{}|({IDS})", passing.join("|"));
        Self {
            shapes: Regex::new(&all).expect("the shapes are written right"),
            actual: BTreeMap::new(),
        }
    }

    /// Whether this was printed; if so, the page's new ids are known from now on.
    pub(super) fn fit(&mut self, shown: &[String], printed: &[String]) -> bool {
        let Some(known) = self.fitted(shown, printed) else {
            return false;
        };
        *self = known;
        true
    }

    fn fitted(&self, shown: &[String], printed: &[String]) -> Option<Self> {
        match shown {
            [] => printed.is_empty().then(|| self.clone()),
            [first, rest @ ..] if first == ELIDED => {
                (0..=printed.len()).find_map(|skipped| self.fitted(rest, &printed[skipped..]))
            }
            [first, rest @ ..] => {
                let (line, others) = printed.split_first()?;
                self.with_line(first, line)?.fitted(rest, others)
            }
        }
    }

    fn with_line(&self, shown: &str, printed: &str) -> Option<Self> {
        let (shown, printed) = (self.parts(shown), self.parts(printed));
        if shown.len() != printed.len() {
            return None;
        }
        let mut known = self.clone();
        for pair in shown.iter().zip(&printed) {
            let fits = match pair {
                (Part::Id(page), Part::Id(actual)) => known.learn(page, actual),
                (one, other) => one == other,
            };
            if !fits {
                return None;
            }
        }
        Some(known)
    }

    /// Whether the page's id can be this one: the same as before, and nothing else's.
    fn learn(&mut self, page: &str, actual: &str) -> bool {
        if let Some(known) = self.actual.get(page) {
            return known == actual;
        }
        if self.actual.values().any(|known| known == actual) {
            return false;
        }
        self.actual.insert(page.to_owned(), actual.to_owned());
        true
    }

    fn parts<'l>(&self, line: &'l str) -> Vec<Part<'l>> {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mut parts = vec![Part::Words(line[..indent].to_owned())];
        let mut rest = indent;
        for found in self.shapes.captures_iter(line) {
            let whole = found.get(0).expect("a match has a whole");
            parts.push(words(&line[rest..whole.start()]));
            rest = whole.end();
            let passing = (0..PASSING.len()).find(|shape| found.get(shape + 1).is_some());
            parts.push(passing.map_or(Part::Id(whole.as_str()), Part::Passing));
        }
        parts.push(words(&line[rest..]));
        parts
    }

    /// A command of the page with this reading's ids.
    pub(super) fn typed(&self, command: &str) -> String {
        self.with_ids(command, |id| self.actual.get(id).cloned())
    }

    /// What was printed, with the page's ids where it has some.
    pub(super) fn as_shown(&self, line: &str) -> String {
        self.with_ids(line, |id| {
            let found = self.actual.iter().find(|(_, actual)| *actual == id);
            found.map(|(page, _)| page.clone())
        })
    }

    fn with_ids(&self, text: &str, replaced: impl Fn(&str) -> Option<String>) -> String {
        let replace =
            |found: &regex::Captures<'_>| replaced(&found[0]).unwrap_or(found[0].to_owned());
        self.shapes.replace_all(text, replace).into_owned()
    }
}

/// Words between variable parts, one space apart.
fn words<'l>(text: &str) -> Part<'l> {
    let mut words = String::new();
    for letter in text.chars() {
        if letter != ' ' || !words.ends_with(' ') {
            words.push(letter);
        }
    }
    Part::Words(words.trim_end().to_owned() + if text.ends_with(' ') { " " } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn check(shown: &str, printed: &str, expected: bool) {
        let fits = Shapes::new().fit(&lines(shown), &lines(printed));
        assert_eq!(fits, expected, "{shown:?} {printed:?}");
    }

    #[test]
    fn a_wrong_word_is_found() {
        check("a: fulfilled (0.3 s)", "a: fulfilled (12.1 s)", true);
        check("a: fulfilled (0.3 s)", "a: not fulfilled (0.3 s)", false);
        check("a: fulfilled (0.3 s)", "a: fulfilled", false);
        check("stock_level 2", "stock_level 3", false);
        check("moved by 360 s", "moved by 361 s", false);
        check("waits for 6 min 1 s; x", "waits for 5 s; x", true);
        check("waits for 6 min 1 s; x", "waits for 5 s; y", false);
        check("http://127.0.0.1:1/a", "http://127.0.0.1:40404/a", true);
        check("http://127.0.0.1:1/a", "http://127.0.0.2:1/a", false);
    }

    #[test]
    fn a_line_too_many_or_too_few_is_found() {
        check("a\nb", "a", false);
        check("a", "a\nb", false);
        check("", "", true);
    }

    #[test]
    fn elided_lines_may_be_any_and_all_others_must_come_in_order() {
        check("a\n[...]\nd", "a\nb\nc\nd", true);
        check("a\n[...]\nd", "a\nd", true);
        check("a\n[...]", "a\nb", true);
        check("[...]\nb\n[...]\nc", "c\nb", false);
        check("a\n[...]\nx", "a\nb\nc\nd", false);
    }

    #[test]
    fn columns_move_with_their_values_but_an_indent_stays() {
        check("ORDER  WHAT", "ORDER      WHAT", true);
        check("ORDER  WHAT", "ORDERWHAT", false);
        check("  a", "a", false);
    }

    #[test]
    fn an_id_stands_for_the_same_thing_throughout() {
        let key = "2251799813685345";
        let other = "2251799813685999";
        check(&format!("{key}\n{key}"), &format!("{other}\n{other}"), true);
        check(&format!("{key}\n{key}"), &format!("{other}\n{key}"), false);
        check(&format!("{key}\n{other}"), &format!("{key}\n{key}"), false);
        check("commit eb3a69c", "commit 0e513af", true);
        check("commit eb3a69c", "commit is", false);
    }

    #[test]
    fn what_is_typed_follows_what_was_printed() {
        let mut shapes = Shapes::new();
        let id = "01a20e8d-0f4d-75cc-b62a-15dfb7280ccf";
        let actual = "01a20e95-252d-7534-be50-2542bb957401";
        assert!(shapes.fit(
            &lines(&format!("taken as {id}")),
            &lines(&format!("taken as {actual}"))
        ));
        assert_eq!(
            shapes.typed(&format!("redeliver {id}")),
            format!("redeliver {actual}")
        );
        assert_eq!(
            shapes.as_shown(&format!("again {actual}")),
            format!("again {id}")
        );
    }
}
