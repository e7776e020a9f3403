//! The dispatch token is nowhere but where it is needed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use messaging::settings::Flags;
use rustix::process::{Pid, Signal, kill_process};
use shop::folder::Folder;
use shop::session::Session;

use crate::stage::{shop, slow};

#[tokio::test(flavor = "multi_thread")]
async fn after_the_story_no_trace_of_the_token_is_left() {
    if !slow("canary") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("store");
    // Without --exit the store stays up after the story: its variables can be read.
    let mut story = shop(&data, &["demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = String::new();
    let mut lines = BufReader::new(story.stdout.take().unwrap()).lines();
    for line in lines.by_ref() {
        let line = line.unwrap();
        printed.push_str(&line);
        printed.push('\n');
        if line.starts_with("the store is up") {
            break;
        }
    }
    let folder = Folder::at(&data).unwrap();
    let addresses = folder.addresses().unwrap();
    let addresses = addresses.unwrap_or_else(|| panic!("the store is not up:\n{printed}"));
    assert!(!addresses.token_file.starts_with(&data));
    let token = std::fs::read_to_string(&addresses.token_file).unwrap();
    assert!(token.len() >= 32);

    let session = Session::of_store(&folder, &addresses, &Flags::default()).unwrap();
    let variables = session.view().unwrap().all_variables().await.unwrap();
    assert!(
        variables.len() > 50,
        "the orders' variables: {}",
        variables.len()
    );
    for variable in &variables {
        assert!(
            !variable.value.contains(&token),
            "variable {}",
            variable.name
        );
    }
    for delivery in session
        .dispatches()
        .unwrap()
        .deliveries(None)
        .await
        .unwrap()
    {
        assert!(
            !format!("{delivery:?}").contains(&token),
            "delivery {}",
            delivery.id
        );
    }

    let id = i32::try_from(story.id())
        .ok()
        .and_then(Pid::from_raw)
        .unwrap();
    kill_process(id, Signal::TERM).unwrap();
    for line in lines {
        printed.push_str(&line.unwrap());
    }
    let rest = story.wait_with_output().unwrap();
    assert!(rest.status.success());
    assert!(!printed.contains(&token));
    assert!(!String::from_utf8_lossy(&rest.stderr).contains(&token));
    assert!(
        !addresses.token_file.exists(),
        "the token file goes with the store"
    );

    let files = search(&data, token.as_bytes());
    assert!(files > 100, "a store has more than {files} files");
    let commits = everything_in_git(&data.join("origin.git"));
    assert!(commits.len() > 10_000);
    assert!(!contains(&commits, token.as_bytes()), "the data repository");
    // The search itself finds what is there.
    let records = std::fs::read(data.join("records.jsonl")).unwrap();
    assert!(
        contains(&records, b"secrets.GitHubToken"),
        "the model's placeholder"
    );
}

/// Looks into every file below a folder; gives their number.
fn search(folder: &Path, token: &[u8]) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += search(&path, token);
        } else {
            let content = std::fs::read(&path).unwrap();
            assert!(!contains(&content, token), "{}", path.display());
            files += 1;
        }
    }
    files
}

/// Every object, unpacked: in the files they are compressed.
fn everything_in_git(repository: &Path) -> Vec<u8> {
    let output = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["cat-file", "--batch-all-objects", "--batch", "--buffer"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

fn contains(content: &[u8], wanted: &[u8]) -> bool {
    content.windows(wanted.len()).any(|window| window == wanted)
}
