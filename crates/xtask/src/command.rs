//! Runs other programs: one way to start them, to say what is run, and to name what failed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{flags, ui};

/// A cargo command in the workspace's folder.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Command {
    let mut command = program(root, flags::cargo(), args);
    if std::env::var_os("CFLAGS").is_none()
        && let Some(folder) = assembler_beside_compiler()
    {
        command.env("CFLAGS", format!("-B{}", folder.display()));
    }
    command
}

/// The folder of the C compiler where the assembler lies too, but not on the PATH.
///
/// gcc starts `as` by the PATH. Some dependencies have a part in C, so a PATH that holds just `cc`,
/// `ld` and `ar`, as links to the real ones, would not be enough; `-B` tells gcc where to look.
fn assembler_beside_compiler() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let find = |name: &str| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    };
    if find("as").is_some() {
        return None;
    }
    let compiler = find("cc")?.canonicalize().ok()?;
    let folder = compiler.parent()?;
    folder.join("as").is_file().then(|| folder.to_owned())
}

/// A git command in the workspace's folder.
pub(crate) fn git(root: &Path, args: &[&str]) -> Command {
    program(root, "git", args)
}

/// Runs a command with its output passed through; an exit code other than 0 is an error.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let shown = shown(&command);
    ui::note(&format!("$ {shown}"));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{shown}`: is it installed and on the PATH?"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a command and returns what it wrote to standard output.
pub(crate) fn read(mut command: Command) -> Result<String> {
    let shown = shown(&command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{shown}`: is it installed and on the PATH?"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` wrote no UTF-8"))
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_stem()
        .unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn program(root: &Path, program: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root);
    command
}
