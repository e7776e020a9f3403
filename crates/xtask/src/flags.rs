//! The command line of the chores: its help, and the one place that reads it.

use std::ffi::OsString;

use crate::{e2e, release};

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
cargo xtask CHORE

  demo [--exit] [--json] [--data DIR] [--zeebe-address HOST:PORT] [--zeebe-rest-address URL]
                      builds everything, starts the store and tells its story with what
                      really happens; --exit ends after the story, with code 0 only if all
                      of it came true; without it the store stays up until Ctrl-C
                      --json                prints one JSON document instead of the narration
                      --data DIR            keeps the store in DIR; a second run goes on there
                                            (default: backroom-data)
                      --zeebe-address, --zeebe-rest-address
                                            uses a gateway that is already there
  test [--quick]      formatting, lints, tidiness, licences, then every test;
                      --quick leaves the slow ones out
  lint-workflows      the rules for workflow files, then actionlint and zizmor, which it installs into
                      target/tools: that needs go and python3, and is skipped without
  pictures            draws the models anew for the pages that show them (docs/pictures)
  e2e [--backend act|direct] [--json]
                      runs the workflow files of .github/workflows with real services, by each back end
                      of the dispatcher (default: both, and their records must be the same): orders,
                      40 dispatches at once of which a fifth comes twice, groups without a queue; exit
                      code 0 only if all came true. act is installed into target/tools: that needs go
  ci                  what the CI runs: the same as `test`
  feel                answers FEEL conformance questions: JSON lines on standard input,
                      answers on standard output
  bench [--seconds N] [--orders N]
                      measures a release build: start, memory, one order by dispatches and by workers,
                      --orders at once (1000 by default), durable rate for --seconds
  bench ghettodb CHORE [--repeats N]
                      measures the database against git: medians, with their aims; exit code 1
                      only if something was lost or done twice
                      concurrent            many writers: [--writers N] [--ops N] [--processes]
                                            [--url path|file|http] [--drop-replies PERCENT]
                      oneshot, commit, import, find, batch, all
  release STEP [--target T] [--out DIR] [--version V]
                      from a commit to archives that can be checked and installed; T is a target
                      triple (default: this machine's), DIR where archives lie (default:
                      target/archives), V the version that Cargo.toml must have
                      plan                  says what would be built, how, and its archives' names
                      build                 compiles the programs, and prints their sizes
                      pack                  archives, SBOM, licences, installers, sha256.sum
                                            --bin-dir DIR  packs the programs in DIR
                      lock                  sha256.sum and services.lock of all archives in DIR
                                            --source URL   where they will be fetched from
                      verify                installs from a server on this machine, runs each
                                            program and an order, and tries a broken archive
                      (without STEP: all of them but lock)
  help                this text";

/// Flags of `demo`, with whether a value follows.
const DEMO_FLAGS: [(&str, bool); 5] = [
    ("--exit", false),
    ("--json", false),
    ("--data", true),
    ("--zeebe-address", true),
    ("--zeebe-rest-address", true),
];

/// What there is to measure of the database.
const GHETTODB_CHORES: [&str; 7] = [
    "concurrent",
    "oneshot",
    "commit",
    "import",
    "find",
    "batch",
    "all",
];

/// Flags of `bench ghettodb`, with whether a value follows.
const GHETTODB_FLAGS: [(&str, bool); 7] = [
    ("--repeats", true),
    ("--writers", true),
    ("--ops", true),
    ("--processes", false),
    ("--url", true),
    ("--drop-replies", true),
    ("--records", true),
];

/// Orders placed at once by `bench`, where no `--orders` is given.
const BENCH_ORDERS_DEFAULT: u32 = 1000;
/// Length of each load phase of `bench`, in seconds, where no `--seconds` is given.
const BENCH_SECONDS_DEFAULT: u64 = 10;

/// A chore with its settings.
#[derive(Debug, PartialEq)]
pub(crate) enum Chore {
    Help,
    Test { quick: bool },
    Demo { flags: Vec<String> },
    LintWorkflows,
    Pictures,
    Feel,
    EndToEnd(e2e::Order),
    Bench { seconds: u64, orders: u32 },
    BenchGhettodb { words: Vec<String> },
    Release(release::Order),
}

/// Reads the words after `cargo xtask`.
///
/// The flags of `demo` are checked here, so that a slip costs no build, and passed on as they are.
pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Chore, String> {
    let mut words = words;
    let chore = words.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = words.collect();
    match chore.as_str() {
        "help" | "--help" | "-h" => Ok(Chore::Help),
        _ if rest.iter().any(|word| word == "--help" || word == "-h") => Ok(Chore::Help),
        "test" => Ok(Chore::Test {
            quick: only_switch("test", "--quick", &rest)?,
        }),
        "ci" => none("ci", &rest).map(|()| Chore::Test { quick: false }),
        "lint-workflows" => none("lint-workflows", &rest).map(|()| Chore::LintWorkflows),
        "pictures" => none("pictures", &rest).map(|()| Chore::Pictures),
        "feel" => none("feel", &rest).map(|()| Chore::Feel),
        "demo" => check_flags("demo", &DEMO_FLAGS, &rest).map(|()| Chore::Demo { flags: rest }),
        "e2e" => e2e::Order::parse(&rest).map(Chore::EndToEnd),
        "release" => release::Order::parse(&rest).map(Chore::Release),
        "bench" => match &rest[..] {
            [word, words @ ..] if word == "ghettodb" => bench_ghettodb(words),
            _ => bench(&rest),
        },
        other => Err(format!("there is no chore '{other}'")),
    }
}

