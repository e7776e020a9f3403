//! The only place that runs git: the temporary clone, fetch and push. Objects are read and written
//! elsewhere, without git.
//!
//! A remote that is a path on this machine is read where it is. It gets its clone with the first write,
//! which borrows its objects (`objects/info/alternates`), so that nothing runs before the push. Of any other
//! remote the tip is fetched (depth 1) without the contents of files, which come when they are read;
//! a remote that cannot do that sends them along. There never is a work tree.
//!
//! The user's own git configuration holds, since that is where credentials, proxies and
//! `http.extraheader` are; nothing of it is copied to disk, and no address with a password appears
//! among a process's arguments.

mod address;
mod blobs;
mod clone;
mod folder;
mod objects;
mod pack;
mod process;
mod soundness;
mod staged;
pub(crate) mod work_tree;

pub use address::{is_url, with_token};
pub(crate) use objects::Objects;
pub(crate) use pack::PackWriter;
pub(crate) use staged::Staged;

use crate::push::{self, Push};
use crate::turn::Turn;
use crate::{Error, Scratch};
use address::Address;
use clone::{Source, clone, open_objects, open_shared, write_skeleton};
use folder::Folder;
use gix::ObjectId;
use objects::Promisor;
use process::{Output, git_command, run};
use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where a fetched tip stands in the clone.
const TIP: &str = "refs/ghettodb/tip";
/// Pushed commits of unknown fate are kept under here, so that a fetch offers them to the remote.
const PENDING: &str = "refs/ghettodb/pending";
/// Where fetched tags stand in the clone.
const TAGS: &str = "refs/ghettodb/tags/";
const REMOTE_TAGS: &str = "refs/tags/";
/// What the remote is called in the clone of one that is elsewhere.
const ORIGIN: &str = "origin";
/// How long the first contact may take; without a limit a dead host would hang a service for good.
pub(crate) const CLONE_LIMIT: Duration = Duration::from_secs(300);

/// A remote repository, and the temporary clone through which it is read and written.
pub(crate) struct Remote {
    /// Made by the first write where the remote is on this machine.
    clone: OnceCell<Clone>,
    /// The remote itself, where it is on this machine; nothing is written there.
    shared: Option<Objects>,
    address: Address,
    branch: String,
    scratch: Scratch,
    /// Whether the clone has the whole history, rather than the latest commits.
    whole: bool,
    /// The last push that was accepted, until a fetch has it to offer.
    accepted: Cell<Option<ObjectId>>,
}

struct Clone {
    git_dir: PathBuf,
    objects: Objects,
}

impl Remote {
    /// Connects to `repo`, a URL or a path; without `branch`, the one that its HEAD names.
    ///
    /// Gives the tip too; none where the branch is unborn.
    pub(crate) fn open(
        repo: &str,
        branch: Option<&str>,
        scratch: Scratch,
    ) -> Result<(Self, Option<ObjectId>), Error> {
        if let Some(branch) = branch {
            check_branch(branch)?;
        }
        if !is_url(repo) {
            let mut remote = Self::open_path(Path::new(repo), branch, scratch)?;
            let tip = remote.fetch(&[], CLONE_LIMIT)?;
            return Ok((remote, tip));
        }
        let address = Address::of_url(repo);
        let folder = Arc::new(Folder::new(scratch)?);
        let git_dir = folder.git_dir();
        let (repo, branch, is_cloned) = match branch {
            Some(branch) => {
                write_skeleton(&git_dir, branch, Source::Remote(&address.argument))?;
                (open_objects(&git_dir)?, branch.to_owned(), false)
            }
            None => {
                let (repo, branch) = clone(&address, &git_dir)?;
                (repo, branch, true)
            }
        };
        let promisor = Promisor {
            git_dir: git_dir.clone(),
            remote: ORIGIN,
            environment: address.environment.clone(),
        };
        let objects = Objects::new(repo, Some(promisor), Some(folder));
        let mut remote = Remote {
            clone: Clone { git_dir, objects }.into(),
            shared: None,
            address,
            branch,
            scratch,
            whole: false,
            accepted: Cell::new(None),
        };
        let tip = match is_cloned {
            true => remote.cloned_tip()?,
            false => remote.fetch(&[], CLONE_LIMIT)?,
        };
        Ok((remote, tip))
    }

