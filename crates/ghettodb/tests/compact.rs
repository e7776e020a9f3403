//! Compaction: old history becomes one commit, and nobody who writes meanwhile loses anything.

use crate::support::{
    Origin, command, counter, git_command, increment, open, options, record, transact,
};
use ghettodb::{Compaction, Database, Error, Keep, Message, Options};
use serde_json::{Value, json};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

/// `count` commits by the counter, each with an order's trailer.
fn fill(origin: &Origin, count: usize) {
    let mut database = open(&origin.local());
    for number in 1..=count {
        let message = Message {
            subject: format!("step {number}"),
            trailers: vec![("Order-Id".to_owned(), format!("o-{number}"))],
        };
        database.transact(&message, increment).unwrap();
    }
}

/// Each commit's text without its parents, newest first.
fn texts(origin: &Origin, branch: &str) -> Vec<String> {
    let ids = origin.git(&["rev-list", "--first-parent", branch]);
    let text = |id: &str| {
        let text = origin.git(&["cat-file", "commit", id]);
        let lines = text.lines().filter(|line| !line.starts_with("parent "));
        lines.collect::<Vec<_>>().join("\n")
    };
    ids.lines().map(text).collect()
}

fn compact(repo: &str, keep: Keep) -> Compaction {
    open(repo).compact(keep, true).unwrap()
}

fn header(mark: &str) -> Option<&str> {
    mark.strip_prefix("transaction ")
}

#[test]
fn old_history_becomes_one_commit_and_the_rest_stays_as_it_is() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        fill(&origin, 9);
        let (old_tip, before) = (origin.tip(), texts(&origin, "main"));
        let ids = origin.git(&["rev-list", "main"]);
        let ids: Vec<&str> = ids.lines().collect();

        let mut database = open(&repo(&origin));
        let preview = database.compact(Keep::Newest(3), false).unwrap();
        assert_eq!(
            preview,
            Compaction {
                squashed: 6,
                first: Some(ids[8].to_owned()),
                last: Some(ids[3].to_owned()),
                kept: 3,
                signatures: 0,
                old_tip: Some(old_tip.clone()),
                new_tip: None,
                tag: None,
            }
        );
        assert_eq!(origin.tip(), old_tip);
        assert_eq!(origin.git(&["tag"]), "");

        let done = database.compact(Keep::Newest(3), true).unwrap();
        let new_tip = origin.tip();
        assert_eq!(done.new_tip.as_ref(), Some(&new_tip));
        let tag = done.tag.unwrap();
        assert!(
            tag.starts_with("ghettodb/compacted-2") && tag.ends_with(&old_tip[..10]),
            "{tag}"
        );
        assert_eq!(
            origin.git(&["rev-parse", &format!("refs/tags/{tag}")]),
            old_tip
        );
        assert_eq!(origin.commits(), 4);
        let after = texts(&origin, "main");
        assert_eq!(
            after[..3],
            before[..3],
            "trees, authors, times, messages and marks"
        );
        assert_eq!(
            origin.git(&["rev-parse", "main~3^{tree}"]),
            origin.git(&["rev-parse", &format!("{}^{{tree}}", ids[3])])
        );
        let said = origin.git(&["log", "-1", "--format=%B", "main~3"]);
        assert!(said.starts_with("compact: 6 commits up to 20"), "{said}");
        for trailer in [
            "Operation: compact".to_owned(),
            "Squashed-Commits: 6".to_owned(),
            format!("First-Commit: {}", ids[8]),
            format!("Last-Commit: {}", ids[3]),
        ] {
            assert!(
                said.lines().any(|line| line == trailer),
                "{trailer} in {said}"
            );
        }
        assert_eq!(
            origin.git(&["log", "-1", "--format=%ct", "main~3"]),
            origin.git(&["log", "-1", "--format=%ct", ids[3]])
        );
        // The marks of recent commits stay, each once.
        let marks = |texts: &[String]| {
            let lines = texts
                .iter()
                .flat_map(|text| text.lines().filter_map(header));
            let mut marks: Vec<String> = lines.map(str::to_owned).collect();
            marks.sort();
            marks
        };
        assert_eq!(marks(&after), marks(&before));
        assert_eq!(database.log(10).unwrap().len(), 4);
        let next = transact(&mut database, increment);
        assert_eq!((next.attempts, next.value), (1, 10));
        origin.assert_sound();

        // Again, over the commit of the first time.
        let again = compact(&repo(&origin), Keep::Newest(2));
        assert_eq!((again.squashed, again.kept), (3, 2));
        assert_eq!(origin.commits(), 3);
        assert_eq!(counter(&mut open(&repo(&origin))), 10);
        origin.assert_sound();
    }
}

