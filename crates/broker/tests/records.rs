//! The record file: one JSON line a record, in the format of Zeebe's exporters.

use crate::support::{
    Local, Process, connect, create, deploy, eventually, one_task, start_with, take_job,
};
use broker::Config;
use protocol::CompleteJobRequest;
use serde_json::{Value, json};
use std::path::Path;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of<'a>(lines: &'a [Value], value_type: &str, intent: &str) -> Vec<&'a Value> {
    let is = |line: &&Value| line["valueType"] == value_type && line["intent"] == intent;
    lines.iter().filter(is).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_written_in_zeebes_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    let config = Config {
        records: Some(path.clone()),
        ..Default::default()
    };
    let Local { broker, mut client } = start_with(config).await;
    deploy(&mut client, "a.bpmn", &one_task("a", "rec")).await;
    let instance = create(&mut client, "a", r#"{"x":1}"#).await;
    let job = take_job(&mut client, "rec").await;
    let complete = CompleteJobRequest {
        job_key: job.key,
        variables: r#"{"y":2}"#.to_owned(),
    };
    client.complete_job(complete.clone()).await.unwrap();
    client.complete_job(complete).await.unwrap_err();
    broker.stop().await;

    let lines = lines(&path);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["position"], index + 1, "positions follow each other");
        assert_eq!(line["partitionId"], 1);
        assert_eq!(line["brokerVersion"], broker::VERSION);
    }
    let command = of(&lines, "JOB", "COMPLETE")[0];
    assert_eq!(
        (&command["recordType"], &command["key"]),
        (&json!("COMMAND"), &json!(job.key))
    );
    assert_eq!(command["sourceRecordPosition"], -1);
    let completed = of(&lines, "JOB", "COMPLETED")[0];
    assert_eq!(completed["recordType"], "EVENT");
    assert_eq!(completed["sourceRecordPosition"], command["position"]);
    let value = &completed["value"];
    assert_eq!(value["type"], "rec");
    assert_eq!(value["worker"], "test");
    assert_eq!(value["retries"], 3);
    assert_eq!(value["elementId"], "t");
    assert_eq!(value["bpmnProcessId"], "a");
    assert_eq!(value["processInstanceKey"], instance);
    let ended = of(&lines, "PROCESS_INSTANCE", "ELEMENT_COMPLETED");
    let ended: Vec<_> = ended
        .iter()
        .map(|line| {
            [
                &line["value"]["elementId"],
                &line["value"]["bpmnElementType"],
            ]
        })
        .map(|names| names.map(|name| name.as_str().unwrap()))
        .collect();
    assert_eq!(
        ended,
        [
            ["s", "START_EVENT"],
            ["t", "SERVICE_TASK"],
            ["e", "END_EVENT"],
            ["a", "PROCESS"]
        ]
    );
    let variables = of(&lines, "VARIABLE", "CREATED");
    assert!(
        variables.iter().any(|line| {
            line["value"]["name"] == "y"
                && line["value"]["value"] == "2"
                && line["value"]["scopeKey"] == instance
        }),
        "{variables:?}"
    );
    let rejection = lines
        .iter()
        .find(|line| line["recordType"] == "COMMAND_REJECTION")
        .unwrap();
    assert_eq!(rejection["intent"], "COMPLETE");
    assert_eq!(rejection["rejectionType"], "NOT_FOUND");
    assert!(
        rejection["rejectionReason"]
            .as_str()
            .unwrap()
            .starts_with("Expected to complete job")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_goes_on_after_a_kill_without_a_gap_or_a_double() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let path = folder.path().join("records.jsonl");
    let more = ["--records", path.to_str().unwrap()];
    let first = Process::start(&data, &more);
    let mut client = connect(first.gateway).await;
    deploy(&mut client, "a.bpmn", &one_task("a", "rec")).await;
    create(&mut client, "a", "{}").await;
    let job = take_job(&mut client, "rec").await;
    first.kill();
    // What a crash may leave: half a line.
    if path.exists() {
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str(r#"{"position":"#);
        std::fs::write(&path, text).unwrap();
    }
    let second = Process::start(&data, &more);
    let mut client = connect(second.gateway).await;
    let complete = CompleteJobRequest {
        job_key: job.key,
        variables: String::new(),
    };
    client.complete_job(complete).await.unwrap();
    let whole = eventually("the last record", || {
        let text = std::fs::read_to_string(&path).unwrap();
        let last = text
            .lines()
            .last()
            .and_then(|line| serde_json::from_str::<Value>(line).ok())?;
        let is_last = last["intent"] == "ELEMENT_COMPLETED" && last["value"]["elementId"] == "a";
        is_last.then(|| lines(&path))
    });
    for (index, line) in whole.iter().enumerate() {
        assert_eq!(line["position"], index + 1);
    }
    // What it needs of the time before, it has from the log.
    let completed = of(&whole, "JOB", "COMPLETED")[0];
    assert_eq!(completed["value"]["type"], "rec");
    assert_eq!(completed["value"]["worker"], "test");
    second.kill();
}
