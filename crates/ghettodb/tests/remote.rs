//! How a remote is reached: credentials, secrets, what is left behind.

use crate::support::{Origin, git_command, isolate, open};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

/// Answers every request with 404; gives the first request's head.
fn deaf_server() -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        head
    });
    (address, thread)
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the request ended early");
        head.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(head).unwrap()
}

/// Asks for a password until it gets one, then answers with 404; gives the values of all
/// `Authorization` headers of the request that it was content with.
pub(crate) fn challenging_server() -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let thread = thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let head = read_head(&mut stream);
            let sent: Vec<String> = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
                .map(|(_, value)| value.replace("Basic ", "basic "))
                .collect();
            let answer = match sent.is_empty() {
                true => "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"",
                false => "404 Not Found",
            };
            write!(
                stream,
                "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            .unwrap();
            if !sent.is_empty() {
                return sent;
            }
        }
    });
    (address, thread)
}

fn ghettodb() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
    isolate(&mut command);
    command
}

/// The way of `actions/checkout`: the token is a header in the configuration of the checked-out
/// repository, where the temporary clone does not see it by itself.
#[test]
fn the_checkouts_header_is_sent_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let checkout = folder.path().join("checkout");
    let global = folder.path().join("global");
    std::fs::write(&global, "").unwrap();
    let git = |args: &[&str]| {
        let status = git_command()
            .env("GIT_CONFIG_GLOBAL", &global)
            .current_dir(folder.path())
            .args(args)
            .status();
        assert!(status.unwrap().success());
    };
    git(&["init", "--quiet", "checkout"]);
    let header = "AUTHORIZATION: basic c2VjcmV0LWNhbmFyeQ==";
    for scope in ["--local", "--global"] {
        let (address, server) = deaf_server();
        let key = format!("http.http://{address}/.extraheader");
        git(&["-C", "checkout", "config", scope, &key, header]);
        let output = ghettodb()
            .env("GIT_CONFIG_GLOBAL", &global)
            .current_dir(&checkout)
            .args([
                "findmany",
                "--table",
                "t",
                "--repo",
                &format!("http://{address}/o/r.git"),
            ])
            .output()
            .unwrap();
        let head = server.join().unwrap().to_ascii_lowercase();
        assert_eq!(head.matches("authorization:").count(), 1, "{scope}: {head}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains("not found") && !stderr.contains("c2VjcmV0"),
            "{stderr}"
        );
    }
}

#[test]
fn a_password_in_the_address_is_used_and_never_shown() {
    let (address, server) = deaf_server();
    let output = ghettodb()
        .args([
            "findmany",
            "--table",
            "t",
            "--branch",
            "main",
            "--repo",
            &format!("http://user:canary@{address}/o/r.git"),
        ])
        .output()
        .unwrap();
    let head = server.join().unwrap();
    assert!(
        head.starts_with("GET /o/r.git/info/refs?service=git-upload-pack "),
        "{head}"
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        !stderr.contains("canary") && stderr.contains("not found"),
        "{stderr}"
    );
}

#[test]
fn the_temporary_clone_is_removed() {
    let origin = Origin::new();
    let temp = origin.folder().join("temp");
    std::fs::create_dir(&temp).unwrap();
    for repo in [origin.local(), origin.url()] {
        let output = ghettodb()
            .env("TMPDIR", &temp)
            .args([
                "upsert",
                "--table",
                "t",
                "--record",
                r#"{"_id": "a"}"#,
                "--repo",
                &repo,
            ])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0);
    }
}

#[test]
fn the_origin_of_a_checkout_is_found() {
    let origin = Origin::new();
    let checkout = origin.folder().join("checkout");
    origin.git(&[
        "clone",
        "--quiet",
        &origin.local(),
        checkout.to_str().unwrap(),
    ]);
    assert_eq!(
        ghettodb::origin_of(&checkout).unwrap(),
        Some(origin.local())
    );
    assert_eq!(ghettodb::origin_of(&origin.path()).unwrap(), None);
}

#[test]
fn a_repository_around_the_caller_is_not_touched() {
    // As inside a git hook, where the environment points at another repository.
    let origin = Origin::new();
    let other = Origin::new();
    let output = ghettodb()
        .env("GIT_DIR", other.path())
        .env("GIT_OBJECT_DIRECTORY", other.path().join("objects"))
        .env("GIT_INDEX_FILE", other.path().join("index"))
        .args([
            "upsert",
            "--table",
            "t",
            "--record",
            r#"{"_id": "a"}"#,
            "--repo",
            &origin.local(),
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(origin.files(), ["db/t/a.json"]);
    assert_eq!(other.git(&["count-objects"]), "0 objects, 0 kilobytes");
}

#[test]
fn contents_are_fetched_when_they_are_read_and_all_at_once() {
    let origin = Origin::new();
    let texts: Vec<(String, String)> = (0..50)
        .map(|n| {
            let text = format!("{{\"n\": {n}, \"half\": \"{}\"}}", n % 2);
            (format!("db/t/r{n}.json"), text)
        })
        .collect();
    let files: Vec<(&str, &str, &str)> = texts
        .iter()
        .map(|(path, text)| ("100644", path.as_str(), text.as_str()))
        .collect();
    origin.commit(&files);
    let trace = origin.folder().join("trace");
    let requests = |args: &[&str]| {
        std::fs::write(&trace, "").unwrap();
        let mut command = ghettodb();
        command.env("GIT_TRACE", &trace).args(args);
        command.args(["--repo", &origin.url(), "--table", "t"]);
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let trace = std::fs::read_to_string(&trace).unwrap();
        let requests = trace
            .lines()
            .filter(|line| line.contains(" --stdin origin"));
        (
            requests
                .filter(|line| line.contains("built-in: git fetch"))
                .count(),
            serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        )
    };
    let (count, _) = requests(&["findmany", "--query", r#"{"_id": "absent"}"#]);
    assert_eq!(count, 0, "what is not there needs no contents");
    let (count, found) = requests(&["findone", "--query", r#"{"_id": "r7"}"#]);
    assert_eq!((count, &found["n"]), (1, &json!(7)));
    let (count, found) = requests(&["findmany", "--query", r#"{"half": "1"}"#]);
    assert_eq!((count, found.as_array().unwrap().len()), (1, 25));
    let insert = ["upsert", "--record", r#"{"_id": "new"}"#];
    let (count, _) = requests(&insert);
    assert_eq!(count, 0, "an insert reads no contents");
    origin.assert_sound();
    assert_eq!(origin.files().len(), 51);
}

#[test]
fn a_remote_that_cannot_leave_contents_out_sends_them_along() {
    let origin = Origin::new();
    origin.git(&["config", "uploadpack.allowFilter", "false"]);
    origin.commit(&[("100644", "db/t/a.json", "{\"n\": 1}")]);
    let mut database = open(&origin.url());
    let snapshot = database.snapshot().unwrap();
    assert_eq!(snapshot.get("t", "a").unwrap().unwrap()["n"], json!(1));
}
