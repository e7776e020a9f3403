//! What a release holds: the programs, the target and how it links, the names of the archives.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::order::Order;
use crate::{command, metadata, ui};

/// The name of the archive with every program.
pub(crate) const SUITE: &str = "backroom";

/// What is built from where.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) version: String,
    pub(crate) commit: Commit,
    pub(crate) target: Target,
    /// By name.
    pub(crate) services: Vec<Service>,
    /// Where the archives go.
    pub(crate) out: PathBuf,
}

/// The commit that everything is made from.
#[derive(Debug)]
pub(crate) struct Commit {
    /// The first 12 digits, with `-changed` behind them if a file differs from it.
    pub(crate) name: String,
    /// Seconds since 1970: the time of every file in every archive.
    pub(crate) time: u64,
}

/// What the programs run on.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) triple: String,
    pub(crate) linkage: Linkage,
    /// Whether this machine's toolchain can compile for it.
    pub(crate) is_installed: bool,
}

/// What a program needs of the machine that it runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Linkage {
    /// Nothing: musl is linked in.
    Musl,
    /// Nothing to start, glibc being linked in; looking up a host's name asks for the same glibc.
    StaticGlibc,
    /// The system's own libraries, as usual there.
    System,
}

/// A program that users run: one crate, one binary.
#[derive(Debug, PartialEq)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// Compiled by a call of cargo for it alone: what it switches on by default would else be
    /// switched on in all that link it as a library.
    pub(crate) is_alone: bool,
}

impl Plan {
    /// Asks cargo, rustc and git.
    pub(crate) fn make(root: &Path, order: &Order) -> Result<Self> {
        let target = Target::choose(root, order.target.as_deref())?;
        let document = metadata::document(root, &[&target.triple])?;
        let (version, services) = programs(&document)?;
        if let Some(asked) = order.version.as_deref().filter(|asked| *asked != version) {
            bail!(
                "the workspace is version '{version}', not '{asked}': \
                 set it in Cargo.toml, under [workspace.package], and commit that"
            );
        }
        let out = order
            .out
            .as_ref()
            .map_or_else(|| target_folder(root).join("archives"), |out| out.clone());
        Ok(Self {
            version,
            commit: Commit::checked_out(root)?,
            target,
            services,
            out: std::path::absolute(&out)
                .with_context(|| format!("'{}' is no folder", out.display()))?,
        })
    }

    /// Tells a person what would be done.
    pub(crate) fn print(&self) {
        ui::line(&format!(
            "version  {}\ncommit   {}\ntarget   {}, {}\nout      {}\n",
            self.version,
            self.commit.name,
            self.target.triple,
            self.target.explained(),
            self.out.display()
        ));
        let names = self.services.iter().map(|service| service.name.as_str());
        for name in names.chain([SUITE]) {
            ui::line(&format!("{name:<22} {}", self.target.archive(name)));
        }
    }
}

impl Commit {
    fn checked_out(root: &Path) -> Result<Self> {
        let git = |args: &[&str]| command::read(command::git(root, args));
        let name = git(&["rev-parse", "--short=12", "HEAD"])?;
        let time = git(&["log", "-1", "--format=%ct", "HEAD"])?;
        // Files that git doesn't know, such as the archives themselves, are in no program.
        let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
        Ok(Self {
            name: format!(
                "{}{}",
                name.trim(),
                if changes.trim().is_empty() {
                    ""
                } else {
                    "-changed"
                }
            ),
            time: time
                .trim()
                .parse()
                .with_context(|| format!("git says the commit's time is '{}'", time.trim()))?,
        })
    }
}

impl Target {
    /// The triple that was asked for; else this machine's, by musl where that can be compiled for.
    fn choose(root: &Path, asked: Option<&str>) -> Result<Self> {
        let triple = match asked {
            Some(asked) => asked.to_owned(),
            None => {
                let host = host(root)?;
                match host.strip_suffix("-gnu").map(|stem| format!("{stem}-musl")) {
                    Some(musl) if is_installed(root, &musl) => musl,
                    _ => host,
                }
            }
        };
        Ok(Self {
            linkage: Linkage::of(&triple),
            is_installed: is_installed(root, &triple),
            triple,
        })
    }

    fn explained(&self) -> String {
        let linkage = match self.linkage {
            Linkage::Musl => "static by musl",
            Linkage::StaticGlibc => "static by glibc (+crt-static)",
            Linkage::System => "linked to the system's libraries",
        };
        if self.is_installed {
            linkage.to_owned()
        } else {
            format!(
                "{linkage}; not installed: rustup target add {}",
                self.triple
            )
        }
    }

    /// The file name of a program's archive, which is also what cargo-dist would call it.
    pub(crate) fn archive(&self, name: &str) -> String {
        let kind = if self.is_windows() { "zip" } else { "tar.xz" };
        format!("{name}-{}.{kind}", self.triple)
    }

    /// The file name of a program.
    pub(crate) fn program(&self, name: &str) -> String {
        let ending = if self.is_windows() { ".exe" } else { "" };
        format!("{name}{ending}")
    }

