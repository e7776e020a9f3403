//! Two stores with the same history under other ids and times are the same; anything else is named.

use super::*;

/// A store after a restock and two orders; `store` is part of everything that is its own.
fn store(store: &str) -> Tree {
    let id = |name: &str| format!("{store}-{name}");
    let restock = id("restock");
    let key = format!("{restock}/1/restock_item");
    let operation = |key: &str, result: Value| {
        let own = hex(&Sha256::digest(key));
        json!({"_id": own, "key": key, "payload_sha256": hex(&Sha256::digest(id(key))), "result": result})
    };
    let time = format!("2026-01-01T00:00:0{}Z", store.len());
    let tables = [
        (
            "customers",
            json!({"_id": id("ada"), "email": "ada@example.com", "name": "Ada"}),
        ),
        (
            "customers",
            json!({"_id": id("bob"), "email": "bob@example.com", "name": "Bob"}),
        ),
        (
            "orders",
            json!({"_id": "order-1", "customer": "ada@example.com", "quantity": 1}),
        ),
        (
            "payments",
            json!({"_id": id("paid"), "order_id": "order-1", "status": "captured", "customer_id": id("ada"), "amount": 3900}),
        ),
        (
            "stock",
            json!({"_id": id("ale"), "product": "Ale", "stock_level": 4}),
        ),
        (
            "stock_movements",
            json!({"_id": id("in"), "order_id": format!("{restock}/1"), "reason": "restock", "quantity": 5}),
        ),
        (
            "stock_movements",
            json!({"_id": id("out"), "order_id": "order-1", "reason": "order", "quantity": -1}),
        ),
        (
            "operations",
            operation(
                "order-1/charge_customer",
                json!({"payment_id": id("paid"), "customer_charged": true}),
            ),
        ),
        (
            "operations",
            operation(&key, json!({"stock_level": 5, "placed_at": time})),
        ),
    ];
    let mut tree = Tree::default();
    for (table, mut record) in tables {
        record["_updated"] = json!(time);
        let Value::Object(record) = record else {
            unreachable!("all are objects")
        };
        let id = record["_id"].as_str().unwrap().to_owned();
        tree.0
            .entry(table.to_owned())
            .or_default()
            .insert(id, record);
    }
    tree
}

fn essence(tree: &Tree, store: &str) -> Essence {
    let made = BTreeMap::from([(format!("{store}-restock"), "the restock".to_owned())]);
    Essence::of(tree, &made)
}

/// What is told of two stores, the second of which was changed.
fn told(change: impl FnOnce(&mut Tree)) -> Vec<String> {
    let (one, mut other) = (store("one"), store("second"));
    change(&mut other);
    let differences = essence(&one, "one").differences(&essence(&other, "second"));
    let words = differences.iter().map(|d| d.words(["direct", "act"]));
    words.collect()
}

fn set(tree: &mut Tree, table: &str, id: &str, field: &str, value: Value) {
    let record = tree.0.get_mut(table).unwrap().get_mut(id).unwrap();
    record.insert(field.to_owned(), value);
}

#[test]
fn other_ids_and_times_are_no_difference() {
    assert_eq!(told(|_| {}), [""; 0]);
    assert_eq!(essence(&store("one"), "one").len(), 9);
}

#[test]
fn a_changed_amount_is_named() {
    let told = told(|tree| set(tree, "payments", "second-paid", "amount", json!(3901)));
    let expected = "payments 'order-1, captured', amount: direct has 3900, act has 3901";
    assert_eq!(told, [expected]);
}

#[test]
fn a_reference_to_another_record_is_named_by_what_that_is_about() {
    let told = told(|tree| {
        set(
            tree,
            "payments",
            "second-paid",
            "customer_id",
            json!("second-bob"),
        );
    });
    let expected = "payments 'order-1, captured', customer_id: direct has \"<customers 'ada@example.com'>\", \
                    act has \"<customers 'bob@example.com'>\"";
    assert_eq!(told, [expected]);
}

#[test]
fn a_reference_to_nothing_and_one_inside_a_result_are_named() {
    let told = told(|tree| {
        let id = hex(&Sha256::digest("order-1/charge_customer"));
        let result = json!({"payment_id": "nothing", "customer_charged": true});
        set(tree, "operations", &id, "result", result);
    });
    let expected = "operations 'order-1/charge_customer', result.payment_id: \
                    direct has \"<payments 'order-1, captured'>\", act has \"nothing\"";
    assert_eq!(told, [expected]);
}

#[test]
fn a_missing_record_and_one_too_many_are_named() {
    let missing = told(|tree| drop(tree.0.get_mut("orders").unwrap().remove("order-1")));
    assert_eq!(missing, ["orders 'order-1': direct has it, act has none"]);
    let doubled = told(|tree| {
        let movements = tree.0.get_mut("stock_movements").unwrap();
        let mut again = movements["second-out"].clone();
        again.insert("_id".to_owned(), json!("second-again"));
        movements.insert("second-again".to_owned(), again);
    });
    let expected = "stock_movements 'order-1, order (2)': direct has none, act has it";
    assert_eq!(doubled, [expected]);
}

#[test]
fn what_is_no_time_and_no_hash_of_its_key_is_named() {
    let told = told(|tree| {
        set(tree, "stock", "second-ale", "_updated", json!("yesterday"));
        let operations = tree.0.get_mut("operations").unwrap();
        let id = hex(&Sha256::digest("order-1/charge_customer"));
        let mut record = operations.remove(&id).unwrap();
        record.insert("_id".to_owned(), json!("0123"));
        record.insert("payload_sha256".to_owned(), json!("short"));
        operations.insert("0123".to_owned(), record);
    });
    let expected = [
        "operations 'order-1/charge_customer', _id: direct has \"<SHA-256 of the key>\", act has \"0123\"",
        "operations 'order-1/charge_customer', payload_sha256: direct has \"<SHA-256 over ids>\", act has \"short\"",
        "stock 'Ale', _updated: direct has \"<time>\", act has \"yesterday\"",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_missing_field_is_named() {
    let told = told(|tree| {
        let customers = tree.0.get_mut("customers").unwrap();
        customers.get_mut("second-ada").unwrap().remove("name");
    });
    assert_eq!(
        told,
        ["customers 'ada@example.com', name: direct has \"Ada\", act has none"]
    );
}

#[test]
fn a_difference_as_json_has_both_sides_by_name() {
    let difference = Difference {
        table: "stock".to_owned(),
        record: "Ale".to_owned(),
        field: Some("stock_level".to_owned()),
        values: [Some(json!(1)), None],
    };
    let expected = json!({
        "table": "stock", "record": "Ale", "field": "stock_level", "direct": 1, "act": null,
    });
    assert_eq!(difference.json(["direct", "act"]), expected);
}
