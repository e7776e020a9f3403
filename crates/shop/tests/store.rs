//! The store's processes: who may share what, what happens when one dies, and that all of them end.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use shop::wait::until;

use crate::stage::{ALE, Stage, run, shop, slow};

/// Starts `shop up --workers --json`; gives it with what it said of itself.
fn up(data: &std::path::Path) -> (Child, Value) {
    let mut child = shop(data, &["up", "--workers", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    let output = child.stdout.as_mut().unwrap();
    for line in BufReader::new(output).lines() {
        text.push_str(&line.unwrap());
        text.push('\n');
        if let Ok(document) = serde_json::from_str(&text) {
            return (child, document);
        }
    }
    let rest = child.wait_with_output().unwrap();
    panic!("{}", String::from_utf8_lossy(&rest.stderr));
}

fn pid(id: &Value) -> Pid {
    let id = id.as_i64().and_then(|id| i32::try_from(id).ok());
    id.and_then(Pid::from_raw).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_part_comes_back_and_an_end_ends_all() {
    if !slow("store") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (child, document) = up(root.path());
    let processes = document["processes"].as_object().unwrap();
    let names: Vec<_> = processes.keys().map(String::as_str).collect();
    let parts = ["broker", "customers", "dispatcher", "http-worker"];
    assert_eq!(
        names,
        [&parts[..], &["inventory", "payment", "shipping"]].concat()
    );

    let broker = pid(&processes["broker"]);
    kill_process(broker, Signal::KILL).unwrap();
    until(
        "the broker being back",
        Duration::from_secs(60),
        async || {
            let (code, out, _) = run(shop(root.path(), &["orders", "--json"]));
            Ok((code == 0 && out.contains("\"orders\": []")).then_some(()))
        },
    )
    .await
    .unwrap();

    // The workers find it again; the one that is killed is back for the order that waits for it.
    let shipping = pid(&processes["shipping"]);
    kill_process(shipping, Signal::KILL).unwrap();
    let data = root.path();
    let (code, _, err) = run(shop(data, &["restock", "--stock-level", "1", "--wait"]));
    assert_eq!(code, 0, "{err}");
    let order = ["order", "--variant", "grpc", "--product", ALE, "--wait"];
    let (code, out, err) = run(shop(data, &order));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(": fulfilled ("), "{out}");

    let own = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(own, Signal::INT).unwrap();
    let rest = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&rest.stderr);
    assert!(rest.status.success(), "{said}");
    assert!(
        said.contains("broker died (signal: 9 (SIGKILL)); starting it again"),
        "{said}"
    );
    assert!(said.contains("shipping is back"), "{said}");
    for process in processes.values() {
        assert!(
            test_kill_process(pid(process)).is_err(),
            "a child outlived the store"
        );
    }
    assert!(!root.path().join("shop.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_store_on_the_same_folder_is_refused() {
    if !slow("store") {
        return;
    }
    let stage = Stage::open().await.unwrap();
    let data = stage.store.folder.root().to_owned();
    let (code, _, err) = run(shop(&data, &["up"]));
    assert_eq!(code, 3, "{err}");
    let wanted = format!(
        "error: the data folder '{}' is in use by another store (process {})\n",
        data.display(),
        std::process::id()
    );
    assert!(err.starts_with(&wanted), "{err}");
    // The one that runs is not disturbed.
    assert!(stage.client.topology().await.is_ok());
    stage.store.stop().await.unwrap();
}

#[test]
fn a_port_that_is_taken_is_named() {
    if !slow("store") {
        return;
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for flag in [
        "--port",
        "--rest-port",
        "--management-port",
        "--dispatcher-port",
    ] {
        let root = tempfile::tempdir().unwrap();
        let (code, _, err) = run(shop(root.path(), &["up", flag, &port]));
        assert_eq!(code, 1, "{flag}: {err}");
        assert!(err.starts_with("error: "), "{flag}: {err}");
        assert!(err.contains(&port), "{flag}: {err}");
        assert!(!root.path().join("shop.json").exists());
    }
}
