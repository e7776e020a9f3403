//! The only place that runs git: the temporary clone, fetch and push. Objects are read and written
//! elsewhere, without git.
//!
//! A remote that is a path on this machine is not copied: the clone borrows its objects
//! (`objects/info/alternates`) and reads its refs, so that nothing runs before the push. Any other
//! remote is fetched at depth 1. There never is a work tree.
//!
//! The user's own git configuration holds, since that is where credentials, proxies and
//! `http.extraheader` are; nothing of it is copied to disk, and no address with a password appears
//! among a process's arguments.

mod address;
mod process;

pub use address::{is_url, with_token};

use crate::Error;
use crate::push::{self, Push};
use crate::turn::Turn;
use address::Address;
use gix::ObjectId;
use process::{Output, git_command, run};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Where a fetched tip stands in the clone.
const TIP: &str = "refs/ghettodb/tip";
/// Pushed commits of unknown fate are kept under here, so that a fetch offers them to the remote.
const PENDING: &str = "refs/ghettodb/pending";
/// How long the first contact may take; without a limit a dead host would hang a service for good.
pub(crate) const CLONE_LIMIT: Duration = Duration::from_secs(300);

/// A remote repository, and the temporary clone through which it is read and written.
pub(crate) struct Remote {
    /// The clone's folder goes when the last user of it does.
    dir: Arc<TempDir>,
    repo: gix::Repository,
    /// The remote itself, where it is on this machine.
    shared: Option<gix::Repository>,
    address: Address,
    branch: String,
}

impl Remote {
    /// Connects to `repo`, a URL or a path; without `branch`, the one that its HEAD names.
    pub(crate) fn open(repo: &str, branch: Option<&str>) -> Result<Self, Error> {
        if let Some(branch) = branch {
            check_branch(branch)?;
        }
        if !is_url(repo) {
            return Self::open_path(Path::new(repo), branch);
        }
        let address = Address::of_url(repo);
        let dir = Arc::new(temp_dir()?);
        let git_dir = dir.path().join("git");
        let branch = match branch {
            Some(branch) => {
                write_skeleton(&git_dir, branch, None)?;
                branch.to_owned()
            }
            None => clone(&address, &git_dir)?,
        };
        Ok(Remote {
            repo: open_objects(&git_dir)?,
            dir,
            shared: None,
            address,
            branch,
        })
    }

    fn open_path(path: &Path, branch: Option<&str>) -> Result<Self, Error> {
        let absolute = path
            .canonicalize()
            .map_err(Error::io(format!("no repository at {:?}", path.display())))?;
        let address = absolute.to_str().filter(|path| !path.contains('\n'));
        let address = address
            .ok_or_else(|| Error::Repository(format!("the path {absolute:?} is not plain UTF-8")))?
            .to_owned();
        let shared =
            gix::open_opts(&absolute, gix::open::Options::isolated()).map_err(|error| {
                Error::Repository(format!("{address:?} is no git repository: {error}"))
            })?;
        let branch = match branch {
            Some(branch) => branch.to_owned(),
            None => {
                let head = shared.head_name().map_err(Error::repository)?;
                let name = head.ok_or_else(|| detached(&address))?;
                name.shorten().to_string()
            }
        };
        let objects = shared.common_dir().join("objects");
        let objects = objects
            .canonicalize()
            .map_err(Error::io(format!("{address:?} has no objects")))?;
        let dir = Arc::new(temp_dir()?);
        let git_dir = dir.path().join("git");
        write_skeleton(&git_dir, &branch, Some(&objects))?;
        Ok(Remote {
            repo: open_objects(&git_dir)?,
            dir,
            shared: Some(shared),
            address: Address::of_path(&address),
            branch,
        })
    }

    /// The branch, without `refs/heads/`.
    pub(crate) fn branch(&self) -> &str {
        &self.branch
    }

    /// Whether the remote is on this machine, so that a fetch costs next to nothing.
    pub(crate) fn is_near(&self) -> bool {
        self.shared.is_some()
    }

    /// Waits for this machine's writers to let this one go; none where the remote is elsewhere.
    pub(crate) fn turn(&self, limit: Duration) -> Option<Turn> {
        Turn::take(self.shared.as_ref()?.common_dir(), limit)
    }

