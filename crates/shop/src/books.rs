//! What a data repository begins with: the products of the shop, and the rules of its tables.

use std::path::Path;

use anyhow::Result;
use ghettodb::{Database, Transaction};
use serde_json::json;

use crate::session::{from_database, open_database};

/// What the shop sells first: name and price in cents.
pub const PRODUCTS: [(&str, u32); 3] = [
    ("Limited Edition Zeebe T-shirt", 2500),
    ("Camunda Escalation Ale", 450),
    ("Real-Life BPMN Book", 3900),
];
const CURRENCY: &str = "EUR";
/// Tables with the field that no two of their records share.
const UNIQUE: [(&str, &str); 3] = [
    ("customers", "email"),
    ("products", "product"),
    ("stock", "product"),
];

/// Makes the data repository, if it isn't there, and its products, those that aren't there; gives
/// what is to be said about books of before.
pub(crate) fn stock_the_shelves(repository: &Path) -> Result<Vec<String>> {
    ghettodb::init(repository).map_err(from_database)?;
    let mut database = open_database(&repository.display().to_string(), None)?;
    let message = ghettodb::Message {
        subject: "products: what the shop sells first".to_owned(),
        trailers: Vec::new(),
    };
    database
        .transact(&message, first_products)
        .map_err(|error| from_database(error.into()))?;
    state_the_rules(&mut database)
}

/// Writes those of the first products that aren't there.
pub(crate) fn first_products(transaction: &mut Transaction<'_>) -> Result<(), ghettodb::Error> {
    for (product, price) in PRODUCTS {
        let name = ghettodb::record_from(json!({ "product": product }))?;
        if transaction.find_one("products", &name)?.is_none() {
            let record = json!({ "product": product, "price": price, "currency": CURRENCY });
            transaction.insert("products", ghettodb::record_from(record)?)?;
        }
    }
    Ok(())
}

/// States which fields are unique, where the database says nothing of a table yet. Books of another
/// hand may break such a rule already; they are told of, and the store goes on without it.
fn state_the_rules(database: &mut Database) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for (table, field) in UNIQUE {
        let message = ghettodb::Message {
            subject: format!("{table}: each {field} stands once"),
            trailers: Vec::new(),
        };
        let stated = database.transact(&message, |transaction| {
            if transaction.get("_tables", table)?.is_none() {
                let settings = json!({ "_id": table, "unique": [field] });
                transaction.insert("_tables", ghettodb::record_from(settings)?)?;
            }
            Ok::<_, ghettodb::Error>(())
        });
        match stated.map_err(ghettodb::Error::from) {
            Ok(_) => {}
            Err(error @ ghettodb::Error::Settings { .. }) => warnings.push(format!(
                "{error}; until that is mended, nothing keeps table '{table}' from holding a {field} twice"
            )),
            Err(error) => return Err(from_database(error)),
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_fields_are_stated_and_older_books_that_break_them_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("origin.git");
        ghettodb::init(&path).unwrap();
        let mut database = open_database(&path.display().to_string(), None).unwrap();
        let insert = |database: &mut Database, table: &str, record: serde_json::Value| {
            let message = ghettodb::Message::default();
            let inserted = database.transact(&message, |transaction| {
                transaction.insert(table, ghettodb::record_from(record.clone())?)
            });
            inserted.map(drop).map_err(ghettodb::Error::from)
        };
        for id in ["a", "b"] {
            let twice = json!({ "_id": id, "email": "ada@example.com" });
            insert(&mut database, "customers", twice).unwrap();
        }
        stock_the_shelves(&path).unwrap();
        let warnings = stock_the_shelves(&path).unwrap();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("1 record breaks"), "{}", warnings[0]);
        let tables = database.snapshot().unwrap().all("_tables").unwrap();
        let stated: Vec<_> = tables.iter().map(|table| &table["_id"]).collect();
        assert_eq!(stated, ["products", "stock"]);
        let ale = json!({ "product": PRODUCTS[1].0 });
        let refused = insert(&mut database, "products", ale).unwrap_err();
        assert!(refused.to_string().contains("must be unique"), "{refused}");
    }
}
