//! Whether two stores hold the same: their records with everything that differs between any two stores
//! taken out, and what is left set side by side. Pure.
//!
//! Taken out is exactly this:
//!
//! * the ids that the database and the orchestrators make: each is replaced, wherever it stands, by what
//!   its record is about (`customers 'ada@example.com'`), so a reference to a wrong record differs, and so
//!   does one to no record, which stays as it is. Ids that the caller gives (of orders) stay;
//! * `_updated`, and when an order was placed (`placed_at` in its operation's result), if it is a time;
//! * the `_id` of `operations`, if it is the SHA-256 of its key;
//! * `payload_sha256` of operations whose payload holds an id that is made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::tree::{Record, Tree};

/// Each table, what its records are about, and whether their ids are made.
const TABLES: [(&str, &[&str], bool); 9] = [
    ("_tables", &["_id"], false),
    ("customers", &["email"], true),
    ("operations", &["key"], false),
    ("orders", &["_id"], false),
    ("payments", &["order_id", "status"], true),
    ("products", &["product"], true),
    ("shipments", &["order_id"], true),
    ("stock", &["product"], true),
    ("stock_movements", &["order_id", "reason"], true),
];
/// Operations whose payload holds an id that is made: of a customer, or of a restock's round.
const HASHED_OVER_IDS: [&str; 3] = ["charge_customer", "ship_order", "restock_item"];

/// What the records of a store come to: by table and what each is about.
#[derive(Debug, PartialEq)]
pub(super) struct Essence(BTreeMap<(String, String), Record>);

/// One thing that is not the same in two stores.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) table: String,
    /// What the record is about.
    pub(super) record: String,
    /// A path such as `result.stock_level`; `None` = the whole record.
    pub(super) field: Option<String>,
    /// What the two stores have there; `None` = nothing.
    pub(super) values: [Option<Value>; 2],
}

impl Difference {
    /// For people; `stores` are the names of the two.
    pub(super) fn words(&self, stores: [&str; 2]) -> String {
        let place = match &self.field {
            Some(field) => format!("{} '{}', {field}", self.table, self.record),
            None => format!("{} '{}'", self.table, self.record),
        };
        let side = |side: usize| match (&self.values[side], &self.field) {
            (Some(value), Some(_)) => format!("{} has {value}", stores[side]),
            (Some(_), None) => format!("{} has it", stores[side]),
            (None, _) => format!("{} has none", stores[side]),
        };
        format!("{place}: {}, {}", side(0), side(1))
    }

    pub(super) fn json(&self, stores: [&str; 2]) -> Value {
        let [one, other] = &self.values;
        json!({
            "table": self.table, "record": self.record, "field": self.field,
            stores[0]: one, stores[1]: other,
        })
    }
}

impl Essence {
    /// Takes out what differs between any two stores; `made` names the ids that no record has, such as
    /// those of restocks, wherever they stand in a text.
    pub(super) fn of(tree: &Tree, made: &BTreeMap<String, String>) -> Self {
        let named = Names {
            made,
            ids: BTreeMap::new(),
        };
        let mut about = BTreeMap::new();
        for (table, records) in &tree.0 {
            for (id, record) in records {
                about.insert((table, id), named.about(table, record));
            }
        }
        let mut names = named;
        for ((table, id), about) in &about {
            if has_made_ids(table) {
                names
                    .ids
                    .insert((*id).clone(), format!("{table} '{about}'"));
            }
        }
        let mut essence = Self(BTreeMap::new());
        for ((table, id), about) in about {
            let mut record = tree.0[table][id].clone();
            take_out_own(table, &mut record);
            names.replace_in(&mut record);
            // Two records about one thing: both are shown, in an order that their contents decide.
            let mut same = vec![record];
            let mut place = (table.clone(), about.clone());
            while let Some(other) = essence.0.remove(&place) {
                same.push(other);
                place.1 = format!("{about} ({})", same.len());
            }
            same.sort_by_cached_key(|record| Value::Object(record.clone()).to_string());
            for (number, record) in (1..).zip(same) {
                let about = match number {
                    1 => about.clone(),
                    _ => format!("{about} ({number})"),
                };
                essence.0.insert((table.clone(), about), record);
            }
        }
        essence
    }

