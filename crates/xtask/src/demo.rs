//! `cargo xtask demo`: builds every program, then hands over to `shop demo`, which tells the story.

use std::convert::Infallible;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::{command, ui};

/// Builds, then becomes the story: Ctrl-C is between it and the terminal, and so is its exit code.
pub(crate) fn run(root: &Path, flags: &[String]) -> Result<Infallible> {
    let begun = Instant::now();
    ui::note("building the shop; the first time takes some minutes, later ones seconds");
    command::run(command::cargo(root, &["build", "--workspace", "--bins"]))?;
    ui::note(&format!(
        "built in {:.1} s; the story begins\n",
        begun.elapsed().as_secs_f64()
    ));
    let shop = binary(root, "debug", "shop")?;
    let error = Command::new(&shop).arg("demo").args(flags).exec();
    Err(error).with_context(|| format!("cannot start '{}'", shop.display()))
}

/// Where cargo put a program of ours.
pub(crate) fn binary(root: &Path, profile: &str, name: &str) -> Result<std::path::PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(folder));
    let path = target.join(profile).join(name);
    path.is_file()
        .then_some(path.clone())
        .with_context(|| format!("the build left no '{}'", path.display()))
}
