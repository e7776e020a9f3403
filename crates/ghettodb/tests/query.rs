//! Searching: what the repository finds is what a plain reading of the query finds, in the order and
//! number asked for.

use crate::support::{Origin, open, record, transact};
use ghettodb::{Error, Memory, Record, Selection, Snapshot};
use serde_json::{Value, json};
use std::process::Command;

/// What a query means, written down a second time and with nothing to be fast for.
fn meets(value: Option<&Value>, condition: &Value) -> bool {
    let Value::Object(parts) = condition else {
        return value.is_some_and(|value| same(value, condition));
    };
    let is_object = value.is_some_and(Value::is_object);
    let asks_for_fields = parts.is_empty() || parts.keys().any(|key| !key.starts_with('$'));
    if asks_for_fields && !is_object {
        return false;
    }
    parts.iter().all(|(key, wanted)| match key.as_str() {
        "$and" => items(wanted).all(|part| meets(value, part)),
        "$or" => items(wanted).any(|part| meets(value, part)),
        "$not" => !meets(value, wanted),
        "$eq" => value.is_some_and(|value| same(value, wanted)),
        "$ne" => !value.is_some_and(|value| same(value, wanted)),
        "$in" => value.is_some_and(|value| items(wanted).any(|item| same(value, item))),
        "$nin" => !value.is_some_and(|value| items(wanted).any(|item| same(value, item))),
        "$exists" => value.is_some() == wanted.as_bool().unwrap(),
        "$regex" => value
            .and_then(Value::as_str)
            .is_some_and(|text| text.contains(wanted.as_str().unwrap())),
        "$gt" | "$lte" => match (value, wanted) {
            (Some(Value::Number(value)), Value::Number(wanted)) => {
                (value.as_f64() > wanted.as_f64()) == (key == "$gt")
            }
            (Some(Value::String(value)), Value::String(wanted)) => {
                (value > wanted) == (key == "$gt")
            }
            _ => false,
        },
        path => meets(value.and_then(|value| walk(value, path)), wanted),
    })
}

fn walk<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let literal = value.as_object()?.get(path);
    literal.or_else(|| {
        let (first, rest) = path.split_once('.')?;
        walk(value.get(first)?, rest)
    })
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().unwrap().iter()
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other,
    }
}

fn scalar(random: &mut fastrand::Rng) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(1),
        json!(1.0),
        json!(2),
        json!(-1),
        json!("x"),
        json!("xy"),
        json!("é"),
        json!("a\"b"),
        json!(""),
        json!([1]),
        json!(["x"]),
    ];
    random.choice(values.iter()).unwrap().clone()
}

fn some_record(random: &mut fastrand::Rng) -> Record {
    let mut fields = Record::new();
    for name in ["a", "b", "a.b"] {
        match random.u8(0..4) {
            0 => {}
            1 => {
                let inner = json!({"b": scalar(random), "c": scalar(random)});
                fields.insert(name.to_owned(), inner);
            }
            _ => {
                fields.insert(name.to_owned(), scalar(random));
            }
        }
    }
    fields
}

fn some_condition(random: &mut fastrand::Rng, depth: u8) -> Value {
    let list = |random: &mut fastrand::Rng| -> Value {
        (0..random.usize(0..4)).map(|_| scalar(random)).collect()
    };
    match random.u8(0..if depth == 0 { 9 } else { 13 }) {
        0..3 => scalar(random),
        3 => json!({"$ne": scalar(random)}),
        4 => json!({"$in": list(random)}),
        5 => json!({"$nin": list(random)}),
        6 => json!({"$exists": random.bool()}),
        7 => {
            json!({"$gt": *random.choice([json!(0), json!(1), json!("a"), json!("x")].iter()).unwrap()})
        }
        8 => json!({"$lte": 1, "$regex": "x"}),
        9 => json!({"$not": some_query(random, depth - 1)}),
        10 => json!({"$or": [{"$eq": scalar(random)}, some_query(random, depth - 1)]}),
        _ => some_query(random, depth - 1),
    }
}