    /// The tip that came with a new clone.
    fn cloned_tip(&self) -> Result<Option<ObjectId>, Error> {
        resolve(
            self.objects().repo(),
            &format!("refs/heads/{}", self.branch),
        )
    }

    fn open_path(path: &Path, branch: Option<&str>, scratch: Scratch) -> Result<Self, Error> {
        let absolute = path
            .canonicalize()
            .map_err(Error::io(format!("no repository at {:?}", path.display())))?;
        let address = absolute.to_str().filter(|path| !path.contains('\n'));
        let address = address
            .ok_or_else(|| Error::Repository(format!("the path {absolute:?} is not plain UTF-8")))?
            .to_owned();
        let shared = open_shared(&absolute).map_err(|error| {
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
        Ok(Remote {
            clone: OnceCell::new(),
            shared: Some(Objects::new(shared, None, None)),
            address: Address::of_path(&address),
            branch,
            scratch,
            whole: false,
            accepted: Cell::new(None),
        })
    }

    /// The clone, made where there is none yet.
    fn clone(&self) -> Result<&Clone, Error> {
        let (None, Some(shared)) = (self.clone.get(), &self.shared) else {
            return Ok(self.clone.get().expect("a remote elsewhere has its clone"));
        };
        let objects = shared.repo().common_dir().join("objects");
        let objects = objects.canonicalize().map_err(Error::io(format!(
            "{:?} has no objects",
            self.address.argument
        )))?;
        let folder = Arc::new(Folder::new(self.scratch)?);
        let git_dir = folder.git_dir();
        write_skeleton(&git_dir, &self.branch, Source::Borrowed(&objects))?;
        let objects = Objects::new(open_objects(&git_dir)?, None, Some(folder));
        Ok(self.clone.get_or_init(|| Clone { git_dir, objects }))
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
        Turn::take(self.shared.as_ref()?.repo().common_dir(), limit)
    }

    /// The objects, to be read.
    pub(crate) fn objects(&self) -> &Objects {
        match (self.clone.get(), &self.shared) {
            (Some(clone), _) => &clone.objects,
            (None, Some(shared)) => shared,
            (None, None) => unreachable!("a remote elsewhere has its clone"),
        }
    }

    /// The objects of the clone, to be read and written.
    pub(crate) fn writable(&self) -> Result<&Objects, Error> {
        Ok(&self.clone()?.objects)
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
            return resolve(shared.repo(), &format!("refs/heads/{}", self.branch));
        }
        for (index, commit) in since.iter().enumerate() {
            self.set_ref(&format!("{PENDING}/{index}"), *commit)?;
        }
        let depth: &[&str] = match since.is_empty() && !self.whole {
            true => &["--depth=1"],
            false => &[],
        };
        if !self.fetch_ref(&self.tip_refspec(), depth, limit)? {
            return Ok(None);
        }
        resolve(self.objects().repo(), TIP)
    }

    /// Fetches the whole history of the branch, not only its tip; from then on, every fetch adds to it.
    pub(crate) fn fetch_history(&mut self, limit: Duration) -> Result<Option<ObjectId>, Error> {
        if self.shared.is_some() {
            return self.fetch(&[], limit);
        }
        let depth: &[&str] = match self.clone()?.git_dir.join("shallow").exists() {
            true => &["--unshallow"],
            false => &[],
        };
        if !self.fetch_ref(&self.tip_refspec(), depth, limit)? {
            return Ok(None);
        }
        self.whole = true;
        resolve(self.objects().repo(), TIP)
    }

    /// What the tag of that name stands for, with its history; none where there is no such tag.
    pub(crate) fn tag(&self, name: &str, limit: Duration) -> Result<Option<ObjectId>, Error> {
        let tag = format!("{REMOTE_TAGS}{name}");
        if gix::validate::reference::name(tag.as_str().into()).is_err() {
            return Ok(None);
        }
        if let Some(shared) = &self.shared {
            return resolve(shared.repo(), &tag);
        }
        let here = format!("{TAGS}{name}");
        match self.fetch_ref(&format!("+{tag}:{here}"), &[], limit)? {
            true => resolve(self.objects().repo(), &here),
            false => Ok(None),
        }
    }

    /// What the tags whose names start with `prefix`, which ends with `/`, stand for, with their
    /// histories.
    pub(crate) fn tags(&self, prefix: &str, limit: Duration) -> Result<Vec<ObjectId>, Error> {
        let (repo, folder) = match &self.shared {
            Some(shared) => (shared.repo(), format!("{REMOTE_TAGS}{prefix}")),
            None => {
                let here = format!("{TAGS}{prefix}");
                self.fetch_ref(&format!("+{REMOTE_TAGS}{prefix}*:{here}*"), &[], limit)?;
                (self.objects().repo(), here)
            }
        };
        let references = repo.references().map_err(Error::repository)?;
        let references = references
            .prefixed(folder.as_str())
            .map_err(Error::repository)?;
        references
            .map(|reference| {
                let mut reference = reference.map_err(Error::repository)?;
                let id = reference.peel_to_id().map_err(Error::repository)?;
                Ok(id.detach())
            })
            .collect()
    }

    fn tip_refspec(&self) -> String {
        format!("+refs/heads/{}:{TIP}", self.branch)
    }

    /// Says whether there is such a reference.
    fn fetch_ref(&self, refspec: &str, depth: &[&str], limit: Duration) -> Result<bool, Error> {
        let options = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-gc",
        ];
        if let Some(accepted) = self.accepted.take() {
            self.set_tip(accepted)?;
        }
        let end = ["--", self.name(), refspec];
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
        self.push_refs(&[], &[&refspec], limit)
    }

