//! Installs a release as a user would, runs it, and sees to it that a broken one is refused.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::plan::{Plan, SUITE};
use super::server::{Damage, FileServer};
use super::sums;
use crate::{command, ui};

/// Installs all into an empty folder from a server on this machine, starts each program, has one
/// store tell its whole story, and tries archives that were damaged on their way.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let out = &plan.out;
    ensure!(
        out.join(sums::NAME).is_file(),
        "'{}' holds no release: run pack first",
        out.display()
    );
    let folder = tempfile::tempdir().context("cannot make a folder to install into")?;
    let bin = folder.path().join("bin");
    let server = FileServer::start(out, None)?;
    command::run(installer(
        out,
        &server.url(),
        &bin,
        &plan.target.triple,
        &[],
    ))?;
    drop(server);

    for service in &plan.services {
        let program = bin.join(plan.target.program(&service.name));
        let said = command::read(alone(&program, folder.path(), &["--version"]))?;
        let expected = format!(
            "{} {} ({} {})",
            service.name, plan.version, plan.commit.name, plan.target.triple
        );
        ensure!(
            said.trim() == expected,
            "'{}' says it is '{}', not '{expected}': build and pack again",
            program.display(),
            said.trim()
        );
        ui::line(&expected);
    }
    an_order(&bin.join(plan.target.program("shop")), folder.path())?;
    refusals(plan)
}

/// Runs the story of a whole store with the installed programs and nothing else of ours.
fn an_order(shop: &Path, folder: &Path) -> Result<()> {
    let data = folder.join("data");
    let data = data.to_str().context("the folder's name is no UTF-8")?;
    let told = command::read(alone(
        shop,
        folder,
        &["--data", data, "--json", "demo", "--exit"],
    ))?;
    let story: serde_json::Value =
        serde_json::from_str(&told).context("`shop demo --json` printed no JSON")?;
    ui::line(&format!(
        "an order, and the rest of the story, came true with the installed programs ({} bytes told)",
        story.to_string().len()
    ));
    Ok(())
}

/// A flipped bit or a missing byte in an archive leaves the folder as it was.
fn refusals(plan: &Plan) -> Result<()> {
    let services = [SUITE]
        .into_iter()
        .chain(plan.services.first().map(|service| service.name.as_str()));
    for name in services {
        for damage in [Damage::Flipped, Damage::Truncated] {
            let folder = tempfile::tempdir().context("cannot make a folder to install into")?;
            let archive = plan.target.archive(name);
            let server = FileServer::start(&plan.out, Some((&archive, damage)))?;
            let named = (name != SUITE).then_some(name);
            let output = installer(
                &plan.out,
                &server.url(),
                folder.path(),
                &plan.target.triple,
                named.as_slice(),
            )
            .output()
            .context("cannot start sh")?;
            let said = String::from_utf8_lossy(&output.stderr);
            let is_refused = !output.status.success()
                && said.contains("does not have the checksum")
                && is_empty(folder.path())?;
            if !is_refused {
                bail!("'{archive}' ({damage:?}) was installed all the same: {said}");
            }
            ui::line(&format!("refused: {archive}, {damage:?}"));
        }
    }
    Ok(())
}

fn is_empty(folder: &Path) -> Result<bool> {
    let mut entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read '{}'", folder.display()))?;
    Ok(entries.next().is_none())
}

fn installer(out: &Path, url: &str, dir: &Path, triple: &str, services: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .arg(out.join("install.sh"))
        .args(["--from", url, "--target", triple, "--dir"])
        .arg(dir)
        .args(services)
        .env_remove("BACKROOM_FROM")
        .env_remove("BACKROOM_DIR");
    command
}

/// A program in a folder outside of the project, with no word of where that is.
fn alone(program: &Path, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(folder)
        .env_remove("BACKROOM_PROJECT");
    command
}
