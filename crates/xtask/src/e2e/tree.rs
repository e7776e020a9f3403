//! The records of a store, as they lie in `db/` of its data repository.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

/// A record.
pub(super) type Record = Map<String, Value>;

/// Tables with their records, these by `_id`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree(pub(super) BTreeMap<String, BTreeMap<String, Record>>);

impl Tree {
    /// Reads the last commit of a repository. A file that isn't the record that its name says is an error.
    pub(super) fn read(repository: &Path) -> Result<Self> {
        let output = Command::new("git")
            .arg("--git-dir")
            .arg(repository)
            .args(["archive", "--format=tar", "HEAD", "db"])
            .output()
            .context("cannot start git")?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("cannot read '{}': {}", repository.display(), words.trim());
        }
        let mut tree = Self::default();
        let mut archive = tar::Archive::new(&output.stdout[..]);
        for entry in archive.entries().context("git archive wrote no tar")? {
            let mut entry = entry.context("git archive broke off")?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path().context("a name in db/ is no text")?;
            let path = path.to_str().context("a name in db/ is no UTF-8")?;
            let path = path.to_owned();
            let mut text = String::new();
            let read = entry.read_to_string(&mut text);
            read.with_context(|| format!("'{path}' is no UTF-8"))?;
            tree.add(&path, &text)?;
        }
        Ok(tree)
    }

    /// Adds what lies at `db/TABLE/ID.json`, or in a folder between the two.
    fn add(&mut self, path: &str, text: &str) -> Result<()> {
        let record: Record =
            serde_json::from_str(text).with_context(|| format!("'{path}' is no record"))?;
        let mut parts = path.split('/');
        let (root, table) = (parts.next(), parts.next());
        let name = parts
            .next_back()
            .and_then(|file| file.strip_suffix(".json"));
        let (Some("db"), Some(table), Some(name)) = (root, table, name) else {
            bail!("'{path}' is no place for a record");
        };
        if record.get("_id").and_then(Value::as_str) != Some(name) {
            bail!("the record in '{path}' has another _id");
        }
        let table = self.0.entry(table.to_owned()).or_default();
        table.insert(name.to_owned(), record);
        Ok(())
    }

    /// The records of a table.
    pub(super) fn table(&self, name: &str) -> impl Iterator<Item = &Record> {
        self.0.get(name).into_iter().flat_map(BTreeMap::values)
    }

    /// The one record of a table whose field has this value.
    pub(super) fn one(&self, table: &str, field: &str, value: &str) -> Result<&Record> {
        let mut found = self
            .table(table)
            .filter(|record| record.get(field).and_then(Value::as_str) == Some(value));
        match (found.next(), found.next()) {
            (Some(record), None) => Ok(record),
            (None, _) => bail!("db/{table} has no record with {field} = '{value}'"),
            (Some(_), Some(_)) => bail!("db/{table} has two records with {field} = '{value}'"),
        }
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Checks that each stock level is the sum of its movements.
    pub(super) fn balance(&self) -> Result<()> {
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for movement in self.table("stock_movements") {
            *sums.entry(text(movement, "product")?).or_default() += number(movement, "quantity")?;
        }
        for stock in self.table("stock") {
            let product = text(stock, "product")?;
            let level = number(stock, "stock_level")?;
            let sum = sums.remove(product).unwrap_or_default();
            if level != sum {
                bail!("the stock of '{product}' is {level}, its movements come to {sum}");
            }
        }
        match sums.first_key_value() {
            None => Ok(()),
            Some((product, _)) => bail!("'{product}' has movements and no stock"),
        }
    }
}

/// A field that must be a text.
pub(super) fn text<'a>(record: &'a Record, field: &str) -> Result<&'a str> {
    let value = record.get(field).and_then(Value::as_str);
    value.with_context(|| format!("no text '{field}' in {record:?}"))
}

/// A field that must be a whole number.
pub(super) fn number(record: &Record, field: &str) -> Result<i64> {
    let value = record.get(field).and_then(Value::as_i64);
    value.with_context(|| format!("no number '{field}' in {record:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Result<Tree> {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.add(path, text)?;
        }
        Ok(tree)
    }

    #[test]
    fn records_lie_under_their_names() {
        let good = tree(&[
            ("db/stock/a.json", r#"{"_id": "a"}"#),
            ("db/operations/07/07f.json", r#"{"_id": "07f"}"#),
        ]);
        assert_eq!(good.unwrap().len(), 2);
        for (path, text, words) in [
            ("db/stock/a.json", r#"{"_id": "b"}"#, "another _id"),
            ("db/stock/a.json", "[]", "is no record"),
            ("db/a.json", r#"{"_id": "a"}"#, "is no place"),
            ("db/stock/a.txt", r#"{"_id": "a"}"#, "is no place"),
        ] {
            let error = tree(&[(path, text)]).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(path), "{error}");
        }
    }

    #[test]
    fn a_level_that_its_movements_dont_come_to_is_told() {
        let stock =
            |level: u32| format!(r#"{{"_id": "s", "product": "Ale", "stock_level": {level}}}"#);
        let movement = r#"{"_id": "m", "product": "Ale", "quantity": 2}"#;
        let with = |level| {
            tree(&[
                ("db/stock/s.json", &stock(level)),
                ("db/stock_movements/m.json", movement),
            ])
        };
        with(2).unwrap().balance().unwrap();
        let error = with(3).unwrap().balance().unwrap_err().to_string();
        assert_eq!(error, "the stock of 'Ale' is 3, its movements come to 2");
        let error = tree(&[("db/stock_movements/m.json", movement)])
            .unwrap()
            .balance();
        assert_eq!(
            error.unwrap_err().to_string(),
            "'Ale' has movements and no stock"
        );
    }
}