    /// What is not the same, by table and record.
    pub(super) fn differences(&self, other: &Self) -> Vec<Difference> {
        let places: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let mut differences = Vec::new();
        for place in places {
            let whole = |record: &Record| Value::Object(record.clone());
            match (self.0.get(place), other.0.get(place)) {
                (Some(one), Some(other)) => {
                    compare(place, "", &whole(one), &whole(other), &mut differences);
                }
                (one, other) => differences.push(Difference {
                    table: place.0.clone(),
                    record: place.1.clone(),
                    field: None,
                    values: [one.map(whole), other.map(whole)],
                }),
            }
        }
        differences
    }

    /// How many records it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What ids stand for.
struct Names<'a> {
    /// Ids that no record has.
    made: &'a BTreeMap<String, String>,
    /// Ids of records.
    ids: BTreeMap<String, String>,
}

impl Names<'_> {
    /// What a record is about.
    fn about(&self, table: &str, record: &Record) -> String {
        let fields = TABLES.iter().find(|(name, ..)| *name == table);
        let fields = fields.map_or(&["_id"][..], |(_, fields, _)| fields);
        let values = fields.iter().map(|field| match record.get(*field) {
            Some(Value::String(text)) => self.text(text),
            other => other.unwrap_or(&Value::Null).to_string(),
        });
        values.collect::<Vec<_>>().join(", ")
    }

    fn replace_in(&self, fields: &mut Map<String, Value>) {
        fields.values_mut().for_each(|value| self.replace(value));
    }

    fn replace(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.replace(value)),
            Value::Object(fields) => self.replace_in(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A text that is a record's id, or that holds another id that is made.
    fn text(&self, text: &str) -> String {
        if let Some(name) = self.ids.get(text) {
            return format!("<{name}>");
        }
        let mut text = text.to_owned();
        for (id, name) in self.made {
            if text.contains(id) {
                text = text.replace(id, &format!("<{name}>"));
            }
        }
        text
    }
}

fn has_made_ids(table: &str) -> bool {
    TABLES.iter().any(|(name, _, made)| *name == table && *made)
}

/// Takes out of a record what is its own: times, and hashes over ids.
fn take_out_own(table: &str, record: &mut Record) {
    take_out_time(record, "_updated");
    if table != "operations" {
        return;
    }
    if let Some(Value::Object(result)) = record.get_mut("result") {
        take_out_time(result, "placed_at");
    }
    let key = record
        .get("key")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let is_over_ids = HASHED_OVER_IDS
        .iter()
        .any(|name| key.ends_with(&format!("/{name}")));
    let own_id = hex(&Sha256::digest(key));
    if record.get("_id") == Some(&json!(own_id)) {
        record.insert("_id".to_owned(), json!("<SHA-256 of the key>"));
    }
    let hash = record.get("payload_sha256").and_then(Value::as_str);
    let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_over_ids && hash.is_some_and(is_hash) {
        record.insert("payload_sha256".to_owned(), json!("<SHA-256 over ids>"));
    }
}

fn take_out_time(fields: &mut Record, name: &str) {
    let time = fields.get(name).and_then(Value::as_str);
    if time.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()) {
        fields.insert(name.to_owned(), json!("<time>"));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Goes down two values together, to the innermost fields that differ.
fn compare(
    place: &(String, String),
    path: &str,
    one: &Value,
    other: &Value,
    found: &mut Vec<Difference>,
) {
    if let (Value::Object(one), Value::Object(other)) = (one, other) {
        let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
        for name in names {
            let inner = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            match (one.get(name), other.get(name)) {
                (Some(one), Some(other)) => compare(place, &inner, one, other, found),
                (one, other) => found.push(difference(place, &inner, [one, other])),
            }
        }
    } else if one != other {
        found.push(difference(place, path, [Some(one), Some(other)]));
    }
}

fn difference(place: &(String, String), path: &str, values: [Option<&Value>; 2]) -> Difference {
    Difference {
        table: place.0.clone(),
        record: place.1.clone(),
        field: Some(path.to_owned()),
        values: values.map(|value| value.cloned()),
    }
}

#[cfg(test)]
mod tests;
