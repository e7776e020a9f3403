//! Random operations by two writers on a repository, against the same on a map in memory.

use crate::support::{Origin, open, record, timeless};
use ghettodb::{Error, Memory, Record, Transaction};
use serde_json::{Value, json};

const TABLES: [&str; 3] = ["t", "u", "operations"];
const IDS: [&str; 6] = ["a", "b", "ab01", "ab02", "cd03", "zz"];

#[derive(Debug, Clone)]
enum Step {
    Insert(&'static str, &'static str, u8),
    Update(&'static str, &'static str, u8),
    Upsert(&'static str, u8, u8),
    Delete(&'static str, &'static str),
    DeleteMany(&'static str, u8),
    Drop(&'static str),
}

fn step(random: &mut fastrand::Rng) -> Step {
    let table = *random.choice(TABLES.iter()).unwrap();
    let id = *random.choice(IDS.iter()).unwrap();
    let (n, m) = (random.u8(0..4), random.u8(0..4));
    match random.u8(0..20) {
        0..6 => Step::Insert(table, id, n),
        6..10 => Step::Update(table, id, n),
        10..14 => Step::Upsert(table, n, m),
        14..18 => Step::Delete(table, id),
        18 => Step::DeleteMany(table, n),
        _ => Step::Drop(table),
    }
}

/// What the step came to, as a value that does not depend on the store or the time.
fn run(transaction: &mut Transaction<'_>, step: &Step) -> Value {
    let fields = |n: u8| record(json!({"n": n}));
    let outcome: Result<Value, Error> = match *step {
        Step::Insert(table, id, n) => transaction
            .insert(table, record(json!({"_id": id, "n": n})))
            .map(|record| strip(vec![record])),
        Step::Update(table, id, n) => transaction
            .update(table, id, fields(n))
            .map(|record| strip(vec![record])),
        // Inserts under an id that does not depend on chance.
        Step::Upsert(table, n, m) => match transaction.find_one(table, &fields(n)) {
            Ok(None) => Ok(json!("none")),
            _ => transaction
                .upsert(table, &fields(n), fields(m))
                .map(|record| strip(vec![record])),
        },
        Step::Delete(table, id) => transaction.delete(table, id).map(Value::from),
        Step::DeleteMany(table, n) => transaction.delete_many(table, &fields(n)).map(strip),
        Step::Drop(table) => transaction.drop_table(table).map(Value::from),
    };
    outcome.unwrap_or_else(|error| error.to_string().into())
}

fn strip(records: Vec<Record>) -> Value {
    timeless(records).into()
}

#[test]
fn repository_and_model_agree_after_every_push() {
    let seed = match std::env::var("GHETTODB_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    };
    println!("GHETTODB_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let origin = Origin::new();
    let mut writers = [open(&origin.local()), open(&origin.url())];
    let mut model = Memory::new();
    let mut commits = 0;
    for round in 0..60 {
        let steps: Vec<Step> = (0..random.usize(1..6)).map(|_| step(&mut random)).collect();
        let before = model.clone();
        let expected: Vec<Value> = model
            .transact("now", |tx| {
                Ok::<_, Error>(steps.iter().map(|step| run(tx, step)).collect())
            })
            .unwrap();
        let database = random.choice(writers.iter_mut()).unwrap();
        let committed = crate::support::transact(database, |tx| {
            Ok::<Vec<Value>, Error>(steps.iter().map(|step| run(tx, step)).collect())
        });
        assert_eq!(committed.value, expected, "round {round}: {steps:?}");
        commits += usize::from(committed.commit.is_some());
        if committed.commit.is_none() {
            // Times apart, since a record may come back as it was.
            for table in TABLES {
                assert_eq!(
                    timeless(model.all(table)),
                    timeless(before.all(table)),
                    "round {round}: {steps:?}"
                );
            }
        }
        let snapshot = writers[round % 2].snapshot().unwrap();
        for table in TABLES {
            assert_eq!(
                timeless(snapshot.all(table).unwrap()),
                timeless(model.all(table)),
                "round {round}: {steps:?}"
            );
        }
    }
    assert_eq!(origin.commits(), commits);
    origin.assert_sound();
}
