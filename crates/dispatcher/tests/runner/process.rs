//! The program itself: its ready line, its end, its death and its refusals.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::store::{Client, Folders, TOKEN, WAIT, eventually, files_with};

struct Process {
    child: Child,
    client: Client,
}

fn command(folders: &Folders) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dispatcher"));
    command
        .args(["--max-parallel", "1", "--retry-delay-ms", "1"])
        .args(["--repository", "shop/data", "--repository", "shop/second"])
        .args(["--pass-env", "SEEN"])
        .arg("--data")
        .arg(folders.path("data"))
        .arg("--workflows")
        .arg(folders.path("workflows"))
        .arg("--bin-dir")
        .arg(folders.path("bin"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SEEN", folders.path("seen"))
        .env("BACKROOM_DISPATCH_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn start(folders: &Folders, more: &[&str]) -> Process {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folders.path("stderr"))
        .unwrap();
    let mut child = command(folders).args(more).stderr(log).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("a ready line");
    let url = line.strip_prefix("dispatcher ready on ").expect(&line);
    assert!(
        url.starts_with("http://127.0.0.1:") && !url.ends_with(":0"),
        "{url}"
    );
    Process {
        child,
        client: Client::new(url.to_owned()),
    }
}

async fn terminate(process: &mut Process) {
    let pid = process.child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().await;
    assert!(sent.unwrap().success());
}

fn record(folders: &Folders) -> Value {
    let mut files = std::fs::read_dir(folders.path("data/deliveries")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn what_was_queued_or_running_at_its_death_goes_on() {
    let script = format!(r#"touch "$SEEN/began-$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT"; {WAIT}"#);
    let folders = Folders::new(&script);
    let mut first = start(&folders, &[]).await;
    first
        .client
        .rule(&json!({"_id": "o-9", "action": "drop"}))
        .await;
    for id in ["o-1", "o-2", "o-9"] {
        first.client.dispatch("restock_item", id).await;
    }
    eventually("the first run", || folders.count("began-1-1") == 1).await;
    first.child.kill().await.unwrap();

    let second = start(&folders, &[]).await;
    eventually("its second attempt", || folders.count("began-1-2") == 1).await;
    folders.open_gate();
    let ran = second.client.until("o-1", "succeeded").await;
    assert_eq!(ran["runs"][0]["attempt"], 2);
    assert_eq!(ran["runs"][0]["attempts"][0]["interrupted"], true);
    let queued = second.client.until("o-2", "succeeded").await;
    assert_eq!(queued["runs"][0]["attempt"], 1);
    assert_eq!(second.client.delivery("o-9").await["state"], "dropped");
    assert_eq!(second.client.get("/_backroom/rules").await[0]["used"], 1);
    second.client.dispatch("restock_item", "o-3").await;
    let new = second.client.until("o-3", "succeeded").await;
    assert_eq!(new["runs"][0]["id"], 3, "a run's id is never given twice");
    assert_eq!(
        files_with(folders.root.path(), TOKEN),
        Vec::<std::path::PathBuf>::new()
    );
}

#[tokio::test]
async fn at_sigterm_a_running_service_may_finish() {
    let folders = Folders::new(&format!(r#"touch "$SEEN/began"; {WAIT}"#));
    let mut process = start(&folders, &["--stop-grace-ms", "60000"]).await;
    process.client.dispatch("restock_item", "o-1").await;
    eventually("the run", || folders.count("began") == 1).await;
    terminate(&mut process).await;
    folders.open_gate();
    assert!(process.child.wait().await.unwrap().success());
    let run = &record(&folders)["runs"][0];
    assert_eq!(
        (&run["status"], &run["conclusion"]),
        (&json!("completed"), &json!("success"))
    );
}

#[tokio::test]
async fn at_sigterm_a_service_that_goes_on_is_cut_off_and_runs_at_the_next_start() {
    let folders = Folders::new(&format!(r#"touch "$SEEN/began"; {WAIT}"#));
    let mut process = start(&folders, &["--stop-grace-ms", "0"]).await;
    process.client.dispatch("restock_item", "o-1").await;
    eventually("the run", || folders.count("began") == 1).await;
    terminate(&mut process).await;
    assert!(process.child.wait().await.unwrap().success());
    let run = &record(&folders)["runs"][0];
    assert_eq!(run["status"], "queued");
    assert_eq!(run["attempts"][0]["interrupted"], true);
    folders.open_gate();
    let next = start(&folders, &[]).await;
    next.client.until("o-1", "succeeded").await;
}

#[tokio::test]
async fn what_it_cannot_start_with_is_said() {
    let folders = Folders::new("exit 0");
    let running = start(&folders, &[]).await;
    let port = running.client.url.rsplit(':').next().unwrap().to_owned();
    let refused = async |more: &[&str], token: &str, says: &str| {
        let mut program = command(&folders);
        program.args(more).env("BACKROOM_DISPATCH_TOKEN", token);
        let output = program.stderr(Stdio::piped()).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && text.contains(says),
            "{more:?}: {text}"
        );
        assert!(
            !text.contains("panicked") && !text.contains(TOKEN),
            "{text}"
        );
    };
    refused(&[], TOKEN, "in use by another dispatcher").await;
    refused(&["--port", &port], TOKEN, "give another --port").await;
    refused(&[], "", "no token in BACKROOM_DISPATCH_TOKEN").await;
    refused(&["--token-file", "/no/such/file"], TOKEN, "/no/such/file").await;
    refused(&["--repository", "shop"], TOKEN, "OWNER/NAME").await;
    refused(&["--pass-env", "BACKROOM_SECRET_X"], TOKEN, "never get").await;
    refused(&["--pass-env", "GITHUB_TOKEN"], TOKEN, "never get").await;
    refused(&["--keep-deliveries", "0"], TOKEN, "at least 1").await;
    refused(&["--backend", "github"], TOKEN, "no token in GITHUB_TOKEN").await;
    refused(&["--backend", "act"], TOKEN, "give --project").await;
    let file = folders.path("token");
    std::fs::write(&file, "canary-github-token").unwrap();
    let file = file.display().to_string();
    let forward = [
        "--backend",
        "github",
        "--github-token-file",
        &file,
        "--github-api-url",
    ];
    let plain = [&forward[..], &["http://api.github.com"]].concat();
    refused(&plain, TOKEN, "must start with https://").await;

    let other = Folders::new("exit 0");
    let elsewhere = async |says: &str| {
        let output = command(&other)
            .stderr(Stdio::piped())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(says), "{text}");
    };
    std::fs::create_dir_all(other.path("data/deliveries")).unwrap();
    std::fs::write(other.path("data/deliveries/x.json"), "{\"id\":").unwrap();
    elsewhere("x.json' is damaged").await;
    std::fs::write(other.path("workflows/typo.yml"), TYPO).unwrap();
    elsewhere("'typo.yml' is not valid: 'on.repository_dispatch' has the key 'type'").await;
    std::fs::remove_dir_all(other.path("workflows")).unwrap();
    elsewhere("workflows'").await;
    assert!(Path::new(env!("CARGO_BIN_EXE_dispatcher")).is_file());
}

const TYPO: &str = "on: {repository_dispatch: {type: [x]}}\njobs: {}\n";
