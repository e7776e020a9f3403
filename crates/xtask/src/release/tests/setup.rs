//! The script of `.github/actions/setup-service`, run as a runner runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::super::plan::Plan;
use super::super::server::{Damage, FileServer};
use super::super::{lock, sums};
use super::{make_executable, release};

/// A checkout with nothing but the action in it, and a runner's folders.
struct Runner {
    folder: TempDir,
}

impl Runner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runner = Self { folder };
        let action = runner.checkout().join(".github/actions/setup-service");
        std::fs::create_dir_all(&action).unwrap();
        let script = super::root().join(".github/actions/setup-service/setup.sh");
        std::fs::copy(script, action.join("setup.sh")).unwrap();
        for name in ["temp", "path"] {
            std::fs::create_dir(runner.folder.path().join(name)).unwrap();
        }
        runner
    }

    fn checkout(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    /// Where the script keeps archives, and where the cache would put them.
    fn kept(&self) -> PathBuf {
        self.folder.path().join("temp/backroom-services")
    }

    fn lock(&self, text: &str) {
        std::fs::write(self.checkout().join(".github/services.lock"), text).unwrap();
    }

    /// A program that stands in front of the machine's own.
    fn program(&self, name: &str, script: &str) {
        let path = self.folder.path().join("path").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        make_executable(&path);
    }

    fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Run {
        let output = self.folder.path().join("output");
        std::fs::write(&output, "").unwrap();
        let mut path = self.folder.path().join("path").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let done = Command::new("sh")
            .arg(".github/actions/setup-service/setup.sh")
            .args(words)
            .current_dir(self.checkout())
            .env("PATH", path)
            .env("SERVICE_NAME", "inventory")
            .env("RUNNER_TEMP", self.folder.path().join("temp"))
            .env("GITHUB_OUTPUT", &output)
            .env_remove("SERVICE_BIN_DIR")
            .env_remove("GH_TOKEN")
            .env_remove("CARGO_TARGET_DIR")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Run {
            outputs: std::fs::read_to_string(output).unwrap(),
            done,
        }
    }
}

struct Run {
    done: Output,
    outputs: String,
}

impl Run {
    fn log(&self) -> String {
        format!(
            "{}{}",
            String::from_utf8_lossy(&self.done.stdout),
            String::from_utf8_lossy(&self.done.stderr)
        )
    }

    fn output(&self, name: &str) -> Option<&str> {
        let mut lines = self.outputs.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }

    #[track_caller]
    fn brought(&self, version: &str) {
        assert!(self.done.status.success(), "{}", self.log());
        assert_eq!(self.output("version"), Some(version));
        let program = Path::new(self.output("path").unwrap());
        let said = Command::new(program).arg("--version").output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap().trim(), version);
    }

    /// Nothing was run, and the log says why in the form that GitHub shows as an error.
    #[track_caller]
    fn refused(&self, reason: &str) {
        let log = self.log();
        assert!(!self.done.status.success(), "{log}");
        let error = log
            .lines()
            .find_map(|line| line.strip_prefix("::error title=setup-service::"));
        assert!(error.is_some_and(|error| error.contains(reason)), "{log}");
        assert_eq!(self.outputs, "");
    }
}

fn version(plan: &Plan) -> String {
    format!(
        "inventory {} ({} {})",
        plan.version, plan.commit.name, plan.target.triple
    )
}

/// One release for all cases: packing costs more than all of them.
#[test]
fn a_runner_gets_what_the_lock_says_or_nothing() {
    let out = tempfile::tempdir().unwrap();
    let plan = release(out.path());
    the_archive_is_fetched_once(&plan);
    a_cache_proves_nothing(&plan);
    what_is_damaged_is_refused(&plan);
    a_lock_that_does_not_help_is_refused(&plan);
    gh_has_its_say(&plan);
}

fn locked(plan: &Plan, source: &str) -> String {
    lock::text(plan, source, &sums::write(&plan.out).unwrap()).unwrap()
}

fn the_archive_is_fetched_once(plan: &Plan) {
    let server = FileServer::start(&plan.out, None).unwrap();
    let runner = Runner::new();
    runner.lock(&locked(plan, &server.url()));
    let archive = runner.kept().join(plan.target.archive("inventory"));

    let planned = runner.run(&["plan"], &[]);
    assert_eq!(planned.output("mode"), Some("release"));
    assert_eq!(planned.output("archive"), archive.to_str());
    let sum = sums::of(&std::fs::read(plan.out.join(plan.target.archive("inventory"))).unwrap());
    let key = format!("service-{sum}");
    assert_eq!(planned.output("key"), Some(key.as_str()));

    runner.run(&[], &[]).brought(&version(plan));
    assert!(archive.is_file());
    drop(server);
    runner.run(&[], &[]).brought(&version(plan));
}

fn a_cache_proves_nothing(plan: &Plan) {
    let server = FileServer::start(&plan.out, None).unwrap();
    let runner = Runner::new();
    runner.lock(&locked(plan, &server.url()));
    std::fs::create_dir(runner.kept()).unwrap();
    let archive = runner.kept().join(plan.target.archive("inventory"));
    std::fs::write(&archive, "somebody else's").unwrap();
    let run = runner.run(&[], &[]);
    run.brought(&version(plan));
    assert!(
        run.log()
            .contains("::warning title=setup-service::the cache's")
    );

    // What can't be fetched anew is not run either.
    std::fs::write(&archive, "somebody else's").unwrap();
    drop(server);
    runner.run(&[], &[]).refused("cannot fetch");
}