    pub(crate) fn is_windows(&self) -> bool {
        self.triple.contains("-windows-")
    }
}

impl Linkage {
    fn of(triple: &str) -> Self {
        match triple {
            _ if triple.contains("-linux-musl") => Self::Musl,
            _ if triple.contains("-linux-gnu") => Self::StaticGlibc,
            _ => Self::System,
        }
    }
}

/// Where cargo builds.
pub(crate) fn target_folder(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(folder))
}

fn host(root: &Path) -> Result<String> {
    let said = command::read(rustc(root, &["-vV"]))?;
    said.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .with_context(|| format!("`rustc -vV` names no host: {said}"))
}

fn is_installed(root: &Path, triple: &str) -> bool {
    let asked = rustc(root, &["--print", "target-libdir", "--target", triple])
        .stderr(std::process::Stdio::null())
        .output();
    asked.is_ok_and(|answer| {
        answer.status.success()
            && std::str::from_utf8(&answer.stdout).is_ok_and(|path| Path::new(path.trim()).is_dir())
    })
}

/// The compiler that cargo uses in this folder.
pub(crate) fn rustc(root: &Path, args: &[&str]) -> std::process::Command {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = std::process::Command::new(rustc);
    command.args(args).current_dir(root);
    command
}

/// The workspace's one version, and its programs: each binary of a package that is not marked
/// `package.metadata.dist.dist = false`, which is how cargo-dist chooses, too.
fn programs(document: &Value) -> Result<(String, Vec<Service>)> {
    let members = metadata::array(document, "workspace_members")?;
    let mut versions = Vec::new();
    let mut services = Vec::new();
    for package in metadata::array(document, "packages")? {
        if !members.contains(&package["id"]) {
            continue;
        }
        versions.push(metadata::text(package, "version")?);
        if package["metadata"]["dist"]["dist"] == false {
            continue;
        }
        let is_alone = package["features"]["default"]
            .as_array()
            .is_some_and(|features| !features.is_empty());
        for target in metadata::array(package, "targets")? {
            if metadata::array(target, "kind")?
                .iter()
                .any(|kind| kind == "bin")
            {
                services.push(Service {
                    name: metadata::text(target, "name")?,
                    is_alone,
                });
            }
        }
    }
    versions.sort();
    versions.dedup();
    let [version] = &versions[..] else {
        bail!(
            "the workspace's crates have several versions ({}): each says version.workspace = true",
            versions.join(", ")
        );
    };
    services.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((version.clone(), services))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(id: &str, version: &str, rest: &Value) -> Value {
        let mut package = json!({
            "id": id, "version": version, "features": {}, "metadata": null,
            "targets": [{"name": id, "kind": ["bin"]}],
        });
        for (field, value) in rest.as_object().unwrap() {
            package[field] = value.clone();
        }
        package
    }

    #[test]
    fn programs_are_the_members_binaries_but_for_chores() {
        let document = json!({
            "workspace_members": ["shop", "db", "lib", "xtask"],
            "packages": [
                package("shop", "1.0.0", &json!({})),
                package("db", "1.0.0", &json!({"features": {"default": ["sqlite"]}})),
                package("lib", "1.0.0", &json!({"targets": [{"name": "lib", "kind": ["lib"]}]})),
                package("xtask", "1.0.0", &json!({"metadata": {"dist": {"dist": false}}})),
                package("elsewhere", "9.9.9", &json!({})),
            ],
        });
        let (version, services) = programs(&document).unwrap();
        assert_eq!(version, "1.0.0");
        let found: Vec<_> = services
            .iter()
            .map(|service| (service.name.as_str(), service.is_alone))
            .collect();
        assert_eq!(found, [("db", true), ("shop", false)]);
    }

    #[test]
    fn two_versions_are_refused() {
        let document = json!({
            "workspace_members": ["a", "b"],
            "packages": [package("a", "1.0.0", &json!({})), package("b", "1.1.0", &json!({}))],
        });
        let error = programs(&document).unwrap_err().to_string();
        assert!(error.contains("1.0.0, 1.1.0"), "{error}");
    }

    #[test]
    fn a_triple_says_how_it_links_and_what_its_files_are_called() {
        let target = |triple: &str| Target {
            triple: triple.to_owned(),
            linkage: Linkage::of(triple),
            is_installed: true,
        };
        let musl = target("aarch64-unknown-linux-musl");
        assert_eq!(musl.linkage, Linkage::Musl);
        assert_eq!(
            musl.archive("shop"),
            "shop-aarch64-unknown-linux-musl.tar.xz"
        );
        assert_eq!(
            target("x86_64-unknown-linux-gnu").linkage,
            Linkage::StaticGlibc
        );
        assert_eq!(target("aarch64-apple-darwin").linkage, Linkage::System);
        let windows = target("x86_64-pc-windows-msvc");
        assert_eq!(windows.archive("shop"), "shop-x86_64-pc-windows-msvc.zip");
        assert_eq!(windows.program("shop"), "shop.exe");
    }
}
