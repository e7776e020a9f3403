//! Moving a table to the other layout: one commit that moves every file of it and states the layout
//! in `_tables`. Contents are not touched, so for history and diff nothing has changed.
//!
//! Readers take both layouts at all times. A record that another writer commits meanwhile is not
//! lost: the loop runs again on the new tip, and what was written there is moved too.

use crate::commit::Edit;
use crate::settings::{TABLES, TableSettings};
use crate::transaction::{Base as _, Changes};
use crate::tree::{ROOT, View, stands_twice};
use crate::{Committed, Database, Error, Layout, Message, name, record};
use std::collections::HashMap;

/// What a change of layout came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resharded {
    /// Records of the table.
    pub records: usize,
    /// How many of their files stood elsewhere.
    pub moved: usize,
}

impl Database {
    /// Moves the files of a table to where the layout puts them, and states the layout. A table
    /// without records gets the layout for those to come.
    ///
    /// # Errors
    /// [`Error::BadRecord`] if a record stands twice with different contents: none is dropped.
    pub fn reshard(&mut self, table: &str, layout: Layout) -> Result<Committed<Resharded>, Error> {
        name::check_table(table)?;
        if table == TABLES {
            return Err(Error::Usage(format!(
                "the layout of table {TABLES:?} is fixed: it says where the others stand"
            )));
        }
        let message = Message {
            subject: format!("reshard {table} to {}", layout.name()),
            trailers: vec![("Operation".to_owned(), "reshard".to_owned())],
        };
        self.edit(&message, |view, now| {
            Ok::<_, crate::TransactError<Error>>(move_files(view, table, layout, now)?)
        })
        .map_err(Error::from)
    }
}

fn move_files(
    view: &View<'_>,
    table: &str,
    layout: Layout,
    now: &str,
) -> Result<Edit<Resharded>, Error> {
    let mut entries = view.list_table(table)?;
    let mut outcome = Resharded {
        records: 0,
        moved: 0,
    };
    // Of two copies the one that need not move comes first, and stays.
    entries.sort_by_key(|entry| entry.id().and_then(|id| entry.layout(id)) != Some(layout));
    let mut objects = HashMap::new();
    let mut twice = None;
    entries.retain_mut(|entry| {
        let Some(id) = entry.id().filter(|_| entry.is_plain()).map(str::to_owned) else {
            return true;
        };
        if let Some(other) = objects.insert(id.clone(), entry.object) {
            if other != entry.object {
                twice.get_or_insert_with(|| entry.path(table));
            }
            outcome.moved += 1;
            return false;
        }
        outcome.records += 1;
        outcome.moved += usize::from(entry.layout(&id) != Some(layout));
        entry.place(layout);
        true
    });
    if let Some(path) = twice {
        return Err(stands_twice(&path));
    }
    let settings = view.get(TABLES, table)?;
    let stated = match &settings {
        Some(settings) => TableSettings::from_record(table, settings)?.layout,
        None => None,
    };
    if outcome.moved == 0 && stated == Some(layout) {
        return Ok(Edit {
            value: outcome,
            tree: None,
        });
    }
    let mut settings = settings.unwrap_or_default();
    settings.insert("layout".to_owned(), layout.name().into());
    let mut changes = Changes::default();
    changes.records.insert(
        (TABLES.to_owned(), table.to_owned()),
        Some(record::arrange(settings, table, now)),
    );
    let mut editor = view.editor()?;
    view.apply(&changes, &mut editor)?;
    editor.put_tree(
        &format!("{ROOT}/{table}"),
        view.write_table(table, entries)?,
    )?;
    Ok(Edit {
        value: outcome,
        tree: Some(editor.finish()?),
    })
}
