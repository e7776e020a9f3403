//! What `pack` leaves: the same bytes each time, with everything in each archive that belongs there.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::super::plan::SUITE;
use super::super::{lock, sums};
use super::{plan, release, root};

fn contents(archive: &Path) -> BTreeMap<String, u32> {
    let mut bytes = Vec::new();
    let packed = std::fs::read(archive).unwrap();
    lzma_rust2::XzReader::new(&packed[..], false)
        .read_to_end(&mut bytes)
        .unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            (path, entry.header().mode().unwrap())
        })
        .collect()
}

#[test]
fn two_packs_have_the_same_bytes_and_each_archive_is_complete() {
    let one = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let plan = release(one.path());
    release(other.path());
    let sums = |folder: &Path| std::fs::read_to_string(folder.join(sums::NAME)).unwrap();
    assert_eq!(sums(one.path()), sums(other.path()));

    let triple = &plan.target.triple;
    let found = contents(&one.path().join(plan.target.archive("inventory")));
    let folder = format!("inventory-{triple}");
    let names = [
        "CHANGELOG.md",
        "LICENSE",
        "LICENSES-THIRD-PARTY.txt",
        "README.md",
        "inventory",
        "inventory.cdx.json",
    ];
    let expected: BTreeMap<_, _> = names
        .map(|name| {
            let mode = if name == "inventory" { 0o755 } else { 0o644 };
            (format!("{folder}/{name}"), mode)
        })
        .into();
    assert_eq!(found, expected);

    let suite = contents(&one.path().join(plan.target.archive(SUITE)));
    let in_suite = |path: &str| suite.get(&format!("{SUITE}-{triple}/{path}")).copied();
    for service in &plan.services {
        assert_eq!(in_suite(&service.name), Some(0o755), "{}", service.name);
    }
    assert_eq!(in_suite("workflows/order-fulfilment.bpmn"), Some(0o644));
    assert_eq!(in_suite(".github/workflows/inventory.yml"), Some(0o644));
    for name in ["install.sh", "install.ps1", "release-notes.md"] {
        assert!(one.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn a_lock_needs_archives_and_a_place_to_fetch_them_from() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path());
    let error = lock::run(&root(), &plan, Some("https://a.b/c")).unwrap_err();
    assert!(error.to_string().contains("run pack first"), "{error}");
}

/// What cargo-dist would build, what GitHub builds, and what our own profile is called.
#[test]
fn cargo_dist_and_github_build_the_same_targets() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let dist = read("dist-workspace.toml");
    let (_, list) = dist.split_once("targets = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let mut theirs: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let workflow = read(".github/workflows/release.yml");
    let mut ours: Vec<&str> = workflow
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- target: "))
        .collect();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(theirs, ours);
    assert!(!ours.is_empty());
    assert!(
        dist.contains("unix-archive = \".tar.xz\"") && dist.contains("windows-archive = \".zip\"")
    );
    assert!(read("Cargo.toml").contains("\n[profile.dist]\n"));
}
