//! The program itself: its ready line, its end, its refusals.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_http-worker"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn says_what_it_serves_and_ends_when_asked() {
    // A port of this machine where nobody answers: the worker waits for its gateway.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut child = command()
        .args(["--zeebe-address", &gateway, "--type", "backroom:dispatch"])
        .env("BACKROOM_SECRET_GitHubToken", "canary-github-token")
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.next_line().await.unwrap().unwrap();
    assert_eq!(
        ready,
        format!(
            "http-worker ready on {gateway} for io.camunda:http-json:1, backroom:dispatch, CAMUNDA-HTTP"
        )
    );
    let pid = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status()
        .unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        log.contains("GitHubToken") && !log.contains("canary"),
        "{log}"
    );
}

#[tokio::test]
async fn what_it_cannot_start_with_is_said() {
    let folder = std::env::temp_dir();
    for (arguments, variable, says) in [
        (
            vec!["--zeebe-address", "no address"],
            None,
            "gateway address 'no address'",
        ),
        (vec!["--allow-host", "http://a/b"], None, "is no host"),
        (vec!["--type", "CAMUNDA-HTTP"], None, "always served"),
        (
            vec!["--max-jobs", "0"],
            None,
            "--max-jobs must be at least 1",
        ),
        (
            vec!["--variables", "/no/such/file"],
            None,
            "'/no/such/file'",
        ),
        (
            vec!["--variables", folder.to_str().unwrap()],
            None,
            "cannot read",
        ),
        (
            vec![],
            Some(("BACKROOM_SECRET_X", "canary-x")),
            "BACKROOM_SECRET_HOSTS_X",
        ),
        (
            vec![],
            Some(("BACKROOM_SECRET_HOSTS_X", "a b")),
            "'a b' is no host",
        ),
    ] {
        let mut command = command();
        command.args(&arguments).envs(variable);
        let output = command.output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && text.contains(says),
            "{arguments:?}: {text}"
        );
        assert!(
            !text.contains("canary") && !text.contains("panicked"),
            "{text}"
        );
    }
}
