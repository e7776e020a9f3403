//! Making the temporary clone: a bare repository, and how its objects are opened.

use super::address::Address;
use super::process::{git_command, run};
use super::{CLONE_LIMIT, ORIGIN, detached};
use crate::Error;
use std::path::Path;

/// Clones the tip, without contents, of the branch that the remote's HEAD names; gives the branch too.
pub(super) fn clone(address: &Address, git_dir: &Path) -> Result<(gix::Repository, String), Error> {
    let mut command = git_command();
    command.args([
        "clone",
        "--quiet",
        "--bare",
        "--depth=1",
        "--filter=blob:none",
        "--single-branch",
        "--no-tags",
        "--template=",
    ]);
    command.arg("--").arg(&address.argument).arg(git_dir);
    command.envs(address.environment.iter().cloned());
    let output = run(command, CLONE_LIMIT)?;
    if !output.success() {
        return Err(output.into_error("clone"));
    }
    let repo = open_objects(git_dir)?;
    let head = repo.head_name().map_err(Error::repository)?;
    let head = head.ok_or_else(|| detached(&address.argument))?;
    let branch = head.shorten().to_string();
    Ok((repo, branch))
}

/// Where the objects of a new clone come from.
pub(super) enum Source<'a> {
    /// A folder of this machine that holds them.
    Borrowed(&'a Path),
    /// What git calls the remote that has them.
    Remote(&'a str),
}

/// A bare repository without git's templates: four files, in a fraction of what `git init` takes.
pub(super) fn write_skeleton(
    git_dir: &Path,
    branch: &str,
    source: Source<'_>,
) -> Result<(), Error> {
    let core = "[core]\n\tbare = true\n\trepositoryformatversion =";
    let config = match source {
        Source::Borrowed(_) => format!("{core} 0\n"),
        Source::Remote(address) => {
            // Quoted as git's configuration wants it.
            let address = address
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!(
                "{core} 1\n\
                 [extensions]\n\tpartialClone = {ORIGIN}\n\
                 [remote \"{ORIGIN}\"]\n\turl = \"{address}\"\n\tpromisor = true\n\
                 \tpartialclonefilter = blob:none\n"
            )
        }
    };
    let write = || {
        std::fs::create_dir_all(git_dir.join("objects/info"))?;
        std::fs::create_dir_all(git_dir.join("refs/heads"))?;
        std::fs::write(git_dir.join("HEAD"), format!("ref: refs/heads/{branch}\n"))?;
        std::fs::write(git_dir.join("config"), config)?;
        match source {
            Source::Borrowed(objects) => std::fs::write(
                git_dir.join("objects/info/alternates"),
                format!("{}\n", objects.display()),
            ),
            Source::Remote(_) => Ok(()),
        }
    };
    write().map_err(Error::io("cannot write the temporary clone"))
}

/// Opens a clone of ours for its objects alone: no configuration but its own, no environment.
pub(super) fn open_objects(git_dir: &Path) -> Result<gix::Repository, Error> {
    open(git_dir, options().open_path_as_is(true)).map_err(Error::repository)
}

/// Opens the remote itself, bare or with a work tree.
pub(super) fn open_shared(path: &Path) -> Result<gix::Repository, gix::Error> {
    let mut repo = open(path, options())?;
    // What `git replace` shows on that machine alone is not what a clone gets.
    repo.objects.ignore_replacements = true;
    Ok(repo)
}

fn options() -> gix::open::Options {
    // The number of packs that can be known at a time is fixed at opening: room for those to come.
    let slots = gix::odb::store::init::Slots::AsNeededByDiskState {
        multiplier: 1.1,
        minimum: 1024,
    };
    gix::open::Options::isolated().object_store_slots(slots)
}

fn open(path: &Path, options: gix::open::Options) -> Result<gix::Repository, gix::Error> {
    let mut repo = gix::open_opts(path, options)?;
    // Trees of large tables are read several times in a transaction.
    repo.object_cache_size(16 * 1024 * 1024);
    Ok(repo)
}
