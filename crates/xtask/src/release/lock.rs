//! `services.lock`: which archive each service is fetched from, and what it must hash to.
//!
//! It stands in the repository, so that what a runner starts is what somebody committed, whatever
//! lies at the release by then. The action `setup-service` reads it, a shell script: a line an
//! archive, words with one blank between them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::plan::Plan;
use super::sums::{self, Sums};
use crate::ui;

/// The file's place in the repository.
const PLACE: &str = ".github/services.lock";

/// The file's name among a release's files.
const NAME: &str = "services.lock";

/// Writes the lock of all archives in the plan's folder, there and into the repository.
pub(crate) fn run(root: &Path, plan: &Plan, source: Option<&str>) -> Result<()> {
    let source = match source {
        Some(source) => source.to_owned(),
        None => on_github(plan).context(
            "nobody said where the archives will be fetched from: --source URL, \
             or GITHUB_REPOSITORY as on a runner",
        )?,
    };
    let text = text(plan, &source, &sums::write(&plan.out)?)?;
    for path in [plan.out.join(NAME), root.join(PLACE)] {
        std::fs::write(&path, &text)
            .with_context(|| format!("cannot write '{}'", path.display()))?;
        ui::line(&format!("{}", path.display()));
    }
    sums::write(&plan.out)?;
    Ok(())
}

/// Where GitHub keeps the files of the plan's release, if this runs on one of its runners.
pub(crate) fn on_github(plan: &Plan) -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let repository = variable("GITHUB_REPOSITORY")?;
    let server = variable("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
    let version = &plan.version;
    Some(format!(
        "{server}/{repository}/releases/download/v{version}"
    ))
}

/// The lock of these archives.
pub(crate) fn text(plan: &Plan, source: &str, sums: &Sums) -> Result<String> {
    let mut lines = vec![
        "# The archive of each service that .github/actions/setup-service fetches, and its SHA-256."
            .to_owned(),
        "# Written by `cargo xtask release lock`; docs/release.md says how it changes.".to_owned(),
        format!("version {}", plan.version),
        format!("source {source}"),
    ];
    let head = lines.len();
    for service in &plan.services {
        let prefix = format!("{}-", service.name);
        for (archive, sum) in sums {
            let triple = archive
                .strip_prefix(&prefix)
                .and_then(|rest| rest.strip_suffix(".tar.xz").or(rest.strip_suffix(".zip")))
                .filter(|rest| is_triple(rest));
            if let Some(triple) = triple {
                lines.push(format!("{} {triple} {archive} {sum}", service.name));
            }
        }
    }
    if lines.len() == head {
        bail!(
            "'{}' holds no archive of a service: run pack first",
            plan.out.display()
        );
    }
    Ok(lines.join("\n") + "\n")
}

/// Tells `shop-x86_64-unknown-linux-musl` from an archive of a service called `shop-window`.
fn is_triple(text: &str) -> bool {
    ["x86_64-", "aarch64-"]
        .iter()
        .any(|processor| text.starts_with(processor))
}

#[cfg(test)]
mod tests {
    use super::super::order::Order;
    use super::*;

    #[test]
    fn each_archive_of_a_service_is_a_line() {
        let root = crate::project_root().unwrap();
        let mut plan = Plan::make(&root, &Order::parse(&["plan".to_owned()]).unwrap()).unwrap();
        plan.version = "1.2.3".to_owned();
        plan.services
            .retain(|service| ["inventory", "shop"].contains(&service.name.as_str()));
        let sums: Sums = [
            "backroom-x86_64-apple-darwin.tar.xz",
            "inventory-aarch64-apple-darwin.tar.xz",
            "inventory-x86_64-pc-windows-msvc.zip",
            "install.sh",
            "shop-window-x86_64-apple-darwin.tar.xz",
            "shop-x86_64-apple-darwin.tar.xz",
            "shop-x86_64-apple-darwin.cdx.json",
        ]
        .map(|name| (name.to_owned(), sums::of(name.as_bytes())))
        .into();
        let text = text(&plan, "https://a.b/c", &sums).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let sum = |name: &str| sums::of(name.as_bytes());
        assert_eq!(
            lines,
            [
                "version 1.2.3".to_owned(),
                "source https://a.b/c".to_owned(),
                format!(
                    "inventory aarch64-apple-darwin inventory-aarch64-apple-darwin.tar.xz {}",
                    sum("inventory-aarch64-apple-darwin.tar.xz")
                ),
                format!(
                    "inventory x86_64-pc-windows-msvc inventory-x86_64-pc-windows-msvc.zip {}",
                    sum("inventory-x86_64-pc-windows-msvc.zip")
                ),
                format!(
                    "shop x86_64-apple-darwin shop-x86_64-apple-darwin.tar.xz {}",
                    sum("shop-x86_64-apple-darwin.tar.xz")
                ),
            ]
        );
        assert!(super::text(&plan, "https://a.b/c", &Sums::new()).is_err());
    }
}
