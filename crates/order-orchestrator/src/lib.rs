//! Places an order: writes its record, deploys its model, publishes its start message.
//!
//! Each step may be repeated without harm: the record is inserted if absent, an unchanged model
//! keeps its version, and a second message with the order's id is refused as published. The
//! engine does the rest; this program knows nothing of what happens in an order.

mod input;
mod order;
mod outcome;

use std::process::ExitCode;

use clap::Parser;
use ghettodb::{Database, Record};
use messaging::client::{Message, Published};
use messaging::mode::{Failure, runtime, start_log};
use messaging::operation::{self, Answer};
use messaging::payload::{Refusal, money, one_line};
use messaging::start::{self, Model, Started};
use messaging::ui::Start;
use messaging::{Exit, Settings, repository, ui};
use serde_json::{Value, json};

use crate::input::{Cli, Form, Variant};
use crate::order::Placed;

const NAME: &str = "order-orchestrator";

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
    match &cli.restart {
        Some(id) => restart(cli, &settings, id),
        None => place(cli, &settings),
    }
}

fn place(cli: &Cli, settings: &Settings) -> Result<(), Failure> {
    let form = Form::read(&cli.inputs()?)?;
    // What can be refused without repository and gateway is refused before anything is written.
    let surroundings = Surroundings::of(settings, &form)?;
    let model = Model::read(cli.model.as_deref(), form.variant.model())?;
    let mut database = repository::open(settings, NAME)?;
    let placed = write(&mut database, &form)?;
    if !placed.is_new() && start::has_expired(&placed.placed_at, &placed.now, settings.message_ttl)
    {
        let why = format!(
            "placed at {} and not started again, since its message may have expired; if no process runs for it, use --restart",
            placed.placed_at
        );
        return show(cli, settings, &form, &placed, None, &why);
    }
    let started = begin(settings, &form, &placed, &surroundings, model)?;
    finish(cli, settings, &form, &placed, &started, database)
}

/// Starts an order again whose message expired before a process took it.
fn restart(cli: &Cli, settings: &Settings, id: &str) -> Result<(), Failure> {
    let instance = runtime()?.block_on(outcome::find(settings, id))?;
    if let Some(key) = instance {
        let id = one_line(id, 60);
        let why = format!("order '{id}' has process instance {key}, so it is not started again");
        return Err(Failure::from(Refusal::State(why)));
    }
    let inputs = cli.inputs()?;
    let mut database = repository::open(settings, NAME)?;
    let snapshot = database.snapshot().map_err(repository::Error::Database)?;
    let known = order::known_inputs(id, &snapshot)?;
    let form = Form::read(&inputs.or(known)?)?;
    let surroundings = Surroundings::of(settings, &form)?;
    let model = Model::read(cli.model.as_deref(), form.variant.model())?;
    let placed = write(&mut database, &form)?;
    let started = begin(settings, &form, &placed, &surroundings, model)?;
    finish(cli, settings, &form, &placed, &started, database)
}

/// Writes the order's record if it is absent.
fn write(database: &mut Database, form: &Form) -> Result<Placed, Failure> {
    let message = ghettodb::Message {
        subject: format!(
            "orders: {} x {}",
            form.quantity,
            one_line(&form.product, 48)
        ),
        trailers: vec![
            ("Order-Id".to_owned(), form.id.clone()),
            ("Operation".to_owned(), order::OPERATION.to_owned()),
            ("Idempotency-Key".to_owned(), form.key()),
        ],
    };
    let committed = database
        .transact(&message, |tx| order::place(form, tx))
        .map_err(|error| match error {
            ghettodb::TransactError::Operation(error) => error,
            ghettodb::TransactError::Database(error) => operation::Error::Database(error),
        })?;
    Ok(Placed {
        commit: committed.commit,
        ..committed.value
    })
}

/// Where the process's dispatches go.
struct Surroundings {
    github_api_url: String,
    repository: Option<String>,
}

impl Surroundings {
    fn of(settings: &Settings, form: &Form) -> Result<Surroundings, Failure> {
        if settings.github_repository.is_none() && form.variant == Variant::Dispatch {
            return Err(Failure::Usage(
                "GITHUB_REPOSITORY is not set: the order's dispatches need OWNER/NAME to go to"
                    .to_owned(),
            ));
        }
        Ok(Surroundings {
            github_api_url: settings.github_api_url.clone(),
            repository: settings.github_repository.clone(),
        })
    }
}

