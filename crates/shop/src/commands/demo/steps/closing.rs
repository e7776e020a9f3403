//! Step 9: the closing table, and a last look at whether everything fits together.

use anyhow::Result;
use serde_json::{Map, Value, json};
use shop::books::PRODUCTS;
use shop::{folder, outcome};

use crate::commands::demo::report::Page;
use crate::commands::demo::scene::{Scene, check};

/// Examines every order of the story once more, and the stock of every product.
pub(super) async fn books(
    scene: &mut Scene,
    page: &mut Page,
    closing: &mut Map<String, Value>,
) -> Result<()> {
    let mut documents = Vec::new();
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    for order in scene.orders.clone() {
        let (document, found) = scene.examine(&order).await?;
        problems.extend(
            found
                .into_iter()
                .map(|what| format!("order {}: {what}", order.label)),
        );
        let instance = scene.view()?.order(&order.id).await?.unwrap_or_default();
        let books = scene.books()?;
        let records = books.order(&order.id);
        let took = order.took.unwrap_or_default();
        rows.push(vec![
            order.label.clone(),
            format!("{} x {}", order.quantity, order.product),
            outcome::of(&instance).words(jiff::Timestamp::now()),
            format!("{:.1} s", took.as_secs_f64()),
            records.payments_of("captured").to_string(),
            records.shipments.len().to_string(),
        ]);
        documents.push(document);
    }
    page.table(
        &["ORDER", "WHAT", "OUTCOME", "TIME", "CHARGED", "SHIPPED"],
        &rows,
    );
    let books = scene.books()?;
    let stock = PRODUCTS.map(|(product, _)| (product, books.stock_level(product)));
    page.say("");
    let rows = stock.map(|(product, level)| vec![product.to_owned(), level.to_string()]);
    page.table(&["PRODUCT", "LEFT"], &rows);
    let counts = books.counts();
    let words: Vec<String> = counts
        .iter()
        .map(|(table, count)| format!("{count} {table}"))
        .collect();
    page.say(&format!("records: {}", words.join(", ")));
    problems.extend(
        books
            .unbalanced()
            .into_iter()
            .map(|(product, level, moved)| {
                format!("'{product}' stands at {level}, its movements add up to {moved}")
            }),
    );
    check(problems.is_empty(), || problems.join("; "))?;
    page.say("every effect happened once, and every level is the sum of its movements");

    what_next(scene, page);
    let tables: Map<String, Value> = counts
        .into_iter()
        .map(|(table, count)| (table.to_owned(), json!(count)))
        .collect();
    closing.insert("orders".to_owned(), documents.into());
    closing.insert("tables".to_owned(), tables.into());
    closing.insert(
        "stock".to_owned(),
        stock
            .map(|(product, level)| json!({ "product": product, "stock_level": level }))
            .to_vec()
            .into(),
    );
    Ok(())
}

/// Commands to go on with, as they work from here.
fn what_next(scene: &Scene, page: &Page) {
    let folder = scene.session.folder.root();
    let is_default = std::path::absolute(folder::DEFAULT).is_ok_and(|default| default == folder);
    let data = match is_default {
        true => String::new(),
        false => format!(" --data {}", folder.display()),
    };
    let shop = std::env::args().next().unwrap_or_else(|| "shop".to_owned());
    let order = scene.orders.first().map_or("ID", |order| &order.id);
    page.say("");
    page.say(&format!(
        "what to try next (the store is up, or comes up with `{shop} up{data}`):"
    ));
    for command in [
        format!("{shop} orders{data}"),
        format!("{shop} audit {order}{data}"),
        format!("{shop} order --product \"{}\" --wait{data}", PRODUCTS[2].0),
        format!(
            "git -C {} log --stat",
            scene.session.folder.repository().display()
        ),
    ] {
        page.say(&format!("  {command}"));
    }
}
