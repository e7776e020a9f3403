//! Many writers, lost races, lost answers: nothing is lost and nothing happens twice.

use crate::support::{Origin, counter, increment, message, open, options, record, transact};
use ghettodb::{Database, Error, Options, TransactError};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Puts one commit on top of `main`, out of reach of the push that the hook belongs to.
const MOVE_BRANCH: &str =
    "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
export GIT_AUTHOR_NAME=o GIT_AUTHOR_EMAIL=o@o GIT_COMMITTER_NAME=o GIT_COMMITTER_EMAIL=o@o
tip=$(git rev-parse refs/heads/main)
new=$(git commit-tree -p $tip -m other \"$tip^{tree}\")
git update-ref refs/heads/main $new";

fn writers(origin: &Origin, repo: &str, writers: usize, writes: usize) {
    let start = Barrier::new(writers);
    let attempts: u32 = thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let start = &start;
                scope.spawn(move || {
                    let mut database = open(repo);
                    start.wait();
                    (0..writes)
                        .map(|write| {
                            let own = format!("{writer}-{write}");
                            let committed = transact(&mut database, |tx| {
                                tx.insert("own", record(json!({"_id": own})))?;
                                increment(tx)
                            });
                            assert!(committed.commit.is_some());
                            committed.attempts
                        })
                        .sum::<u32>()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    let total = writers * writes;
    let mut database = open(repo);
    assert_eq!(counter(&mut database), total as u64);
    let own = database.snapshot().unwrap().all("own").unwrap();
    let expected: BTreeSet<String> = (0..writers)
        .flat_map(|writer| (0..writes).map(move |write| format!("{writer}-{write}")))
        .collect();
    assert_eq!(
        own.iter()
            .map(|own| own["_id"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>(),
        expected
    );
    assert_eq!(origin.commits(), total, "one commit a transaction");
    assert!(attempts as usize >= total);
    println!("{total} writes by {writers} writers took {attempts} attempts");
    origin.assert_sound();
}

#[test]
fn twenty_writers_lose_nothing() {
    let origin = Origin::new();
    writers(&origin, &origin.local(), 20, 5);
}

#[test]
fn writers_over_a_connection_lose_nothing() {
    let origin = Origin::new();
    writers(&origin, &origin.url(), 6, 3);
}

#[test]
fn a_lost_race_runs_the_operation_again_on_the_new_tip() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        transact(&mut database, increment);
        // Twice another writer is faster, in the moment between the remote's greeting and its update.
        origin.hook(
            "pre-receive",
            &format!("echo x >> moves\n[ $(wc -l < moves) -gt 2 ] && exit 0\n{MOVE_BRANCH}"),
        );
        let mut runs = 0;
        let committed = transact(&mut database, |tx| {
            runs += 1;
            increment(tx)
        });
        assert_eq!((committed.attempts, committed.value, runs), (3, 2, 3));
        assert_eq!(origin.commits(), 4);
        assert_eq!(counter(&mut database), 2);
    }
}

#[test]
fn a_refusal_on_the_new_tip_is_the_answer() {
    let origin = Origin::new();
    let mut slow = open(&origin.local());
    // Over a connection: it does not wait for its turn, which the other has.
    let mut fast = open(&origin.url());
    let mut first = true;
    let result = slow.transact(&message("take the last one"), |tx| {
        if std::mem::take(&mut first) {
            transact(&mut fast, increment);
        }
        match increment(tx) {
            Ok(1) => Ok(()),
            Ok(_) => Err("none left"),
            Err(_) => Err("fault"),
        }
    });
    assert_eq!(result.unwrap_err().to_string(), "none left");
    assert_eq!(counter(&mut fast), 1);
}

#[test]
fn a_branch_that_never_rests_ends_at_the_deadline() {
    let origin = Origin::new();
    origin.commit(&[("100644", "README.md", "")]);
    origin.hook("pre-receive", MOVE_BRANCH);
    let mut database = Database::open(Options {
        push_deadline: Duration::from_millis(700),
        ..Options::new(origin.local())
    })
    .unwrap();
    let started = Instant::now();
    let result = database.transact(&message("test"), increment);
    assert!(
        started.elapsed() >= Duration::from_millis(600),
        "it gave up early"
    );
    let Err(TransactError::Database(error @ Error::Deadline { attempts, .. })) = result else {
        panic!("{result:?}");
    };
    assert!(attempts >= 1);
    assert_eq!(error.exit_code(), 5);
    assert!(error.to_string().contains("ref"), "{error}");
    assert_eq!(counter(&mut database), 0);
}

#[test]
fn a_declined_push_is_final() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        origin.hook(
            "pre-receive",
            "echo x >> pushes; echo 'no pushes on friday' >&2; exit 1",
        );
        let result = open(&repo(&origin)).transact(&message("test"), increment);
        let Err(TransactError::Database(error @ Error::Refused { .. })) = result else {
            panic!("{result:?}");
        };
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains("no pushes on friday"), "{error}");
        let pushes = std::fs::read_to_string(origin.path().join("pushes")).unwrap();
        assert_eq!(pushes, "x\n", "it was tried once");
        assert_eq!(origin.git(&["for-each-ref"]), "");
    }
}

