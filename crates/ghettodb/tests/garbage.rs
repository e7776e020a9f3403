//! Whatever the library is given, it stores or refuses: it never panics, and what it refuses leaves the
//! branch as it was.

use crate::support::{Origin, open, record};
use ghettodb::{Database, Error, Message, parse_json, record_from};
use serde_json::{Value, json};

const OPERATORS: [&str; 14] = [
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex", "$not", "$and",
    "$or", "$",
];

/// Text that is hostile, or nearly right, or nothing.
fn garbage(random: &mut fastrand::Rng) -> String {
    const PIECES: [&str; 34] = [
        "",
        "a",
        "good",
        "t",
        "db",
        ".",
        "..",
        "/",
        "\\",
        "\0",
        "\n",
        "\r",
        ":",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        "_id",
        "_updated",
        "1e400",
        "-",
        "0",
        "1.10",
        "null",
        ".git",
        "con",
        "\u{200b}",
        "\u{1f37a}",
        "e\u{301}",
        "\u{feff}",
        "$(x)",
        ".json",
    ];
    let pieces = random.usize(0..6);
    let mut text: String = (0..pieces)
        .map(|_| *random.choice(PIECES.iter()).unwrap())
        .collect();
    if random.u8(0..8) == 0 {
        text = text.repeat(random.usize(1..200));
    }
    if random.u8(0..4) == 0 {
        text.push(random.char(..));
    }
    text
}

fn value(random: &mut fastrand::Rng, depth: usize) -> Value {
    match random.u8(0..12) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => random.u64(..).into(),
        3 => parse_json(
            random
                .choice(["1.10", "-0", "1e300", "12345678901234567890"].iter())
                .unwrap(),
        )
        .unwrap(),
        4 | 5 if depth < 4 => (0..random.usize(0..4))
            .map(|_| value(random, depth + 1))
            .collect(),
        6 | 7 if depth < 4 => object(random, depth + 1),
        8 if random.u8(0..4) == 0 => {
            // Past the limit, without its help to get there.
            let levels = random.usize(120..140);
            (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
        }
        _ => garbage(random).into(),
    }
}

fn object(random: &mut fastrand::Rng, depth: usize) -> Value {
    let mut fields = serde_json::Map::new();
    for _ in 0..random.usize(0..4) {
        let key = match random.u8(0..8) {
            0 => "_id".to_owned(),
            1 => "_updated".to_owned(),
            2 => (*random.choice(OPERATORS.iter()).unwrap()).to_owned(),
            _ => garbage(random),
        };
        let value = match (key.as_str(), random.u8(0..4)) {
            ("_id", 1..) => random
                .choice(["good", "a", "A", "b.c", "0f"])
                .unwrap()
                .into(),
            _ => value(random, depth),
        };
        fields.insert(key, value);
    }
    fields.into()
}

/// One operation on whatever it is given; the commit, if there is one.
fn attempt(database: &mut Database, random: &mut fastrand::Rng) -> Result<Option<String>, Error> {
    let table = match random.u8(0..5) {
        0 => garbage(random),
        _ => (*random
            .choice(["t", "t", "u", "T", "_tables"].iter())
            .unwrap())
        .to_owned(),
    };
    let json = |random: &mut fastrand::Rng| match random.u8(0..6) {
        0 => parse_json(&garbage(random))
            .map_err(Error::Usage)
            .and_then(record_from),
        1 => record_from(value(random, 0)),
        _ => record_from(object(random, 0)),
    };
    let (query, fields) = (json(random)?, json(random)?);
    let id = garbage(random);
    let message = Message {
        subject: garbage(random),
        trailers: vec![(garbage(random), garbage(random))],
    };
    let operation = random.u8(0..12);
    let key = garbage(random);
    let committed = database.transact(&message, |tx| match operation {
        0 => tx.get(&table, &id).map(drop),
        1 => tx.find(&table, &query).map(drop),
        2 | 3 => tx.insert(&table, fields.clone()).map(drop),
        4 => tx.update(&table, &id, fields.clone()).map(drop),
        5 | 6 => tx.upsert(&table, &query, fields.clone()).map(drop),
        7 => tx.update_many(&table, &query, &fields).map(drop),
        8 => tx.delete(&table, &id).map(drop),
        9 => tx.delete_one(&table, &query).map(drop),
        10 => tx.drop_table(&table).map(drop),
        _ => ghettodb::once(tx, &key, "sha", |tx| {
            Ok::<_, Error>(tx.insert(&table, fields.clone())?.into())
        })
        .map(drop),
    });
    Ok(committed.map_err(Error::from)?.commit)
}

#[test]
fn garbage_is_refused_or_stored_and_nothing_else() {
    let seed = match std::env::var("GHETTODB_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    };
    println!("GHETTODB_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/good.json", "{}"),
        ("100644", "src/other.json", "{}"),
    ]);
    let mut database = open(&origin.local());
    let (mut stored, mut refused) = (0, 0);
    let mut tip = origin.tip();
    for round in 0..500 {
        let outcome = attempt(&mut database, &mut random);
        let expected = match &outcome {
            Ok(Some(commit)) => commit.clone(),
            Ok(None) | Err(_) => tip.clone(),
        };
        stored += usize::from(expected != tip);
        refused += usize::from(outcome.is_err());
        tip = origin.tip();
        assert_eq!(tip, expected, "round {round}: {outcome:?}");
        if let Err(error) = outcome {
            assert!(!error.to_string().contains('\n'), "round {round}: {error}");
        }
    }
    println!("{stored} stored, {refused} refused");
    assert!(
        stored > 20 && refused > 200,
        "{stored} stored, {refused} refused"
    );
    for file in origin.files() {
        let is_record = file.starts_with("db/") && file.ends_with(".json");
        assert!(is_record || file == "src/other.json", "{file}");
    }
    // Whatever was stored can be read.
    let snapshot = database.snapshot().unwrap();
    for table in snapshot.tables().unwrap() {
        let scan = snapshot.scan(&table, &record(json!({}))).unwrap();
        assert!(scan.bad.is_empty(), "{:?}", scan.bad);
    }
    origin.assert_sound();
}
