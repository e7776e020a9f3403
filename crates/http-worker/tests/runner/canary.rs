//! Canary secrets go through the program in every way that a job can take, and are then looked
//! for in everything that left it: outcomes, log, other hosts.

use std::io::Write as _;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use protocol::ActivatedJob;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::gateway::Gateway;
use crate::process::activated;
use crate::server::Server;

/// Holds what each encoding writes in its own way.
const OF_ENVIRONMENT: &str = "canary+/one\"two\\three=?~%41";
const OF_FILE: &str = "canary>>file>>secret???";
/// No header takes it.
const WITH_LINES: &str = "canary-first\ncanary-second";
const ACCESS_TOKEN: &str = "canary-access-token-1";

/// Every way to write a text that a reader could turn back.
fn encodings(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    let percent = |keep: &dyn Fn(u8) -> bool, upper: bool| -> String {
        let bytes = secret.bytes().map(|byte| match (keep(byte), upper) {
            (true, _) => char::from(byte).to_string(),
            (false, true) => format!("%{byte:02X}"),
            (false, false) => format!("%{byte:02x}"),
        });
        bytes.collect()
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    // Keeps what the URL's own encoder keeps.
    let mut texts = vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        percent(&|byte| unreserved(byte) || byte == b'*', true),
        percent(&|byte| unreserved(byte) || byte == b'*', false),
    ];
    for before in ["", "u", "u:", "shop:"] {
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = engine.encode(format!("{before}{secret}"));
            // Without the characters that hold bits of the neighbours.
            let first = (before.len() * 8).div_ceil(6);
            texts.push(encoded[first..encoded.trim_end_matches('=').len() - 2].to_owned());
        }
    }
    texts
}

fn jobs(server: &Server, stranger: &Server) -> Vec<ActivatedJob> {
    let connector = "io.camunda:http-json:1";
    let bearer = json!({"type": "bearer", "token": "{{secrets.GitHubToken}}"});
    let basic = json!({"type": "basic", "username": "shop", "password": "{{secrets.GitHubToken}}"});
    let key = json!({"type": "apiKey", "apiKeyLocation": "query", "name": "key", "value": "{{secrets.OfFile}}"});
    let oauth = |endpoint: &str| {
        json!({"type": "oauth-client-credentials-flow", "oauthTokenEndpoint": server.url(endpoint),
            "clientId": "shop", "clientSecret": "{{secrets.OfFile}}", "clientAuthentication": "credentialsBody"})
    };
    let closed = format!("http://127.0.0.1:{}/", closed_port());
    let answer = json!({"resultVariable": "answer"});
    let headers_of = |arguments: &str, function: &str| {
        let seen = "string(error.variables.response.body.headers.authorization)";
        let expression = format!("={function}{}", arguments.replace("SEEN", seen));
        json!({"errorExpression": expression})
    };
    let call = |path: &str, authentication: &Value| {
        json!({"method": "POST", "url": server.url(path), "authentication": authentication, "body": {},
            "readTimeoutInSeconds": 0.2, "connectionTimeoutInSeconds": 0.2, "followRedirects": true})
    };
    let at = |url: &str, authentication: &Value| {
        let mut variables = call("/", authentication);
        variables["url"] = json!(url);
        variables
    };
    let older = |path: &str, more: Value| {
        let mut headers = json!({"url": server.url(path), "method": "post"});
        headers
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        headers
    };
    let authorization = json!({"authorization": "token {{GitHubToken}}", "body": {}});
    let away = format!("/redirect/307?{}", stranger.url("/echo"));
    let all = [
        // Answers that repeat what they were sent.
        (connector, answer.clone(), call("/echo", &bearer)),
        (connector, answer.clone(), call("/echo", &basic)),
        (connector, answer.clone(), call("/echo", &key)),
        (
            connector,
            answer.clone(),
            call("/echo", &oauth("/token/60")),
        ),
        (
            connector,
            json!({"resultExpression": "={a: response.body.headers.authorization}"}),
            call("/echo", &bearer),
        ),
        // Failures that do.
        (connector, json!({}), call("/echo/500", &bearer)),
        (connector, json!({}), call("/echo/404", &key)),
        (
            connector,
            headers_of("(SEEN, SEEN, {a: SEEN})", "bpmnError"),
            call("/echo/400", &bearer),
        ),
        (
            connector,
            headers_of("(SEEN, {a: SEEN})", "jobError"),
            call("/echo/400", &basic),
        ),
        (
            connector,
            headers_of("({a: SEEN})", "ignoreError"),
            call("/echo/400", &bearer),
        ),
        (connector, json!({}), call("/echo", &oauth("/echo/400"))),
        (
            "CAMUNDA-HTTP",
            older("/echo", json!({})),
            authorization.clone(),
        ),
        (
            "CAMUNDA-HTTP",
            older(
                "/echo",
                json!({"statusCodeFailure": "2xx", "statusCodeCompletion": "404"}),
            ),
            authorization.clone(),
        ),
        (
            "CAMUNDA-HTTP",
            older(
                "/echo/400",
                json!({"errorCodePath": "headers.authorization", "errorMessagePath": "headers.authorization"}),
            ),
            authorization,
        ),
        // Calls without an answer, or with one from elsewhere.
        (connector, json!({}), call("/slow", &key)),
        (connector, json!({}), at(&closed, &key)),
        (connector, answer, call(&away, &bearer)),
        // Calls that are not made.
        (connector, json!({}), at(&stranger.url("/echo"), &bearer)),
        (
            connector,
            json!({}),
            call(
                "/echo",
                &json!({"type": "bearer", "token": "{{secrets.WithLines}}"}),
            ),
        ),
        (
            connector,
            json!({}),
            call(
                "/echo",
                &json!({"type": "basic", "username": "{{secrets.GitHubToken}}", "password": "{{secrets.Absent}}"}),
            ),
        ),
    ];
    (1..)
        .zip(&all)
        .map(|(key, (job_type, headers, variables))| activated(key, job_type, headers, variables))
        .collect()
}

fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn no_secret_is_found_in_any_output() {
    let gateway = Gateway::start();
    let server = Server::start().await;
    let stranger = Server::start().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let secrets = json!({"OfFile": {"value": OF_FILE, "hosts": ["127.0.0.1"]}});
    file.write_all(secrets.to_string().as_bytes()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_http-worker"))
        .env_clear()
        .args([
            "--zeebe-address",
            &gateway.address(),
            "--allow-network",
            "127.0.0.0/8",
        ])
        .arg("--secrets")
        .arg(file.path())
        .env("RUST_LOG", "trace")
        .env("BACKROOM_SECRET_GitHubToken", OF_ENVIRONMENT)
        .env("BACKROOM_SECRET_HOSTS_GitHubToken", server.host())
        .env("BACKROOM_SECRET_WithLines", WITH_LINES)
        .env("BACKROOM_SECRET_HOSTS_WithLines", server.host())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // Read as it comes, since a full pipe would stop the program.
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let output = tokio::spawn(async move {
        let (mut out, mut log) = (String::new(), String::new());
        let read = tokio::try_join!(
            tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut out),
            tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut log),
        );
        read.map(|_| (out, log))
    });

    let jobs = jobs(&server, &stranger);
    let count = jobs.len();
    for job in jobs {
        gateway.make_job(job);
    }
    let done = |state: &crate::gateway::State| {
        state.completed.len() + state.failed.len() + state.thrown.len() == count
    };
    gateway.until("every job is done", done).await;
    child.kill().await.unwrap();
    let (out, log) = output.await.unwrap().unwrap();
    let outcomes = {
        let state = gateway.state();
        let reports = state.completed.iter().map(|done| done.variables.clone());
        let failures = state
            .failed
            .iter()
            .map(|failed| format!("{} {}", failed.error_message, failed.variables));
        let errors = state.thrown.iter().map(|thrown| {
            format!(
                "{} {} {}",
                thrown.error_code, thrown.error_message, thrown.variables
            )
        });
        reports.chain(failures).chain(errors).collect::<Vec<_>>()
    };

    // The secrets were there: sent, sent back, and hidden.
    let sent = format!("{:?}", server.seen());
    for secret in [OF_ENVIRONMENT, OF_FILE, ACCESS_TOKEN] {
        let texts = encodings(secret)
            .into_iter()
            .map(|text| format!("{text:?}"));
        let found = texts
            .filter(|text| sent.contains(text.trim_matches('"')))
            .count();
        assert!(found > 0, "{secret} was never sent: {sent}");
    }
    let hidden = outcomes.iter().filter(|text| text.contains("***")).count();
    assert!(hidden >= 13, "{hidden} of {count}: {outcomes:#?}");
    assert!(
        log.contains("TRACE") && log.contains("job completed"),
        "{log}"
    );
    assert_eq!(stranger.seen().len(), 1, "the redirect that was followed");

    let elsewhere = format!("{:?}", stranger.seen());
    for secret in [
        OF_ENVIRONMENT,
        OF_FILE,
        ACCESS_TOKEN,
        "canary-first",
        "canary-second",
        "canary",
    ] {
        for text in encodings(secret) {
            for outcome in &outcomes {
                assert!(!outcome.contains(&text), "{text} is in {outcome}");
            }
            let line = log.lines().find(|line| line.contains(&text));
            assert_eq!(line, None, "{text} is in the log");
            assert!(!out.contains(&text), "{text} is in {out}");
            assert!(!elsewhere.contains(&text), "{text} is in {elsewhere}");
        }
    }
}
