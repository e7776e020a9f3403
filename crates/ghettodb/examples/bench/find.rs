//! A search by a process that starts from nothing: by a field without an index, by a field with the
//! index of an earlier search, and by `_id`; against git's own way to find the same text.

use crate::Bench;
use crate::report::Report;
use crate::repository::{Layout, Repository, TABLE, git, id, isolate, output};
use crate::timing::Pair;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const RECORDS: usize = 10_000;
const COLD_AIM: f64 = 1.5;
const WARM_AIM: f64 = 0.2;
const BY_ID_AIM: f64 = 2.0;
/// Searches a repeat: they are short, and one alone says little.
const SEARCHES: usize = 4;

pub(crate) fn run(bench: &Bench) -> Result<Report> {
    let mut report = Report::new(format!("find: one of {RECORDS} records, by a new process"));
    for layout in Layout::ALL {
        let folder = tempfile::tempdir_in(bench.scratch.path())?;
        let path = folder.path().join("origin.git");
        let repository = Repository::seeded(path, RECORDS, layout)?;
        let cache = folder.path().join("cache");
        let searches = bench.repeats * SEARCHES;
        let wanted = |round: usize| (round * 2_477 + 1_234) % RECORDS;
        let by_field = |number: usize| format!(r#"{{"email": "customer-{number}@example.com"}}"#);
        let by_id = |number: usize| format!(r#"{{"_id": "{}"}}"#, id(number));
        let grep = |round: usize| {
            let text = format!("customer-{}@example.com", wanted(round));
            output(repository.git(&["grep", "-F", "-e", &text, "HEAD", "--", "db/records"]))
                .map(drop)
        };
        let mut is_right = true;
        let mut find = |query: &str, number: usize, cache: Option<&Path>| -> Result<()> {
            let found = find(bench, &repository, query, cache)?;
            is_right &= found
                .as_array()
                .is_some_and(|found| found.len() == 1 && found[0]["_id"] == id(number).as_str());
            Ok(())
        };
        let cold = Pair::measure(
            searches,
            |round| find(&by_field(wanted(round)), wanted(round), None),
            grep,
        )?;
        // The first one makes the index.
        find(&by_field(0), 0, Some(&cache))?;
        let warm = Pair::measure(
            searches,
            |round| find(&by_field(wanted(round)), wanted(round), Some(&cache)),
            grep,
        )?;
        let direct = Pair::measure(
            searches,
            |round| find(&by_id(wanted(round)), wanted(round), None),
            |round| {
                let object = format!("HEAD:{}", layout.path(&id(wanted(round))));
                output(repository.git(&["cat-file", "blob", &object])).map(drop)
            },
        )?;
        let started = Pair::measure(
            searches,
            |_| {
                let mut command = Command::new(&bench.program);
                command.arg("--version");
                output(command).map(drop)
            },
            |_| output(git(&["--version"])).map(drop),
        )?;
        let name = layout.name();
        for (what, pair, baseline, aim) in [
            ("by field, cold", cold, "git grep HEAD", Some(COLD_AIM)),
            (
                "by field, warm index",
                warm,
                "git grep HEAD",
                Some(WARM_AIM),
            ),
            ("by _id", direct, "git cat-file", Some(BY_ID_AIM)),
            ("start of a process alone", started, "git --version", None),
        ] {
            let what = format!("{name}, {what}");
            report.compare(what, &pair.ours, (baseline, &pair.baseline), aim);
        }
        report.claim(
            format!("{name}: each search found the one record"),
            is_right,
        );
    }
    Ok(report)
}

fn find(
    bench: &Bench,
    repository: &Repository,
    query: &str,
    cache: Option<&Path>,
) -> Result<Value> {
    let mut command = Command::new(&bench.program);
    isolate(&mut command);
    command
        .args(["findmany", "--repo", &repository.local()])
        .args(["--table", TABLE, "--query", query]);
    if let Some(cache) = cache {
        command.arg("--cache").arg(cache);
    }
    serde_json::from_str(&output(command)?).context("the result is no JSON")
}
