//! The binary, killed and started again: what was acknowledged is there, the state is the same,
//! and what stands in the way is said clearly.

use crate::support::{
    Client, PATIENCE, Process, activate, connect, create, deploy, message, one_message, one_task,
    one_timer, poll, post, search, state_hash, state_of, take_job,
};
use protocol::{CompleteJobRequest, FailJobRequest};
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// One thing of everything, so that the state has all its parts.
async fn fill(client: &mut Client, round: usize) {
    deploy(client, "a.bpmn", &one_task("a", "work")).await;
    deploy(client, "m.bpmn", &one_message("m", "GOT")).await;
    deploy(client, "t.bpmn", &one_timer("t", "PT1H")).await;
    create(client, "t", r#"{"when":"later"}"#).await;
    let id = format!("order-{round}");
    create(client, "m", &format!(r#"{{"_id":"{id}"}}"#)).await;
    create(client, "m", "").await;
    client
        .publish_message(message("GOT", &id, 0, r#"{"n":1.5}"#))
        .await
        .unwrap();
    client
        .publish_message(message("LATE", &id, 3_600_000, "{}"))
        .await
        .unwrap();
    for _ in 0..3 {
        create(client, "a", r#"{"x":[1,2]}"#).await;
    }
    let jobs = activate(client, poll("work", 2, -1)).await.unwrap();
    let complete = CompleteJobRequest {
        job_key: jobs[0].key,
        variables: r#"{"done":true}"#.to_owned(),
    };
    client.complete_job(complete).await.unwrap();
    let fail = FailJobRequest {
        job_key: jobs[1].key,
        error_message: "no".to_owned(),
        ..Default::default()
    };
    client.fail_job(fail).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_state_is_the_same_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = None;
    for round in 0..4 {
        let broker = Process::start(folder.path(), &[]);
        if let Some(before) = before {
            assert_eq!(state_hash(broker.management), before, "round {round}");
        }
        let mut client = connect(broker.gateway).await;
        fill(&mut client, round).await;
        before = Some(state_hash(broker.management));
        broker.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut client = None;
    for round in 0..6 {
        let broker = Process::start(folder.path(), &[]);
        let mut fresh = connect(broker.gateway).await;
        if client.is_none() {
            deploy(&mut fresh, "a.bpmn", &one_task("a", "work")).await;
        }
        let answered = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let mut client = fresh.clone();
            let answered = Arc::clone(&answered);
            tasks.push(tokio::spawn(async move {
                loop {
                    let request = crate::support::creation("a", r#"{"x":1}"#);
                    match client.create_process_instance(request).await {
                        Ok(answer) => {
                            let key = answer.into_inner().process_instance_key;
                            answered.lock().unwrap().push(key);
                        }
                        Err(_) => return,
                    }
                }
            }));
        }
        while answered.lock().unwrap().len() < 40 * (round + 1) {
            tokio::task::yield_now().await;
        }
        // In the middle of eight creations.
        broker.kill();
        for task in tasks {
            task.await.unwrap();
        }
        acknowledged.extend(answered.lock().unwrap().drain(..));
        client = Some(fresh);
    }
    let broker = Process::start(folder.path(), &[]);
    let items = search(
        broker.rest,
        "process-instances",
        r#"{"page":{"limit":10000}}"#,
    );
    let there: BTreeSet<i64> = items
        .iter()
        .map(|item| {
            item["processInstanceKey"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "{lost:?} of {}", acknowledged.len());
    // Each still has its job.
    let mut client = connect(broker.gateway).await;
    let jobs = activate(&mut client, poll("work", 10_000, -1))
        .await
        .unwrap();
    assert_eq!(jobs.len(), there.len());
    broker.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_goes_on_after_a_restart_and_its_clock_does_too() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Process::start(folder.path(), &["--controlled-clock"]);
    let mut client = connect(broker.gateway).await;
    deploy(&mut client, "t.bpmn", &one_timer("t", "PT2H")).await;
    deploy(&mut client, "a.bpmn", &one_task("a", "work")).await;
    let timed = create(&mut client, "t", "").await;
    let working = create(&mut client, "a", "").await;
    let hour = r#"{"offsetMilli":3600000}"#;
    let (status, first) = post(broker.management, "/actuator/clock/add", hour);
    assert_eq!(status, 200, "{first}");
    broker.kill();

    let broker = Process::start(folder.path(), &["--controlled-clock"]);
    let mut client = connect(broker.gateway).await;
    let job = take_job(&mut client, "work").await;
    assert_eq!(job.process_instance_key, working);
    assert_eq!(state_of(broker.rest, timed), "ACTIVE");
    let (_, second) = post(broker.management, "/actuator/clock/add", hour);
    let time = |answer: &serde_json::Value| answer["epochMilli"].as_i64().unwrap();
    assert!(
        time(&second) >= time(&first) + 3_600_000,
        "the first hour still counts"
    );
    assert_eq!(state_of(broker.rest, timed), "COMPLETED");
    broker.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_read_model_comes_again_from_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Process::start(folder.path(), &[]);
    let mut client = connect(broker.gateway).await;
    fill(&mut client, 0).await;
    let everything = |broker: &Process| {
        [
            "process-instances",
            "element-instances",
            "incidents",
            "variables",
            "process-definitions",
        ]
        .map(|resource| search(broker.rest, resource, r#"{"page":{"limit":10000}}"#))
    };
    let before = everything(&broker);
    broker.kill();
    let file = folder.path().join("read-model.sqlite");
    // Another schema, garbage, nothing.
    let other = rusqlite::Connection::open(&file).unwrap();
    other.pragma_update(None, "user_version", 0).unwrap();
    drop(other);
    let broker = Process::start(folder.path(), &[]);
    assert_eq!(everything(&broker), before);
    broker.kill();
    for damage in [Some("no database at all"), None] {
        for ending in ["-wal", "-shm"] {
            let _absent = std::fs::remove_file(format!("{}{ending}", file.display()));
        }
        match damage {
            None => std::fs::remove_file(&file).unwrap(),
            Some(text) => std::fs::write(&file, text).unwrap(),
        }
        let broker = Process::start(folder.path(), &[]);
        assert_eq!(everything(&broker), before);
        broker.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_segments_go_once_snapshots_stand_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let first_segment = folder.path().join("log").join(format!("{:020}.log", 1));
    let mut before = None;
    for round in 0..3 {
        let broker = Process::start(folder.path(), &[]);
        if let Some(before) = before {
            assert_eq!(state_hash(broker.management), before, "round {round}");
        }
        // Snapshots fall behind a read model that is not there yet.
        let mut client = connect(broker.gateway).await;
        fill(&mut client, round).await;
        assert_eq!(search(broker.rest, "process-definitions", "").len(), 3);
        let large = format!("{{\"text\":\"{}\"}}", "x".repeat(1_000_000));
        for _ in 0..5 {
            client
                .publish_message(message("LARGE", "k", 3_600_000, &large))
                .await
                .unwrap();
        }
        before = Some(state_hash(broker.management));
        broker.stop();
    }
    assert!(!first_segment.exists(), "it is needed by nobody");
    // With the newest snapshot gone, the one before it and what is left of the log still do.
    let mut snapshots: Vec<_> = std::fs::read_dir(folder.path().join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "snapshot"))
        .collect();
    snapshots.sort();
    assert_eq!(snapshots.len(), 2);
    std::fs::remove_file(&snapshots[1]).unwrap();
    let broker = Process::start(folder.path(), &[]);
    assert_eq!(Some(state_hash(broker.management)), before);
    broker.kill();
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_broker"))
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn check_refused(output: &Output, named: &[&str]) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty());
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().last().unwrap_or_default();
    for name in named {
        assert!(line.contains(name), "{line} does not name {name}");
    }
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _broker = Process::start(folder.path(), &[]);
    let path = folder.path().to_str().unwrap();
    let output = run(&["--data", path, "--port", "0"]);
    check_refused(
        &output,
        &["error: ", path, "in use by another broker", "--data"],
    );
}

#[test]
fn a_port_that_is_taken_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for flag in ["--port", "--rest-port", "--management-port"] {
        let mut arguments = vec!["--in-memory"];
        for each in ["--port", "--rest-port", "--management-port"] {
            arguments.extend([each, if each == flag { port.as_str() } else { "0" }]);
        }
        let output = run(&arguments);
        check_refused(
            &output,
            &[&format!("127.0.0.1:{port}"), &format!("{flag} ")],
        );
    }
}

#[test]
fn a_damaged_log_is_refused_with_the_file_and_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let broker = Process::start(folder.path(), &[]);
    runtime.block_on(async {
        let mut client = connect(broker.gateway).await;
        fill(&mut client, 0).await;
    });
    broker.kill();
    let path = folder.path().join("log").join(format!("{:020}.log", 1));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let data = folder.path().to_str().unwrap();
    let output = run(&[
        "--data",
        data,
        "--port",
        "0",
        "--rest-port",
        "0",
        "--management-port",
        "0",
    ]);
    check_refused(
        &output,
        &["the log is damaged", path.to_str().unwrap(), "byte 0"],
    );
}

#[test]
fn a_record_file_that_is_another_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let other_log = "{\"position\":7,\"key\":1}\n";
    for (content, named) in [
        ("my notes", "its last line is no record"),
        ("my\nnotes\n", "its last line is no record"),
        (other_log, "goes to position 7, the log only to 0"),
    ] {
        std::fs::write(&path, content).unwrap();
        let mut arguments = vec!["--in-memory", "--records", path.to_str().unwrap()];
        for flag in ["--port", "--rest-port", "--management-port"] {
            arguments.extend([flag, "0"]);
        }
        check_refused(&run(&arguments), &[path.to_str().unwrap(), named]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn check_judges_files_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.bpmn");
    std::fs::write(&good, one_task("a", "b")).unwrap();
    let output = run(&["check", good.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let expected = format!("{}: ok\n", good.display());
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    let bad = folder.path().join("bad.bpmn");
    std::fs::write(&bad, "no model").unwrap();
    let absent = folder.path().join("absent.bpmn");
    let files = [&good, &bad, &absent].map(|path| path.to_str().unwrap());
    let output = run(&["check", files[0], files[1], files[2]]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].contains("'bad.bpmn': Fatal Error"), "{text}");
    assert!(lines[2].contains("cannot read it"), "{text}");
}

#[test]
fn a_polite_stop_ends_open_calls_and_exits_with_success() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_broker"))
        .args([
            "--port",
            "0",
            "--rest-port",
            "0",
            "--management-port",
            "0",
            "--data",
        ])
        .arg(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let (gateway, ..) = crate::support::parse_ready(&line);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut client = connect(gateway).await;
        deploy(&mut client, "a.bpmn", &one_task("a", "work")).await;
        // A poll that would wait for a minute.
        let mut waiting = client.clone();
        let poll =
            tokio::spawn(async move { activate(&mut waiting, poll("none", 1, 60_000)).await });
        create(&mut client, "a", "").await;
        let status = Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap();
        assert!(status.success());
        let ended = tokio::time::timeout(PATIENCE, poll)
            .await
            .expect("the poll ends");
        assert!(
            ended.unwrap().is_err(),
            "the poll is told that the broker went"
        );
    });
    assert!(child.wait().unwrap().success());
}
