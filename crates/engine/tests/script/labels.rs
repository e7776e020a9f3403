//! Keys as labels, so that nothing shifts in a script when a record is added: `job#2` is the
//! second job, `task_a#1` the first instance of that element.

use engine::Key;
use std::collections::BTreeMap;

/// Labels by key, and back.
#[derive(Default)]
pub(crate) struct Labels {
    by_key: BTreeMap<Key, String>,
    by_label: BTreeMap<String, Key>,
    counts: BTreeMap<String, u32>,
}

impl Labels {
    /// Gives a new thing of this kind the next label.
    pub(crate) fn name(&mut self, kind: &str, key: Key) {
        if self.by_key.contains_key(&key) {
            return;
        }
        let count = self.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        let label = format!("{kind}#{count}");
        self.by_label.insert(label.clone(), key);
        self.by_key.insert(key, label);
    }

    /// The label of a key.
    pub(crate) fn of(&self, key: Key) -> String {
        self.by_key
            .get(&key)
            .cloned()
            .unwrap_or_else(|| "?".to_owned())
    }

    /// The key of a label; `unknown` is a key that nothing has.
    pub(crate) fn key(&self, label: &str) -> Result<Key, String> {
        if label == "unknown" {
            return Ok(Key(Key::START.0 + 4_000_000_000));
        }
        self.by_label
            .get(label)
            .copied()
            .ok_or_else(|| format!("nothing is called '{label}'"))
    }

    /// Replaces keys in a text by their labels.
    pub(crate) fn in_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (key, label) in self.by_key.iter().rev() {
            text = text.replace(&format!("'{key}'"), &format!("'{label}'"));
        }
        text
    }
}
