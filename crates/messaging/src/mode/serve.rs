//! All operations of a service as long-lived job workers.
//!
//! Each operation asks the gateway for the variables of its own payload alone, so that other
//! variables of a process are no surplus fields here.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::try_join_all;
use ghettodb::Database;
use serde_json::Map;
use tokio::sync::watch;
use tracing::{info, warn};

use super::Failure;
use crate::operation::{self, Operation, Service};
use crate::payload::Dispatch;
use crate::repository;
use crate::settings::Settings;
use crate::ui;
use crate::worker::{self, Job, Outcome};

/// Pause before a job whose run failed is tried again.
const BACK_OFF: Duration = Duration::from_secs(2);

pub(super) fn run(
    service: &'static Service,
    settings: &Settings,
    max_jobs: usize,
) -> Result<(), Failure> {
    // In one process, writers would only race each other to the branch: they take turns.
    let database = Arc::new(Mutex::new(repository::open(settings, service.name)?));
    let runtime = tokio::runtime::Runtime::new().map_err(|source| Failure::Io {
        what: "starting the network runtime",
        source,
    })?;
    runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            shutdown_signal().await;
            // An error means that nothing runs any more.
            let _ = stop.send(true);
        });
        let workers = service.operations.iter().map(|operation| {
            let mut config = worker::Config::new(service.name, vec![operation.job_type()]);
            // A push may take its whole deadline; nobody else should take the job meanwhile.
            config.timeout = settings.push_deadline + Duration::from_secs(30);
            config.max_jobs = max_jobs;
            config.fetch_variables = fetched(operation);
            let database = database.clone();
            let mut stopped = stopped.clone();
            let handler = move |job| handle(operation, database.clone(), job);
            async move {
                worker::run(&settings.gateway, config, handler, async move {
                    drop(stopped.wait_for(|stop| *stop).await);
                })
                .await
            }
        });
        let types: Vec<_> = service.operations.iter().map(Operation::job_type).collect();
        ui::ready(service.name, &settings.gateway.address(), &types);
        try_join_all(workers).await?;
        Ok(())
    })
}

fn fetched(operation: &Operation) -> Vec<String> {
    let fields = operation.field_names().into_iter().map(str::to_owned);
    fields.chain(["_id".to_owned()]).collect()
}

async fn handle(
    operation: &'static Operation,
    database: Arc<Mutex<Database>>,
    job: Job,
) -> Outcome {
    let (key, retries) = (job.key, job.retries);
    // Git works with files and processes; the jobs of other types go on meanwhile.
    let result = tokio::task::spawn_blocking(move || {
        let dispatch = Dispatch::new(operation.event_type, job.variables)?;
        let mut database = database.lock().unwrap_or_else(|poisoned| {
            // A panic in another job left no transaction half done: a push is all or nothing.
            poisoned.into_inner()
        });
        operation.perform(&mut database, &dispatch)
    })
    .await;
    let result = match result {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    match result {
        Ok(committed) => {
            info!(job_key = key, operation = operation.event_type, "done");
            Outcome::Complete(committed.value)
        }
        Err(error) => failed(operation, key, retries, &error),
    }
}

fn failed(operation: &Operation, key: i64, retries: i32, error: &operation::Error) -> Outcome {
    let refused = error.is_refusal();
    warn!(
        job_key = key,
        operation = operation.event_type,
        refused,
        "{error}"
    );
    let message = match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    Outcome::Fail {
        // The same input will be refused again: that is for an operator.
        retries: if refused { 0 } else { retries - 1 },
        message,
        back_off: BACK_OFF,
        variables: Map::new(),
    }
}

/// Ready at Ctrl-C, or when a supervisor asks the process to end.
async fn shutdown_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return interrupt.await;
    };
    tokio::select! {
        () = interrupt => {}
        _ = terminate.recv() => {}
    }
}
