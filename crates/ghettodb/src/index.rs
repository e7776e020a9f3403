//! An index of field values, so that a search for equality reads the records that can match and no
//! others. It is a local cache, derived from the tree and never committed: one SQLite file for one
//! repository, which may be deleted at any time.
//!
//! What it says of a table holds for one tree of it. For another tree it is brought up to date by the
//! difference of the two trees; where the old one is gone, by comparing the files' object ids, which
//! it keeps. It narrows a search down and decides nothing: whoever asks reads the records and looks
//! for himself. So a wrong row costs a read, and a file that is damaged, foreign, locked or read-only
//! costs the time of a search without it.
//!
//! This module knows when to ask, build and give up; `store` knows SQLite; where the records are is
//! the business of whoever implements [`Table`].

mod store;

use crate::{Error, Record, json, path};
use gix::ObjectId;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use store::{Fault, Store};

/// Fewest files of a table that is indexed: fewer are read faster than an index is kept.
pub(crate) const FILES_MIN: usize = 1000;
/// Most paths of one table, and longest of them in bytes: an index is for what is asked again.
const PATHS_MAX: usize = 16;
const PATH_BYTES_MAX: usize = 200;
/// Most values of one question.
const KEYS_MAX: usize = 1000;
/// Longest value that is kept as it is; of a longer one its hash.
const KEY_BYTES_MAX: usize = 100;
/// How often another process may be faster before this search goes on without the index.
const ATTEMPTS_MAX: usize = 4;
/// How long a file that could not be used is left alone.
const REST: Duration = Duration::from_secs(60);

/// The key of a record that may have any value, since it cannot be read.
const ANY: &str = "";

/// A table at one commit, as the index needs it.
pub(crate) trait Table {
    fn name(&self) -> &str;
    /// The tree that all its files hang on.
    fn tree(&self) -> ObjectId;
    /// Its records' files; none where they are few, or where something else stands among them.
    fn files(&self) -> Result<Option<Vec<Entry>>, Error>;
    /// The difference to another tree; none where that is not there, or as with `files`.
    fn changes_since(&self, tree: ObjectId) -> Result<Option<Changes>, Error>;
    /// The [`keys`] of each of these records.
    fn keys(&self, files: &[Entry], paths: &[String]) -> Result<Vec<Keys>, Error>;
}

/// A record's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) object: ObjectId,
}

/// How the files of a table differ from before; a record with new content is in both lists.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) removed: Vec<String>,
    pub(crate) added: Vec<Entry>,
}

/// What is indexed of one record: the place of the path in a list, and a value there.
pub(crate) type Keys = Vec<(usize, String)>;

