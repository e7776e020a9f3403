//! The objects of a clone, and how those that a partial clone lacks are had: a remote that is reached
//! by a connection sends commits and trees at once, and file contents when they are asked for.

use super::PackWriter;
use super::blobs;
use super::folder::Folder;
use super::process::{git_command, run_with_input};
use crate::Error;
use crate::patience::patiently;
use gix::ObjectId;
use gix::odb::pack::cache::lru::MemoryCappedHashmap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long one request for contents may take.
const FETCH_LIMIT: Duration = Duration::from_secs(120);
/// How long a network that fails is tried again.
const RETRY_LIMIT: Duration = Duration::from_secs(20);

/// Most memory for objects that others are differences from, while a history is gone through.
const BASES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads and writes objects of one clone. A clone of it shares everything.
#[derive(Clone)]
pub(crate) struct Objects {
    repo: gix::Repository,
    /// None where the clone has all contents.
    promisor: Option<Arc<Promisor>>,
    /// Keeps the clone: its folder goes with the last user. None for the remote itself.
    _folder: Option<Arc<Folder>>,
}

/// A remote that has what a partial clone lacks.
pub(super) struct Promisor {
    /// The clone.
    pub(super) git_dir: PathBuf,
    /// Name of the remote in the clone's configuration.
    pub(super) remote: &'static str,
    /// What git's configuration lacks about the address.
    pub(super) environment: Vec<(String, String)>,
}

impl Objects {
    pub(super) fn new(
        repo: gix::Repository,
        promisor: Option<Promisor>,
        folder: Option<Arc<Folder>>,
    ) -> Self {
        Objects {
            repo,
            promisor: promisor.map(Arc::new),
            _folder: folder,
        }
    }

    /// The same for reading a few trees once each: to keep copies of large ones costs more than it
    /// saves.
    pub(crate) fn for_one_pass(&self) -> Self {
        let mut objects = self.clone();
        objects.repo.objects.unset_object_cache();
        objects
    }

    /// Commits and trees, and writing. Contents are read by [`Objects::blob`] alone, since they may
    /// not be here yet.
    pub(crate) fn repo(&self) -> &gix::Repository {
        &self.repo
    }

    /// For going through a long history: versions of a tree, which packs hold as differences from one
    /// another, are not put together from the beginning each time.
    pub(crate) fn for_history(&self) -> Self {
        let mut objects = self.clone();
        let cache = || -> Box<gix::odb::cache::PackCache> {
            Box::new(MemoryCappedHashmap::new(BASES_BYTES_MAX))
        };
        objects.repo.objects.set_pack_cache(cache);
        objects
    }

    /// The content of a file.
    pub(crate) fn blob(&self, id: ObjectId) -> Result<Vec<u8>, Error> {
        self.prefetch(std::iter::once(id))?;
        let mut blob = self.repo.find_blob(id).map_err(Error::repository)?;
        Ok(blob.take_data())
    }

    /// Starts a pack for many new contents.
    pub(crate) fn pack(&self) -> Result<PackWriter, Error> {
        PackWriter::new(self)
    }

    /// Visits the contents of many files, in any order and from several threads; gives what the visits
    /// gave, with the places of the files in the list, in ascending order.
    pub(crate) fn visit_blobs<T: Send>(
        &self,
        ids: &[ObjectId],
        visit: impl Fn(usize, &[u8]) -> Option<T> + Sync,
    ) -> Result<Vec<(usize, T)>, Error> {
        self.prefetch(ids.iter().copied())?;
        blobs::visit(&self.repo, ids, visit)
    }

    /// Gets what is lacking of these contents, in one request.
    pub(crate) fn prefetch(&self, ids: impl Iterator<Item = ObjectId>) -> Result<(), Error> {
        let Some(promisor) = &self.promisor else {
            return Ok(());
        };
        let mut missing: Vec<ObjectId> = ids
            .filter(|id| !self.repo.objects.exists_without_refresh(id))
            .collect();
        // A look at the disk for each would cost more than the request; one look is enough.
        if let Some(first) = missing.first()
            && self.repo.has_object(first)
        {
            missing.retain(|id| !self.repo.objects.exists_without_refresh(id));
        }
        match missing.is_empty() {
            true => Ok(()),
            false => promisor.fetch(&missing),
        }
    }
}

impl Promisor {
    fn fetch(&self, ids: &[ObjectId]) -> Result<(), Error> {
        patiently(RETRY_LIMIT, || self.try_fetch(ids))
    }

    fn try_fetch(&self, ids: &[ObjectId]) -> Result<(), Error> {
        let mut command = git_command();
        command
            .arg("--git-dir")
            .arg(&self.git_dir)
            // There is nothing to negotiate about contents that are named one by one.
            .args(["-c", "fetch.negotiationAlgorithm=noop"])
            .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
            .args(["--recurse-submodules=no", "--no-auto-gc"])
            .args(["--filter=blob:none", "--stdin", self.remote])
            .envs(self.environment.iter().cloned());
        let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let output = run_with_input(command, lines.into_bytes(), FETCH_LIMIT)?;
        match output.success() {
            true => Ok(()),
            false => Err(output.into_error("fetch")),
        }
    }
}
