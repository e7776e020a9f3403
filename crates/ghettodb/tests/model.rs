//! Random transactions by several writers on a repository, against the same on a map in memory; what
//! git itself reads from the repository is compared after every push.

use crate::support::{Origin, open, record, rounds, seed, timeless, transact};
use ghettodb::{Condition, Error, Memory, Record, Transaction};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

/// `wide` is fanned out from the start, `operations` always; the others as the dice want it.
const TABLES: [&str; 4] = ["t", "u", "wide", "operations"];
const SETTINGS: &str = "_tables";
const IDS: [&str; 6] = ["a", "b", "ab01", "ab02", "cd03", "zz"];

#[derive(Debug, Clone)]
enum Step {
    Insert(&'static str, &'static str, u8),
    Update(&'static str, &'static str, u8),
    Upsert(&'static str, u8, u8),
    UpdateMany(&'static str, u8, u8),
    Delete(&'static str, &'static str),
    DeleteMany(&'static str, u8),
    Drop(&'static str),
    /// From one table to another.
    Move(&'static str, &'static str, &'static str),
    /// Ends the transaction, unless the record is so.
    Require(&'static str, &'static str, Condition),
    /// Where new records of a table go from now on.
    Layout(&'static str, &'static str),
}

fn step(random: &mut fastrand::Rng) -> Step {
    let table = *random.choice(TABLES.iter()).unwrap();
    let other = *random.choice(TABLES.iter()).unwrap();
    let id = *random.choice(IDS.iter()).unwrap();
    let (n, m) = (random.u8(0..4), random.u8(0..4));
    match random.u8(0..26) {
        0..6 => Step::Insert(table, id, n),
        6..10 => Step::Update(table, id, n),
        10..14 => Step::Upsert(table, n, m),
        14..18 => Step::Delete(table, id),
        18 => Step::DeleteMany(table, n),
        19 => Step::Drop(table),
        20 => Step::UpdateMany(table, n, m),
        21..23 => Step::Move(table, other, id),
        23 => Step::Require(table, id, Condition::Exists),
        24 => Step::Require(table, id, Condition::Matches(record(json!({"n": n})))),
        _ => Step::Layout(table, ["flat", "fan-out"][usize::from(n % 2)]),
    }
}

fn steps(random: &mut fastrand::Rng) -> Vec<Step> {
    (0..random.usize(1..6)).map(|_| step(random)).collect()
}

/// What the step came to, as a value that does not depend on the store or the time.
fn run(transaction: &mut Transaction<'_>, step: &Step) -> Result<Value, Error> {
    let fields = |n: u8| record(json!({"n": n}));
    let outcome: Result<Value, Error> = match step {
        Step::Insert(table, id, n) => transaction
            .insert(table, record(json!({"_id": id, "n": n})))
            .map(|record| strip(vec![record])),
        Step::Update(table, id, n) => transaction
            .update(table, id, fields(*n))
            .map(|record| strip(vec![record])),
        // Inserts under an id that does not depend on chance.
        Step::Upsert(table, n, m) => match transaction.find_one(table, &fields(*n)) {
            Ok(None) => Ok(json!("none")),
            _ => transaction
                .upsert(table, &fields(*n), fields(*m))
                .map(|record| strip(vec![record])),
        },
        Step::UpdateMany(table, n, m) => transaction
            .update_many(table, &fields(*n), &fields(*m))
            .map(strip),
        Step::Delete(table, id) => transaction.delete(table, id).map(Value::from),
        Step::DeleteMany(table, n) => transaction.delete_many(table, &fields(*n)).map(strip),
        Step::Drop(table) => transaction.drop_table(table).map(Value::from),
        Step::Move(from, to, id) => match transaction.get(from, id) {
            Ok(Some(found)) => {
                transaction.delete(from, id)?;
                transaction
                    .insert(to, found)
                    .map(|record| strip(vec![record]))
            }
            other => other.map(|_| Value::Null),
        },
        Step::Require(table, id, condition) => {
            return transaction.require(table, id, condition).map(Value::from);
        }
        Step::Layout(table, layout) => transaction
            .upsert(
                SETTINGS,
                &record(json!({"_id": table})),
                record(json!({"layout": layout})),
            )
            .map(|record| strip(vec![record])),
    };
    Ok(outcome.unwrap_or_else(|error| error.to_string().into()))
}

fn strip(records: Vec<Record>) -> Value {
    timeless(records).into()
}

/// What all steps came to, or why the transaction ended before its last one.
fn all(transaction: &mut Transaction<'_>, steps: &[Step]) -> Result<Vec<Value>, Error> {
    steps.iter().map(|step| run(transaction, step)).collect()
}

fn origin_with_a_wide_table() -> (Origin, Memory) {
    let (origin, mut model) = (Origin::new(), Memory::new());
    let settings = |tx: &mut Transaction<'_>| {
        tx.insert(
            SETTINGS,
            record(json!({"_id": "wide", "layout": "fan-out"})),
        )
    };
    transact(&mut open(&origin.local()), settings);
    model.transact("now", settings).unwrap();
    (origin, model)
}

type Tables = BTreeMap<String, Vec<Value>>;

/// All records of a commit, as git reads them, where they should be.
fn records_at(origin: &Origin, commit: &str) -> Tables {
    let listing = origin.git(&["ls-tree", "-r", "--name-only", commit]);
    let objects: String = listing
        .lines()
        .map(|path| format!("{commit}:{path}\n"))
        .collect();
    // A line that says the size, the content, a line break: for each.
    let contents = origin.git_with_input(&["cat-file", "--batch"], &objects) + "\n";
    let mut contents = contents.as_str();
    let mut tables: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for path in listing.lines() {
        let (head, rest) = contents.split_once('\n').unwrap();
        let size: usize = head.rsplit(' ').next().unwrap().parse().unwrap();
        let record: Record = serde_json::from_str(&rest[..size]).unwrap();
        contents = rest.get(size + 1..).unwrap_or_default();
        let id = record["_id"].as_str().unwrap();
        assert!(path.ends_with(&format!("/{id}.json")), "{path}: {id}");
        let table = path.split('/').nth(1).unwrap();
        tables.entry(table.to_owned()).or_default().push(record);
    }
    let sorted = |mut records: Vec<Record>| {
        records.sort_by(|a, b| a["_id"].as_str().cmp(&b["_id"].as_str()));
        timeless(records)
    };
    tables
        .into_iter()
        .map(|(table, records)| (table, sorted(records)))
        .collect()
}

fn records_of(model: &Memory) -> Tables {
    let tables = model.tables().into_iter();
    tables
        .map(|table| (table.clone(), timeless(model.all(&table))))
        .collect()
}

#[test]
fn repository_and_model_agree_after_every_push() {
    let mut random = fastrand::Rng::with_seed(seed());
    let (origin, mut model) = origin_with_a_wide_table();
    let [local, url] = [origin.local(), origin.url()];
    let mut writers = [&local, &url, &local, &url].map(|repo| open(repo));
    let mut commits = 1;
    for round in 0..rounds(60, 400) {
        let steps = steps(&mut random);
        let before = model.clone();
        let expected = model.transact("now", |tx| all(tx, &steps));
        let database = random.choice(writers.iter_mut()).unwrap();
        let message = crate::support::message("test");
        let outcome = database
            .transact(&message, |tx| all(tx, &steps))
            .map_err(Error::from);
        match (outcome, expected) {
            (Ok(committed), Ok(expected)) => {
                assert_eq!(committed.value, expected, "round {round}: {steps:?}");
                commits += usize::from(committed.commit.is_some());
                if committed.commit.is_none() {
                    // Times apart, since a record may come back as it was.
                    assert_eq!(records_of(&model), records_of(&before), "{steps:?}");
                }
            }
            (Err(outcome), Err(expected)) => {
                assert_eq!(outcome.to_string(), expected.to_string(), "{steps:?}");
                assert_eq!(model, before);
            }
            (outcome, expected) => panic!("round {round}: {steps:?}: {outcome:?}, {expected:?}"),
        }
        let expected = records_of(&model);
        assert_eq!(records_at(&origin, "main"), expected, "{steps:?}");
        let snapshot = writers[round % writers.len()].snapshot().unwrap();
        for table in TABLES {
            assert_eq!(
                timeless(snapshot.all(table).unwrap()),
                expected.get(table).cloned().unwrap_or_default(),
                "round {round}: {steps:?}"
            );
        }
    }
    assert_eq!(origin.commits(), commits);
    origin.assert_sound();
}

#[test]
fn writers_at_once_and_the_model_agree_at_every_commit() {
    let seed = seed();
    let (origin, mut model) = origin_with_a_wide_table();
    let writers = 4;
    let start = Barrier::new(writers);
    // Commit -> what was done in it, and what it came to.
    let done: BTreeMap<String, (Vec<Step>, Vec<Value>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let (origin, start) = (&origin, &start);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed ^ writer as u64);
                    let mut database = match writer % 2 {
                        0 => open(&origin.local()),
                        _ => open(&origin.url()),
                    };
                    start.wait();
                    let message = crate::support::message("test");
                    let mut done = Vec::new();
                    for _ in 0..rounds(8, 40) {
                        let steps = steps(&mut random);
                        match database.transact(&message, |tx| all(tx, &steps)) {
                            Ok(committed) => done.extend(
                                committed
                                    .commit
                                    .map(|commit| (commit, (steps, committed.value))),
                            ),
                            Err(error) => {
                                let error = Error::from(error);
                                assert!(matches!(error, Error::Condition { .. }), "{error}");
                            }
                        }
                    }
                    done
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let history = origin.git(&["rev-list", "--reverse", "main"]);
    let commits: Vec<&str> = history.lines().skip(1).collect();
    assert_eq!(commits.len(), done.len());
    for commit in commits {
        let (steps, values) = &done[commit];
        let expected = model.transact("now", |tx| all(tx, steps)).unwrap();
        assert_eq!(*values, expected, "{steps:?}");
        assert_eq!(records_at(&origin, commit), records_of(&model), "{steps:?}");
    }
    origin.assert_sound();
}
