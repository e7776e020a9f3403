//! Emptying the database of a demonstration shop: which tables go, and what stands there afterwards.
//!
//! One transaction, so one commit: `ghettodb restore` brings back what was there.

use ghettodb::{Error, Transaction};

use crate::books::first_products;

/// What there is to sell.
const PRODUCTS: &str = "products";
/// The settings of tables, which hold for empty ones too.
const SETTINGS: &str = "_tables";

/// How much goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All but the products: customers, orders, stock, payments, shipments, the journal.
    Orders,
    /// The products as well; the shop's first ones are written anew.
    Everything,
}

impl Scope {
    /// The scope of this name.
    pub fn named(name: &str) -> Option<Scope> {
        match name {
            "orders" => Some(Scope::Orders),
            "everything" => Some(Scope::Everything),
            _ => None,
        }
    }
}

/// Drops the tables of a scope; gives their names and how many records each had.
///
/// Stock goes with its movements and the journal with all that it answers for, so what is left
/// fits together.
///
/// # Errors
/// When a table cannot be read or dropped.
pub fn reset(
    transaction: &mut Transaction<'_>,
    scope: Scope,
) -> Result<Vec<(String, usize)>, Error> {
    let mut dropped = Vec::new();
    for table in transaction.tables()? {
        if table != SETTINGS && (table != PRODUCTS || scope == Scope::Everything) {
            let count = transaction.drop_table(&table)?;
            dropped.push((table, count));
        }
    }
    if scope == Scope::Everything {
        first_products(transaction)?;
    }
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use ghettodb::{Memory, record_from};
    use serde_json::json;

    use super::*;

    fn shop() -> Memory {
        let mut memory = Memory::default();
        let filled = memory.transact("2026-01-01T00:00:00Z", |tx| {
            first_products(tx)?;
            let own = json!({ "product": "Own Idea", "price": 1, "currency": "EUR" });
            tx.insert(PRODUCTS, record_from(own)?)?;
            for table in ["orders", "stock", "stock_movements", "operations"] {
                tx.insert(table, record_from(json!({ "x": 1 }))?)?;
            }
            let settings = json!({ "_id": "orders", "unique": [] });
            tx.insert(SETTINGS, record_from(settings)?)?;
            Ok::<_, Error>(())
        });
        filled.unwrap();
        memory
    }

    fn left(scope: Scope) -> (Vec<(String, usize)>, Vec<String>, usize) {
        let mut memory = shop();
        let left = memory.transact("2026-01-02T00:00:00Z", |tx| {
            let dropped = reset(tx, scope)?;
            let products = tx.find(PRODUCTS, &ghettodb::Record::new())?.len();
            Ok::<_, Error>((dropped, tx.tables()?, products))
        });
        left.unwrap()
    }

    #[test]
    fn products_and_settings_stay_unless_everything_goes() {
        let (dropped, tables, products) = left(Scope::Orders);
        let names: Vec<_> = dropped.iter().map(|(table, _)| table.as_str()).collect();
        assert_eq!(names, ["operations", "orders", "stock", "stock_movements"]);
        assert!(dropped.iter().all(|(_, count)| *count == 1));
        assert!(tables.contains(&PRODUCTS.to_owned()) && products == 4);

        let (dropped, _, products) = left(Scope::Everything);
        assert!(dropped.contains(&(PRODUCTS.to_owned(), 4)));
        assert_eq!(products, 3, "the first products are back, others are gone");
    }

    #[test]
    fn a_scope_has_a_name() {
        assert_eq!(Scope::named("orders"), Some(Scope::Orders));
        assert_eq!(Scope::named("everything"), Some(Scope::Everything));
        assert_eq!(Scope::named("all"), None);
    }
}
