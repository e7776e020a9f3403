//! What the operations do to records, on git and in memory alike.

use crate::support::{Origin, open, record, timeless, transact};
use ghettodb::{Error, Memory, Transaction};
use serde_json::{Value, json};

/// Runs the same operation on a repository reached by path, by URL, and in memory.
#[track_caller]
fn everywhere(expected: Value, operation: impl Fn(&mut Transaction<'_>) -> Result<Value, Error>) {
    let mut memory = Memory::new();
    assert_eq!(
        memory
            .transact("2026-01-02T03:04:05.678Z", &operation)
            .unwrap(),
        expected,
        "in memory"
    );
    let origin = Origin::new();
    assert_eq!(
        transact(&mut open(&origin.local()), &operation).value,
        expected,
        "by path"
    );
    let origin = Origin::new();
    assert_eq!(
        transact(&mut open(&origin.url()), &operation).value,
        expected,
        "by URL"
    );
    let mut database = open(&origin.local());
    let snapshot = database.snapshot().unwrap();
    assert_eq!(snapshot.tables().unwrap(), memory.tables());
    for table in memory.tables() {
        assert_eq!(
            timeless(snapshot.all(&table).unwrap()),
            timeless(memory.all(&table))
        );
        assert_eq!(snapshot.count(&table).unwrap(), memory.all(&table).len());
    }
}

fn seed(transaction: &mut Transaction<'_>) -> Result<(), Error> {
    for (id, size, city) in [("a", 1, "Ulm"), ("b", 2, "Ulm"), ("c", 3, "Bonn")] {
        transaction.insert(
            "t",
            record(json!({"_id": id, "size": size, "at": {"city": city}})),
        )?;
    }
    Ok(())
}

fn ids(records: Vec<ghettodb::Record>) -> Value {
    records
        .into_iter()
        .map(|record| record["_id"].clone())
        .collect()
}

#[test]
fn insert_gives_an_id_or_keeps_the_own_one() {
    everywhere(json!([true, "own"]), |tx| {
        let made = tx.insert("t", record(json!({"a": 1})))?;
        let own = tx.insert("u", record(json!({"_id": "own"})))?;
        let id = made["_id"].as_str().unwrap().to_owned();
        assert_eq!(tx.get("t", &id)?, Some(made));
        // Made ids differ each time; what is compared is the rest.
        assert!(tx.delete("t", &id)?);
        Ok(json!([
            id.len() == 36 && id.as_bytes()[14] == b'7',
            own["_id"]
        ]))
    });
}

#[test]
fn insert_refuses_what_is_there() {
    everywhere(json!("record \"a\" is already in table \"t\""), |tx| {
        seed(tx)?;
        Ok(tx
            .insert("t", record(json!({"_id": "a"})))
            .unwrap_err()
            .to_string()
            .into())
    });
}

#[test]
fn update_merges_top_level_fields() {
    everywhere(
        json!({"_id": "a", "size": 9, "at": {"zip": 1}, "new": null}),
        |tx| {
            seed(tx)?;
            tx.update(
                "t",
                "a",
                record(json!({"size": 9, "at": {"zip": 1}, "new": null, "_id": "a"})),
            )?;
            Ok(timeless(vec![tx.get("t", "a")?.unwrap()]).remove(0))
        },
    );
}

#[test]
fn update_refuses_an_absent_record_and_another_id() {
    let expected = json!([
        "no record \"z\" in table \"t\"",
        "the _id of record \"a\" in table \"t\" cannot change to \"b\""
    ]);
    everywhere(expected, |tx| {
        seed(tx)?;
        let absent = tx.update("t", "z", record(json!({}))).unwrap_err();
        let moved = tx
            .update("t", "a", record(json!({"_id": "b"})))
            .unwrap_err();
        Ok(json!([absent.to_string(), moved.to_string()]))
    });
}

#[test]
fn upsert_updates_the_match_or_inserts_query_and_fields() {
    everywhere(
        json!([{"_id": "a", "size": 1, "at": {"city": "Ulm"}, "x": 1}, {"_id": "d", "size": 7, "x": 2}]),
        |tx| {
            seed(tx)?;
            let found = tx.upsert("t", &record(json!({"size": 1.0})), record(json!({"x": 1})))?;
            let made = tx.upsert(
                "t",
                &record(json!({"_id": "d", "size": 7})),
                record(json!({"x": 2})),
            )?;
            Ok(timeless(vec![found, made]).into())
        },
    );
}

#[test]
fn find_is_equality_by_value_in_order_of_ids() {
    everywhere(
        json!([["a", "b", "c"], ["a", "b"], ["b"], [], ["c"], "a"]),
        |tx| {
            seed(tx)?;
            let find = |query: Value| tx.find("t", &record(query)).map(ids);
            Ok(json!([
                find(json!({}))?,
                find(json!({"at": {"city": "Ulm"}}))?,
                find(json!({"at": {"city": "Ulm"}, "size": 2.0}))?,
                find(json!({"size": "2"}))?,
                find(json!({"_id": "c"}))?,
                tx.find_one("t", &record(json!({"at": {"city": "Ulm"}})))?
                    .unwrap()["_id"],
            ]))
        },
    );
}

#[test]
fn reads_see_the_writes_before_them() {
    everywhere(json!([["b", "c", "d"], 3, ["t"]]), |tx| {
        seed(tx)?;
        tx.delete("t", "a")?;
        tx.update("t", "b", record(json!({"size": 3})))?;
        tx.insert("t", record(json!({"_id": "d", "size": 3})))?;
        let found = tx.find("t", &record(json!({"size": 3})))?;
        Ok(json!([ids(found.clone()), found.len(), tx.tables()?]))
    });
}

#[test]
fn one_and_many() {
    everywhere(
        json!([["a", "b"], ["c"], "a", ["b"], null, [], true, false]),
        |tx| {
            seed(tx)?;
            let ulm = record(json!({"at": {"city": "Ulm"}}));
            let many = tx.update_many("t", &ulm, &record(json!({"x": 1})))?;
            let others = tx.find("t", &record(json!({"at": {"city": "Bonn"}})))?;
            assert_eq!(tx.find("t", &record(json!({"x": 1})))?.len(), 2);
            let one = tx.delete_one("t", &ulm)?.unwrap();
            let rest = tx.delete_many("t", &ulm)?;
            let none = tx.update_one("t", &ulm, record(json!({"x": 2})))?;
            let nothing = tx.delete_many("t", &ulm)?;
            Ok(json!([
                ids(many),
                ids(others),
                one["_id"],
                ids(rest),
                none.is_some().then_some(1),
                ids(nothing),
                tx.delete("t", "c")?,
                tx.delete("t", "c")?,
            ]))
        },
    );
}

#[test]
fn tables_can_be_dropped_and_filled_again() {
    everywhere(json!([3, 0, ["c"], [["t", 1], ["u", 1]], ["v"]]), |tx| {
        seed(tx)?;
        let dropped = tx.drop_table("t")?;
        let again = tx.drop_table("t")?;
        tx.insert("t", record(json!({"_id": "c"})))?;
        tx.insert("u", record(json!({"_id": "x"})))?;
        let left = ids(tx.find("t", &record(json!({})))?);
        let all = tx.drop_all()?;
        tx.insert("v", record(json!({"_id": "x"})))?;
        Ok(json!([dropped, again, left, all, tx.tables()?]))
    });
}

#[test]
fn a_dropped_table_of_the_base_is_gone_but_for_what_comes_after() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    transact(&mut database, |tx| {
        seed(tx)?;
        tx.insert("u", record(json!({"_id": "x"})))
    });
    origin.commit(&[("100644", "db/t/README.md", "about t")]);
    let dropped = transact(&mut database, |tx| {
        let count = tx.drop_table("t")?;
        assert_eq!(tx.get("t", "a")?, None);
        tx.insert("t", record(json!({"_id": "a", "size": 5})))?;
        Ok(count)
    });
    assert_eq!(dropped.value, 3);
    assert_eq!(origin.files(), ["db/t/a.json", "db/u/x.json"]);
    transact(&mut database, |tx| tx.drop_all());
    assert_eq!(origin.files(), Vec::<String>::new());
    origin.assert_sound();
}

#[test]
fn a_refusal_of_the_operation_writes_nothing() {
    let mut memory = Memory::new();
    let refused: Result<(), Error> = memory.transact("now", |tx| {
        seed(tx).unwrap();
        Err(Error::Usage("not enough".to_owned()))
    });
    assert_eq!(refused.unwrap_err().to_string(), "not enough");
    assert_eq!(memory, Memory::new());

    let origin = Origin::new();
    let refused = open(&origin.local()).transact(&crate::support::message("no"), |tx| {
        seed(tx).unwrap();
        Err::<(), _>("not enough")
    });
    assert_eq!(refused.unwrap_err().to_string(), "not enough");
    assert_eq!(origin.git(&["for-each-ref"]), "");
}
