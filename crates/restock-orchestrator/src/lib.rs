//! Starts a restock: deploys its model and publishes its start message.
//!
//! It writes no record of its own: the engine goes through the products, and each round's answer
//! is the inventory's. The same restock twice is one, by the message's id.

mod input;

use std::process::ExitCode;

use clap::Parser;
use ghettodb::Record;
use messaging::client::{Message, Published};
use messaging::mode::{Failure, runtime, start_log};
use messaging::payload::one_line;
use messaging::start::{self, Model};
use messaging::ui::Start;
use messaging::{Exit, Settings, repository, ui};
use serde_json::{Value, json};

use crate::input::{Cli, Form};

const NAME: &str = "restock-orchestrator";

/// Runs the command line and gives its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            // A closed pipe is all that can fail here.
            drop(error.print());
            return if usage { Exit::Usage } else { Exit::Done }.into();
        }
    };
    ui::finish(NAME, run(&cli)).into()
}

fn run(cli: &Cli) -> Result<(), Failure> {
    ui::mask();
    if cli.is_action() {
        ui::hold_commands();
    }
    start_log("warn");
    let settings = Settings::from_env(&cli.settings)?;
    let form = Form::read(&cli.inputs()?)?;
    let Some(repository) = settings.github_repository.clone() else {
        return Err(Failure::Usage(
            "GITHUB_REPOSITORY is not set: the restock's dispatches need OWNER/NAME to go to"
                .to_owned(),
        ));
    };
    let model = Model::read(cli.model.as_deref(), form.model())?;
    let shelf = shelf(&settings)?;
    let products = input::products(&form.products, &shelf)?;

    let message = Message {
        name: form.message().to_owned(),
        correlation_key: form.id.clone(),
        message_id: form.id.clone(),
        time_to_live: settings.message_ttl,
        variables: variables(&form, &products, &repository, &settings.github_api_url),
    };
    let started = runtime()?.block_on(start::start(&settings, model, &message))?;

    let is_new = matches!(started.published, Published::New { .. });
    let definition = &started.definition;
    let result = json!({
        "_id": form.id,
        "products": products,
        "stock_level": form.stock_level,
        "parallel": form.parallel,
        "message": form.message(),
        "started": is_new,
        "process_id": definition.bpmn_process_id,
        "process_version": definition.version,
        "process_definition_key": definition.process_definition_key.to_string(),
    });
    let words = if is_new {
        "started"
    } else {
        "was started before"
    };
    let line = format!(
        "restock {}: {} to {}: {words}",
        one_line(&form.id, 60),
        one_line(&products.join(", "), 300),
        form.stock_level
    );
    ui::started(&Start {
        name: NAME,
        result: &result,
        id: &form.id,
        line: &line,
        quiet: cli.json,
        is_own_repository: settings.repository.is_none(),
    });
    Ok(())
}

/// The names of all products that the shop sells, by their records' ids.
fn shelf(settings: &Settings) -> Result<Vec<String>, Failure> {
    let database = |error| Failure::Repository(repository::Error::Database(error));
    let mut repository = repository::open(settings, NAME)?;
    let snapshot = repository.snapshot().map_err(database)?;
    let products = snapshot.all("products").map_err(database)?;
    let name = |record: &Record| record.get("product")?.as_str().map(str::to_owned);
    Ok(products.iter().filter_map(name).collect())
}

/// The variables that the process starts with.
fn variables(form: &Form, products: &[String], repository: &str, api_url: &str) -> Record {
    let mut variables = Record::new();
    let mut set = |name: &str, value: Value| {
        variables.insert(name.to_owned(), value);
    };
    set("_id", json!(form.id));
    set("products", json!(products));
    set("stock_level", json!(form.stock_level));
    set("repo", json!(repository));
    set("github_api_url", json!(api_url));
    if let Some(timeout) = &form.restock_timeout {
        set("restock_timeout", json!(timeout));
    }
    if let Some(job_type) = &form.dispatch_job_type {
        set("dispatch_job_type", json!(job_type));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_starts_with_numbers_and_a_list() {
        let products = ["Ale".to_owned()];
        let form = Form {
            id: "r-1".to_owned(),
            products: "Ale".to_owned(),
            stock_level: 2,
            parallel: false,
            restock_timeout: None,
            dispatch_job_type: Some("local-http".to_owned()),
        };
        let variables = variables(&form, &products, "o/r", "http://127.0.0.1:1");
        let expected = json!({
            "_id": "r-1", "products": ["Ale"], "stock_level": 2, "repo": "o/r",
            "github_api_url": "http://127.0.0.1:1", "dispatch_job_type": "local-http",
        });
        assert_eq!(Value::Object(variables), expected);
    }
}