/// The variables that the process starts with.
fn variables(form: &Form, placed: &Placed, surroundings: &Surroundings) -> Record {
    let mut variables = Record::new();
    let mut set = |name: &str, value: Value| {
        variables.insert(name.to_owned(), value);
    };
    set("_id", json!(form.id));
    set(
        "customer",
        json!({
            "email": form.customer_email,
            "name": form.customer_name,
            "address": form.customer_address,
            "payment_method": form.payment_method,
        }),
    );
    set("product", json!(form.product));
    set("quantity", json!(form.quantity));
    set("amount", json!(placed.amount));
    set("currency", json!(placed.currency));
    set("github_api_url", json!(surroundings.github_api_url));
    if let Some(repository) = &surroundings.repository {
        set("repo", json!(repository));
    }
    if let Some(timeout) = &form.fulfilment_timeout {
        set("fulfilment_timeout", json!(timeout));
    }
    if let Some(job_type) = &form.dispatch_job_type {
        set("dispatch_job_type", json!(job_type));
    }
    variables
}

fn begin(
    settings: &Settings,
    form: &Form,
    placed: &Placed,
    surroundings: &Surroundings,
    model: Model,
) -> Result<Started, Failure> {
    let message = Message {
        name: form.variant.message().to_owned(),
        correlation_key: form.id.clone(),
        message_id: form.id.clone(),
        time_to_live: settings.message_ttl,
        variables: variables(form, placed, surroundings),
    };
    runtime()?.block_on(start::start(settings, model, &message))
}

fn finish(
    cli: &Cli,
    settings: &Settings,
    form: &Form,
    placed: &Placed,
    started: &Started,
    mut database: Database,
) -> Result<(), Failure> {
    let Some(patience) = cli.wait else {
        let words = match started.published {
            Published::New { .. } => "placed",
            Published::AlreadyExists => "was placed before, and its process was started then",
        };
        return show(cli, settings, form, placed, Some((started, None)), words);
    };
    let outcome = runtime()?.block_on(outcome::wait(settings, &form.id, patience))?;
    order::keep_instance(&mut database, form, &outcome.process_instance_key)?;
    let words = outcome.words();
    show(
        cli,
        settings,
        form,
        placed,
        Some((started, Some(&outcome))),
        &words,
    )
}

/// JSON on standard output for programs, one line on standard error for people.
fn show(
    cli: &Cli,
    settings: &Settings,
    form: &Form,
    placed: &Placed,
    started: Option<(&Started, Option<&outcome::Outcome>)>,
    words: &str,
) -> Result<(), Failure> {
    let mut result = Answer::new();
    let mut set = |name: &str, value: Value| {
        result.insert(name.to_owned(), value);
    };
    set("_id", json!(form.id));
    set("product", json!(form.product));
    set("quantity", json!(form.quantity));
    set("amount", json!(placed.amount));
    set("currency", json!(placed.currency));
    set("variant", json!(form.variant.as_str()));
    set("placed", json!(placed.is_new()));
    set("commit", json!(placed.commit));
    set("message", json!(form.variant.message()));
    let new_message = |started: &Started| matches!(started.published, Published::New { .. });
    set(
        "started",
        json!(started.is_some_and(|(started, _)| new_message(started))),
    );
    if let Some((started, outcome)) = started {
        let definition = &started.definition;
        set("process_id", json!(definition.bpmn_process_id));
        set("process_version", json!(definition.version));
        set(
            "process_definition_key",
            json!(definition.process_definition_key.to_string()),
        );
        if let Some(outcome) = outcome {
            set("process_instance_key", json!(outcome.process_instance_key));
            set("outcome", json!(outcome.kind.as_str()));
            set("decline_reason", json!(outcome.decline_reason));
        }
    }
    let line = format!(
        "order {}: {} x {}, {}: {words}",
        one_line(&form.id, 60),
        form.quantity,
        one_line(&form.product, 60),
        money(placed.amount, &placed.currency),
    );
    ui::started(&Start {
        name: NAME,
        result: &Value::Object(result),
        id: &form.id,
        line: &line,
        quiet: cli.json,
        is_own_repository: settings.repository.is_none(),
    });
    Ok(())
}
