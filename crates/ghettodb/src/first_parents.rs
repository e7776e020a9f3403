//! The branch's own commits: from a tip back along first parents. What a merge brought in from
//! elsewhere counts as the merge's change, as it arrived on the branch.

use crate::database::Author;
use crate::message::parse_message;
use crate::{CommitInfo, Error, commit};
use gix::ObjectId;

/// Commits from a tip back to the first one, or to where a shallow history is cut off.
pub(crate) struct FirstParents<'r> {
    repo: &'r gix::Repository,
    next: Option<ObjectId>,
}

/// One commit of the branch.
pub(crate) struct Link<'r> {
    pub(crate) commit: gix::Commit<'r>,
    pub(crate) parent: Parent,
}

/// What comes before a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// Nothing: it is the first one.
    None,
    /// This commit.
    Known(ObjectId),
    /// A commit that is not here: a shallow history is cut off.
    Missing,
}

impl<'r> FirstParents<'r> {
    pub(crate) fn from(repo: &'r gix::Repository, tip: Option<ObjectId>) -> Self {
        FirstParents { repo, next: tip }
    }

    fn link(&mut self, id: ObjectId) -> Result<Link<'r>, Error> {
        let commit = self.repo.find_commit(id).map_err(Error::repository)?;
        let parent = commit.parent_ids().next().map(gix::Id::detach);
        let parent = match parent {
            None => Parent::None,
            Some(parent) if self.repo.has_object(parent) => Parent::Known(parent),
            Some(_) => Parent::Missing,
        };
        if let Parent::Known(parent) = parent {
            self.next = Some(parent);
        }
        Ok(Link { commit, parent })
    }
}

impl<'r> Iterator for FirstParents<'r> {
    type Item = Result<Link<'r>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next.take()?;
        Some(self.link(id))
    }
}

impl Link<'_> {
    pub(crate) fn id(&self) -> ObjectId {
        self.commit.id
    }

    /// When it was committed, in seconds since 1970.
    pub(crate) fn seconds(&self) -> Result<i64, Error> {
        Ok(self.commit.time().map_err(Error::repository)?.seconds)
    }

    /// What the commit says of itself, without what it changed.
    pub(crate) fn info(&self) -> Result<CommitInfo, Error> {
        let author = self.commit.author().map_err(Error::repository)?;
        let author = Author {
            name: author.name.to_string(),
            email: author.email.to_string(),
        };
        let message = self.commit.message_raw().map_err(Error::repository)?;
        let (subject, trailers) = parse_message(&message.to_string());
        Ok(CommitInfo {
            id: self.id().to_string(),
            time: commit::rfc3339(self.seconds()?),
            author,
            subject,
            trailers,
            changes: Vec::new(),
        })
    }
}