#[test]
fn history_before_a_time_is_squashed() {
    let origin = Origin::new();
    fill(&origin, 1);
    // Commits of three days, as git makes them.
    for day in 1..=3 {
        let mut git = git_command();
        git.arg("--git-dir").arg(origin.path()).args([
            "commit-tree",
            "-p",
            "main",
            "-m",
            "day",
            "main^{tree}",
        ]);
        git.env("GIT_COMMITTER_DATE", format!("2001-01-0{day}T12:00:00Z"));
        let commit = String::from_utf8(git.output().unwrap().stdout).unwrap();
        origin.git(&["update-ref", "refs/heads/main", commit.trim()]);
    }
    let at = |time: &str| Keep::Since(time.parse::<jiff::Timestamp>().unwrap().as_second());
    let plan = |time| open(&origin.local()).compact(at(time), false).unwrap();
    let plan = |time| {
        let plan = plan(time);
        (plan.squashed, plan.kept)
    };
    assert_eq!(plan("2001-01-02T12:00:00Z"), (2, 2));
    assert_eq!(plan("2001-01-02T12:00:01Z"), (3, 1));
    assert_eq!(plan("2099-01-01T00:00:00Z"), (3, 1), "the newest is kept");
    assert_eq!(plan("1999-01-01T00:00:00Z"), (0, 0));
}

#[test]
fn where_nothing_is_gained_nothing_happens() {
    let origin = Origin::new();
    let none = compact(&origin.local(), Keep::Newest(1));
    assert_eq!((none.squashed, none.old_tip), (0, None));
    fill(&origin, 3);
    let tip = origin.tip();
    // One commit would become one commit, and three are fewer than ten.
    for keep in [Keep::Newest(2), Keep::Newest(3), Keep::Newest(10)] {
        let done = compact(&origin.url(), keep);
        assert_eq!((done.squashed, done.new_tip), (0, None), "{keep:?}");
    }
    assert_eq!(origin.tip(), tip);
    assert_eq!(origin.git(&["tag"]), "");
}

#[test]
fn merges_are_kept_and_signatures_left_out() {
    let origin = Origin::new();
    fill(&origin, 3);
    let commit = |parents: &[&str], message: &str| {
        let parents = parents.iter().flat_map(|parent| ["-p", parent]);
        let args: Vec<&str> = ["commit-tree", "-m", message, "main^{tree}"]
            .into_iter()
            .chain(parents)
            .collect();
        origin.git(&args)
    };
    // A branch from before the cut, and one from after it.
    let old_side = commit(&["main~2"], "old side");
    let first = commit(&["main", &old_side], "merge old");
    let side = commit(&[&first], "side");
    let second = commit(&[&first, &side], "merge new");
    let text = origin.git(&["cat-file", "commit", &second]);
    let signed = text.replacen(
        "\n\n",
        "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\n",
        1,
    ) + "\n";
    let signed = origin.git_with_input(&["hash-object", "-t", "commit", "-w", "--stdin"], &signed);
    origin.git(&["update-ref", "refs/heads/main", &signed]);

    let done = compact(&origin.url(), Keep::Newest(2));
    assert_eq!((done.squashed, done.kept, done.signatures), (3, 4, 1));
    origin.assert_sound();
    assert_eq!(origin.commits(), 5);
    let shape = origin.git(&["log", "--format=parents: %p", "--topo-order", "main"]);
    let parents: Vec<usize> = shape
        .lines()
        .map(|line| line.split_whitespace().count() - 1)
        .collect();
    let mut sorted = parents.clone();
    sorted.sort_unstable();
    assert_eq!((parents[0], sorted), (2, vec![0, 1, 1, 2, 2]), "{shape}");
    assert!(!origin.git(&["cat-file", "commit", "main"]).contains("PGP"));
}

