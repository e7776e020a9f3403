//! Rules of a table: JSON Schema and unique fields, on a repository and in memory alike.

use crate::support::{Origin, message, open, record, transact};
use ghettodb::{Error, Memory, Transaction};
use serde_json::{Value, json};

/// Settings and records to start from: table and record each, `_tables` among them.
type Start<'a> = &'a [(&'a str, Value)];

fn seed(tx: &mut Transaction<'_>, start: Start<'_>) -> Result<(), Error> {
    for (table, value) in start {
        tx.insert(table, record(value.clone()))?;
    }
    Ok(())
}

/// Runs a change on a repository and in memory; both must give the same.
#[track_caller]
fn run(
    start: Start<'_>,
    change: impl Fn(&mut Transaction<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut memory = Memory::new();
    memory.transact("now", |tx| seed(tx, start)).unwrap();
    let before = memory.clone();
    let in_memory = memory.transact("now", &change);

    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| seed(tx, start));
    let tip = origin.git(&["for-each-ref"]);
    let in_git = database
        .transact(&message("change"), &change)
        .map(drop)
        .map_err(Error::from);

    let text = |result: &Result<(), Error>| result.as_ref().err().map(ToString::to_string);
    assert_eq!(text(&in_memory), text(&in_git));
    if in_git.is_err() {
        assert_eq!(origin.git(&["for-each-ref"]), tip, "nothing may be pushed");
        assert_eq!(memory, before);
    }
    in_git
}

#[track_caller]
fn refused(
    start: Start<'_>,
    change: impl Fn(&mut Transaction<'_>) -> Result<(), Error>,
    expected: &str,
) {
    let error = run(start, change).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.exit_code(), 3);
}

#[track_caller]
fn taken(start: Start<'_>, change: impl Fn(&mut Transaction<'_>) -> Result<(), Error>) {
    run(start, change).unwrap();
}

fn insert(tx: &mut Transaction<'_>, table: &str, value: Value) -> Result<(), Error> {
    tx.insert(table, record(value)).map(drop)
}

fn stock_schema() -> (&'static str, Value) {
    (
        "_tables",
        json!({"_id": "stock", "schema": {
            "type": "object",
            "required": ["product", "stock_level"],
            "properties": {
                "product": {"type": "string", "minLength": 1},
                "stock_level": {"type": "integer", "minimum": 0},
                "email": {"format": "email"},
            },
        }}),
    )
}

fn unique(table: &str, paths: &[&str]) -> (&'static str, Value) {
    ("_tables", json!({"_id": table, "unique": paths}))
}

#[test]
fn a_schema_names_record_field_and_what_is_expected() {
    let start = [
        stock_schema(),
        (
            "stock",
            json!({"_id": "a", "product": "beer", "stock_level": 2}),
        ),
    ];
    taken(&start, |tx| {
        insert(
            tx,
            "stock",
            json!({"_id": "b", "product": "ale", "stock_level": 0}),
        )
    });
    refused(
        &start,
        |tx| {
            insert(
                tx,
                "stock",
                json!({"_id": "b", "product": "", "stock_level": -1}),
            )
        },
        "record \"b\" breaks the rules of table \"stock\": /product: \"\" is shorter than 1 character; \
         /stock_level: -1 is less than the minimum of 0",
    );
    refused(
        &start,
        |tx| {
            tx.update("stock", "a", record(json!({"stock_level": "two"})))
                .map(drop)
        },
        "record \"a\" breaks the rules of table \"stock\": /stock_level: \"two\" is not of type \"integer\"",
    );
    refused(
        &start,
        |tx| insert(tx, "stock", json!({"_id": "b"})),
        "record \"b\" breaks the rules of table \"stock\": \"product\" is a required property; \
         \"stock_level\" is a required property",
    );
    refused(
        &start,
        |tx| {
            let beer = json!({"_id": "b", "product": "x", "stock_level": 1, "email": "nobody"});
            insert(tx, "stock", beer)
        },
        "record \"b\" breaks the rules of table \"stock\": /email: \"nobody\" is not a \"email\"",
    );
    // Other tables, and deletes, are free.
    taken(&start, |tx| {
        tx.delete("stock", "a")?;
        insert(tx, "t", json!({"product": 7}))
    });
}

#[test]
fn at_most_five_faults_are_told_and_long_values_are_cut() {
    let start = [(
        "_tables",
        json!({"_id": "t", "schema": {"additionalProperties": {"maxLength": 3}}}),
    )];
    let error = run(&start, |tx| {
        let fields = (0..9).map(|n| (format!("f{n}"), Value::from("x".repeat(5000))));
        insert(
            tx,
            "t",
            Value::from_iter(fields.chain([("_id".to_owned(), "b".into())])),
        )
    })
    .unwrap_err();
    let Error::Rule { faults, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(faults.len(), 5);
    assert!(
        error.to_string().len() < 2000,
        "{}",
        error.to_string().len()
    );
}

#[test]
fn numbers_of_a_schema_are_exact() {
    let start = [(
        "_tables",
        serde_json::from_str(
            r#"{"_id": "t", "schema": {"properties": {"n": {"maximum": 12345678901234567890, "multipleOf": 0.01}}}}"#,
        )
        .unwrap(),
    )];
    let with = |n: &'static str| {
        move |tx: &mut Transaction<'_>| {
            let text = format!("{{\"_id\": \"a\", \"n\": {n}}}");
            tx.insert("t", serde_json::from_str(&text).unwrap())
                .map(drop)
        }
    };
    taken(&start, with("12345678901234567890"));
    taken(&start, with("1.10"));
    assert!(run(&start, with("12345678901234567891")).is_err());
    assert!(run(&start, with("1.101")).is_err());
}

