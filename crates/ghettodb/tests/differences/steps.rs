//! What a step of a workflow takes, touches and tells.

use super::{ALE, Shop};
use crate::remote::challenging_server;
use crate::step::Checkout;
use crate::support::Origin;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn the_checkout_is_neither_read_nor_written() {
    let shop = Shop::new(&[ALE]);
    let head = || {
        let git = shop.checkout.path().join(".git");
        std::fs::read_to_string(git.join("refs/heads/main")).unwrap()
    };
    let before = head();
    // Another writer, after the checkout.
    shop.origin
        .commit(&[("100644", "db/stock/book.json", "{}")]);
    assert_eq!(shop.run("FINDMANY", &[])["count"], 2);
    shop.run("UPDATEMANY", &[("query", "{}"), ("record", r#"{"n": 1}"#)]);
    shop.checkout
        .git(&["diff", "--exit-code", "--quiet", "HEAD"]);
    let here = std::fs::read_to_string(shop.checkout.path().join(ALE.0)).unwrap();
    assert_eq!((here.as_str(), head()), (ALE.1, before));
}

#[test]
fn the_default_branch_is_written() {
    let origin = Origin::with_branch("trunk");
    let checkout = Checkout::of(&origin);
    let inputs = [
        ("operation", "UPSERT"),
        ("table", "stock"),
        ("record", "{}"),
    ];
    checkout.step(&inputs).result();
    checkout
        .step(&[&inputs[..], &[("branch", "data")]].concat())
        .result();
    let branches = origin.git(&["for-each-ref", "--format=%(refname)"]);
    assert_eq!(branches, "refs/heads/data\nrefs/heads/trunk");
}

#[test]
fn commits_say_what_they_did() {
    let shop = Shop::new(&[ALE]);
    let delete = [("query", "{}"), ("key", "order-1/delete")];
    shop.run("DELETEONE", &delete);
    let message = shop.origin.git(&["log", "-1", "--format=%B", "main"]);
    let (subject, trailers) = message.split_once("\n\n").unwrap();
    assert!(subject.contains("stock"), "{subject}");
    assert!(trailers.contains("Operation: deleteone\n"), "{trailers}");
    assert!(
        trailers.contains("Idempotency-Key: order-1/delete"),
        "{trailers}"
    );
}

#[test]
fn the_token_is_in_no_address() {
    // A git that writes down what it is called with.
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let path = std::env::var("PATH").unwrap();
    let git = std::env::split_paths(&path)
        .map(|folder| folder.join("git"))
        .find(|program| program.exists())
        .unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>'{}'\nexec '{}' \"$@\"\n",
        calls.display(),
        git.display()
    );
    // Written beside and renamed: a file that is open for writing cannot be run.
    let draft = folder.path().join("draft");
    std::fs::write(&draft, script).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(draft, folder.path().join("git")).unwrap();

    let origin = Origin::new();
    let mut checkout = Checkout::of(&origin);
    checkout.set("PATH", &format!("{}:{path}", folder.path().display()));
    let (address, server) = challenging_server();
    let url = format!("http://{address}/o/r.git");
    checkout.git(&["remote", "set-url", "origin", &url]);
    let ran = checkout.step(&[
        ("operation", "DROPDB"),
        ("github_token", "canary"),
        ("verbose", "true"),
    ]);
    ran.failure();
    assert_eq!(server.join().unwrap().len(), 1, "it was sent");
    let calls = std::fs::read_to_string(calls).unwrap();
    assert!(
        calls.lines().count() > 1 && !calls.contains("canary"),
        "{calls}"
    );
    assert!(!ran.log.contains("canary"), "{}", ran.log);
    let config = std::fs::read_to_string(checkout.path().join(".git/config")).unwrap();
    assert!(!config.contains("canary"), "{config}");
}

#[test]
fn the_result_goes_to_the_output_file() {
    let shop = Shop::new(&[]);
    let record = json!({"text": "one\n::set-output name=result::two\n"}).to_string();
    let inputs = [
        ("operation", "UPSERT"),
        ("table", "stock"),
        ("record", &record),
    ];
    let ran = shop.checkout.step(&inputs);
    assert_eq!(ran.result()["text"], "one\n::set-output name=result::two\n");
    assert!(!ran.log.lines().any(|line| line.starts_with("::set-output")));
}

#[test]
fn errors_are_one_line_with_an_exit_code() {
    let shop = Shop::new(&[]);
    for (inputs, expected) in [
        ([("operation", "FINDMANY"), ("query", "{")], 2),
        ([("operation", "VACUUM"), ("query", "{}")], 2),
        ([("operation", "DROPDB"), ("branch", "a..b")], 2),
    ] {
        let ran = shop
            .checkout
            .step(&[&inputs[..], &[("table", "stock")]].concat());
        assert_eq!(ran.failure().0, expected);
        let shown = ran.log.lines().filter(|line| line.starts_with("::error "));
        assert_eq!(shown.count(), 1, "{}", ran.log);
    }
    shop.origin.hook("pre-receive", "exit 1");
    let ran = shop.checkout.step(&[
        ("operation", "UPSERT"),
        ("table", "stock"),
        ("record", "{}"),
    ]);
    assert_eq!(ran.failure().0, 6);
}

#[test]
fn operations_are_named_in_any_case() {
    let shop = Shop::new(&[ALE]);
    for operation in ["FINDONE", "findone", "FindOne"] {
        assert_eq!(shop.run(operation, &[])["found"], true);
    }
}

#[test]
fn init_without_tables_lists_none() {
    let shop = Shop::new(&[]);
    assert_eq!(shop.run("INIT", &[])["tables"], json!({}));
    let named = shop.run("INIT", &[("tables", "stock, orders,,")]);
    assert_eq!(
        named["tables"],
        json!({"stock": "stock", "orders": "orders"})
    );
    assert_eq!(shop.origin.git(&["for-each-ref"]), "");
}

#[test]
fn the_base_folder_is_db() {
    let shop = Shop::new(&[ALE]);
    for folder in ["db", "./db", "db/", "./db/"] {
        assert_eq!(shop.run("FINDMANY", &[("basedir", folder)])["count"], 1);
    }
    for folder in ["data", "..", "db/x", "/db"] {
        let message = shop.refused("FINDMANY", &[("basedir", folder)]);
        assert!(message.contains("basedir"), "{message}");
    }
}