#[test]
fn contents_that_a_partial_clone_lacks_are_not_asked_for_in_vain() {
    let origin = Origin::new();
    let mut database = open(&origin.local());
    for number in 0..5 {
        transact(&mut database, |tx| {
            let fields = record(json!({"text": format!("{number}").repeat(1000)}));
            tx.upsert(
                "t",
                &record(json!({"_id": format!("r{}", number % 2)})),
                fields,
            )
        });
    }
    compact(&origin.url(), Keep::Newest(2));
    origin.assert_sound();
    // Each tree of the new history is whole, in a clone that has nothing else.
    let copy = origin.folder().join("copy.git");
    origin.git(&[
        "clone",
        "-q",
        "--bare",
        "--single-branch",
        "--no-tags",
        &origin.url(),
        copy.to_str().unwrap(),
    ]);
    let mut fsck = git_command();
    fsck.arg("--git-dir").arg(&copy).args(["fsck", "--strict"]);
    assert!(fsck.stdout(Stdio::null()).status().unwrap().success());
}

#[test]
fn a_branch_that_moves_is_compacted_as_it_is_then() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        fill(&origin, 5);
        // Somebody is faster, once, after the remote has said where the branch is.
        origin.hook(
            "pre-receive",
            "[ -e moved ] && exit 0\ntouch moved\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
             git update-ref refs/heads/main $(git -c user.name=x -c user.email=x@x commit-tree -p main -m faster main^{tree})",
        );
        let done = compact(&repo(&origin), Keep::Newest(2));
        assert!(origin.path().join("moved").exists());
        assert_eq!((done.squashed, done.kept), (4, 2));
        assert_eq!(done.new_tip, Some(origin.tip()));
        let subjects = origin.git(&["log", "--format=%s", "main"]);
        assert!(
            subjects.starts_with("faster\nstep 5\ncompact: 4 commits"),
            "{subjects}"
        );
        assert_eq!(origin.git(&["tag"]).lines().count(), 1);
        origin.assert_sound();
    }
}

#[test]
fn writers_in_the_middle_lose_nothing() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        fill(&origin, 3);
        let (writers, writes) = (3, 6);
        thread::scope(|scope| {
            for writer in 0..writers {
                let mut database = open(&repo(&origin));
                scope.spawn(move || {
                    for number in 0..writes {
                        transact(&mut database, |tx| {
                            tx.insert("t", record(json!({"_id": format!("w{writer}-{number}")})))?;
                            increment(tx)
                        });
                    }
                });
            }
            let mut database = open(&repo(&origin));
            scope.spawn(move || {
                for _ in 0..4 {
                    database.compact(Keep::Newest(1), true).unwrap();
                }
            });
        });
        let mut database = open(&origin.local());
        assert_eq!(counter(&mut database), 3 + writers * writes);
        let snapshot = database.snapshot().unwrap();
        assert_eq!(snapshot.count("t").unwrap() as u64, writers * writes);
        origin.assert_sound();
    }
}

/// The remote takes the next push, runs the command with these arguments each, and dies before it says so.
fn compacts_and_dies_after_taking(origin: &Origin, commands: &[&str]) {
    let program = env!("CARGO_BIN_EXE_ghettodb");
    let repo = origin.local();
    let commands: Vec<String> = commands
        .iter()
        .map(|args| format!("{program} {args} --repo {repo}"))
        .collect();
    origin.hook(
        "reference-transaction",
        &format!(
            "[ \"$1\" = committed ] || exit 0\n[ -e died ] && exit 0\ntouch died\n\
             unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n{}\nkill -9 $PPID",
            commands.join(" >/dev/null && ") + " >compacted"
        ),
    );
}

