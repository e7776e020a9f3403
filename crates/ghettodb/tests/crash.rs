//! Processes that are killed in the middle of a write: the repository stays sound, and the same call
//! again has the effect exactly once.

use crate::support::http_server::{HttpServer, Settings};
use crate::support::{Origin, isolate, rounds, seed};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Whom the kill hits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// The process alone; a git that it has started goes on.
    Process,
    /// With all that it has started, as when a machine dies. Only where the remote is another
    /// process: a git server that is killed while it holds a lock leaves it, whoever its client is.
    Group,
}

/// A call of the command, whose effect would show twice if it were done twice.
fn call(origin: &Origin, repo: &str, key: &str) -> Command {
    let temp = origin.folder().join("temp");
    std::fs::create_dir_all(&temp).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
    isolate(&mut command);
    command
        .env("TMPDIR", temp)
        .args(["upsert", "--repo", repo, "--table", "t", "--key", key])
        .args(["--record", &format!(r#"{{"key": "{key}"}}"#)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0);
    command
}

fn done(origin: &Origin, repo: &str, key: &str) {
    let output = call(origin, repo, key).stderr(Stdio::piped()).output();
    let output = output.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{key}: {stderr}");
}

/// Kills it; says whether it was still running.
fn kill(mut child: Child, victim: Victim) -> bool {
    let id = Pid::from_child(&child);
    let was_running = child.try_wait().unwrap().is_none();
    // What is gone already cannot be killed.
    match victim {
        Victim::Process => kill_process(id, Signal::KILL).ok(),
        Victim::Group => kill_process_group(id, Signal::KILL).ok(),
    };
    child.wait().unwrap();
    // What it has started and left behind may still be pushing.
    let begun = Instant::now();
    while test_kill_process_group(id).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never ends");
        thread::yield_now();
    }
    was_running
}

/// How often the key's trailer stands in the history.
fn in_history(origin: &Origin, key: &str) -> usize {
    if origin.git(&["for-each-ref", "refs/heads/main"]).is_empty() {
        return 0;
    }
    let format = "--format=%(trailers:key=Idempotency-Key,valueonly,separator=%x2C)";
    let log = origin.git(&["log", format, "main"]);
    log.lines().filter(|line| *line == key).count()
}

/// The `key` fields of all records of the table, as git shows them.
fn effects(origin: &Origin) -> Vec<String> {
    let files = origin.files();
    let records = files.iter().filter(|file| file.starts_with("db/t/"));
    let mut keys: Vec<String> = records
        .map(|file| {
            let record: Value = serde_json::from_str(&origin.file(file)).unwrap();
            record["key"].as_str().unwrap().to_owned()
        })
        .collect();
    keys.sort();
    keys
}

fn crash(origin: &Origin, repo: &str, victim: Victim) {
    let mut random = fastrand::Rng::with_seed(seed());
    let begun = Instant::now();
    done(origin, repo, "k-00");
    let whole = begun.elapsed();
    let mut expected = vec!["k-00".to_owned()];
    let mut killed = 0;
    for round in 1..=rounds(6, 30) {
        let key = format!("k-{round:02}");
        let child = call(origin, repo, &key).stderr(Stdio::null()).spawn();
        // The moment of death is a matter of time, and of nothing that could be waited for.
        thread::sleep(whole.mul_f64(random.f64() * 1.1));
        killed += usize::from(kill(child.unwrap(), victim));
        origin.assert_sound();
        assert!(in_history(origin, &key) <= 1, "{key} stands twice");
        done(origin, repo, &key);
        assert_eq!(in_history(origin, &key), 1, "{key}");
        expected.push(key);
        assert_eq!(effects(origin), expected);
    }
    println!("{killed} processes were killed");
    assert!(killed > 0, "nothing was tested");
    origin.assert_sound();
}

#[test]
fn a_writer_that_is_killed_at_a_remote_on_this_machine() {
    let origin = Origin::new();
    crash(&origin, &origin.local(), Victim::Process);
}

#[test]
fn a_writer_that_is_killed_at_a_connection() {
    let origin = Origin::new();
    crash(&origin, &origin.url(), Victim::Process);
}

#[test]
fn a_machine_that_dies_while_the_remote_lives() {
    let origin = Origin::new();
    origin.git(&["config", "http.receivepack", "true"]);
    let server = HttpServer::start(origin.folder(), Settings::default()).unwrap();
    crash(&origin, &server.url("origin.git"), Victim::Group);
}
