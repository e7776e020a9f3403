//! `cargo xtask test`: everything that must hold before a change is taken, part by part, timed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tools::{self, ACT};
use crate::{command, dependencies, e2e, licences, metadata, pictures, tidy, ui, workflows};

/// Runs the parts, cheapest first, and stops at the first that fails.
///
/// `quick` leaves the tests out that run whole shops.
pub(crate) fn run(root: &Path, quick: bool) -> Result<()> {
    let mut report = Report::default();
    let outcome = parts(root, quick, &mut report);
    report.print();
    outcome?;
    ui::line(&format!(
        "all good: {} tests passed, {} failed{}",
        report.tests.passed,
        report.tests.failed,
        if quick { "; slow tests left out" } else { "" }
    ));
    Ok(())
}

fn parts(root: &Path, quick: bool, report: &mut Report) -> Result<()> {
    report.time("formatting", || {
        command::run(command::cargo(root, &["fmt", "--all", "--check"]))
            .context("`cargo fmt --all` mends it")
    })?;
    let packages = report.time("dependencies fetched", || metadata::read(root))?;
    report.time("dependency map", || {
        judge("dependency map", &dependencies::check(&packages))
    })?;
    report.time("licences", || {
        judge("licences", &licences::check(&packages))
    })?;
    report.time("tidiness", || {
        judge("tidiness", &tidy::check(root, &packages)?)
    })?;
    report.time("pictures", || judge("pictures", &pictures::problems(root)?))?;
    report.time("workflow rules", || {
        judge("workflow rules", &workflows::problems(root)?)
    })?;
    report.time("workflow linters", || workflows::lint(root))?;
    report.time("lints", || {
        let flags = ["--workspace", "--all-targets", "--", "-D", "warnings"];
        command::run(command::cargo(root, &[&["clippy"], &flags[..]].concat()))
    })?;
    // The tests that run whole shops start the programs beside the test's own.
    report.time("programs", || {
        command::run(command::cargo(root, &["build", "--workspace", "--bins"]))
    })?;
    report.time("tests built", || {
        command::run(command::cargo(root, &["test", "--workspace", "--no-run"]))
    })?;
    let act = match quick {
        true => None,
        false => report.time("act", || act(root))?,
    };
    let tests = report.time("tests", || run_tests(root, quick, act.as_deref()))?;
    report.tests = tests;
    if tests.failed > 0 || !tests.is_success {
        bail!("{} tests failed", tests.failed);
    }
    if quick {
        return Ok(());
    }
    report.time("end to end", || {
        match e2e::stories(root, &e2e::Order::all())? {
            true => Ok(()),
            false => bail!("not all of it came true; `cargo xtask e2e` runs it alone"),
        }
    })
}

/// The folder of act, for the tests that run it; without it they say that they are skipped.
fn act(root: &Path) -> Result<Option<PathBuf>> {
    match ACT.get(root) {
        Ok(program) => Ok(program.parent().map(Path::to_owned)),
        Err(why) => {
            ui::line(&tools::skipped(ACT.name, &why)?);
            Ok(None)
        }
    }
}

fn judge(part: &str, problems: &[String]) -> Result<()> {
    for problem in problems {
        ui::line(problem);
    }
    match problems.len() {
        0 => Ok(()),
        count => bail!("{part}: {count} problems"),
    }
}

/// How many tests ran.
#[derive(Clone, Copy, Default)]
struct Tests {
    passed: u64,
    failed: u64,
    is_success: bool,
}

/// Runs all tests, also after a failure, passing their output through and counting them.
fn run_tests(root: &Path, quick: bool, act: Option<&Path>) -> Result<Tests> {
    let mut command = command::cargo(root, &["test", "--workspace", "--no-fail-fast"]);
    if quick {
        command.env_remove("RUN_SLOW_TESTS");
    } else {
        command.env("RUN_SLOW_TESTS", "1");
    }
    if let Some(folder) = act {
        command.env("BACKROOM_TOOLS", folder);
    }
    ui::note(&format!("$ {}", command::shown(&command)));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let output = child.stdout.take().context("standard output was piped")?;
    let mut tests = Tests::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what the tests print")?;
        if let Some((passed, failed)) = counts(&line) {
            tests.passed += passed;
            tests.failed += failed;
        }
        ui::line(&line);
    }
    tests.is_success = child.wait().context("cannot wait for cargo")?.success();
    Ok(tests)
}

/// The counts in a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
fn counts(line: &str) -> Option<(u64, u64)> {
    let (_, rest) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut parts = rest.split("; ");
    let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some((passed, failed))
}

/// What each part took.
#[derive(Default)]
struct Report {
    parts: Vec<(&'static str, Duration)>,
    tests: Tests,
}

impl Report {
    fn time<T>(&mut self, part: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let result = work();
        self.parts.push((part, begun.elapsed()));
        result.with_context(|| format!("'{part}' failed"))
    }

    fn print(&self) {
        ui::line("");
        for (part, time) in &self.parts {
            ui::line(&format!("{part:<22}{:>8.1} s", time.as_secs_f64()));
        }
        let total: Duration = self.parts.iter().map(|(_, time)| *time).sum();
        ui::line(&format!("{:<22}{:>8.1} s", "together", total.as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_cargo_prints() {
        let line = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(counts(line), Some((12, 0)));
        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(counts(line), Some((1, 2)));
        assert_eq!(counts("test a ... ok"), None);
    }
}