#[test]
fn unique_fields_name_the_other_record() {
    let start = [
        unique("customers", &["email", "a.b"]),
        (
            "customers",
            json!({"_id": "ann", "email": "ann@x", "a": {"b": 1.10}}),
        ),
        (
            "customers",
            json!({"_id": "bob", "email": "bob@x", "a.b": 2}),
        ),
    ];
    let with =
        |value: Value| move |tx: &mut Transaction<'_>| insert(tx, "customers", value.clone());
    let text = |field: &str, value: &str, other: &str| {
        format!(
            "record \"eve\" breaks the rules of table \"customers\": {field}: {value} must be unique, \
             and record \"{other}\" has it"
        )
    };
    refused(
        &start,
        with(json!({"_id": "eve", "email": "ann@x"})),
        &text("/email", "\"ann@x\"", "ann"),
    );
    // Numbers by value, and both spellings of a nested field.
    refused(
        &start,
        with(serde_json::from_str(r#"{"_id": "eve", "a": {"b": 1.1}}"#).unwrap()),
        &text("/a/b", "1.1", "ann"),
    );
    refused(
        &start,
        with(json!({"_id": "eve", "a": {"b": 2}})),
        &text("/a/b", "2", "bob"),
    );
    refused(
        &start,
        with(json!({"_id": "eve", "a.b": 1.1})),
        &text("/a.b", "1.1", "ann"),
    );
    // What is not there, and null, is not compared.
    taken(&start, with(json!({"_id": "eve"})));
    taken(&start, |tx| {
        insert(tx, "customers", json!({"_id": "eve", "email": null}))?;
        insert(tx, "customers", json!({"_id": "fay", "email": null}))
    });
    taken(
        &start,
        with(json!({"_id": "eve", "email": "ANN@x", "a": {"b": "1.1"}})),
    );
}

#[test]
fn unique_counts_what_the_transaction_leaves() {
    let start = [
        unique("t", &["n"]),
        ("t", json!({"_id": "a", "n": 1})),
        ("t", json!({"_id": "b", "n": 2})),
    ];
    let set = |tx: &mut Transaction<'_>, id: &str, n: u8| {
        tx.update("t", id, record(json!({"n": n}))).map(drop)
    };
    taken(&start, |tx| {
        set(tx, "a", 2)?;
        set(tx, "b", 1)
    });
    taken(&start, |tx| {
        tx.delete("t", "a")?;
        insert(tx, "t", json!({"_id": "c", "n": 1}))
    });
    taken(&start, |tx| {
        tx.drop_table("t")?;
        insert(tx, "t", json!({"_id": "c", "n": 1}))
    });
    taken(&start, |tx| {
        tx.update("t", "a", record(json!({"n": 1, "m": 1})))
            .map(drop)
    });
    let expected = |id: &str, value: &str, other: &str| {
        format!(
            "record \"{id}\" breaks the rules of table \"t\": /n: {value} must be unique, and record \
             \"{other}\" has it"
        )
    };
    refused(&start, |tx| set(tx, "a", 2), &expected("a", "2", "b"));
    refused(
        &start,
        |tx| {
            insert(tx, "t", json!({"_id": "c", "n": 3}))?;
            insert(tx, "t", json!({"_id": "d", "n": 3.0}))
        },
        &expected("d", "3.0", "c"),
    );
}

#[test]
fn many_new_records_and_values_of_any_kind_are_compared() {
    let start = [
        unique("t", &["v"]),
        ("t", json!({"_id": "a", "v": {"x": 1, "y": [2]}})),
        ("t", json!({"_id": "b", "v": "seven"})),
        ("t", json!({"_id": "c", "v": {"$gt": 1}})),
    ];
    let many = |tx: &mut Transaction<'_>, last: Value| {
        for n in 0..20 {
            insert(tx, "t", json!({"_id": format!("n{n}"), "v": n}))?;
        }
        insert(tx, "t", json!({"_id": "z", "v": last}))
    };
    let expected = |value: &str, other: &str| {
        format!(
            "record \"z\" breaks the rules of table \"t\": /v: {value} must be unique, and record \
             \"{other}\" has it"
        )
    };
    refused(
        &start,
        |tx| many(tx, json!("seven")),
        &expected("\"seven\"", "b"),
    );
    taken(&start, |tx| many(tx, json!("eight")));
    let one = |value: Value| {
        move |tx: &mut Transaction<'_>| insert(tx, "t", json!({"_id": "z", "v": value}))
    };
    refused(
        &start,
        one(json!({"y": [2.0], "x": 1})),
        &expected("{\"y\":[2.0],\"x\":1}", "a"),
    );
    refused(
        &start,
        one(json!({"$gt": 1})),
        &expected("{\"$gt\":1}", "c"),
    );
    // A part of an object is another value.
    taken(&start, one(json!({"x": 1})));
    taken(&start, one(json!({"$gt": 0})));
}

