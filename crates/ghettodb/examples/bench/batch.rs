//! A transaction of many operations, against one of one: the push is what costs, so a batch is cheap.

use crate::Bench;
use crate::report::Report;
use crate::repository::{Layout, Repository, TABLE, record};
use crate::timing::Pair;
use anyhow::Result;
use ghettodb::{Database, Error, Message, Options, record_from};

const RECORDS: usize = 10_000;
const OPERATIONS: usize = 100;
const AIM: f64 = 3.0;

pub(crate) fn run(bench: &Bench) -> Result<Report> {
    let mut report = Report::new(format!(
        "batch: a transaction of {OPERATIONS} operations on {RECORDS} records"
    ));
    for layout in Layout::ALL {
        let folder = tempfile::tempdir_in(bench.scratch.path())?;
        let seeded = Repository::seeded(folder.path().join("seeded.git"), RECORDS, layout)?;
        for reach in ["path", "file"] {
            let what = format!("{}, {reach}", layout.name());
            // One each, so that neither has to fetch what the other pushed.
            let mut writers = Vec::new();
            for operations in [OPERATIONS, 1] {
                let path = folder.path().join(format!("{reach}-{operations}.git"));
                let repository = seeded.copy(path)?;
                let repo = match reach {
                    "path" => repository.local(),
                    _ => repository.url(),
                };
                let database = Database::open(Options::new(repo))?;
                writers.push((repository, database));
            }
            let [(many, batched), (one, single)] = &mut writers[..] else {
                unreachable!("there are two");
            };
            let first = |round: usize| RECORDS + OPERATIONS * round;
            let pair = Pair::measure(
                bench.repeats,
                |round| insert(batched, first(round)..first(round + 1)),
                |round| insert(single, first(round)..first(round) + 1),
            )?;
            report.compare(
                &what,
                &pair.ours,
                ("one operation", &pair.baseline),
                Some(AIM),
            );
            let found = batched.snapshot()?.count(TABLE)?;
            report.claim(
                format!("{what}: every record is there, `git fsck --strict` clean"),
                found == first(bench.repeats) && many.is_sound() && one.is_sound(),
            );
        }
    }
    Ok(report)
}

/// One transaction that inserts the records of these numbers.
fn insert(database: &mut Database, numbers: std::ops::Range<usize>) -> Result<()> {
    let message = Message {
        subject: format!("insert {}", numbers.len()),
        trailers: Vec::new(),
    };
    database
        .transact(&message, |tx| {
            for number in numbers.clone() {
                tx.insert(TABLE, record_from(record(number))?)?;
            }
            Ok(())
        })
        .map_err(Error::from)?;
    Ok(())
}
