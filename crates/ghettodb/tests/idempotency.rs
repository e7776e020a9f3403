//! One key, one effect.

use crate::support::{Origin, counter, increment, message, open, record, transact};
use ghettodb::{Error, Memory, canonical_sha256, once};
use serde_json::{Value, json};

#[test]
fn the_second_call_changes_nothing_and_gives_the_same_result() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        let payload = canonical_sha256(&json!({"quantity": 1}));
        let mut call = || {
            transact(&mut database, |tx| {
                once(tx, "o-1/decrement_stock", &payload, |tx| {
                    Ok::<_, Error>(json!({"stock_level": increment(tx)?}))
                })
            })
        };
        let first = call();
        let second = call();
        assert_eq!(first.value, json!({"stock_level": 1}));
        assert_eq!(second.value, first.value);
        assert!(first.commit.is_some() && second.commit.is_none());
        assert_eq!((origin.commits(), counter(&mut database)), (1, 1));
        let mut files = origin.files().into_iter();
        let file = files
            .find(|file| file.starts_with("db/operations/"))
            .unwrap();
        let kept: Value = serde_json::from_str(&origin.file(&file)).unwrap();
        // From `printf o-1/decrement_stock | sha256sum`.
        let sha256 = "d8208c2607fbe5a4be5e74b134f590437b571f59335fc0d814b60a5d376ccfcf";
        assert_eq!(
            file,
            format!("db/operations/{}/{sha256}.json", &sha256[..2])
        );
        assert_eq!(kept["_id"], sha256);
        assert_eq!(kept["key"], "o-1/decrement_stock");
        assert_eq!(kept["payload_sha256"], payload);
        assert_eq!(kept["result"], json!({"stock_level": 1}));
    }
}

#[test]
fn another_payload_under_the_same_key_is_an_error() {
    let mut memory = Memory::new();
    let mut call = |payload: &str| {
        memory.transact("now", |tx| {
            once(tx, "k", &canonical_sha256(&json!(payload)), |_| {
                Ok::<_, Error>(json!(payload))
            })
        })
    };
    assert_eq!(call("a").unwrap(), json!("a"));
    assert!(matches!(call("b"), Err(Error::KeyReused { key }) if key == "k"));
    assert_eq!(call("a").unwrap(), json!("a"));
}

#[test]
fn a_refused_result_is_kept_and_an_error_is_not() {
    let mut memory = Memory::new();
    let failed: Result<Value, Error> = memory.transact("now", |tx| {
        once(tx, "k", "p", |tx| {
            tx.insert("t", record(json!({"_id": "a"})))?;
            Err(Error::Usage("not today".to_owned()))
        })
    });
    assert!(failed.is_err());
    assert_eq!(memory, Memory::new());
    let mut call = |answer: bool| {
        memory.transact("now", |tx| {
            once(tx, "k", "p", |_| {
                Ok::<_, Error>(json!({"reserved": answer}))
            })
        })
    };
    assert_eq!(call(false).unwrap(), json!({"reserved": false}));
    assert_eq!(
        call(true).unwrap(),
        json!({"reserved": false}),
        "the first answer stands"
    );
}

#[test]
fn two_writers_with_one_key_have_one_effect() {
    let origin = Origin::new();
    let mut slow = open(&origin.local());
    // Over a connection: it does not wait for its turn, which the other has.
    let mut fast = open(&origin.url());
    let operate = |database: &mut ghettodb::Database, before: &mut dyn FnMut()| {
        database
            .transact(&message("test"), |tx| {
                let result = once(tx, "k", "p", |tx| Ok::<_, Error>(json!(increment(tx)?)));
                before();
                result
            })
            .unwrap()
    };
    let mut pending = true;
    let second = operate(&mut slow, &mut || {
        if std::mem::take(&mut pending) {
            assert_eq!(operate(&mut fast, &mut || ()).value, json!(1));
        }
    });
    assert_eq!(
        (second.value, second.commit, second.attempts),
        (json!(1), None, 2)
    );
    assert_eq!((origin.commits(), counter(&mut fast)), (1, 1));
}
