//! Mending: what is done to each file, and the tree that comes of it.

use crate::Error;
use crate::settings::Layout;
use crate::tree::{Entry, NewTree, ROOT, View};
use gix::objs::tree::EntryKind;
use std::collections::BTreeMap;

/// What is done to one file.
#[derive(Debug, Clone, Default)]
pub(super) struct Mend {
    /// It goes: another file holds the same bytes under the same `_id`.
    pub(super) remove: bool,
    /// It becomes a plain file.
    pub(super) plain: bool,
    /// It moves to where this layout puts it.
    pub(super) place: Option<Layout>,
    /// It gets this text.
    pub(super) content: Option<Vec<u8>>,
}

/// By table, and by the entry's place in the table's list.
pub(super) type Mends = BTreeMap<String, BTreeMap<usize, Mend>>;

/// Gives the new tree of the whole commit.
pub(super) fn apply(view: &View<'_>, mends: &Mends) -> Result<NewTree, Error> {
    let mut editor = view.editor()?;
    for (table, mends) in mends {
        let mut entries: Vec<Entry> = Vec::new();
        for (index, mut entry) in view.list_table(table)?.into_iter().enumerate() {
            let mend = mends.get(&index).cloned().unwrap_or_default();
            if mend.remove {
                continue;
            }
            if mend.plain {
                entry.mode = EntryKind::Blob.into();
            }
            if let Some(layout) = mend.place {
                entry.place(layout);
            }
            if let Some(content) = mend.content {
                entry.object = view.write_content(&content)?;
            }
            entries.push(entry);
        }
        let tree = view.write_table(table, entries)?;
        editor.put_tree(&format!("{ROOT}/{table}"), tree)?;
    }
    editor.finish()
}
