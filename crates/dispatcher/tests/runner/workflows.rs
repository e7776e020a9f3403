//! The repository's own workflow files say what the contract says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dispatcher::workflow_file::{Types, read_folder};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.github/workflows")
}

#[test]
fn each_event_type_starts_exactly_the_service_of_its_operation() {
    let expected: BTreeMap<&str, (&str, &str)> = [
        ("upsert_customer", ("customers.yml", "customers")),
        ("restock_item", ("inventory.yml", "inventory")),
        ("get_stock_level", ("inventory.yml", "inventory")),
        ("decrement_stock", ("inventory.yml", "inventory")),
        ("increment_stock", ("inventory.yml", "inventory")),
        ("charge_customer", ("payment.yml", "payment")),
        ("refund_customer", ("payment.yml", "payment")),
        ("ship_order", ("shipping.yml", "shipping")),
    ]
    .into();
    let workflows = read_folder(&folder()).unwrap();
    let mut found = BTreeMap::new();
    for workflow in &workflows {
        let types = match &workflow.types {
            None => continue,
            Some(Types::Named(types)) => types,
            Some(Types::Every) => panic!("'{}' listens to every dispatch", workflow.file),
        };
        for event_type in types {
            let before = found.insert(
                event_type.as_str(),
                (workflow.file.as_str(), workflow.service.as_deref().unwrap()),
            );
            assert_eq!(before, None, "'{event_type}' has two listeners");
        }
    }
    assert_eq!(found, expected);
}

/// Runs the script of the composite action; gives its success, its output and its step outputs.
fn set_up(service: &str, bin_dir: &std::path::Path) -> (bool, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let outputs = folder.path().join("output");
    std::fs::write(&outputs, "").unwrap();
    let ran = std::process::Command::new("sh")
        .arg(folder_of_action().join("setup.sh"))
        .env("SERVICE_NAME", service)
        .env("SERVICE_BIN_DIR", bin_dir)
        .env("GITHUB_OUTPUT", &outputs)
        .output()
        .unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    (
        ran.status.success(),
        printed,
        std::fs::read_to_string(outputs).unwrap(),
    )
}

fn folder_of_action() -> PathBuf {
    folder().join("../actions/setup-service")
}

#[test]
fn the_composite_action_finds_a_service_and_refuses_paths() {
    let folders = crate::store::Folders::new("echo inventory 1.2.3");
    let bin = folders.path("bin");
    let (good, _, outputs) = set_up("inventory", &bin);
    assert!(good);
    assert_eq!(
        outputs,
        format!(
            "path={}/inventory\nversion=inventory 1.2.3\n",
            bin.display()
        )
    );
    for (bad, says) in [
        ("payment", "has no program 'payment'"),
        ("../inventory", "must be a name"),
        ("-p", "must be a name"),
        ("", "must be a name"),
        ("a b", "must be a name"),
        ("$(id)", "must be a name"),
    ] {
        let (good, printed, outputs) = set_up(bad, &bin);
        assert!(!good && outputs.is_empty(), "{bad}");
        assert!(
            printed.starts_with("::error") && printed.contains(says),
            "{printed}"
        );
    }
}
