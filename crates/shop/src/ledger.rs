//! What the data repository says about orders: the records of one commit, read by their meaning.
//!
//! Pure beside the one function that reads a snapshot; the engine is not asked here.

use anyhow::Result;
use ghettodb::{CommitInfo, Database, Record, Snapshot};
use serde_json::Value;

use crate::session::from_database;

/// Commits that `audit` looks back over: more than a shop of this size makes in a year.
const COMMITS_MAX: usize = 100_000;

/// Everything of the shop at one commit.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Id of the commit.
    pub commit: Option<String>,
    /// `customers`
    pub customers: Vec<Record>,
    /// `products`
    pub products: Vec<Record>,
    /// `stock`
    pub stock: Vec<Record>,
    /// `stock_movements`
    pub movements: Vec<Record>,
    /// `orders`
    pub orders: Vec<Record>,
    /// `payments`
    pub payments: Vec<Record>,
    /// `shipments`
    pub shipments: Vec<Record>,
    /// `operations`, the journal of idempotency keys
    pub operations: Vec<Record>,
}

/// What the books hold of one order.
#[derive(Clone, Debug, Default)]
pub struct OrderBooks<'a> {
    /// Its record.
    pub order: Option<&'a Record>,
    /// Its stock movements.
    pub movements: Vec<&'a Record>,
    /// Its payments: captured, declined, refunded.
    pub payments: Vec<&'a Record>,
    /// Its shipments.
    pub shipments: Vec<&'a Record>,
    /// Its entries in the journal.
    pub operations: Vec<&'a Record>,
}

impl Books {
    /// Fetches the tip of the data repository and reads all of it.
    pub fn fetch(database: &mut Database) -> Result<Self> {
        let snapshot = database.snapshot().map_err(from_database)?;
        Self::read(&snapshot).map_err(from_database)
    }

    fn read(snapshot: &Snapshot) -> Result<Self, ghettodb::Error> {
        Ok(Self {
            commit: snapshot.commit().map(str::to_owned),
            customers: snapshot.all("customers")?,
            products: snapshot.all("products")?,
            stock: snapshot.all("stock")?,
            movements: snapshot.all("stock_movements")?,
            orders: snapshot.all("orders")?,
            payments: snapshot.all("payments")?,
            shipments: snapshot.all("shipments")?,
            operations: snapshot.all("operations")?,
        })
    }

    /// The part that belongs to an order.
    pub fn order(&self, id: &str) -> OrderBooks<'_> {
        fn of<'a>(records: &'a [Record], id: &str) -> Vec<&'a Record> {
            let mut found: Vec<&Record> = records
                .iter()
                .filter(|record| text(record, "order_id") == id)
                .collect();
            // Ids made by the services sort by time.
            found.sort_by_key(|record| text(record, "_id"));
            found
        }
        let prefix = format!("{id}/");
        OrderBooks {
            order: self.orders.iter().find(|record| text(record, "_id") == id),
            movements: of(&self.movements, id),
            payments: of(&self.payments, id),
            shipments: of(&self.shipments, id),
            operations: self
                .operations
                .iter()
                .filter(|record| {
                    let key = text(record, "key").strip_prefix(&prefix);
                    key.is_some_and(|operation| !operation.contains('/'))
                })
                .collect(),
        }
    }

    /// The stock level of a product; without a record it is 0.
    pub fn stock_level(&self, product: &str) -> i64 {
        let record = self
            .stock
            .iter()
            .find(|record| text(record, "product") == product);
        record.map_or(0, |record| number(record, "stock_level"))
    }

    /// Products whose level is not the sum of their movements: level and sum of each.
    pub fn unbalanced(&self) -> Vec<(String, i64, i64)> {
        let mut products: Vec<&str> = self
            .stock
            .iter()
            .chain(&self.movements)
            .map(|record| text(record, "product"))
            .collect();
        products.sort_unstable();
        products.dedup();
        products
            .into_iter()
            .map(|product| {
                let moved = self
                    .movements
                    .iter()
                    .filter(|record| text(record, "product") == product)
                    .map(|record| number(record, "quantity"))
                    .sum();
                (product.to_owned(), self.stock_level(product), moved)
            })
            .filter(|(_, level, moved)| level != moved)
            .collect()
    }

    /// Number of records of each table, by name.
    pub fn counts(&self) -> [(&'static str, usize); 8] {
        [
            ("customers", self.customers.len()),
            ("operations", self.operations.len()),
            ("orders", self.orders.len()),
            ("payments", self.payments.len()),
            ("products", self.products.len()),
            ("shipments", self.shipments.len()),
            ("stock", self.stock.len()),
            ("stock_movements", self.movements.len()),
        ]
    }
}