fn some_query(random: &mut fastrand::Rng, depth: u8) -> Value {
    let mut query = Record::new();
    for _ in 0..random.usize(0..3) {
        let name = *random.choice(["a", "b", "c", "a.b", "a.c"].iter()).unwrap();
        query.insert(name.to_owned(), some_condition(random, depth));
    }
    if depth > 0 && random.u8(0..4) == 0 {
        let part = some_query(random, depth - 1);
        let connective = match random.u8(0..3) {
            0 => ("$and", json!([part, some_query(random, depth - 1)])),
            1 => ("$or", json!([part, some_query(random, depth - 1)])),
            _ => ("$not", part),
        };
        query.insert(connective.0.to_owned(), connective.1);
    }
    query.into()
}

#[test]
fn what_is_found_is_what_the_query_means() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let origin = Origin::new();
    let mut database = open(&origin.local());
    let records: Vec<Record> = (0..60)
        .map(|index| {
            let mut fields = some_record(&mut random);
            fields.insert("_id".to_owned(), format!("r{index:02}").into());
            fields
        })
        .collect();
    let mut memory = Memory::new();
    let (stored, late) = records.split_at(45);
    transact(&mut database, |tx| {
        stored
            .iter()
            .try_for_each(|r| tx.insert("t", r.clone()).map(drop))
    });
    memory
        .transact("now", |tx| {
            stored
                .iter()
                .try_for_each(|r| tx.insert("t", r.clone()).map(drop))
        })
        .unwrap();
    let snapshot = database.snapshot().unwrap();
    let mut found_some = 0;
    let mut check = |found: Vec<Record>, among: &[Record], query: &Record| {
        let expected: Vec<&Value> = among
            .iter()
            .filter(|record| {
                meets(
                    Some(&Value::Object((*record).clone())),
                    &query.clone().into(),
                )
            })
            .map(|record| &record["_id"])
            .collect();
        let found: Vec<&Value> = found.iter().map(|record| &record["_id"]).collect();
        found_some += usize::from(!found.is_empty() && found.len() < among.len());
        assert_eq!(found, expected, "{query:?}");
    };
    let queries: Vec<Record> = (0..300)
        .map(|_| record(some_query(&mut random, 2)))
        .collect();
    for query in &queries {
        check(snapshot.find("t", query).unwrap(), stored, query);
        check(memory.find("t", query), stored, query);
    }
    // A transaction finds its own writes too.
    transact(&mut database, |tx| {
        for fields in late {
            tx.insert("t", fields.clone())?;
        }
        for query in &queries {
            check(tx.find("t", query)?, &records, query);
            let first = tx.find_one("t", query)?;
            let all = tx.find("t", query)?;
            assert_eq!(first, all.into_iter().next(), "{query:?}");
        }
        Ok(())
    });
    assert!(found_some > 100, "{found_some}");
}

/// Records `0000` to `0699`, more than one thread reads.
fn large() -> (Origin, Snapshot) {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        for n in 0..700 {
            let fields =
                json!({"_id": format!("{n:04}"), "n": n, "m": n % 7, "at": {"x": n / 100}});
            tx.insert("t", record(fields))?;
        }
        Ok(())
    });
    origin.git(&["gc", "--quiet"]);
    let snapshot = open(&origin.local()).snapshot().unwrap();
    (origin, snapshot)
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|r| r["_id"].as_str().unwrap()).collect()
}

#[test]
fn a_large_table_is_searched_sorted_and_counted() {
    let (_origin, snapshot) = large();
    let query = record(json!({"at.x": {"$in": [3, 5]}, "m": 2}));
    let found = snapshot.find("t", &query).unwrap();
    let expected: Vec<String> = (0..700)
        .filter(|n| matches!(n / 100, 3 | 5) && n % 7 == 2)
        .map(|n| format!("{n:04}"))
        .collect();
    assert_eq!(ids(&found), expected);
    assert_eq!(
        snapshot.count_matching("t", &query).unwrap(),
        expected.len()
    );
    let selection = Selection {
        query: record(json!({"n": {"$gte": 100}})),
        sort: vec!["m".to_owned(), "-at.x".to_owned()],
        skip: 2,
        limit: Some(3),
        fields: vec!["at.x".to_owned()],
    };
    let found = snapshot.select("t", &selection).unwrap().records;
    let found: Vec<Value> = found.into_iter().map(Value::Object).collect();
    assert_eq!(
        found,
        [
            json!({"_id": "0616", "at": {"x": 6}}),
            json!({"_id": "0623", "at": {"x": 6}}),
            json!({"_id": "0630", "at": {"x": 6}}),
        ]
    );
    let by_id = record(json!({"_id": {"$in": ["0500", "0002", "none"]}, "n": {"$lt": 400}}));
    assert_eq!(ids(&snapshot.find("t", &by_id).unwrap()), ["0002"]);
    let by_pattern = record(json!({"_id": {"$regex": "^06.5$"}}));
    assert_eq!(snapshot.count_matching("t", &by_pattern).unwrap(), 10);
}