#[test]
fn a_checked_out_branch_refuses() {
    let origin = Origin::new();
    let clone = origin.folder().join("clone");
    origin.commit(&[("100644", "README.md", "")]);
    origin.git(&["clone", "--quiet", &origin.local(), clone.to_str().unwrap()]);
    let result = open(clone.to_str().unwrap()).transact(&message("test"), increment);
    assert!(
        matches!(result, Err(TransactError::Database(Error::Refused { .. }))),
        "{result:?}"
    );
}

/// The remote dies after it took the push and before it says so, once.
fn dies_after_taking(origin: &Origin, then: &str) {
    origin.hook(
        "reference-transaction",
        &format!("[ \"$1\" = committed ] || exit 0\n[ -e died ] && exit 0\ntouch died\n{then}\nkill -9 $PPID"),
    );
}

#[test]
fn a_push_whose_answer_got_lost_is_found_in_the_history() {
    for repo in [Origin::local, Origin::url] {
        for then in ["", MOVE_BRANCH] {
            let origin = Origin::new();
            let mut database = open(&repo(&origin));
            transact(&mut database, increment);
            dies_after_taking(&origin, then);
            let committed = transact(&mut database, increment);
            assert!(origin.path().join("died").exists());
            assert_eq!((committed.attempts, committed.value), (1, 2));
            let commit = committed.commit.unwrap();
            origin.git(&["merge-base", "--is-ancestor", &commit, "main"]);
            assert_eq!(counter(&mut database), 2);
            let next = transact(&mut database, increment);
            assert_eq!((next.attempts, next.value), (1, 3));
        }
    }
}

#[test]
fn the_first_push_of_all_whose_answer_got_lost_is_found() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        dies_after_taking(&origin, "");
        let committed = transact(&mut database, increment);
        assert_eq!(
            (committed.attempts, committed.commit),
            (1, Some(origin.tip()))
        );
    }
}

#[test]
fn a_push_that_broke_before_it_was_taken_is_tried_again() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut database = open(&repo(&origin));
        origin.hook(
            "pre-receive",
            "[ -e died ] && exit 0\ntouch died\nkill -9 $PPID",
        );
        let committed = transact(&mut database, increment);
        assert!(origin.path().join("died").exists());
        assert_eq!((committed.attempts, committed.value), (2, 1));
        assert_eq!((origin.commits(), counter(&mut database)), (1, 1));
    }
}

#[test]
fn a_remote_that_always_breaks_ends_at_the_deadline_and_says_that_it_does_not_know() {
    let origin = Origin::new();
    origin.hook("pre-receive", "kill -9 $PPID");
    let mut database = Database::open(Options {
        push_deadline: Duration::from_millis(500),
        ..Options::new(origin.local())
    })
    .unwrap();
    let error = database.transact(&message("test"), increment).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the remote's answer is not known"),
        "{error}"
    );
}

#[test]
fn equal_writes_in_one_moment_are_two_commits() {
    // Same tree, same parent, same author, same second: only the transaction's own mark differs.
    let origin = Origin::new();
    let start = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut database = Database::open(options(&origin.local())).unwrap();
                start.wait();
                transact(&mut database, increment);
            });
        }
    });
    assert_eq!(
        (origin.commits(), counter(&mut open(&origin.local()))),
        (2, 2)
    );
    let mark = origin.git(&["cat-file", "-p", "main"]);
    assert!(
        mark.lines().any(|line| line.starts_with("transaction ")),
        "{mark}"
    );
}