#[test]
fn settings_are_checked_themselves() {
    let set = |value: Value| move |tx: &mut Transaction<'_>| insert(tx, "_tables", value.clone());
    #[track_caller]
    fn check(settings: Value, expected: &str) {
        let set = |tx: &mut Transaction<'_>| insert(tx, "_tables", settings.clone());
        let table = settings["_id"].as_str().unwrap();
        refused(
            &[("t", json!({"_id": "a"}))],
            set,
            &format!("bad settings of table \"{table}\" (db/_tables/{table}.json): {expected}"),
        );
    }
    check(
        json!({"_id": "t", "uniqe": ["a"]}),
        "unknown setting \"uniqe\"; there are `layout`, `schema` and `unique`",
    );
    check(
        json!({"_id": "t", "layout": "deep"}),
        "`layout` is \"flat\" or \"fan-out\", found \"deep\"",
    );
    check(
        json!({"_id": "t", "unique": "email"}),
        "`unique` is no list of field paths",
    );
    check(
        json!({"_id": "t", "unique": ["email", ""]}),
        "`unique` lists field paths as texts, found \"\"",
    );
    check(
        json!({"_id": "t", "unique": ["a", "a"]}),
        "`unique` names \"a\" twice",
    );
    check(
        json!({"_id": "t", "unique": ["_id"]}),
        "`unique` is for fields, and \"_id\" is the database's own",
    );
    check(
        json!({"_id": "t", "schema": "string"}),
        "`schema` is no JSON Schema",
    );
    check(
        json!({"_id": "t", "schema": {"properties": {"a": {"type": "text"}}}}),
        "`schema` at \"/properties/a/type\": \"text\" is not valid under any of the schemas listed \
         in the 'anyOf' keyword",
    );
    check(
        json!({"_id": "_tables", "unique": ["a"]}),
        "the table of settings has none itself",
    );
    taken(
        &[],
        set(json!({"_id": "new", "layout": "fan-out", "unique": ["a.b"], "schema": true})),
    );
}