#[test]
fn a_push_of_unknown_fate_is_found_behind_a_compaction() {
    let another = "upsert --table other --record '{\"_id\":\"x\"}'";
    let compact = "compact --keep 1 --yes";
    for repo in [Origin::local, Origin::url] {
        // Made anew; then squashed.
        for (commands, subject) in [
            (&[compact] as &[&str], "test"),
            (&[another, compact], "compact: "),
        ] {
            let origin = Origin::new();
            fill(&origin, 4);
            let mut database = open(&repo(&origin));
            assert_eq!(counter(&mut database), 4);
            compacts_and_dies_after_taking(&origin, commands);
            let committed = transact(&mut database, increment);
            let compacted = std::fs::read_to_string(origin.path().join("compacted")).unwrap();
            let compacted: Value = serde_json::from_str(&compacted).unwrap();
            assert_eq!(
                compacted["new_tip"],
                origin.tip(),
                "it was compacted meanwhile"
            );
            assert_eq!((committed.attempts, committed.value), (1, 5));
            let commit = committed.commit.unwrap();
            origin.git(&["merge-base", "--is-ancestor", &commit, "main"]);
            let said = origin.git(&["log", "-1", "--format=%s", &commit]);
            assert!(said.starts_with(subject), "{said}");
            assert_eq!(counter(&mut database), 5);
            assert_eq!(transact(&mut database, increment).value, 6);
            origin.assert_sound();
        }
    }
}

#[test]
fn a_compaction_whose_answer_got_lost_is_found() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        fill(&origin, 4);
        origin.hook(
            "reference-transaction",
            "[ \"$1\" = committed ] || exit 0\n[ -e died ] && exit 0\ntouch died\nkill -9 $PPID",
        );
        let done = compact(&repo(&origin), Keep::Newest(2));
        assert!(origin.path().join("died").exists());
        assert_eq!(done.new_tip, Some(origin.tip()));
        assert_eq!(
            (origin.commits(), origin.git(&["tag"]).lines().count()),
            (3, 1)
        );
    }
}

#[test]
fn a_remote_that_keeps_its_history_refuses() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        fill(&origin, 4);
        origin.git(&["config", "receive.denyNonFastForwards", "true"]);
        let tip = origin.tip();
        let error = open(&repo(&origin))
            .compact(Keep::Newest(1), true)
            .unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
        assert_eq!(error.exit_code(), 6);
        assert_eq!((origin.tip(), origin.git(&["tag"])), (tip, String::new()));
    }
}

#[test]
fn a_branch_that_never_rests_ends_at_the_deadline() {
    let origin = Origin::new();
    fill(&origin, 4);
    origin.hook(
        "pre-receive",
        "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
         git update-ref refs/heads/main $(git -c user.name=x -c user.email=x@x commit-tree -p main -m faster main^{tree})",
    );
    let options = Options {
        push_deadline: Duration::from_millis(400),
        ..options(&origin.local())
    };
    let error = Database::open(options)
        .unwrap()
        .compact(Keep::Newest(1), true)
        .unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    assert_eq!(origin.git(&["tag"]), "");
}

#[test]
fn the_command_asks_first_and_drops_a_tag_when_told() {
    let origin = Origin::new();
    fill(&origin, 4);
    let repo = origin.local();
    let run = |args: &[&str]| {
        let output = command(&[&["compact", "--repo", &repo], args].concat())
            .output()
            .unwrap();
        let result: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (
            output.status.code(),
            result,
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, preview, _) = run(&["--before", "2999-01-01"]);
    assert_eq!(
        (code, &preview["squashed"], &preview["new_tip"]),
        (Some(0), &json!(3), &json!(null))
    );
    let (code, done, stderr) = run(&["--keep", "1", "--yes"]);
    assert_eq!(
        (code, &done["new_tip"]),
        (Some(0), &json!(origin.tip())),
        "{stderr}"
    );
    let tag = done["tag"].as_str().unwrap();
    assert_eq!(origin.git(&["tag"]), tag);

    for args in [
        &[] as &[&str],
        &["--keep", "0"],
        &["--keep", "1", "--before", "2999-01-01"],
        &["--before", "soon"],
        &["--drop-tag", "v1"],
        &["--drop-tag", "ghettodb/compacted-..x"],
    ] {
        let (code, _, stderr) = run(args);
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
    }
    let (code, dropped, _) = run(&["--drop-tag", tag]);
    assert_eq!((code, dropped), (Some(0), json!({"dropped": tag})));
    assert_eq!(origin.git(&["tag"]), "");
    let (code, _, stderr) = run(&["--drop-tag", tag]);
    assert_eq!(code, Some(0), "what is gone is as it should be: {stderr}");
}
