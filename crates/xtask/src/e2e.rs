//! `cargo xtask e2e`: the real workflow files, run by each back end of the dispatcher, with real services.
//!
//! The same orders are placed in a store of each back end, by the forms of `.github/workflows`, and the
//! two stores' records set side by side; then each gets a crowd. Nothing is taken from a machine's other
//! stores, and nothing but what a failure left behind stays.

mod compare;
mod crowd;
mod orders;
mod project;
mod report;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use compare::Essence;
use report::Report;

use crate::store::{Backend, Setup, Store};
use crate::tools::{self, ACT};
use crate::{command, demo, ui};

/// How long anything may take before it counts as lost: on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(240);
/// How often the watchdog may start again what its group cancelled.
const REDISPATCHES: u32 = 10;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    /// Names of back ends.
    backends: Vec<&'static str>,
    is_json: bool,
}

impl Order {
    /// Both back ends, for people.
    pub(crate) fn all() -> Self {
        Self {
            backends: vec!["direct", "act"],
            is_json: false,
        }
    }

    /// Reads the words after `cargo xtask e2e`.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut order = Self::all();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = match word.as_str() {
                "--json" => {
                    order.is_json = true;
                    continue;
                }
                "--backend" => words.next().map(String::as_str),
                other => match other.strip_prefix("--backend=") {
                    Some(value) => Some(value),
                    None => return Err(format!("'e2e' takes no '{other}'")),
                },
            };
            order.backends = match value {
                Some("direct") => vec!["direct"],
                Some("act") => vec!["act"],
                Some(other) => {
                    return Err(format!(
                        "there is no back end '{other}', but act and direct"
                    ));
                }
                None => return Err("'--backend' needs a value: act or direct".to_owned()),
            };
        }
        Ok(order)
    }
}

/// Builds, runs and prints; the exit code is 0 only if all came true.
pub(crate) fn run(root: &Path, order: &Order) -> Result<ExitCode> {
    command::run(command::cargo(root, &["build", "--workspace", "--bins"]))?;
    let came_true = stories(root, order)?;
    Ok(if came_true {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs and prints, with the programs as they were built; tells whether all came true.
pub(crate) fn stories(root: &Path, order: &Order) -> Result<bool> {
    let shop = demo::binary(root, "debug", "shop")?;
    let programs = shop.parent().context("a program lies in a folder")?;
    let scratch = tempfile::tempdir().context("cannot make a folder for the stores")?;
    let mut report = Report::new(order.is_json);
    let mut told: Vec<(&str, Essence)> = Vec::new();
    for name in &order.backends {
        let backend = match backend(root, name) {
            Ok(backend) => backend,
            Err(why) => {
                report.skipped(name, "all", tools::skipped("act", &why)?);
                continue;
            }
        };
        let stage = Stage {
            root,
            programs,
            scratch: scratch.path().join(name),
            backend,
        };
        told.extend(stage.run(&mut report)?.map(|essence| (*name, essence)));
    }
    if let [(one, essence), (other, others)] = &told[..] {
        let differences = essence.differences(others);
        let stores = [*one, *other];
        report.part("both", "same records", || {
            for difference in &differences {
                ui::note(&difference.words(stores));
            }
            let (count, first) = (differences.len(), differences.first());
            match first {
                None => Ok((
                    (),
                    format!(
                        "{} records are equal but for ids, times and keys",
                        essence.len()
                    ),
                )),
                Some(first) => anyhow::bail!("{count} differences: {}", first.words(stores)),
            }
        });
        report.differences(differences.iter().map(|d| d.json(stores)).collect());
    }
    let came_true = report.close();
    if !came_true {
        ui::note(&format!(
            "what is left of it lies in '{}'",
            scratch.keep().display()
        ));
    }
    Ok(came_true)
}

fn backend(root: &Path, name: &str) -> Result<Backend, String> {
    match name {
        "act" => ACT.get(root).map(Backend::Act),
        _ => Ok(Backend::Direct),
    }
}

/// One back end's part.
struct Stage<'a> {
    root: &'a Path,
    programs: &'a Path,
    scratch: PathBuf,
    backend: Backend,
}

impl Stage<'_> {
    /// All stories, each in a store of its own; gives what the orders left in the books.
    fn run(&self, report: &mut Report) -> Result<Option<Essence>> {
        let wire = project::Wire::lay(&self.scratch)?;
        let name = self.backend.name();
        let essence = report.part(name, "orders", || {
            let store = self.store("orders", self.root, 0, Some(&wire))?;
            orders::run(&store, &wire.said)
        });
        let project = self.scratch.join("project");
        project::copy(self.root, &project)?;
        report.part(name, "crowd", || {
            crowd::all_at_once(&self.store("crowd", &project, 0, None)?)
        });
        report.part(name, "without queue", || {
            project::take_out_queues(&project)?;
            let store = self.store("without-queue", &project, REDISPATCHES, None)?;
            crowd::in_groups_without_queue(&store)
        });
        Ok(essence)
    }

    fn store(
        &self,
        name: &str,
        project: &Path,
        watchdog_redispatch: u32,
        wire: Option<&project::Wire>,
    ) -> Result<Store> {
        Store::start(&Setup {
            programs: self.programs,
            folder: self.scratch.join(name),
            backend: &self.backend,
            project,
            watchdog_redispatch,
            path: wire.map(|wire| wire.path.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<(&[&str], bool), &str>) {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let order = Order::parse(&words).map(|order| (order.backends, order.is_json));
        let expected = expected.map(|(backends, is_json)| (backends.to_vec(), is_json));
        assert_eq!(order, expected.map_err(str::to_owned));
    }

    #[test]
    fn reads_its_flags() {
        check("", Ok((&["direct", "act"], false)));
        check("--backend act --json", Ok((&["act"], true)));
        check("--backend=direct", Ok((&["direct"], false)));
        check("--backend", Err("'--backend' needs a value: act or direct"));
        check(
            "--backend docker",
            Err("there is no back end 'docker', but act and direct"),
        );
        check("--bakend act", Err("'e2e' takes no '--bakend'"));
    }
}