#[test]
fn a_broken_file_behind_the_last_record_is_not_looked_at() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        for n in 0..80 {
            tx.insert("t", record(json!({"_id": format!("{n:02}"), "n": n})))?;
        }
        Ok(())
    });
    origin.commit(&[("100644", "db/t/70.json", "{\"n\": ")]);
    let snapshot = database.snapshot().unwrap();
    let first = |limit| {
        let selection = Selection {
            limit: Some(limit),
            ..Selection::default()
        };
        let scan = snapshot.select("t", &selection).unwrap();
        (scan.records.len(), scan.bad.len())
    };
    assert_eq!(first(3), (3, 0));
    assert_eq!(first(75), (75, 1));
    assert!(matches!(
        snapshot.count_matching("t", &record(json!({"n": {"$gt": 1}}))),
        Err(Error::BadRecord { .. })
    ));
    let one = transact(&mut database, |tx| {
        let any = record(json!({}));
        tx.find("t", &any).unwrap_err();
        tx.update_one("t", &any, record(json!({"x": 1})))
    });
    assert_eq!(one.value.unwrap()["_id"], "00");
}

#[test]
fn the_command_sorts_skips_limits_projects_and_counts() {
    let origin = Origin::new();
    transact(&mut open(&origin.local()), |tx| {
        for (id, n, city) in [("a", 3, "Ulm"), ("b", 1, "Bonn"), ("c", 2, "Ulm")] {
            tx.insert(
                "t",
                record(json!({"_id": id, "n": n, "at": {"city": city}})),
            )?;
        }
        Ok(())
    });
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
        crate::support::isolate(&mut command);
        command
            .args(args)
            .args(["--table", "t", "--repo", &origin.local()]);
        let output = command.output().unwrap();
        (
            output.status.code().unwrap(),
            serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let done = |args: &[&str]| {
        let (code, value, stderr) = run(args);
        assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
        value
    };
    assert_eq!(
        done(&[
            "findmany",
            "--sort",
            "-at.city,n",
            "--fields",
            "n,at.city",
            "--limit",
            "2"
        ]),
        json!([
            {"_id": "c", "n": 2, "at": {"city": "Ulm"}},
            {"_id": "a", "n": 3, "at": {"city": "Ulm"}},
        ])
    );
    assert_eq!(
        done(&["findone", "--sort", "-n", "--skip", "1", "--fields", "n"]),
        json!({"_id": "c", "n": 2})
    );
    assert_eq!(done(&["count"]), json!(3));
    assert_eq!(
        done(&["count", "--query", r#"{"n": {"$gt": 1}}"#]),
        json!(2)
    );
    let (code, _, stderr) = run(&["findmany", "--query", r#"{"n": {"$gt": []}}"#]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("query: n.$gt: a number or a text is expected, found a list"),
        "{stderr}"
    );
    let (code, _, stderr) = run(&[
        "upsert",
        "--query",
        r#"{"n": {"$foo": 1}}"#,
        "--record",
        "{}",
    ]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("query: n.$foo: no such operator"),
        "{stderr}"
    );
    assert_eq!(origin.commits(), 1);
}

#[test]
fn an_upsert_starts_with_what_its_query_fixes() {
    let origin = Origin::new();
    let made = transact(&mut open(&origin.local()), |tx| {
        let query = json!({"email": {"$eq": "a@b"}, "at.city": "Ulm", "n": {"$lt": 3}});
        tx.upsert("t", &record(query), record(json!({"x": 1})))
    });
    let mut made = made.value;
    made.retain(|key, _| !key.starts_with('_'));
    assert_eq!(
        Value::Object(made),
        json!({"email": "a@b", "at": {"city": "Ulm"}, "x": 1})
    );
}