    /// The objects of the clone.
    pub(crate) fn repo(&self) -> &gix::Repository {
        &self.repo
    }

    /// The clone's folder, to be kept for as long as its objects are read.
    pub(crate) fn folder(&self) -> Arc<TempDir> {
        Arc::clone(&self.dir)
    }

    /// The remote branch's commit, fetched with its tree; none where the branch is unborn.
    ///
    /// With `since`, all commits since the last known tip come too, and what became of the pushes of
    /// these commits can be told from them.
    pub(crate) fn fetch(
        &mut self,
        since: &[ObjectId],
        limit: Duration,
    ) -> Result<Option<ObjectId>, Error> {
        if let Some(shared) = &self.shared {
            return resolve(shared, &format!("refs/heads/{}", self.branch));
        }
        for (index, commit) in since.iter().enumerate() {
            self.set_ref(&format!("{PENDING}/{index}"), *commit)?;
        }
        let depth: &[&str] = if since.is_empty() {
            &["--depth=1"]
        } else {
            &[]
        };
        if !self.run_fetch(depth, limit)? {
            return Ok(None);
        }
        resolve(&self.repo, TIP)
    }

    /// Fetches the whole history of the branch, not only its tip.
    pub(crate) fn fetch_history(&mut self, limit: Duration) -> Result<Option<ObjectId>, Error> {
        let shallow = self.dir.path().join("git/shallow").exists();
        if self.shared.is_some() || !shallow {
            return self.fetch(&[], limit);
        }
        if !self.run_fetch(&["--unshallow"], limit)? {
            return Ok(None);
        }
        resolve(&self.repo, TIP)
    }

    /// Says whether the branch is there.
    fn run_fetch(&self, depth: &[&str], limit: Duration) -> Result<bool, Error> {
        let refspec = format!("+refs/heads/{}:{TIP}", self.branch);
        let options = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-gc",
        ];
        let end = ["--", &self.address.argument, &refspec];
        let output = self.git(options.iter().chain(depth).chain(&end), limit)?;
        if output.success() {
            return Ok(true);
        }
        if output.stderr.contains("couldn't find remote ref") {
            return Ok(false);
        }
        Err(output.into_error("fetch"))
    }

    /// Tries to move the branch from the commit's parent to the commit.
    ///
    /// The remote compares: it refuses unless the branch still is at an ancestor of the commit, which
    /// here can only be its parent.
    pub(crate) fn push(&self, commit: ObjectId, limit: Duration) -> Result<Push, Error> {
        let refspec = format!("{commit}:refs/heads/{}", self.branch);
        // No verification: a hook of the user's `core.hooksPath` is not meant for this clone.
        let options = [
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--recurse-submodules=no",
        ];
        let output = self.git(
            options
                .iter()
                .chain(&["--", &self.address.argument, &refspec]),
            limit,
        )?;
        if output.timed_out {
            return Ok(Push::Unknown(format!(
                "no answer within {} s",
                limit.as_secs_f32()
            )));
        }
        Ok(push::classify(
            output.success(),
            &output.stdout,
            &output.stderr,
        ))
    }

    /// Keeps a commit that was accepted as the tip, so that the next fetch has it to offer.
    pub(crate) fn keep_tip(&self, commit: ObjectId) -> Result<(), Error> {
        match self.shared {
            Some(_) => Ok(()),
            None => self.set_ref(TIP, commit),
        }
    }

    fn set_ref(&self, name: &str, commit: ObjectId) -> Result<(), Error> {
        self.repo
            .reference(name, commit, gix::refs::transaction::PreviousValue::Any, "")
            .map(drop)
            .map_err(Error::repository)
    }

    fn git<'a>(
        &self,
        args: impl Iterator<Item = &'a &'a str>,
        limit: Duration,
    ) -> Result<Output, Error> {
        let mut command = git_command();
        command.arg("--git-dir").arg(self.dir.path().join("git"));
        command
            .args(args)
            .envs(self.address.environment.iter().cloned());
        run(command, limit)
    }
}

