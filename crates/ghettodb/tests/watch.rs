//! Following the branch: the library step by step, and the command as a process of its own.

use crate::support::{Origin, isolate, open, record, transact};
use ghettodb::{Arrival, At, Cursor, Database, Join, Message};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How long a line may take on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

fn put(database: &mut Database, id: &str, n: u64) {
    let fields = record(json!({ "n": n }));
    transact(database, |tx| {
        tx.upsert("t", &record(json!({ "_id": id })), fields.clone())
    });
}

fn drain(database: &mut Database, cursor: &mut Cursor) -> Vec<Arrival> {
    std::iter::from_fn(|| database.changes_since(cursor).unwrap()).collect()
}

/// `id kind` of every change, and how its commit is joined.
fn told(arrivals: &[Arrival]) -> Vec<(String, Join)> {
    let told = arrivals.iter().flat_map(|arrival| {
        let changes = arrival.changes.iter();
        changes.map(|diff| (format!("{} {}", diff.id, diff.kind.name()), arrival.join))
    });
    told.collect()
}

fn follows(changes: &[&str]) -> Vec<(String, Join)> {
    let pair = |change: &&str| ((*change).to_owned(), Join::Follows);
    changes.iter().map(pair).collect()
}

#[test]
fn every_commit_is_told_once() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut writer = open(&origin.local());
        let mut database = open(&repo(&origin));
        let mut cursor = database.cursor(&At::default(), Some("t")).unwrap();
        assert_eq!(cursor.commit(), None);
        assert_eq!(drain(&mut database, &mut cursor), []);
        // The branch is born, and has several commits at once.
        put(&mut writer, "a", 1);
        put(&mut writer, "a", 2);
        transact(&mut writer, |tx| {
            tx.insert("other", record(json!({"_id": "o"})))
        });
        let arrivals = drain(&mut database, &mut cursor);
        assert_eq!(arrivals.len(), 3);
        assert_eq!(told(&arrivals), follows(&["a created", "a changed"]));
        assert_eq!(cursor.commit(), Some(origin.tip()));
        put(&mut writer, "b", 1);
        transact(&mut writer, |tx| tx.delete("t", "a"));
        let arrivals = drain(&mut database, &mut cursor);
        assert_eq!(told(&arrivals), follows(&["b created", "a deleted"]));
        assert_eq!(drain(&mut database, &mut cursor), []);
        // Another reader begins in the middle.
        let mut database = open(&repo(&origin));
        let since = "main~2".parse().unwrap();
        let mut cursor = database.cursor(&since, None).unwrap();
        let arrivals = drain(&mut database, &mut cursor);
        assert_eq!(told(&arrivals), follows(&["b created", "a deleted"]));
    }
}

#[test]
fn a_reader_that_writes_too_misses_nothing() {
    let origin = Origin::new();
    let mut database = open(&origin.url());
    let mut writer = open(&origin.url());
    put(&mut writer, "a", 1);
    let mut cursor = database.cursor(&At::default(), None).unwrap();
    put(&mut writer, "b", 1);
    put(&mut database, "c", 1);
    put(&mut writer, "d", 1);
    database.snapshot().unwrap();
    put(&mut database, "e", 1);
    assert_eq!(
        told(&drain(&mut database, &mut cursor)),
        follows(&["b created", "c created", "d created", "e created"])
    );
}

#[test]
fn a_branch_that_was_rewritten_is_told_by_what_differs() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut writer = open(&origin.local());
        put(&mut writer, "a", 1);
        put(&mut writer, "b", 1);
        let mut database = open(&repo(&origin));
        let mut cursor = database.cursor(&At::default(), None).unwrap();
        // Squashed: the same records on a branch of one commit, and something new on top.
        let tree = origin.git(&["rev-parse", "main^{tree}"]);
        let squashed = origin.git(&["commit-tree", "-m", "squash", &tree]);
        origin.git(&["update-ref", "refs/heads/main", &squashed]);
        put(&mut open(&origin.local()), "a", 2);
        let arrivals = drain(&mut database, &mut cursor);
        assert_eq!(told(&arrivals), [("a changed".to_owned(), Join::Rewritten)]);
        put(&mut open(&origin.local()), "c", 1);
        let arrivals = drain(&mut database, &mut cursor);
        assert_eq!(told(&arrivals), follows(&["c created"]));
        // The branch is gone, and comes back.
        origin.git(&["update-ref", "-d", "refs/heads/main"]);
        let arrivals = drain(&mut database, &mut cursor);
        assert_eq!(arrivals.len(), 1);
        assert_eq!((&arrivals[0].commit, arrivals[0].changes.len()), (&None, 3));
        assert_eq!(drain(&mut database, &mut cursor), []);
        put(&mut open(&origin.local()), "d", 1);
        let arrivals = drain(&mut database, &mut cursor);
        assert_eq!(told(&arrivals), follows(&["d created"]));
    }
}