    /// Tries to move the branch from one commit to another that does not come from it, and to tag the
    /// old one, both or none. The remote refuses unless the branch still is at the old one.
    pub(crate) fn push_rewritten(
        &self,
        old: ObjectId,
        new: ObjectId,
        tag: &str,
        limit: Duration,
    ) -> Result<Push, Error> {
        let branch = &self.branch;
        let lease = format!("--force-with-lease=refs/heads/{branch}:{old}");
        let moved = format!("{new}:refs/heads/{branch}");
        let tagged = format!("{old}:refs/tags/{tag}");
        self.push_refs(&["--atomic", &lease], &[&moved, &tagged], limit)
    }

    /// Deletes a tag of the remote.
    pub(crate) fn delete_tag(&self, tag: &str, limit: Duration) -> Result<Push, Error> {
        self.push_refs(&[], &[&format!(":refs/tags/{tag}")], limit)
    }

    fn push_refs(
        &self,
        options: &[&str],
        refspecs: &[&str],
        limit: Duration,
    ) -> Result<Push, Error> {
        // No verification: a hook of the user's `core.hooksPath` is not meant for this clone.
        let common = [
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--recurse-submodules=no",
        ];
        let args = common.iter().chain(options);
        let output = self.git(args.chain(&["--", self.name()]).chain(refspecs), limit)?;
        if output.timed_out {
            return Ok(Push::Unknown(format!(
                "no answer within {} s",
                limit.as_secs_f32()
            )));
        }
        let outcome = push::classify(output.success(), &output.stdout, &output.stderr);
        Ok(match outcome {
            // Where a connection dies before the reply, curl sends the request again by itself, and
            // the remote, which has taken it, now finds the branch moved: by this very commit.
            Push::Moved(text) if self.address.is_http && text.starts_with("[remote rejected]") => {
                Push::Unknown(text)
            }
            outcome => outcome,
        })
    }

    /// Keeps a commit that was accepted, so that the next fetch has it to offer.
    pub(crate) fn keep_tip(&self, commit: ObjectId) {
        self.accepted.set(Some(commit));
    }

    pub(crate) fn set_tip(&self, commit: ObjectId) -> Result<(), Error> {
        self.set_ref(TIP, commit)
    }

    /// How git is told which repository is meant.
    fn name(&self) -> &str {
        match self.shared {
            Some(_) => &self.address.argument,
            None => ORIGIN,
        }
    }

    fn set_ref(&self, name: &str, commit: ObjectId) -> Result<(), Error> {
        self.writable()?
            .repo()
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
        command.arg("--git-dir").arg(&self.clone()?.git_dir);
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

fn detached(address: &str) -> Error {
    Error::Usage(format!(
        "HEAD of {address:?} names no branch; say which branch holds the data"
    ))
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
