//! Rewriting a tree by paths. It does not ask whether what a tree names is there: in a partial clone
//! most contents are not.

use crate::Error;
use crate::git::{Objects, Staged};
use gix::ObjectId;
use gix::bstr::BStr;
use gix::objs::TreeRef;
use gix::objs::tree::EntryKind;

/// The tree of a commit that is to be made.
pub(crate) struct NewTree {
    pub(crate) root: ObjectId,
    /// What of it is not written yet.
    pub(crate) staged: Staged,
}

/// A tree under change; nothing is written by it.
pub(crate) struct TreeEditor<'r> {
    inner: gix::objs::tree::Editor<'r>,
    staged: Staged,
}

impl<'r> TreeEditor<'r> {
    /// Starts from the tree of a whole commit, or from nothing.
    pub(crate) fn new(objects: &'r Objects, root: Option<ObjectId>) -> Result<Self, Error> {
        let repo = objects.repo();
        let hash = repo.object_hash();
        let root = match root {
            Some(root) => {
                let tree = repo.find_tree(root).map_err(Error::repository)?;
                TreeRef::from_bytes(&tree.data, hash)
                    .map_err(Error::repository)?
                    .into()
            }
            None => gix::objs::Tree::empty(),
        };
        Ok(TreeEditor {
            inner: gix::objs::tree::Editor::new(root, &repo.objects, hash),
            staged: Staged::default(),
        })
    }

    /// Puts a plain file (mode 100644) at a path, whatever stood there.
    pub(crate) fn put(&mut self, path: &str, content: Vec<u8>) -> Result<(), Error> {
        let content = self.staged.blob(content)?;
        self.inner
            .upsert(components(path), EntryKind::Blob, content)
            .map(drop)
            .map_err(Error::repository)
    }

    /// Puts a directory at a path, or removes what is there.
    pub(crate) fn put_tree(&mut self, path: &str, tree: Option<ObjectId>) -> Result<(), Error> {
        let Some(tree) = tree else {
            return self.remove(path);
        };
        self.inner
            .upsert(components(path), EntryKind::Tree, tree)
            .map(drop)
            .map_err(Error::repository)
    }

    /// Removes a file or directory, if there is one; a directory that becomes empty goes too.
    pub(crate) fn remove(&mut self, path: &str) -> Result<(), Error> {
        self.inner
            .remove(components(path))
            .map(drop)
            .map_err(Error::repository)
    }

    /// The new files and the changed trees, to be written with their commit.
    pub(crate) fn finish(mut self) -> Result<NewTree, Error> {
        let mut staged = self.staged;
        let root = self.inner.write(|tree| staged.tree(tree))?;
        Ok(NewTree { root, staged })
    }
}

fn components(path: &str) -> impl Iterator<Item = &BStr> {
    path.split('/').map(Into::into)
}
