//! `shop lint`: a model of yesterday, told and fixed.

use std::path::{Path, PathBuf};

use crate::stage::{program, run};

/// A copy of the old model, which may be written to.
fn old_model(folder: &Path) -> PathBuf {
    let old = "../bpmn/tests/old-style/order-fulfilment.bpmn";
    let path = folder.join("order.bpmn");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(old), &path).unwrap();
    path
}

fn lint(path: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = program("shop");
    command.arg("lint").arg(path).args(args);
    run(command)
}

#[test]
fn an_old_model_is_told_line_by_line_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_model(folder.path());
    let before = std::fs::read(&path).unwrap();
    let (code, out, err) = lint(&path, &[]);
    assert_eq!(code, 1, "{err}");
    let out = out.replace(&format!("{}:", path.display()), "");
    let first: Vec<&str> = out.lines().take(2).collect();
    let told =
        "11: get_stock_level > extensionElements > ioMapping > input source: taken as text: _id";
    assert_eq!(first, [told, "    write =_id"], "{out}");
    assert!(
        out.contains("51: is_charged > conditionExpression: refused: = customer_charged == true")
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn the_fixed_model_is_written_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_model(folder.path());
    let (code, out, err) = lint(&path, &["--fix"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.ends_with("order.bpmn: fixed, 7 texts\n"), "{out}");
    let (code, out, err) = lint(&path, &[]);
    assert_eq!(
        (code, out),
        (0, format!("{}: ok\n", path.display())),
        "{err}"
    );
    let (code, out, _) = lint(&path, &["--json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["files"][0]["ok"]), (0, &true.into()));
    // Nothing is left beside the file.
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}

#[test]
fn a_file_with_nothing_to_fix_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_model(folder.path());
    lint(&path, &["--fix"]);
    // Texts that cannot be written back, but need not be.
    let fixed = std::fs::read_to_string(&path).unwrap();
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(fixed.encode_utf16().flat_map(u16::to_le_bytes));
    std::fs::write(&path, &utf16).unwrap();
    let (code, out, err) = lint(&path, &["--fix"]);
    assert_eq!(
        (code, out),
        (0, format!("{}: ok\n", path.display())),
        "{err}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), utf16);
}

#[test]
fn what_a_hand_must_do_is_said_and_the_rest_is_fixed() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_model(folder.path());
    let odd = std::fs::read_to_string(&path).unwrap();
    let odd = odd.replace("= customer_charged == true", "customer_charged ==");
    std::fs::write(&path, odd).unwrap();
    let (code, out, err) = lint(&path, &["--fix"]);
    assert_eq!(code, 1, "{err}");
    assert!(out.contains("rewrite it by hand"), "{out}");
    assert!(
        out.ends_with("fixed in part; see above for the rest\n"),
        "{out}"
    );
    let left = std::fs::read_to_string(&path).unwrap();
    assert!(left.contains("customer_charged ==") && left.contains("source=\"=_id\""));
}

#[test]
fn what_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.bpmn");
    let (code, _, err) = lint(&path, &[]);
    assert_eq!(code, 1);
    assert!(err.starts_with("error: cannot read "), "{err}");
    std::fs::write(&path, "<a").unwrap();
    let (code, _, err) = lint(&path, &[]);
    assert_eq!(code, 1);
    assert!(err.contains("no broker reads this file"), "{err}");
}
