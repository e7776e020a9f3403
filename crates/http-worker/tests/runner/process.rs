//! The program itself: its ready line, its end, its refusals.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use protocol::ActivatedJob;
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::jobs::SECRET;
use crate::server::Server;

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
        .env("HTTPS_PROXY", "http://user:canary-proxy@127.0.0.1:1")
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
    assert!(!log.contains("canary"), "{log}");
    for says in [
        "GitHubToken",
        "no models to look at",
        "HTTPS_PROXY is set, but calls go out without a proxy",
    ] {
        assert!(log.contains(says), "{says}: {log}");
    }
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
            vec!["--secrets", "/no/such/file"],
            None,
            "secrets file '/no/such/file'",
        ),
        (
            vec!["--models", "/no/such/folder"],
            None,
            "'/no/such/folder'",
        ),
        (
            vec!["--models", env!("CARGO_MANIFEST_DIR")],
            None,
            "holds no .bpmn file",
        ),
        (
            vec!["--allow-network", "10.0.0.0/33"],
            None,
            "'--allow-network <ADDRESS/BITS>'",
        ),
        (
            vec!["--zeebe-rest-address", "no address"],
            None,
            "ZEEBE_REST_ADDRESS",
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

#[tokio::test]
async fn the_manual_names_the_flags_that_there_are() {
    let output = command().arg("--help").output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let manual = include_str!("../../../../docs/http-worker.md");
    let named = |text: &str| -> std::collections::BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        let flags = words.filter(|word| word.starts_with("--") && word.len() > 3);
        flags.map(str::to_owned).collect()
    };
    let (there, in_manual) = (named(&help), named(manual));
    let unknown: Vec<_> = in_manual.difference(&there).collect();
    assert!(unknown.is_empty(), "in the manual alone: {unknown:?}");
    // Those that all programs share stand elsewhere.
    let shared = [
        "--zeebe",
        "--ghettodb",
        "--github",
        "--message",
        "--gateway",
        "--push",
        "--help",
        "--version",
    ];
    let own = there
        .difference(&in_manual)
        .filter(|flag| !shared.iter().any(|prefix| flag.starts_with(prefix)));
    let own: Vec<_> = own.collect();
    assert!(own.is_empty(), "not in the manual: {own:?}");
}

/// A job as the gateway gives it.
pub(crate) fn activated(
    key: i64,
    job_type: &str,
    headers: &Value,
    variables: &Value,
) -> ActivatedJob {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    ActivatedJob {
        key,
        r#type: job_type.to_owned(),
        retries: 3,
        custom_headers: headers.to_string(),
        variables: variables.to_string(),
        deadline: i64::try_from(now.unwrap().as_millis()).unwrap() + 60_000,
        ..Default::default()
    }
}

#[tokio::test]
async fn serves_every_type_of_a_gateway() {
    let gateway = Gateway::start();
    let server = Server::start().await;
    let mut child = command()
        .args([
            "--zeebe-address",
            &gateway.address(),
            "--type",
            "backroom:dispatch",
        ])
        .env("BACKROOM_SECRET_GitHubToken", SECRET)
        .env("BACKROOM_SECRET_HOSTS_GitHubToken", server.host())
        .env("BACKROOM_ALLOW_HOSTS", server.host())
        .env("BACKROOM_VARIABLE_region", "eu")
        .spawn()
        .unwrap();
    let call = json!({
        "method": "POST", "url": server.url("/echo"), "body": {"_id": "o-1"},
        "authentication": {"type": "bearer", "token": "{{secrets.GitHubToken}}"},
    });
    let answer = json!({"resultVariable": "answer"});
    let older = json!({"url": server.url("/{{region}}/{{repo}}"), "method": "post"});
    let authorization =
        json!({"authorization": "token {{GitHubToken}}", "repo": "shop/data", "body": {}});
    let broken = json!({"url": server.url("/status/404"), "method": "GET"});
    let jobs = [
        activated(1, "io.camunda:http-json:1", &answer, &call),
        activated(2, "backroom:dispatch", &json!({}), &call),
        activated(3, "CAMUNDA-HTTP", &older, &authorization),
        activated(
            4,
            "io.camunda:http-json:1",
            &json!({"retryBackoff": "PT5S"}),
            &broken,
        ),
    ];
    for job in jobs {
        gateway.make_job(job);
    }
    let all = |state: &crate::gateway::State| state.completed.len() == 3 && state.failed.len() == 1;
    gateway.until("four jobs are done", all).await;

    let mut sent = server.seen();
    sent.sort_by_key(|seen| seen.headers["idempotency-key"].clone());
    let authorizations: Vec<_> = sent
        .iter()
        .map(|seen| seen.header("authorization"))
        .collect();
    let (bearer, token) = (format!("Bearer {SECRET}"), format!("token {SECRET}"));
    assert_eq!(
        authorizations,
        [Some(&*bearer), Some(&*bearer), Some(&*token), None]
    );
    assert_eq!(sent[2].uri, "/eu/shop/data");
    {
        let state = gateway.state();
        let failed = &state.failed[0];
        assert_eq!(
            (failed.job_key, failed.retries, failed.retry_back_off),
            (4, 2, 5_000)
        );
        let first = state
            .completed
            .iter()
            .find(|done| done.job_key == 1)
            .unwrap();
        assert!(
            first.variables.contains("\"authorization\":\"Bearer ***\""),
            "{}",
            first.variables
        );
        let told = format!("{:?} {:?}", state.completed, state.failed);
        assert!(!told.contains("canary"), "{told}");
        for poll in &state.polls {
            let wants_all = poll.fetch_variable.is_empty();
            assert_eq!(wants_all, poll.r#type == "CAMUNDA-HTTP", "{poll:?}");
        }
    }
    child.kill().await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        log.contains("job completed") && !log.contains("canary"),
        "{log}"
    );
}