impl OrderBooks<'_> {
    /// Payments of a status.
    pub fn payments_of(&self, status: &str) -> usize {
        let of_status = |record: &&&Record| text(record, "status") == status;
        self.payments.iter().filter(of_status).count()
    }

    /// Pieces that the order took from the stock and did not give back.
    pub fn held(&self) -> i64 {
        let moved = self
            .movements
            .iter()
            .map(|record| number(record, "quantity"));
        -moved.sum::<i64>()
    }

    /// The captured payment that was not refunded: its id, amount and currency.
    pub fn kept_payment(&self) -> Option<(&str, i64, &str)> {
        let refunded = |id: &str| {
            let mut refunds = self.payments.iter();
            refunds.any(|record| text(record, "refund_of") == id)
        };
        self.payments
            .iter()
            .filter(|record| text(record, "status") == "captured")
            .map(|record| {
                let amount = number(record, "amount");
                (text(record, "_id"), amount, text(record, "currency"))
            })
            .find(|(id, ..)| !refunded(id))
    }

    /// Whether a record is one of the order's.
    pub fn holds(&self, table: &str, id: &str) -> bool {
        let among = |records: &[&Record]| records.iter().any(|record| text(record, "_id") == id);
        match table {
            "orders" => self.order.is_some_and(|record| text(record, "_id") == id),
            "stock_movements" => among(&self.movements),
            "payments" => among(&self.payments),
            "shipments" => among(&self.shipments),
            "operations" => among(&self.operations),
            _ => false,
        }
    }
}

/// The commits, newest first.
pub fn commits(database: &mut Database) -> Result<Vec<CommitInfo>> {
    database.log(COMMITS_MAX).map_err(from_database)
}

/// The commits that changed a record of the order, oldest first.
pub fn commits_of<'a>(order: &OrderBooks<'_>, commits: &'a [CommitInfo]) -> Vec<&'a CommitInfo> {
    let touches = |commit: &&CommitInfo| {
        let mut changes = commit.changes.iter();
        changes.any(|change| order.holds(&change.table, &change.id))
    };
    commits.iter().rev().filter(touches).collect()
}

/// A text field; empty where there is none.
pub fn text<'a>(record: &'a Record, field: &str) -> &'a str {
    record
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A whole number; older databases have some as text.
pub fn number(record: &Record, field: &str) -> i64 {
    match record.get(field) {
        Some(Value::Number(number)) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|number| number as i64))
            .unwrap_or(0),
        Some(Value::String(text)) => text.trim().parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn records(values: Value) -> Vec<Record> {
        let Value::Array(values) = values else {
            panic!("a list of records");
        };
        values
            .into_iter()
            .map(|value| ghettodb::record_from(value).unwrap())
            .collect()
    }

    fn books() -> Books {
        Books {
            stock: records(json!([
                {"_id": "1", "product": "ale", "stock_level": "2"},
                {"_id": "2", "product": "book", "stock_level": 1},
            ])),
            movements: records(json!([
                {"_id": "m1", "order_id": "r/1", "product": "ale", "quantity": 2, "reason": "restock"},
                {"_id": "m2", "order_id": "o", "product": "ale", "quantity": -1, "reason": "order"},
                {"_id": "m3", "order_id": "o", "product": "ale", "quantity": 1, "reason": "returned"},
                {"_id": "m4", "order_id": "p", "product": "book", "quantity": 2, "reason": "restock"},
            ])),
            payments: records(json!([
                {"_id": "p1", "order_id": "o", "status": "captured", "amount": 450, "currency": "EUR"},
                {"_id": "p2", "order_id": "o", "status": "refunded", "refund_of": "p1"},
                {"_id": "p3", "order_id": "p", "status": "captured", "amount": 900, "currency": "EUR"},
            ])),
            operations: records(json!([
                {"_id": "x", "key": "o/charge_customer"},
                {"_id": "y", "key": "o/1/restock_item"},
                {"_id": "z", "key": "other/charge_customer"},
            ])),
            ..Books::default()
        }
    }

    #[test]
    fn an_order_is_what_carries_its_id() {
        let books = books();
        let order = books.order("o");
        assert_eq!(order.movements.len(), 2);
        assert_eq!(order.held(), 0);
        assert_eq!(order.payments_of("captured"), 1);
        assert_eq!(order.kept_payment(), None);
        assert!(order.holds("operations", "x") && !order.holds("operations", "y"));
        assert_eq!(books.order("p").kept_payment(), Some(("p3", 900, "EUR")));
        assert_eq!(books.order("p").held(), -2);
    }

    #[test]
    fn a_level_that_its_movements_do_not_explain_is_found() {
        assert_eq!(books().stock_level("ale"), 2);
        assert_eq!(books().stock_level("unknown"), 0);
        assert_eq!(books().unbalanced(), [("book".to_owned(), 1, 2)]);
    }
}
