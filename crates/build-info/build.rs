//! Finds the commit and the target that a build is for.
//!
//! `BACKROOM_COMMIT` says the commit where a release is built, or where there is no git. Else an
//! optimised build asks git. A debug build doesn't: each commit would link every program again.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=BACKROOM_COMMIT");
    let commit = std::env::var("BACKROOM_COMMIT")
        .ok()
        .filter(|commit| !commit.is_empty())
        .or_else(|| is_optimised().then(committed).flatten())
        .unwrap_or_else(|| "development".to_owned());
    println!("cargo::rustc-env=BUILD_COMMIT={commit}");
    let target = std::env::var("TARGET").expect("cargo tells a build script its target");
    println!("cargo::rustc-env=BUILD_TARGET={target}");
}

fn is_optimised() -> bool {
    std::env::var("PROFILE").is_ok_and(|profile| profile == "release")
}

/// The commit of the checkout, and a word to cargo to ask again once another is checked out.
fn committed() -> Option<String> {
    println!(
        "cargo::rerun-if-changed={}",
        git(&["rev-parse", "--git-path", "logs/HEAD"])?
    );
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
