//! Two directories side by side: each entry that is not the same in both, in all that is below them.

use crate::Error;
use gix::ObjectId;
use gix::bstr::BString;
use gix::diff::tree::recorder::Change;
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryMode;

/// An entry as it was and as it is; none on the side where it is not.
pub(crate) struct Compared {
    /// From the directories that were compared.
    pub(crate) path: BString,
    pub(crate) before: Option<(EntryMode, ObjectId)>,
    pub(crate) after: Option<(EntryMode, ObjectId)>,
}

/// Compares two directories by what their trees hold; nothing stands for an empty one.
pub(crate) fn compared(
    repo: &gix::Repository,
    before: &[u8],
    after: &[u8],
) -> Result<Vec<Compared>, Error> {
    let entries = |data| TreeRefIter::from_bytes(data, repo.object_hash());
    let mut recorder = gix::diff::tree::Recorder::default();
    gix::diff::tree(
        entries(before),
        entries(after),
        gix::diff::tree::State::default(),
        &repo.objects,
        &mut recorder,
    )
    .map_err(Error::repository)?;
    Ok(recorder.records.into_iter().map(Compared::of).collect())
}

impl Compared {
    fn of(change: Change) -> Self {
        let (path, before, after) = match change {
            Change::Addition {
                path,
                entry_mode,
                oid,
                ..
            } => (path, None, Some((entry_mode, oid))),
            Change::Deletion {
                path,
                entry_mode,
                oid,
                ..
            } => (path, Some((entry_mode, oid)), None),
            Change::Modification {
                path,
                previous_entry_mode,
                previous_oid,
                entry_mode,
                oid,
            } => (
                path,
                Some((previous_entry_mode, previous_oid)),
                Some((entry_mode, oid)),
            ),
        };
        Compared {
            path,
            before,
            after,
        }
    }
}