#[test]
fn a_merge_by_people_is_one_step_whichever_side_it_was_made_on() {
    for repo in [Origin::local, Origin::url] {
        let origin = Origin::new();
        let mut writer = open(&origin.local());
        put(&mut writer, "a", 1);
        let base = origin.tip();
        put(&mut writer, "b", 1);
        let mut database = open(&repo(&origin));
        let mut cursor = database.cursor(&At::default(), None).unwrap();
        // Someone worked on `base` and merged the branch into theirs, so that it is a second parent.
        let ours = origin.tip();
        origin.git(&["update-ref", "refs/heads/main", &base]);
        origin.commit(&[("100644", "db/t/c.json", "{}")]);
        let theirs = origin.tip();
        let merged = origin.git(&["merge-tree", "--write-tree", &theirs, &ours]);
        let merge = origin.git(&[
            "commit-tree",
            "-m",
            "merge",
            "-p",
            &theirs,
            "-p",
            &ours,
            &merged,
        ]);
        origin.git(&["update-ref", "refs/heads/main", &merge]);
        let arrivals = drain(&mut database, &mut cursor);
        assert_eq!(told(&arrivals), follows(&["c created"]));
        assert_eq!(arrivals[0].commit.as_ref().unwrap().id, merge);
    }
}

/// The command `watch` at work.
struct Watcher {
    child: Child,
    lines: Receiver<String>,
    complaints: Receiver<String>,
}

fn read_lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            if sender.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    receiver
}

impl Watcher {
    fn start(repo: &str, args: &[&str]) -> Self {
        Self::start_with(repo, args, |_| {})
    }

