//! All operations of a service as long-lived job workers.
//!
//! Each operation asks the gateway for the variables of its own payload alone, so that other
//! variables of a process are no surplus fields here. Jobs that wait while a commit is pushed share the
//! next one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures::future::try_join_all;
use ghettodb::Database;
use serde_json::Map;
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use super::Failure;
use crate::batch::{self, Task};
use crate::operation::{self, Operation, Service};
use crate::payload::Dispatch;
use crate::repository;
use crate::settings::Settings;
use crate::ui;
use crate::worker::{self, Job, Outcome};

/// Pause before a job whose run failed is tried again.
const BACK_OFF: Duration = Duration::from_secs(2);
/// Operations in one commit, at most: its push should not take long enough to be lost to another's.
const BATCH_MAX: usize = 256;

pub(super) fn run(
    service: &'static Service,
    settings: &Settings,
    max_jobs: usize,
) -> Result<(), Failure> {
    let desk = Desk::open(service, repository::open(settings, service.name)?);
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
            let desk = desk.clone();
            let mut stopped = stopped.clone();
            let handler = move |job| handle(operation, desk.clone(), job);
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

async fn handle(operation: &'static Operation, desk: Desk, job: Job) -> Outcome {
    let (key, retries) = (job.key, job.retries);
    let answered = match Dispatch::new(operation.event_type, job.variables) {
        Ok(dispatch) => {
            let task = Task {
                operation,
                dispatch,
            };
            desk.perform(task).await
        }
        Err(refusal) => Err(Arc::new(refusal.into())),
    };
    let answer = match answered {
        Ok(answer) => answer,
        Err(error) => return failed(operation, key, retries, &error),
    };
    info!(job_key = key, operation = operation.event_type, "done");
    match &operation.business_error {
        Some(error) if error.is_said_by(&answer) => Outcome::Error {
            code: error.code.to_owned(),
            message: error.message.to_owned(),
            variables: answer,
        },
        _ => Outcome::Complete(answer),
    }
}

/// Where the jobs of all operations wait for the one thread that writes.
///
/// In one process, writers would only race each other to the branch. While one commit is pushed, the
/// jobs that come in wait; all of them are the next commit.
#[derive(Clone)]
struct Desk(mpsc::Sender<Waiting>);

struct Waiting {
    task: Task,
    answer: oneshot::Sender<batch::Outcome>,
}

impl Desk {
    /// Opens the desk; its thread ends when the last of its copies is gone.
    fn open(service: &'static Service, mut database: Database) -> Desk {
        let (sender, receiver) = mpsc::channel::<Waiting>();
        std::thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let more = receiver.try_iter().take(BATCH_MAX - 1);
                let (tasks, answers): (Vec<_>, Vec<_>) = std::iter::once(first)
                    .chain(more)
                    .map(|waiting| (waiting.task, waiting.answer))
                    .unzip();
                // A panic leaves no transaction half done, since a push is all or nothing; its jobs fail.
                let performed = catch_unwind(AssertUnwindSafe(|| {
                    batch::perform(service.name, &mut database, &tasks)
                }));
                for (answer, outcome) in answers.into_iter().zip(performed.unwrap_or_default()) {
                    // Whoever no longer waits gets the same answer when it asks again.
                    drop(answer.send(outcome));
                }
            }
        });
        Desk(sender)
    }

    async fn perform(&self, task: Task) -> batch::Outcome {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { task, answer };
        self.0
            .send(waiting)
            .expect("the thread waits as long as there is a copy of its desk");
        // Else the job fails as one whose handler panicked, which is what happened.
        answered.await.expect("the commit of this job panicked")
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
