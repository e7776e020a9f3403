//! Steps 2 and 3: the models are deployed, the shelves filled.

use anyhow::{Context, Result};
use messaging::client::Deployed;
use messaging::rest::ElementInstance;
use serde_json::{Value, json};
use shop::books::PRODUCTS;
use shop::engine;
use shop::ledger::{self, text};
use shop::orchestrators::RestockForm;
use shop::outcome::State;
use shop::project::Project;
use shop::wait::until;

use super::LEVEL;
use crate::commands::demo::report::Page;
use crate::commands::demo::scene::{PATIENCE, Scene, check};

const MODELS: [&str; 2] = ["populate-stock.bpmn", "order-fulfilment.bpmn"];

/// Deploys the same bytes twice: the second time nothing is new.
pub(super) async fn deploy(scene: &mut Scene, page: &mut Page) -> Result<()> {
    let project = Project::find()?;
    let mut files = Vec::new();
    for name in MODELS {
        let path = project.model(name);
        let content = std::fs::read(&path)
            .with_context(|| format!("cannot read the model '{}'", path.display()))?;
        files.push((name.to_owned(), content));
    }
    let first = scene
        .client
        .deploy(&files)
        .await
        .map_err(engine::from_client)?;
    // What the engine itself shows, before it is deployed again.
    let shown = match scene.has_view() {
        true => Some(shown_keys(scene, &first).await?),
        false => None,
    };
    let second = scene
        .client
        .deploy(&files)
        .await
        .map_err(engine::from_client)?;
    for process in &first {
        page.say(&format!(
            "{} version {} (key {})",
            process.bpmn_process_id, process.version, process.process_definition_key
        ));
    }
    check(keys(&first) == keys(&second), || {
        format!("a second deploy made new definitions: {:?}", keys(&second))
    })?;
    if let Some(shown) = shown {
        check(shown == keys(&second), || {
            format!(
                "the REST API shows {shown:?}, the second deploy gave {:?}",
                keys(&second)
            )
        })?;
    }
    page.say("deployed again: unchanged");
    let deployed = first.iter().map(|process| {
        json!({
            "process": process.bpmn_process_id,
            "version": process.version,
            "process_definition_key": process.process_definition_key.to_string(),
        })
    });
    page.fact("deployed", deployed.collect::<Vec<_>>());
    page.fact("second_deploy", "unchanged");
    Ok(())
}

fn keys(deployed: &[Deployed]) -> Vec<String> {
    let mut keys: Vec<_> = deployed
        .iter()
        .map(|process| process.process_definition_key.to_string())
        .collect();
    keys.sort();
    keys
}

/// The keys of the newest version of each of these processes, as the REST API shows them.
async fn shown_keys(scene: &Scene, deployed: &[Deployed]) -> Result<Vec<String>> {
    until(
        "the deployed models on the REST API",
        PATIENCE,
        async || {
            let definitions = scene.view()?.definitions().await?;
            let newest = deployed.iter().map(|process| {
                definitions
                    .iter()
                    .filter(|shown| shown.process_definition_id == process.bpmn_process_id)
                    .max_by_key(|shown| shown.version)
                    .filter(|shown| shown.version >= process.version)
                    .map(|shown| shown.process_definition_key.clone())
            });
            let mut keys: Option<Vec<String>> = newest.collect();
            if let Some(keys) = &mut keys {
                keys.sort();
            }
            Ok(keys)
        },
    )
    .await
}

/// Sets every product to the same level, strictly one after another.
pub(super) async fn restock(scene: &mut Scene, page: &mut Page) -> Result<()> {
    let form = RestockForm {
        stock_level: LEVEL.to_string(),
        ..RestockForm::default()
    };
    let id = scene.orchestrators.restock(&form).await?;
    let view = scene.view()?;
    let instance = until("the end of the restock", PATIENCE, async || {
        let instance = view.order(&id).await?;
        Ok(instance.filter(|instance| instance.state != State::Active))
    })
    .await?;
    check(instance.state == State::Completed, || {
        "the restock was cancelled".to_owned()
    })?;
    let rounds = rounds(&view.history(&instance.key).await?)?;
    check(rounds.len() == PRODUCTS.len(), || {
        format!("{} rounds for {} products", rounds.len(), PRODUCTS.len())
    })?;
    for pair in rounds.windows(2) {
        check(pair[0].1 <= pair[1].0, || {
            format!(
                "a round began at {} before the one before ended at {}",
                pair[1].0, pair[0].1
            )
        })?;
    }
    page.say("each product only after the answer about the one before");

    let books = scene.books()?;
    let commits = ledger::commits(&mut scene.database)?;
    let mut rows = Vec::new();
    let mut facts = Vec::new();
    for (product, _) in PRODUCTS {
        let level = books.stock_level(product);
        check(level == LEVEL, || {
            format!("'{product}' stands at {level}, not {LEVEL}")
        })?;
        // Every round leaves a movement, of 0 too where the level was right already.
        let movement = books.movements.iter().find(|record| {
            let round = text(record, "order_id").strip_prefix(&id);
            text(record, "product") == product && round.is_some_and(|round| round.starts_with('/'))
        });
        let movement = movement
            .with_context(|| format!("no movement of '{product}' belongs to the restock"))?;
        let commit = commits.iter().find(|commit| {
            commit.changes.iter().any(|change| {
                change.table == "stock_movements" && change.id == text(movement, "_id")
            })
        });
        let commit = commit.with_context(|| format!("no commit set the level of '{product}'"))?;
        let short = commit.id.get(..10).unwrap_or(&commit.id);
        rows.push(vec![
            product.to_owned(),
            level.to_string(),
            short.to_owned(),
        ]);
        facts.push(json!({ "product": product, "stock_level": level, "commit": commit.id }));
    }
    let unbalanced = books.unbalanced();
    check(unbalanced.is_empty(), || {
        format!("levels without their movements: {unbalanced:?}")
    })?;
    page.table(&["PRODUCT", "LEVEL", "COMMIT"], &rows);
    page.fact("_id", id);
    page.fact("process_instance_key", instance.key);
    page.fact("stock", Value::Array(facts));
    Ok(())
}

/// Begin and end of each round: from its task to the answer that it waits for.
fn rounds(elements: &[ElementInstance]) -> Result<Vec<(jiff::Timestamp, jiff::Timestamp)>> {
    let time = |text: &str| text.parse::<jiff::Timestamp>().context("no RFC 3339 time");
    let begins = elements
        .iter()
        .filter(|element| element.kind == "SERVICE_TASK");
    let ends = elements
        .iter()
        .filter(|element| element.kind == "INTERMEDIATE_CATCH_EVENT");
    begins
        .zip(ends)
        .map(|(begin, end)| {
            let ended = end.end_date.as_deref().context("an answer never came")?;
            Ok((time(&begin.start_date)?, time(ended)?))
        })
        .collect()
}