#[test]
fn a_schema_refers_to_nothing_outside_itself() {
    for address in [
        "https://example.org/schema.json",
        "file:///etc/passwd",
        "other.json",
    ] {
        let error = run(&[], |tx| {
            insert(
                tx,
                "_tables",
                json!({"_id": "t", "schema": {"$ref": address}}),
            )
        })
        .unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
        assert!(error.to_string().contains(address), "{error}");
    }
    let within = json!({"_id": "t", "schema": {
        "$ref": "#/$defs/named", "$defs": {"named": {"required": ["name"]}},
    }});
    taken(&[], |tx| insert(tx, "_tables", within.clone()));
    refused(
        &[("_tables", within)],
        |tx| insert(tx, "t", json!({"_id": "a"})),
        "record \"a\" breaks the rules of table \"t\": \"name\" is a required property",
    );
}

#[test]
fn a_hostile_pattern_or_reference_hangs_nobody() {
    // Exponential for an engine that backtracks.
    let start = [(
        "_tables",
        json!({"_id": "t", "schema": {"properties": {"a": {"pattern": "^(a+)+$"}}}}),
    )];
    let long = format!("{}!", "a".repeat(100_000));
    assert!(run(&start, |tx| insert(tx, "t", json!({"_id": "x", "a": long}))).is_err());
    for pattern in ["(?=a)b", "(a)\\1", "(a{1000}){1000}", "("] {
        let error = run(&[], |tx| {
            let schema = json!({"properties": {"a": {"pattern": pattern}}});
            insert(tx, "_tables", json!({"_id": "t", "schema": schema}))
        })
        .unwrap_err();
        assert!(
            matches!(error, Error::Settings { .. }),
            "{pattern}: {error}"
        );
    }
    // A schema that refers to itself ends.
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
    ] {
        run(&[], |tx| {
            insert(tx, "_tables", json!({"_id": "t", "schema": schema}))?;
            insert(tx, "t", json!({"_id": "x"}))
        })
        .ok();
    }
}

