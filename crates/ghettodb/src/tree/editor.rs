//! Rewriting a tree by paths. It does not ask whether what a tree names is there: in a partial clone
//! most contents are not.

use crate::Error;
use crate::git::Objects;
use gix::ObjectId;
use gix::bstr::BStr;
use gix::objs::TreeRef;
use gix::objs::tree::EntryKind;

/// A tree under change; nothing is written before [`TreeEditor::write`].
pub(crate) struct TreeEditor<'r> {
    inner: gix::objs::tree::Editor<'r>,
    repo: &'r gix::Repository,
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
            repo,
        })
    }

    /// Puts a plain file (mode 100644) at a path, whatever stood there.
    pub(crate) fn put(&mut self, path: &str, content: ObjectId) -> Result<(), Error> {
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

    /// Writes the changed trees; gives the root.
    pub(crate) fn write(mut self) -> Result<ObjectId, Error> {
        let repo = self.repo;
        self.inner.write(|tree| {
            let id = repo.write_object(tree).map_err(Error::repository)?;
            Ok(id.detach())
        })
    }
}

fn components(path: &str) -> impl Iterator<Item = &BStr> {
    path.split('/').map(Into::into)
}