/// The program that cargo is: the one that started us, else the one on the PATH.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn none(chore: &str, rest: &[String]) -> Result<(), String> {
    match rest.first() {
        None => Ok(()),
        Some(word) => Err(format!("'{chore}' takes no '{word}'")),
    }
}

fn only_switch(chore: &str, switch: &str, rest: &[String]) -> Result<bool, String> {
    match rest {
        [] => Ok(false),
        [word] if word == switch => Ok(true),
        [word, ..] => Err(format!("'{chore}' takes no '{word}'")),
    }
}

/// Checks flags that another program reads.
fn check_flags(chore: &str, flags: &[(&str, bool)], words: &[String]) -> Result<(), String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        let takes_value = flags
            .iter()
            .find_map(|(flag, takes_value)| (*flag == name).then_some(*takes_value))
            .ok_or_else(|| format!("'{chore}' takes no '{word}'"))?;
        match (takes_value, inline) {
            (false, Some(_)) => return Err(format!("'{name}' takes no value")),
            (true, None) if words.next().is_none() => {
                return Err(format!("'{name}' needs a value"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn bench_ghettodb(words: &[String]) -> Result<Chore, String> {
    let chores = GHETTODB_CHORES.join(", ");
    match words {
        [chore, flags @ ..] if GHETTODB_CHORES.contains(&chore.as_str()) => {
            check_flags("bench ghettodb", &GHETTODB_FLAGS, flags)?;
            Ok(Chore::BenchGhettodb {
                words: words.to_vec(),
            })
        }
        [] => Err(format!("'bench ghettodb' needs one of {chores}")),
        [other, ..] => Err(format!("'bench ghettodb' has no '{other}', but {chores}")),
    }
}

fn bench(rest: &[String]) -> Result<Chore, String> {
    let mut seconds = BENCH_SECONDS_DEFAULT;
    let mut orders = BENCH_ORDERS_DEFAULT;
    let mut words = rest.iter();
    while let Some(flag) = words.next() {
        let mut number = |what: &str| {
            let value = words.next().ok_or(format!("'{flag}' needs a value"))?;
            let number = value.parse::<u32>().ok().filter(|number| *number > 0);
            number.ok_or(format!("'{flag} {value}' is no number of {what} above 0"))
        };
        match flag.as_str() {
            "--seconds" => seconds = number("seconds")?.into(),
            "--orders" => orders = number("orders")?,
            word => return Err(format!("'bench' takes no '{word}'")),
        }
    }
    Ok(Chore::Bench { seconds, orders })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<Chore, &str>) {
        let words = line.split_whitespace().map(str::to_owned);
        assert_eq!(parse(words), expected.map_err(str::to_owned));
    }

    #[test]
    fn reads_each_chore() {
        check("", Ok(Chore::Help));
        check("test", Ok(Chore::Test { quick: false }));
        check("test --quick", Ok(Chore::Test { quick: true }));
        check("ci", Ok(Chore::Test { quick: false }));
        check("feel", Ok(Chore::Feel));
        check(
            "bench --seconds 3",
            Ok(Chore::Bench {
                seconds: 3,
                orders: BENCH_ORDERS_DEFAULT,
            }),
        );
        check(
            "bench --orders 50 --seconds 3",
            Ok(Chore::Bench {
                seconds: 3,
                orders: 50,
            }),
        );
        let words = ["concurrent", "--writers", "5", "--processes"];
        check(
            "bench ghettodb concurrent --writers 5 --processes",
            Ok(Chore::BenchGhettodb {
                words: words.map(str::to_owned).to_vec(),
            }),
        );
        check("demo --exit -h", Ok(Chore::Help));
        let flags = ["--exit", "--data", "d", "--zeebe-address=h:1"];
        check(
            "demo --exit --data d --zeebe-address=h:1",
            Ok(Chore::Demo {
                flags: flags.map(str::to_owned).to_vec(),
            }),
        );
    }

    #[test]
    fn refuses_slips_before_anything_is_built() {
        check("tset", Err("there is no chore 'tset'"));
        check("test --slow", Err("'test' takes no '--slow'"));
        check("demo --exti", Err("'demo' takes no '--exti'"));
        check("demo --data", Err("'--data' needs a value"));
        check("demo --exit=yes", Err("'--exit' takes no value"));
        check(
            "bench --seconds 0",
            Err("'--seconds 0' is no number of seconds above 0"),
        );
        check(
            "bench ghettodb",
            Err(
                "'bench ghettodb' needs one of concurrent, oneshot, commit, import, find, batch, all",
            ),
        );
        check(
            "bench ghettodb fnid",
            Err(
                "'bench ghettodb' has no 'fnid', but concurrent, oneshot, commit, import, find, batch, all",
            ),
        );
        check(
            "bench ghettodb find --repeat 3",
            Err("'bench ghettodb' takes no '--repeat'"),
        );
    }
}
