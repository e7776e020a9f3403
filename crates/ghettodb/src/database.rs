//! One repository: where it is, who writes, and its temporary clone.

use crate::git::{self, Remote};
use crate::index::Index;
use crate::patience::patiently;
use crate::tree::View;
use crate::{Error, Snapshot};
use gix::ObjectId;
use std::path::Path;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Author {
    /// Name, as in `git log`.
    pub name: String,
    /// E-mail address, as in `git log`.
    pub email: String,
}

impl Author {
    /// As it stands in a commit.
    pub(crate) fn signature(&self, time: gix::date::Time) -> gix::actor::Signature {
        // Git's own rules for a name: no angle brackets, no line breaks.
        let plain = |text: &str| text.replace(['<', '>', '\n', '\0'], " ").trim().to_owned();
        gix::actor::Signature {
            name: plain(&self.name).into(),
            email: plain(&self.email).into(),
            time,
        }
    }
}

/// Where the temporary clone stands, which a process makes to read and write a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scratch {
    /// In the system's folder for temporary files, `TMPDIR`.
    Disk,
    /// In memory, under `/dev/shm`, where there is room for a gigabyte and `TMPDIR` is not set; otherwise
    /// as [`Scratch::Disk`]. Faster for whoever writes a few records; whoever goes through a long history
    /// or brings many records would fill up memory.
    Memory,
}

/// Which repository, and how to write to it.
#[derive(Debug, Clone)]
pub struct Options {
    /// URL or path of the repository.
    pub repo: String,
    /// Branch, without `refs/heads/`; none = the one that the remote's HEAD names.
    pub branch: Option<String>,
    /// How long a transaction may try to get its commit accepted, all attempts together.
    pub push_deadline: Duration,
    /// Author and committer of the commits.
    pub author: Author,
    /// Where the temporary clone stands.
    pub scratch: Scratch,
    /// Folder of the indexes, made where there is none; none = search without. What it holds is derived
    /// from the repository, so that it may be deleted at any time, and as secret as the records.
    #[cfg(feature = "sqlite")]
    pub cache: Option<PathBuf>,
}

impl Options {
    /// The default branch of `repo`, 60 seconds, an author named after this crate, and a clone on disk.
    pub fn new(repo: impl Into<String>) -> Self {
        Options {
            repo: repo.into(),
            branch: None,
            push_deadline: Duration::from_secs(60),
            author: Author {
                name: "ghettodb".to_owned(),
                email: "ghettodb@localhost".to_owned(),
            },
            scratch: Scratch::Disk,
            #[cfg(feature = "sqlite")]
            cache: None,
        }
    }
}

/// One clone of one repository, in a temporary folder that goes with it.
///
/// ```no_run
/// use ghettodb::{Database, Error, Message, Options, record_from};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut database = Database::open(Options::new("data/origin.git"))?;
/// let message = Message { subject: "restock beer".to_owned(), trailers: Vec::new() };
/// let committed = database.transact(&message, |tx| {
///     let beer = record_from(serde_json::json!({"product": "beer"}))?;
///     tx.upsert("stock", &beer, record_from(serde_json::json!({"stock_level": 2}))?)
/// }).map_err(Error::from)?;
/// println!("{:?} in commit {:?}", committed.value, committed.commit);
/// # Ok(()) }
/// ```
pub struct Database {
    pub(crate) options: Options,
    pub(crate) remote: Remote,
    /// The commit that the next transaction starts from; none where the branch is unborn.
    pub(crate) tip: Option<ObjectId>,
    /// Whether nothing suggests yet that the branch has moved on from `tip`.
    pub(crate) fresh: bool,
    /// Not before this moment may the next transaction start: others wait for their turn.
    pub(crate) rest_until: Option<Instant>,
    pub(crate) index: Option<Arc<Index>>,
    uses: u32,
}

/// How long reading tries again while the network fails: a mistyped host fails in the same way, so a
/// person is waiting.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How many fetches and pushes one clone serves: what they leave in it is never packed.
const CLONE_USES_MAX: u32 = 250;

/// Makes an empty bare repository at `path` with the branch `main`, unless there is a repository;
/// says whether it made it.
pub fn init(path: &Path) -> Result<bool, Error> {
    git::init(path)
}