fn what_is_damaged_is_refused(plan: &Plan) {
    let archive = plan.target.archive("inventory");
    for damage in [Damage::Flipped, Damage::Truncated] {
        let server = FileServer::start(&plan.out, Some((&archive, damage))).unwrap();
        let runner = Runner::new();
        runner.lock(&locked(plan, &server.url()));
        runner
            .run(&[], &[])
            .refused("does not have the SHA-256 of services.lock");
        assert!(!runner.kept().join(&archive).exists());
    }
}

fn a_lock_that_does_not_help_is_refused(plan: &Plan) {
    let runner = Runner::new();
    let whole = locked(plan, "https://a.invalid");
    let foreign = whole.replace(&plan.target.triple, "sparc64-sun-solaris");
    let line = whole
        .lines()
        .find(|line| line.starts_with("inventory "))
        .unwrap();
    let (start, sum) = line.rsplit_once(' ').unwrap();
    let archive = plan.target.archive("inventory");
    let named = |name: &str| whole.replace(&format!(" {archive} "), &format!(" {name} "));
    for (lock, reason) in [
        (foreign, "services.lock has no 'inventory' for "),
        (
            whole.replace(line, ""),
            "services.lock has no 'inventory' for ",
        ),
        (whole.replace(line, start), "services.lock has no SHA-256"),
        (
            whole.replace(sum, &sum[1..]),
            "services.lock has no SHA-256",
        ),
        (named("../../x"), "which is no plain file name"),
        (
            whole.replace("https://a.invalid", "http://a.invalid"),
            "services.lock has no https:// line 'source'",
        ),
    ] {
        runner.lock(&lock);
        runner.run(&[], &[]).refused(reason);
    }
    runner
        .run(&[], &[("SERVICE_NAME", "../x")])
        .refused("the input 'service' must be a name");
}

/// GitHub's API and its signatures can't be had here: `gh` and `curl` are stand-ins that answer as
/// the real ones do.
fn gh_has_its_say(plan: &Plan) {
    let runner = Runner::new();
    let source = "https://github.com/o/r/releases/download/v1.0.0";
    runner.lock(&locked(plan, source));
    let archive = plan.out.join(plan.target.archive("inventory"));
    let copy = format!(
        "while [ \"$1\" != --output ]; do shift; done\ncp '{}' \"$2\"",
        archive.display()
    );
    runner.program("curl", &copy);
    let token = [("GH_TOKEN", "t")];
    let seen = runner.folder.path().join("seen");

    let said = |script: &str| runner.program("gh", script);
    said("echo 'Error: no attestations found' >&2; exit 1");
    runner.run(&[], &token).refused("gh does not confirm");
    said("echo 'HTTP 403: Resource not accessible by integration' >&2; exit 1");
    let run = runner.run(&[], &token);
    run.brought(&version(plan));
    assert!(
        run.log()
            .contains("::notice title=setup-service::gh could not verify")
    );

    std::fs::remove_dir_all(runner.kept()).unwrap();
    said(&format!("echo \"$@\" >'{}'", seen.display()));
    let run = runner.run(&[], &token);
    run.brought(&version(plan));
    assert!(run.log().contains("verified: inventory-"));
    let words = std::fs::read_to_string(seen).unwrap();
    assert!(words.starts_with("attestation verify "), "{words}");
    let workflow = "--repo o/r --signer-workflow o/r/.github/workflows/release.yml";
    assert!(words.contains(workflow), "{words}");
}

#[test]
fn without_a_lock_the_one_crate_is_built() {
    let runner = Runner::new();
    let put = |name: &str, text: &str| {
        let path = runner.checkout().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put(
        "Cargo.toml",
        "[workspace]\nmembers = [\"inventory\", \"broken\"]\nresolver = \"3\"\n",
    );
    for name in ["inventory", "broken"] {
        put(
            &format!("{name}/Cargo.toml"),
            &format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"),
        );
    }
    let lock = "version = 4\n\n[[package]]\nname = \"broken\"\nversion = \"1.0.0\"\n\n\
                [[package]]\nname = \"inventory\"\nversion = \"1.0.0\"\n";
    put("Cargo.lock", lock);
    put(
        "inventory/src/main.rs",
        "fn main() { println!(\"inventory 1.0.0\"); }",
    );
    put("broken/src/main.rs", "this is not built");

    let planned = runner.run(&["plan"], &[]);
    assert_eq!(planned.outputs, "mode=build\n");
    runner.run(&[], &[]).brought("inventory 1.0.0");
}

#[test]
fn a_folder_of_binaries_short_cuts_it() {
    let runner = Runner::new();
    runner.lock("not looked at");
    runner.program("inventory", "echo inventory 7");
    let folder = runner.folder.path().join("path");
    let folder = folder.to_str().unwrap();
    let here = [("SERVICE_BIN_DIR", folder)];
    assert_eq!(runner.run(&["plan"], &here).outputs, "mode=local\n");
    runner.run(&[], &here).brought("inventory 7");
    let other = [("SERVICE_BIN_DIR", folder), ("SERVICE_NAME", "payment")];
    runner
        .run(&[], &other)
        .refused("SERVICE_BIN_DIR has no program 'payment'");
    runner.program("inventory", "exit 1");
    runner
        .run(&[], &here)
        .refused("the binary doesn't fit this machine");
}
