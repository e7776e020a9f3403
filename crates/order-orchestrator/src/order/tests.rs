//! The order's record, on records in memory.

use ghettodb::{Memory, record_from};

use super::*;
use crate::input::Variant;

const BOOK: &str = "Real-Life BPMN Book";

fn form(id: &str) -> Form {
    Form {
        id: id.to_owned(),
        product: BOOK.to_owned(),
        quantity: 2,
        customer_email: "ada@example.com".to_owned(),
        customer_name: "Ada".to_owned(),
        customer_address: "1 Engine Street".to_owned(),
        payment_method: "pm_card_visa".to_owned(),
        variant: Variant::Dispatch,
        fulfilment_timeout: None,
        dispatch_job_type: None,
    }
}

fn shop() -> Memory {
    let mut memory = Memory::new();
    store(
        &mut memory,
        "products",
        json!({"_id": "p", "product": BOOK, "price": 3900, "currency": "EUR"}),
    );
    memory
}

fn store(memory: &mut Memory, table: &str, record: Value) {
    let record = record_from(record).unwrap();
    memory
        .transact::<_, ghettodb::Error>("2026-01-01T08:00:00Z", |tx| tx.insert(table, record))
        .unwrap();
}

fn run(memory: &mut Memory, now: &str, form: &Form) -> Result<Placed, Error> {
    memory.transact(now, |tx| place(form, tx))
}

const TEN: &str = "2026-01-01T10:00:00Z";
const NOON: &str = "2026-01-01T12:00:00Z";

#[test]
fn an_order_is_written_with_its_price() {
    let mut memory = shop();
    let placed = run(&mut memory, TEN, &form("o-1")).unwrap();
    assert!(placed.is_new());
    assert_eq!((placed.amount, placed.currency.as_str()), (7800, "EUR"));
    let order = memory.get("orders", "o-1").unwrap();
    for (field, value) in [
        ("customer", json!("ada@example.com")),
        ("product", json!(BOOK)),
        ("quantity", json!(2)),
        ("amount", json!(7800)),
        ("currency", json!("EUR")),
    ] {
        assert_eq!(order[field], value, "{field}");
    }
}

#[test]
fn the_same_order_twice_is_one_at_the_price_of_the_first() {
    let mut memory = shop();
    run(&mut memory, TEN, &form("o-1")).unwrap();
    let dearer = record_from(json!({"price": 9900})).unwrap();
    memory
        .transact::<_, ghettodb::Error>(TEN, |tx| tx.update("products", "p", dearer))
        .unwrap();
    let before = memory.clone();
    let again = run(&mut memory, NOON, &form("o-1")).unwrap();
    assert!(!again.is_new());
    assert_eq!((again.amount, again.placed_at.as_str()), (7800, TEN));
    assert_eq!(memory, before);
}

#[test]
fn other_content_under_the_same_id_names_the_field() {
    #[track_caller]
    fn check(field: &str, change: impl Fn(&mut Form)) {
        let mut memory = shop();
        run(&mut memory, TEN, &form("o-1")).unwrap();
        let before = memory.clone();
        let mut other = form("o-1");
        change(&mut other);
        let error = run(&mut memory, TEN, &other).unwrap_err();
        let expected = format!(
            "order 'o-1' was placed before with another '{field}'; give a new order its own id"
        );
        assert_eq!(error.to_string(), expected);
        assert!(error.is_refusal());
        assert_eq!(memory, before);
    }
    check("quantity", |form| form.quantity = 3);
    check("product", |form| form.product = "Other".to_owned());
    check("customer_email", |form| {
        form.customer_email = "eve@example.com".to_owned();
    });
    check("customer_name", |form| {
        form.customer_name = "Eve".to_owned();
    });
    check("customer_address", |form| {
        form.customer_address = "2 Street".to_owned();
    });
    check("payment_method", |form| {
        form.payment_method = "pm_card_amex".to_owned();
    });
    check("variant", |form| form.variant = Variant::Grpc);
    check("fulfilment_timeout", |form| {
        form.fulfilment_timeout = Some("PT2S".to_owned());
    });
}

#[test]
fn a_record_of_another_hand_is_compared_and_kept() {
    let record = json!({"_id": "o-1", "customer": "ada@example.com", "product": BOOK,
                        "quantity": "2", "amount": 7000, "currency": "USD"});
    let mut memory = shop();
    store(&mut memory, "orders", record);
    let placed = run(&mut memory, NOON, &form("o-1")).unwrap();
    assert_eq!((placed.amount, placed.currency.as_str()), (7000, "USD"));
    assert!(!placed.is_new());
    let mut other = form("o-1");
    other.quantity = 3;
    let mut memory = shop();
    store(
        &mut memory,
        "orders",
        json!({"_id": "o-1", "customer": "ada@example.com", "product": BOOK, "quantity": 2}),
    );
    let error = run(&mut memory, NOON, &other).unwrap_err();
    assert!(error.to_string().contains("'quantity'"), "{error}");
}

#[test]
fn an_unknown_product_starts_nothing_and_names_the_shelf() {
    let mut memory = shop();
    let before = memory.clone();
    let mut other = form("o-1");
    other.product = "Unreal".to_owned();
    let error = run(&mut memory, TEN, &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("unknown product 'Unreal'; the shop has {BOOK}")
    );
    assert!(error.is_refusal());
    assert_eq!(memory, before);
    let error = run(&mut Memory::new(), TEN, &other).unwrap_err();
    assert!(
        error.to_string().contains("table 'products' is empty"),
        "{error}"
    );
}

#[test]
fn an_amount_has_a_limit_and_a_price_is_a_number() {
    let mut memory = Memory::new();
    store(
        &mut memory,
        "products",
        json!({"_id": "p", "product": BOOK, "price": AMOUNT_MAX, "currency": "EUR"}),
    );
    let error = run(&mut memory, TEN, &form("o-1")).unwrap_err();
    assert!(
        error.is_refusal() && error.to_string().contains("'quantity'"),
        "{error}"
    );
    let mut one = form("o-1");
    one.quantity = 1;
    assert_eq!(run(&mut memory, TEN, &one).unwrap().amount, AMOUNT_MAX);

    let mut memory = Memory::new();
    store(
        &mut memory,
        "products",
        json!({"_id": "p", "product": BOOK, "price": "free", "currency": "EUR"}),
    );
    let error = run(&mut memory, TEN, &form("o-1")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "record 'p' of table 'products': field 'price' is not a whole number above 0"
    );
    assert!(!error.is_refusal());
}

#[test]
fn an_id_with_path_tricks_is_refused() {
    for id in ["../products/p", "a/b", ".."] {
        let mut memory = shop();
        let before = memory.clone();
        let error = run(&mut memory, TEN, &form(id)).unwrap_err();
        assert!(
            error.is_refusal() && error.to_string().contains("_id"),
            "{error}"
        );
        assert_eq!(memory, before);
    }
}
