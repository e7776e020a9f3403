//! What differs on purpose from the original GhettoHub DB, and what does not: each row of the page has
//! one test here, through the action, which takes the original's place.

mod reads;
mod steps;
mod writes;

use crate::step::Checkout;
use crate::support::Origin;
use serde_json::Value;
use std::collections::BTreeSet;

/// An origin and a checkout of it, with the short ways of its users.
struct Shop {
    origin: Origin,
    checkout: Checkout,
}

impl Shop {
    fn new(files: &[(&str, &str)]) -> Self {
        let origin = Origin::new();
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| ("100644", *path, *text))
            .collect();
        if !files.is_empty() {
            origin.commit(&files);
        }
        let checkout = Checkout::of(&origin);
        Shop { origin, checkout }
    }

    /// An operation on the table `stock`.
    #[track_caller]
    fn run(&self, operation: &str, inputs: &[(&str, &str)]) -> Value {
        let common = [("operation", operation), ("table", "stock")];
        self.checkout.step(&[&common, inputs].concat()).result()
    }

    /// An operation on the table `stock` that is refused and changes nothing; gives the annotation.
    #[track_caller]
    fn refused(&self, operation: &str, inputs: &[(&str, &str)]) -> String {
        let before = self.origin.git(&["for-each-ref"]);
        let common = [("operation", operation), ("table", "stock")];
        let (code, message) = self.checkout.step(&[&common, inputs].concat()).failure();
        assert_eq!(code, 2, "{message}");
        assert_eq!(self.origin.git(&["for-each-ref"]), before, "{message}");
        message
    }

    fn stored(&self, id: &str) -> Value {
        let text = self.origin.file(&format!("db/stock/{id}.json"));
        ghettodb::parse_json(&text).unwrap()
    }
}

const ALE: (&str, &str) = (
    "db/stock/ale.json",
    "{\n  \"product\": \"Ale\",\n  \"stock_level\": \"2\",\n  \"_updated\": \"Fri Feb 14 2020 12:27:53 GMT+0000 (Coordinated Universal Time)\",\n  \"_id\": \"ale\"\n}",
);
const OLD_TIME: &str = "Fri Feb 14 2020 12:27:53 GMT+0000 (Coordinated Universal Time)";

#[test]
fn the_page_and_these_tests_agree() {
    let page = include_str!("../../../docs/ghettodb.md");
    let section = page
        .split("\n## ")
        .find(|s| s.starts_with("What differs"))
        .unwrap();
    let rows = section.lines().filter_map(|line| {
        let (_, last) = line.strip_suffix("` |")?.rsplit_once("| `")?;
        Some(last)
    });
    let rows: Vec<&str> = rows.collect();
    let files = [
        include_str!("differences/reads.rs"),
        include_str!("differences/steps.rs"),
        include_str!("differences/writes.rs"),
    ];
    let tests = files
        .iter()
        .flat_map(|file| file.split("#[test]\nfn ").skip(1));
    let tests: BTreeSet<&str> = tests.map(|test| test.split('(').next().unwrap()).collect();
    let named: BTreeSet<&str> = rows.iter().copied().collect();
    assert_eq!(named, tests);
    assert_eq!(rows.len(), named.len(), "a test stands for one row");
}