impl Database {
    /// Connects to the repository and fetches the tip of the branch. An empty repository is one
    /// without records.
    ///
    /// A network that fails is tried again for a few seconds.
    pub fn open(options: Options) -> Result<Self, Error> {
        let (remote, tip) = patiently(CONNECT_LIMIT, || {
            Remote::open(&options.repo, options.branch.as_deref(), options.scratch)
        })?;
        Ok(Database {
            index: index_of(&options),
            options,
            remote,
            tip,
            fresh: true,
            rest_until: None,
            uses: 0,
        })
    }

    /// The branch that is read and written, without `refs/heads/`.
    pub fn branch(&self) -> &str {
        self.remote.branch()
    }

    /// Fetches the tip; a read-only view of it.
    pub fn snapshot(&mut self) -> Result<Snapshot, Error> {
        self.fetch_tip()?;
        Ok(self.snapshot_of(self.tip))
    }

    /// Takes what the remote has as the tip.
    pub(crate) fn fetch_tip(&mut self) -> Result<(), Error> {
        self.renew_worn_clone()?;
        self.tip = patiently(CONNECT_LIMIT, || self.remote.fetch(&[], git::CLONE_LIMIT))?;
        self.fresh = true;
        Ok(())
    }

    /// Why the index was rebuilt or passed over, if it was since this was last asked.
    pub fn cache_note(&self) -> Option<String> {
        self.index.as_ref()?.note()
    }

    /// Fetches the tip and all that was before it.
    pub(crate) fn fetch_history(&mut self) -> Result<(), Error> {
        self.tip = patiently(CONNECT_LIMIT, || {
            self.remote.fetch_history(git::CLONE_LIMIT)
        })?;
        self.fresh = true;
        Ok(())
    }

    /// Fetches the tip and what was between it and a commit, if that is before it.
    pub(crate) fn fetch_since(&mut self, commit: ObjectId) -> Result<(), Error> {
        self.tip = self.remote.fetch(&[commit], git::CLONE_LIMIT)?;
        self.fresh = true;
        Ok(())
    }

    /// Whether an object is in the clone.
    pub(crate) fn has(&self, id: ObjectId) -> bool {
        self.remote.objects().repo().has_object(id)
    }

    /// The records of a commit that is here.
    pub(crate) fn view(&self, commit: Option<ObjectId>) -> Result<View<'_>, Error> {
        View::new(self.remote.objects(), commit)
    }

    pub(crate) fn snapshot_of(&self, commit: Option<ObjectId>) -> Snapshot {
        // The index follows the tip; for a look back it would have to go there, and return.
        let index = self.index.as_ref().filter(|_| commit == self.tip);
        Snapshot::new(self.remote.objects().for_one_pass(), commit).with_index(index.cloned())
    }

    /// Makes sure that what is written to the clone now is there in the next transaction.
    pub(crate) fn hold_clone(&mut self) -> Result<(), Error> {
        self.renew_worn_clone()?;
        self.uses = self.uses.saturating_sub(1);
        Ok(())
    }

    /// Starts a new clone after many uses of this one; snapshots keep the old one while they live.
    pub(crate) fn renew_worn_clone(&mut self) -> Result<(), Error> {
        self.count_use();
        self.renew_if_worn()
    }

    /// Counts what leaves something in the clone.
    pub(crate) fn count_use(&mut self) {
        self.uses += 1;
    }

    pub(crate) fn renew_if_worn(&mut self) -> Result<(), Error> {
        if self.uses > CLONE_USES_MAX {
            let mut renewed = Database::open(self.options.clone())?;
            renewed.rest_until = self.rest_until;
            *self = renewed;
        }
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
fn index_of(options: &Options) -> Option<Arc<Index>> {
    let folder = options.cache.as_ref()?;
    // One repository has one index, however its path is written.
    let path = match git::is_url(&options.repo) {
        true => None,
        false => Path::new(&options.repo).canonicalize().ok(),
    };
    let address = path.as_ref().and_then(|path| path.to_str());
    let index = Index::new(folder, address.unwrap_or(&options.repo));
    Some(Arc::new(index))
}

#[cfg(not(feature = "sqlite"))]
fn index_of(_options: &Options) -> Option<Arc<Index>> {
    None
}