/// What is indexed of a record; none for one that cannot be read.
pub(crate) fn keys(record: Option<&Record>, paths: &[String]) -> Keys {
    let mut keys = Keys::new();
    for (place, path) in paths.iter().enumerate() {
        let Some(record) = record else {
            keys.push((place, ANY.to_owned()));
            continue;
        };
        path::each_meaning(record, path, &mut |value| {
            if !value.is_array() && !value.is_object() {
                keys.push((place, key(value).unwrap_or_else(|| ANY.to_owned())));
            }
        });
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// One text for all spellings of a scalar value; none where there is no such text.
fn key(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => json::canonical_number(number)?,
        Value::String(_) | Value::Bool(_) | Value::Null => value.to_string(),
        Value::Array(_) | Value::Object(_) => return None,
    };
    Some(match text.len() > KEY_BYTES_MAX {
        true => format!("#{}", json::sha256_hex(text.as_bytes())),
        false => text,
    })
}

/// What a record must have at a path to match: one of some keys.
struct Lookup {
    path: String,
    keys: Vec<String>,
}

/// The index of one repository.
pub(crate) struct Index {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    store: Option<Store>,
    /// Not before this moment is the file tried again.
    rest_until: Option<Instant>,
    note: Option<String>,
}

impl Index {
    /// The index of the repository at `address` in a folder of caches. Nothing is opened yet. The
    /// address may hold a secret, so its hash is what the file is named after.
    pub(crate) fn new(folder: &Path, address: &str) -> Self {
        let name = json::sha256_hex(address.as_bytes());
        Index {
            path: folder.join(name + ".sqlite"),
            state: Mutex::default(),
        }
    }

    /// Why the index was rebuilt or passed over, the first time it was; for a person to read.
    pub(crate) fn note(&self) -> Option<String> {
        let mut state = self.state.lock().ok()?;
        state.note.take()
    }

    /// The ids of all records that can have one of the values at each of the paths, sorted, and of
    /// some that have not; none where the index has nothing to say.
    pub(crate) fn candidates(
        &self,
        table: &dyn Table,
        lookups: &[(String, Vec<&Value>)],
    ) -> Option<Vec<String>> {
        let lookups: Vec<Lookup> = lookups
            .iter()
            .filter(|(path, values)| path.len() <= PATH_BYTES_MAX && values.len() <= KEYS_MAX)
            .filter_map(|(path, values)| {
                let keys = values.iter().map(|value| key(value));
                Some(Lookup {
                    path: path.clone(),
                    keys: keys.collect::<Option<_>>()?,
                })
            })
            .collect();
        let mut state = self.state.lock().ok()?;
        if lookups.is_empty() || state.rest_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let outcome = match self.ask(&mut state, table, &lookups) {
            Err(Fault::Damaged(reason)) => {
                state.store = None;
                let again =
                    Store::remove(&self.path).and_then(|()| self.ask(&mut state, table, &lookups));
                if again.is_ok() {
                    state.note = Some(format!(
                        "the index {} was not usable ({reason}) and is made anew",
                        self.path.display()
                    ));
                }
                again
            }
            outcome => outcome,
        };
        match outcome {
            Ok(candidates) => candidates,
            // The search without the index meets the same fault, and tells it better.
            Err(Fault::Table) => None,
            Err(Fault::Damaged(reason) | Fault::Unusable(reason)) => {
                state.store = None;
                state.rest_until = Some(Instant::now() + REST);
                state.note = Some(format!(
                    "searching without the index {}: {reason}",
                    self.path.display()
                ));
                None
            }
        }
    }

    fn ask(
        &self,
        state: &mut State,
        table: &dyn Table,
        lookups: &[Lookup],
    ) -> Result<Option<Vec<String>>, Fault> {
        let store = match &mut state.store {
            Some(store) => store,
            none => none.insert(Store::open(&self.path)?),
        };
        for _ in 0..ATTEMPTS_MAX {
            let standing = store.read(table.name(), table.tree(), lookups)?;
            if standing.candidates.is_some() {
                return Ok(standing.candidates);
            }
            if !store.is_writable() {
                return Err(Fault::Unusable(
                    "it is read-only and out of date".to_owned(),
                ));
            }
            // Where another process was faster, the next round sees what it did.
            let goes_on = match standing.known {
                Some(known) if known.tree == table.tree() => {
                    add_path(store, table, &known, lookups)?
                }
                Some(known) => catch_up(store, table, &known)?,
                None => begin(store, table)?,
            };
            if !goes_on {
                return Ok(None);
            }
        }
        Ok(None)
    }
}

/// What the file says about a table.
struct Known {
    key: i64,
    tree: ObjectId,
    paths: Vec<String>,
}

/// Lists the files of a table that is new to the index; false where it is not to be indexed.
fn begin(store: &mut Store, table: &dyn Table) -> Result<bool, Fault> {
    match table.files()? {
        Some(files) => store.begin(table.name(), table.tree(), &files),
        None => Ok(false),
    }
}

/// Adds one path, the one whose values tell most apart by their length; false where it is not to be
/// indexed.
fn add_path(
    store: &mut Store,
    table: &dyn Table,
    known: &Known,
    lookups: &[Lookup],
) -> Result<bool, Fault> {
    let shortest = |lookup: &&Lookup| lookup.keys.iter().map(String::len).min();
    let (Some(lookup), true) = (
        lookups.iter().max_by_key(shortest),
        known.paths.len() < PATHS_MAX,
    ) else {
        return Ok(false);
    };
    let Some(files) = table.files()? else {
        return Ok(false);
    };
    let keys = table.keys(&files, std::slice::from_ref(&lookup.path))?;
    store.add_path(known, &lookup.path, &files, keys)
}

/// Brings all paths of a table to its tree; false where the table is not to be indexed any more.
fn catch_up(store: &mut Store, table: &dyn Table, known: &Known) -> Result<bool, Fault> {
    let changes = match table.changes_since(known.tree)? {
        Some(changes) => changes,
        None => match table.files()? {
            Some(files) => store.compare(known, files)?,
            None => {
                store.forget(known)?;
                return Ok(false);
            }
        },
    };
    let keys = table.keys(&changes.added, &known.paths)?;
    store.apply(known, table.tree(), &changes, keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse_json, record_from};

    #[test]
    fn equal_values_have_one_key() {
        let key = |text: &str| key(&parse_json(text).unwrap());
        assert_eq!(key("1.0"), key("10e-1"));
        assert_ne!(key("1"), key("\"1\""));
        assert_eq!(key("[1]"), None);
        assert_eq!(key("1e-99999999999999999999"), None);
        let long = |end: char| format!("\"{}{end}\"", "x".repeat(500));
        assert_eq!(key(&long('a')).unwrap().len(), 65);
        assert_ne!(key(&long('a')), key(&long('b')));
    }

    #[test]
    fn a_record_has_the_keys_of_all_meanings_of_a_path() {
        let record = record_from(
            parse_json(r#"{"a.b": 1, "a": {"b": 2, "c": [3]}, "d": 1e-99999999999999999999}"#)
                .unwrap(),
        )
        .unwrap();
        let paths = ["a.b", "a.c", "d", "e"].map(str::to_owned);
        let expected = |keys: &[(usize, &str)]| -> Keys {
            keys.iter()
                .map(|(place, key)| (*place, (*key).to_owned()))
                .collect()
        };
        assert_eq!(
            keys(Some(&record), &paths),
            expected(&[(0, "1"), (0, "2"), (2, ANY)])
        );
        assert_eq!(keys(None, &paths[..2]), expected(&[(0, ANY), (1, ANY)]));
    }
}
