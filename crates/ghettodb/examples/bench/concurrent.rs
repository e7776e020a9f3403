//! Many writers at once, each with a clone of its own: nothing may be lost, nothing done twice, and
//! the price of getting in each other's way is told against one writer that does the same alone.

use crate::Bench;
use crate::http_server::{HttpServer, Loss, Requests, Settings as Server};
use crate::report::{Report, progress};
use crate::repository::{Layout, Repository, isolate, output};
use crate::timing::{quantile, show, time};
use anyhow::{Context, Result};
use clap::ValueEnum;
use ghettodb::{
    Database, Error, Message, Options, Transaction, canonical_sha256, once, record_from,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

/// Records that are there before.
const RECORDS: usize = 1_000;
/// How long a write may take: waiting is measured here, not cut off.
const PATIENCE: Duration = Duration::from_secs(900);
const WALL_AIM: f64 = 4.0;
const P95_AIM: f64 = 8.0;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Settings {
    /// How many write at once.
    #[arg(long, default_value_t = 20)]
    writers: usize,
    /// How many writes each makes, one after another.
    #[arg(long, default_value_t = 10)]
    ops: usize,
    /// Percentage of replies to pushes that are lost after the remote accepted; over http.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=90))]
    drop_replies: Option<u8>,
    /// How the remote is reached.
    #[arg(long, value_enum, default_value_t = Reach::Path)]
    url: Reach,
    /// A new process for each write, with a clone of its own.
    #[arg(long)]
    processes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reach {
    /// A path of this machine, where writers take turns.
    Path,
    /// git's protocol between two processes.
    File,
    /// git over http on the loopback interface.
    Http,
}

impl Settings {
    /// What the documentation shows.
    pub(crate) fn all() -> Vec<Self> {
        let settings = |url, processes, drop_replies| Settings {
            writers: 20,
            ops: 10,
            drop_replies,
            url,
            processes,
        };
        vec![
            settings(Reach::Path, false, None),
            settings(Reach::File, false, None),
            settings(Reach::Path, true, None),
            settings(Reach::File, true, None),
            settings(Reach::Http, false, Some(10)),
        ]
    }

    fn title(&self) -> String {
        let reach = match (self.drop_replies, self.url) {
            (Some(percent), _) => format!("http, {percent} % of the replies lost"),
            (None, url) => format!("{url:?}").to_lowercase(),
        };
        let how = if self.processes { ", processes" } else { "" };
        let (writers, ops) = (self.writers, self.ops);
        format!("concurrent: {writers} writers × {ops} writes ({reach}{how})")
    }
}

/// One write by a process of its own; prints how many attempts it took.
#[derive(Debug, clap::Args)]
pub(crate) struct WriteOnce {
    #[arg(long)]
    repo: String,
    #[arg(long)]
    key: String,
}

impl WriteOnce {
    pub(crate) fn run(&self) -> Result<()> {
        let attempts = write(&mut open(&self.repo)?, &self.key)?;
        writeln!(std::io::stdout(), "{attempts}").context("cannot print")
    }
}

/// An acknowledged write.
struct Acknowledged {
    latency: Duration,
    attempts: u32,
}

/// What the repeats came to.
#[derive(Default)]
struct Figures {
    serial: Vec<Duration>,
    wall: Vec<Duration>,
    p50: Vec<Duration>,
    p95: Vec<Duration>,
    max: Vec<Duration>,
    fair: Vec<Duration>,
    attempts: Vec<u32>,
    lost_replies: usize,
    faults: Vec<String>,
}

pub(crate) fn run(bench: &Bench, settings: &Settings) -> Result<Report> {
    let title = settings.title();
    let mut report = Report::new(title);
    let folder = tempfile::tempdir_in(bench.scratch.path())?;
    let seeded = folder.path().join("seeded.git");
    let seeded = Repository::seeded(seeded, RECORDS, Layout::Flat)?;
    let mut figures = Figures::default();
    for round in 0..bench.repeats {
        for writers in [1, settings.writers] {
            // A folder each, since the server serves folders.
            let root = folder.path().join(format!("{round}-{writers}"));
            std::fs::create_dir(&root)?;
            let repository = seeded.copy(root.join("origin.git"))?;
            let server = serve(&root, settings, round)?;
            let repo = match (&server, settings.url) {
                (Some(server), _) => server.url("origin.git"),
                (None, Reach::Path) => repository.local(),
                (None, _) => repository.url(),
            };
            let writes = settings.writers * settings.ops;
            let begun = time(|| contend(&repo, writers, writes / writers, settings.processes))?;
            figures.add(writers, begun);
            figures
                .faults
                .extend(check(&repository, writers, writes / writers)?);
            let seen = server.map(|server| server.seen()).unwrap_or_default();
            figures.lost_replies += seen.iter().filter(|seen| seen.is_lost).count();
        }
    }
    figures.tell(settings, &mut report);
    Ok(report)
}

fn serve(root: &std::path::Path, settings: &Settings, round: usize) -> Result<Option<HttpServer>> {
    if settings.url != Reach::Http && settings.drop_replies.is_none() {
        return Ok(None);
    }
    let loss = settings.drop_replies.map(|percent| Loss {
        probability: f64::from(percent) / 100.0,
        seed: round as u64,
        of: Requests::Pushes,
    });
    let settings = Server {
        loss,
        ..Server::default()
    };
    Ok(Some(HttpServer::start(root, settings)?))
}

/// All writers write, each one thing after another; gives every write.
fn contend(
    repo: &str,
    writers: usize,
    writes: usize,
    processes: bool,
) -> Result<Vec<Acknowledged>> {
    let start = Barrier::new(writers);
    let outcomes: Vec<Result<Vec<Acknowledged>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let start = &start;
                scope.spawn(move || {
                    let database = match processes {
                        true => None,
                        false => Some(open(repo)),
                    };
                    start.wait();
                    let mut database = database.transpose()?;
                    (0..writes)
                        .map(|number| {
                            let key = key(writer, number);
                            let (latency, attempts) = time(|| match &mut database {
                                Some(database) => write(database, &key),
                                None => write_by_process(repo, &key),
                            })?;
                            Ok(Acknowledged { latency, attempts })
                        })
                        .collect()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a writer gives its errors"))
            .collect()
    });
    let mut all = Vec::new();
    for outcome in outcomes {
        all.extend(outcome?);
    }
    Ok(all)
}

fn key(writer: usize, number: usize) -> String {
    format!("{writer}-{number}")
}

fn open(repo: &str) -> Result<Database> {
    let options = Options {
        push_deadline: PATIENCE,
        ..Options::new(repo)
    };
    Ok(Database::open(options)?)
}

/// A record of its own and one more in the counter, under a key; gives the attempts.
fn write(database: &mut Database, key: &str) -> Result<u32> {
    let message = Message {
        subject: format!("write {key}"),
        trailers: vec![("Idempotency-Key".to_owned(), key.to_owned())],
    };
    let sha256 = canonical_sha256(&json!(key));
    let committed = database
        .transact(&message, |tx| {
            once(tx, key, &sha256, |tx| {
                tx.insert("own", record_from(json!({"_id": key}))?)?;
                increment(tx)
            })
        })
        .map_err(Error::from)?;
    Ok(committed.attempts)
}

fn increment(transaction: &mut Transaction<'_>) -> Result<Value, Error> {
    let counter = transaction.get("counters", "counter")?;
    let value = counter
        .and_then(|counter| counter["value"].as_u64())
        .unwrap_or(0)
        + 1;
    let query = record_from(json!({"_id": "counter"}))?;
    transaction.upsert("counters", &query, record_from(json!({"value": value}))?)?;
    Ok(value.into())
}

fn write_by_process(repo: &str, key: &str) -> Result<u32> {
    let mut command = Command::new(std::env::current_exe()?);
    isolate(&mut command);
    command.args(["write-once", "--repo", repo, "--key", key]);
    output(command)?.parse().context("no number of attempts")
}

/// What is wrong with the repository after all writes were acknowledged.
fn check(repository: &Repository, writers: usize, writes: usize) -> Result<Vec<String>> {
    let total = writers * writes;
    let mut faults = Vec::new();
    let mut expect = |what: &str, found: usize, expected: usize| {
        if found != expected {
            faults.push(format!("{what}: {found} of {expected}"));
        }
    };
    let mut database = Database::open(Options::new(repository.local()))?;
    let snapshot = database.snapshot()?;
    expect("writes", snapshot.count("own")?, total);
    let counter = snapshot.get("counters", "counter")?;
    let value = counter.and_then(|counter| counter["value"].as_u64());
    expect("counter", value.unwrap_or(0).try_into()?, total);
    let format = "--format=%(trailers:key=Idempotency-Key,valueonly,separator=%x2C)";
    let log = output(repository.git(&["log", format, "main"]))?;
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for key in log.lines().filter(|line| !line.is_empty()) {
        *keys.entry(key).or_default() += 1;
    }
    let expected = (0..writers).flat_map(|writer| (0..writes).map(move |n| key(writer, n)));
    let expected: Vec<String> = expected.collect();
    let once = expected
        .iter()
        .filter(|key| keys.get(key.as_str()) == Some(&1));
    expect("keys once in history", once.count(), total);
    let unproven = database.prove_keys(&expected)?;
    expect("keys that `fsck --keys` does not prove", unproven.len(), 0);
    let commits = output(repository.git(&["rev-list", "--count", "main"]))?;
    expect("commits", commits.parse()?, total + 1);
    if !repository.is_sound() {
        faults.push("git fsck --strict complains".to_owned());
    }
    Ok(faults)
}

impl Figures {
    fn add(&mut self, writers: usize, (wall, writes): (Duration, Vec<Acknowledged>)) {
        if writers == 1 {
            self.serial.push(wall);
            progress(&format!("  one writer: {}", show(wall)));
            return;
        }
        let latencies: Vec<Duration> = writes.iter().map(|write| write.latency).collect();
        self.attempts
            .extend(writes.iter().map(|write| write.attempts));
        self.wall.push(wall);
        self.p50.push(quantile(&latencies, 0.5));
        self.p95.push(quantile(&latencies, 0.95));
        self.max.push(quantile(&latencies, 1.0));
        // What each write would take if everybody were served in turn.
        self.fair
            .push(wall.mul_f64(writers as f64 / writes.len() as f64));
        progress(&format!("  {writers} writers: {}", show(wall)));
    }

    fn tell(&self, settings: &Settings, report: &mut Report) {
        let median = |times: &[Duration]| quantile(times, 0.5);
        report.compare(
            "wall",
            &self.wall,
            ("one writer", &self.serial),
            Some(WALL_AIM),
        );
        report.compare("p95", &self.p95, ("fair share", &self.fair), Some(P95_AIM));
        let total = settings.writers * settings.ops;
        let mean = f64::from(self.attempts.iter().sum::<u32>()) / self.attempts.len() as f64;
        report.note(format!(
            "latency p50 {}, p95 {}, max {}; attempts mean {mean:.2}, max {}; {:.1} writes/s",
            show(median(&self.p50)),
            show(median(&self.p95)),
            show(median(&self.max)),
            self.attempts.iter().max().unwrap_or(&0),
            total as f64 / median(&self.wall).as_secs_f64(),
        ));
        if settings.drop_replies.is_some() {
            report.note(format!("{} replies were lost", self.lost_replies));
            report.claim("replies were lost at all", self.lost_replies > 0);
        }
        let rounds = self.wall.len();
        report.claim(
            format!(
                "in each of {rounds} runs 0 lost, the counter at {total}, each of {total} keys once \
                 in history, one commit a write, `git fsck --strict` clean"
            ),
            self.faults.is_empty(),
        );
        for fault in &self.faults {
            report.claim(fault, false);
        }
    }
}