    /// Starts it, and waits until it says from where it watches.
    fn start_with(repo: &str, args: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
        isolate(&mut command);
        command
            .args(["watch", "--repo", repo, "--interval", "0.02"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let watcher = Watcher {
            lines: read_lines(child.stdout.take().unwrap()),
            complaints: read_lines(child.stderr.take().unwrap()),
            child,
        };
        watcher.complains("watching branch \"main\" from");
        watcher
    }

    #[track_caller]
    fn line(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    #[track_caller]
    fn complains(&self, expected: &str) {
        let line = self.complaints.recv_timeout(PATIENCE).unwrap();
        assert!(line.contains(expected), "{line}");
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args(["-s", name, &self.child.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// What it still says, and how it ends.
    fn end(mut self) -> (Vec<String>, ExitStatus) {
        let rest = self.lines.iter().chain(self.complaints.iter()).collect();
        (rest, self.child.wait().unwrap())
    }
}

#[test]
fn the_command_prints_a_line_a_change_and_ends_well_when_told() {
    for (repo, signal) in [
        (Origin::local as fn(&Origin) -> String, "TERM"),
        (Origin::url, "INT"),
    ] {
        let origin = Origin::new();
        let mut writer = open(&origin.local());
        put(&mut writer, "a", 1);
        let temp = origin.folder().join("temp");
        std::fs::create_dir(&temp).unwrap();
        let watcher = Watcher::start_with(&repo(&origin), &["t"], |command| {
            command.env("TMPDIR", &temp);
        });
        let trailers = [("Operation", "reserve"), ("Order-Id", "o-1")];
        let reserve = Message {
            subject: "reserve".to_owned(),
            trailers: trailers.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
        };
        writer
            .transact(&reserve, |tx| tx.update("t", "a", record(json!({"n": 2}))))
            .unwrap();
        let line = watcher.line();
        let commit = origin.tip();
        let time = line["time"].as_str().unwrap();
        assert_eq!(
            line,
            json!({
                "table": "t", "_id": "a", "change": "changed",
                "fields": {"n": {"before": 1, "after": 2}},
                "commit": commit, "time": time, "operation": "reserve", "order_id": "o-1",
            })
        );
        transact(&mut writer, |tx| {
            tx.insert("other", record(json!({"_id": "x"})))?;
            tx.insert("t", record(json!({"_id": "b", "n": 1})))?;
            tx.delete("t", "a")
        });
        let (deleted, created) = (watcher.line(), watcher.line());
        assert_eq!(
            (&deleted["_id"], &deleted["change"]),
            (&json!("a"), &json!("deleted"))
        );
        assert_eq!(deleted["record"]["n"], 2);
        assert_eq!(
            (&created["_id"], &created["change"]),
            (&json!("b"), &json!("created"))
        );
        assert_eq!(created["record"]["n"], 1);
        assert_eq!(
            (&created["fields"], &created["operation"]),
            (&Value::Null, &Value::Null)
        );
        watcher.signal(signal);
        let (rest, status) = watcher.end();
        assert_eq!((rest, status.code()), (vec![], Some(0)));
        assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0);
    }
}

#[test]
fn the_command_begins_where_it_is_told_and_says_when_the_branch_was_rewritten() {
    let origin = Origin::new();
    let mut writer = open(&origin.local());
    put(&mut writer, "a", 1);
    put(&mut writer, "b", 1);
    let watcher = Watcher::start(&origin.url(), &["--since", "main~1"]);
    assert_eq!(watcher.line()["_id"], "b");
    let tree = origin.git(&["rev-parse", "main~1^{tree}"]);
    let squashed = origin.git(&["commit-tree", "-m", "squash", &tree]);
    origin.git(&["update-ref", "refs/heads/main", &squashed]);
    watcher.complains("the branch was rewritten; going on from its new tip");
    let line = watcher.line();
    assert_eq!(
        (
            &line["_id"],
            &line["change"],
            &line["commit"],
            &line["operation"]
        ),
        (
            &json!("b"),
            &json!("deleted"),
            &json!(squashed),
            &Value::Null
        )
    );
    watcher.signal("TERM");
    assert_eq!(watcher.end().1.code(), Some(0));
}

#[test]
fn the_command_ends_when_nobody_reads_it() {
    let origin = Origin::new();
    put(&mut open(&origin.local()), "a", 1);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
    isolate(&mut command);
    // The interval is longer than any test: only the closed output can end it.
    let mut child = command
        .args(["watch", "--repo", &origin.local(), "--interval", "86400"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let complaints = read_lines(child.stderr.take().unwrap());
    complaints.recv_timeout(PATIENCE).unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_command_goes_on_after_the_network_failed() {
    let origin = Origin::new();
    let mut writer = open(&origin.local());
    put(&mut writer, "a", 1);
    // A git whose connections break while a file is there.
    let bin = origin.folder().join("bin");
    let broken = origin.folder().join("broken");
    std::fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ -e {broken:?} ]; then\n  echo 'fatal: read error: Connection reset by peer' >&2\n  exit 128\nfi\nPATH={:?} exec git \"$@\"\n",
        std::env::var("PATH").unwrap()
    );
    std::fs::write(bin.join("draft"), script).unwrap();
    std::fs::set_permissions(bin.join("draft"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(bin.join("draft"), bin.join("git")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let watcher = Watcher::start_with(&origin.url(), &[], |command| {
        command.env("PATH", path);
    });
    std::fs::write(&broken, "").unwrap();
    watcher.complains("Connection reset by peer; trying again in 0.02 s");
    watcher.complains("trying again in 0.04 s");
    put(&mut writer, "a", 2);
    std::fs::remove_file(&broken).unwrap();
    assert_eq!(
        watcher.line()["fields"],
        json!({"n": {"before": 1, "after": 2}})
    );
    watcher.signal("TERM");
    assert_eq!(watcher.end().1.code(), Some(0));
}
