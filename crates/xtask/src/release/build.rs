//! Compiles the programs so that the same commit gives the same bytes, wherever it is built.
//!
//! No path of this machine may get into them: rustc and the C compiler write the project's folder,
//! cargo's and the toolchain's under fixed names. The caller's `RUSTFLAGS` are left out.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::plan::{self, Linkage, Plan, Service};
use crate::{command, ui};

/// Compiles all programs of the plan, and prints how large they are.
pub(crate) fn run(root: &Path, plan: &Plan) -> Result<()> {
    if !plan.target.is_installed {
        bail!(
            "this toolchain cannot compile for '{0}': rustup target add {0}",
            plan.target.triple
        );
    }
    let folders = Folders::of(root)?;
    for group in groups(&plan.services) {
        command::run(compile(root, plan, &group, &folders))?;
    }
    for service in &plan.services {
        let path = folder(root, plan).join(plan.target.program(&service.name));
        let size = std::fs::metadata(&path)
            .with_context(|| format!("the build left no '{}'", path.display()))?
            .len();
        ui::line(&format!("{:<22} {}", service.name, megabytes(size)));
    }
    Ok(())
}

/// Where cargo leaves the programs.
pub(crate) fn folder(root: &Path, plan: &Plan) -> PathBuf {
    plan::target_folder(root)
        .join(&plan.target.triple)
        .join("dist")
}

/// Programs that one call of cargo compiles together, sharing all that they link.
pub(crate) fn groups(services: &[Service]) -> Vec<Vec<&str>> {
    let name = |service: &Service, alone: bool| service.is_alone == alone;
    let together: Vec<&str> = services
        .iter()
        .filter(|service| name(service, false))
        .map(|service| service.name.as_str())
        .collect();
    let alone = services.iter().filter(|service| name(service, true));
    std::iter::once(together)
        .filter(|group| !group.is_empty())
        .chain(alone.map(|service| vec![service.name.as_str()]))
        .collect()
}

/// A size as people read it: millions of bytes.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

/// Folders of this machine, and what is written instead of them.
struct Folders(Vec<(PathBuf, &'static str)>);

impl Folders {
    fn of(root: &Path) -> Result<Self> {
        let sysroot = command::read(plan::rustc(root, &["--print", "sysroot"]))?;
        let home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
            .context("there is no home folder for cargo: set CARGO_HOME")?;
        // The last one that fits counts: a folder inside of another one comes behind it.
        Ok(Self(vec![
            (root.to_owned(), "/backroom"),
            (plan::target_folder(root), "/backroom/target"),
            (home, "/cargo"),
            (PathBuf::from(sysroot.trim()), "/rust"),
        ]))
    }

    fn flags<'a>(&'a self, flag: &'a str) -> impl Iterator<Item = String> + 'a {
        self.0
            .iter()
            .map(move |(folder, name)| format!("{flag}={}={name}", folder.display()))
    }
}

fn compile(root: &Path, plan: &Plan, group: &[&str], folders: &Folders) -> Command {
    let mut args = vec!["build", "--locked", "--profile", "dist"];
    args.extend(["--target", &plan.target.triple]);
    for name in group {
        args.extend(["--package", name, "--bin", name]);
    }
    let mut command = command::cargo(root, &args);
    let mut rust: Vec<String> = folders.flags("--remap-path-prefix").collect();
    if plan.target.linkage != Linkage::System {
        rust.push("-Ctarget-feature=+crt-static".to_owned());
    }
    command
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"))
        .env("BACKROOM_COMMIT", &plan.commit.name)
        .env("SOURCE_DATE_EPOCH", plan.commit.time.to_string());
    if !plan.target.is_windows() {
        let given = command
            .get_envs()
            .find_map(|(name, value)| (name == "CFLAGS").then_some(value?.to_owned()))
            .or_else(|| std::env::var_os("CFLAGS"));
        let c: Vec<String> = given
            .map(|flags| flags.to_string_lossy().into_owned())
            .into_iter()
            .chain(folders.flags("-ffile-prefix-map"))
            .collect();
        command.env("CFLAGS", c.join(" "));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Commit, Target};
    use super::*;

    fn service(name: &str, is_alone: bool) -> Service {
        Service {
            name: name.to_owned(),
            is_alone,
        }
    }

    fn plan(triple: &str, linkage: Linkage) -> Plan {
        Plan {
            version: "1.0.0".to_owned(),
            commit: Commit {
                name: "abc".to_owned(),
                time: 7,
            },
            target: Target {
                triple: triple.to_owned(),
                linkage,
                is_installed: true,
            },
            services: Vec::new(),
            out: PathBuf::new(),
        }
    }

    fn variable(command: &Command, name: &str) -> String {
        let found = command
            .get_envs()
            .find_map(|(key, value)| (key == name).then(|| value.unwrap().to_owned()));
        found.unwrap().into_string().unwrap()
    }

    #[test]
    fn a_program_with_defaults_of_its_own_is_compiled_alone() {
        let services = [
            service("db", true),
            service("a", false),
            service("b", false),
        ];
        assert_eq!(groups(&services), [vec!["a", "b"], vec!["db"]]);
    }

    #[test]
    fn a_build_knows_its_commit_and_hides_this_machine() {
        let folders = Folders(vec![("/here".into(), "/backroom")]);
        let plan = plan("x86_64-unknown-linux-gnu", Linkage::StaticGlibc);
        let command = compile(Path::new("/here"), &plan, &["shop"], &folders);
        assert_eq!(variable(&command, "BACKROOM_COMMIT"), "abc");
        assert_eq!(variable(&command, "SOURCE_DATE_EPOCH"), "7");
        assert_eq!(
            variable(&command, "CARGO_ENCODED_RUSTFLAGS"),
            "--remap-path-prefix=/here=/backroom\u{1f}-Ctarget-feature=+crt-static"
        );
        assert!(variable(&command, "CFLAGS").ends_with("-ffile-prefix-map=/here=/backroom"));
    }

    #[test]
    fn sizes_are_cut_not_rounded_up() {
        assert_eq!(megabytes(11_999_999), "11.9 MB");
        assert_eq!(megabytes(50_000), "0.0 MB");
    }
}