/// Makes an empty bare repository at `path` with the branch `main`, unless there is a repository.
pub(crate) fn init(path: &Path) -> Result<bool, Error> {
    if path.exists() && gix::open_opts(path, gix::open::Options::isolated()).is_ok() {
        return Ok(false);
    }
    if path
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(Error::Usage(format!(
            "{:?} is neither empty nor a git repository",
            path.display()
        )));
    }
    let mut command = git_command();
    command
        .args(["init", "--quiet", "--bare", "--initial-branch=main", "--"])
        .arg(path);
    let output = run(command, CLONE_LIMIT)?;
    match output.success() {
        true => Ok(true),
        false => Err(output.into_error("init")),
    }
}

/// The address that the checked-out repository around `folder` calls `origin`; none where there is
/// no such repository. It may hold a secret.
pub fn origin_of(folder: &Path) -> Result<Option<String>, Error> {
    let mut command = git_command();
    command
        .arg("-C")
        .arg(folder)
        .args(["config", "--get", "remote.origin.url"]);
    let output = run(command, CLONE_LIMIT)?;
    let address = output.stdout.trim_end_matches('\n');
    Ok((output.success() && !address.is_empty()).then(|| address.to_owned()))
}

/// Clones the tip of the branch that the remote's HEAD names; gives the branch.
fn clone(address: &Address, git_dir: &Path) -> Result<String, Error> {
    let mut command = git_command();
    command.args([
        "clone",
        "--quiet",
        "--bare",
        "--depth=1",
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
    let head = open_objects(git_dir)?
        .head_name()
        .map_err(Error::repository)?;
    Ok(head
        .ok_or_else(|| detached(&address.argument))?
        .shorten()
        .to_string())
}

fn detached(address: &str) -> Error {
    Error::Usage(format!(
        "HEAD of {address:?} names no branch; say which branch holds the data"
    ))
}

fn temp_dir() -> Result<TempDir, Error> {
    tempfile::Builder::new()
        .prefix("ghettodb-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(Error::io("cannot make a temporary folder for the clone"))
}

/// A bare repository without git's templates: four files, in a fraction of what `git init` takes.
fn write_skeleton(git_dir: &Path, branch: &str, alternate: Option<&Path>) -> Result<(), Error> {
    let write = || {
        std::fs::create_dir_all(git_dir.join("objects/info"))?;
        std::fs::create_dir_all(git_dir.join("refs/heads"))?;
        std::fs::write(git_dir.join("HEAD"), format!("ref: refs/heads/{branch}\n"))?;
        std::fs::write(
            git_dir.join("config"),
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
        )?;
        match alternate {
            Some(objects) => std::fs::write(
                git_dir.join("objects/info/alternates"),
                format!("{}\n", objects.display()),
            ),
            None => Ok(()),
        }
    };
    write().map_err(Error::io("cannot write the temporary clone"))
}

/// Opens a repository for its objects alone: no configuration but its own, no environment.
fn open_objects(git_dir: &Path) -> Result<gix::Repository, Error> {
    // The number of packs that can be known at a time is fixed at opening: room for those to come.
    let slots = gix::odb::store::init::Slots::AsNeededByDiskState {
        multiplier: 1.1,
        minimum: 1024,
    };
    let options = gix::open::Options::isolated()
        .open_path_as_is(true)
        .object_store_slots(slots);
    let mut repo = gix::open_opts(git_dir, options).map_err(Error::repository)?;
    // Trees of large tables are read several times in a transaction.
    repo.object_cache_size(16 * 1024 * 1024);
    Ok(repo)
}

fn resolve(repo: &gix::Repository, name: &str) -> Result<Option<ObjectId>, Error> {
    let Some(mut reference) = repo.try_find_reference(name).map_err(Error::repository)? else {
        return Ok(None);
    };
    let id = reference.peel_to_id().map_err(Error::repository)?;
    Ok(Some(id.detach()))
}

fn check_branch(branch: &str) -> Result<(), Error> {
    let name = format!("refs/heads/{branch}");
    match gix::validate::reference::name(name.as_str().into()) {
        Ok(_) if !branch.starts_with('-') => Ok(()),
        _ => Err(Error::Name {
            what: "branch",
            name: branch.to_owned(),
            reason: "git does not take it as the name of a branch".to_owned(),
        }),
    }
}