#[test]
fn new_rules_must_fit_the_table_as_it_is() {
    let start = [
        ("t", json!({"_id": "a", "n": 1})),
        ("t", json!({"_id": "b", "n": 1})),
        ("t", json!({"_id": "c", "n": "x"})),
    ];
    refused(
        &start,
        |tx| insert(tx, "_tables", json!({"_id": "t", "unique": ["n"]})),
        "bad settings of table \"t\" (db/_tables/t.json): 1 record breaks these rules: record \"b\" breaks the rules of \
         table \"t\": /n: 1 must be unique, and record \"a\" has it",
    );
    let strict = json!({"_id": "t", "schema": {"properties": {"n": {"type": "integer"}}}});
    refused(
        &start,
        |tx| insert(tx, "_tables", strict.clone()),
        "bad settings of table \"t\" (db/_tables/t.json): 1 record breaks these rules: record \"c\" breaks the rules of \
         table \"t\": /n: \"x\" is not of type \"integer\"",
    );
    // The transaction that mends the records can set the rules.
    taken(&start, |tx| {
        tx.update("t", "c", record(json!({"n": 3})))?;
        tx.update("t", "b", record(json!({"n": 2})))?;
        insert(
            tx,
            "_tables",
            json!({"_id": "t", "unique": ["n"], "schema": strict["schema"]}),
        )
    });
    // Of many, the first are named.
    let error = run(&[], |tx| {
        for n in 0..9 {
            insert(tx, "t", json!({"_id": format!("r{n}")}))?;
        }
        insert(
            tx,
            "_tables",
            json!({"_id": "t", "schema": {"required": ["n"]}}),
        )
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("9 records break these rules: record \"r0\""),
        "{error}"
    );
    assert!(
        error.ends_with("; and 4 more") && !error.contains("\"r5\""),
        "{error}"
    );
}

#[test]
fn rules_can_be_loosened_whatever_the_table_holds() {
    let start = [unique("t", &["n"]), ("t", json!({"_id": "a", "n": 1}))];
    taken(&start, |tx| {
        tx.update("_tables", "t", record(json!({"unique": []})))?;
        insert(tx, "t", json!({"_id": "b", "n": 1}))
    });
    taken(&start, |tx| {
        tx.delete("_tables", "t")?;
        insert(tx, "t", json!({"_id": "b", "n": 1}))
    });
    taken(&start, |tx| {
        tx.drop_table("_tables")?;
        insert(tx, "t", json!({"_id": "b", "n": 1}))
    });
}

#[test]
fn rules_outlive_a_dropped_table() {
    let start = [unique("t", &["n"]), ("t", json!({"_id": "a", "n": 1}))];
    let error = run(&start, |tx| {
        tx.drop_table("t")?;
        insert(tx, "t", json!({"_id": "b", "n": 1}))?;
        insert(tx, "t", json!({"_id": "c", "n": 1}))
    });
    assert!(matches!(error, Err(Error::Rule { .. })));
}

#[test]
fn two_writers_cannot_break_a_rule_together() {
    let origin = Origin::new();
    transact(&mut open(&origin.local()), |tx| {
        insert(tx, "_tables", json!({"_id": "t", "unique": ["n"]}))
    });
    // Through a connection a writer starts on the tip that it saw last, so it must notice on the
    // next one.
    let mut first = open(&origin.url());
    let mut second = open(&origin.url());
    transact(&mut first, |tx| {
        insert(tx, "t", json!({"_id": "a", "n": 1}))
    });
    let error = second
        .transact(&message("late"), |tx| {
            insert(tx, "t", json!({"_id": "b", "n": 1}))
        })
        .unwrap_err();
    assert!(matches!(Error::from(error), Error::Rule { id, .. } if id == "b"));
    // And the other way round: what is refused on an old tip may be fine on the new one.
    transact(&mut second, |tx| {
        insert(tx, "t", json!({"_id": "c", "n": 3}))
    });
    transact(&mut first, |tx| tx.delete("t", "a"));
    let taken = second.transact(&message("late"), |tx| {
        insert(tx, "t", json!({"_id": "d", "n": 1}))
    });
    assert!(taken.unwrap().commit.is_some());
}

#[test]
fn settings_that_a_person_broke_stop_that_table_alone() {
    let origin = Origin::new();
    origin.commit(&[
        (
            "100644",
            "db/_tables/t.json",
            r#"{"_id": "t", "unique": 7}"#,
        ),
        ("100644", "db/_tables/u.json", "{"),
    ]);
    let mut database = open(&origin.local());
    for (table, expected) in [
        (
            "t",
            "bad settings of table \"t\" (db/_tables/t.json): `unique` is no list of field paths",
        ),
        (
            "u",
            "db/_tables/u.json:1:2: expected a key in double quotes, but the text ends here",
        ),
    ] {
        let error = database
            .transact(&message("no"), |tx| insert(tx, table, json!({"_id": "a"})))
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    transact(&mut database, |tx| insert(tx, "v", json!({"_id": "a"})));
    transact(&mut database, |tx| {
        for table in ["t", "u"] {
            tx.delete("_tables", table)?;
            insert(tx, "_tables", json!({"_id": table, "unique": ["n"]}))?;
            insert(tx, table, json!({"_id": "a", "n": 1}))?;
        }
        Ok(())
    });
}
