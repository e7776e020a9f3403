//! The worker loop against the protocol: both ways to get a job, every outcome, lost connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use messaging::settings::Gateway as Settings;
use messaging::worker::{Config, Error, Job, Outcome, run};
use protocol::ActivatedJob;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

use crate::support::Gateway;

fn job(key: i64) -> ActivatedJob {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    ActivatedJob {
        key,
        r#type: "ship".to_owned(),
        retries: 3,
        process_instance_key: 77,
        bpmn_process_id: "order".to_owned(),
        element_id: "Ship".to_owned(),
        custom_headers: r#"{"h": "1"}"#.to_owned(),
        variables: format!(r#"{{"n": {key}}}"#),
        deadline: i64::try_from(now.as_millis()).unwrap() + 60_000,
        ..Default::default()
    }
}

fn config() -> Config {
    let mut config = Config::new("test", vec!["ship".to_owned()]);
    config.poll_timeout = Duration::from_secs(5);
    config.max_jobs = 4;
    config.fetch_variables = vec!["n".to_owned()];
    config
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// A worker that runs until it is told to stop.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    fn start<H, F>(gateway: &Gateway, config: Config, handler: H) -> Running
    where
        H: Fn(Job) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let settings = Settings::plain(&gateway.address()).unwrap();
        let task = tokio::spawn(async move {
            run(&settings, config, handler, async { drop(stopped.await) }).await
        });
        Running { stop, task }
    }

    async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(());
        self.task.await.unwrap()
    }
}

async fn complete(_: Job) -> Outcome {
    Outcome::Complete(Map::new())
}

#[tokio::test]
async fn a_job_is_pushed_and_completed() {
    let gateway = Gateway::start();
    let worker = Running::start(&gateway, config(), |job: Job| async move {
        assert_eq!(job.process_instance_key, 77);
        assert_eq!(job.custom_headers["h"], "1");
        Outcome::Complete(object(
            json!({"twice": job.variables["n"].as_i64().unwrap() * 2}),
        ))
    });
    gateway
        .until("the stream is open", |state| state.is_streaming("ship"))
        .await;
    gateway.make_job(job(21));
    gateway
        .until("the job is done", |state| state.completed.len() == 1)
        .await;
    worker.stop().await.unwrap();
    let state = gateway.state();
    assert_eq!(state.completed[0].job_key, 21);
    assert_eq!(state.completed[0].variables, r#"{"twice":42}"#);
    assert_eq!(state.streamed[0].fetch_variable, ["n"]);
    assert_eq!(state.streamed[0].worker, "test");
}

#[tokio::test]
async fn what_waited_before_is_polled_at_once_batch_after_batch() {
    let gateway = Gateway::start();
    for key in 1..=20 {
        gateway.queue_job(job(key));
    }
    let worker = Running::start(&gateway, config(), complete);
    gateway
        .until("all are done", |state| state.completed.len() == 20)
        .await;
    worker.stop().await.unwrap();
    let state = gateway.state();
    assert!(
        state
            .polls
            .iter()
            .all(|poll| (1..=4).contains(&poll.max_jobs_to_activate))
    );
    // A poll that waited for its time-out between two batches would have cost seconds each.
    assert!(
        state.polls.len() >= 6,
        "5 batches of 4 at the most, and one that waits"
    );
    assert_eq!(state.polls[0].fetch_variable, ["n"]);
}

#[tokio::test]
async fn a_gateway_without_streams_is_polled() {
    let gateway = Gateway::start();
    gateway.configure(|state| state.no_streams = true);
    let worker = Running::start(&gateway, config(), complete);
    gateway
        .until("a poll waits", |state| !state.polls.is_empty())
        .await;
    gateway.make_job(job(1));
    gateway
        .until("the job is done", |state| state.completed.len() == 1)
        .await;
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_there_is_room_for() {
    let gateway = Gateway::start();
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (go, gate) = watch::channel(false);
    let worker = {
        let (running, most) = (running.clone(), most.clone());
        Running::start(&gateway, config(), move |_| {
            let (running, most, mut gate) = (running.clone(), most.clone(), gate.clone());
            async move {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                if now == 4 {
                    // All room is taken; whatever else comes must wait.
                    tokio::task::yield_now().await;
                }
                drop(gate.wait_for(|open| *open).await);
                running.fetch_sub(1, Ordering::SeqCst);
                Outcome::Complete(Map::new())
            }
        })
    };
    gateway
        .until("the stream is open", |state| state.is_streaming("ship"))
        .await;
    for key in 1..=6 {
        gateway.make_job(job(key));
        gateway.queue_job(job(100 + key));
    }
    while running.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    go.send(true).unwrap();
    gateway
        .until("all are done", |state| state.completed.len() == 12)
        .await;
    assert_eq!(most.load(Ordering::SeqCst), 4);
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn every_outcome_is_reported() {
    let gateway = Gateway::start();
    let left = Arc::new(Notify::new());
    let worker = {
        let left = left.clone();
        Running::start(&gateway, config(), move |job: Job| {
            let left = left.clone();
            async move {
                match job.key {
                    1 => Outcome::Fail {
                        retries: job.retries - 1,
                        message: "later".to_owned(),
                        back_off: Duration::from_millis(1500),
                        variables: object(json!({"why": "busy"})),
                    },
                    2 => Outcome::Error {
                        code: "NO_STOCK".to_owned(),
                        message: "none left".to_owned(),
                        variables: Map::new(),
                    },
                    3 => panic!("a handler that panics"),
                    _ => {
                        left.notify_one();
                        Outcome::Leave
                    }
                }
            }
        })
    };
    gateway
        .until("the stream is open", |state| state.is_streaming("ship"))
        .await;
    for key in 1..=3 {
        gateway.make_job(job(key));
    }
    let mut broken = job(4);
    broken.variables = "[1]".to_owned();
    gateway.make_job(broken);
    gateway.make_job(job(5));
    left.notified().await;
    gateway
        .until("all are reported", |state| {
            state.failed.len() == 3 && state.thrown.len() == 1
        })
        .await;
    worker.stop().await.unwrap();
    let state = gateway.state();
    let failed = |key| {
        state
            .failed
            .iter()
            .find(|request| request.job_key == key)
            .unwrap()
    };
    assert_eq!(failed(1).retries, 2);
    assert_eq!(failed(1).retry_back_off, 1500);
    assert_eq!(failed(1).error_message, "later");
    assert_eq!(failed(1).variables, r#"{"why":"busy"}"#);
    assert_eq!(failed(3).retries, 2);
    assert!(failed(3).error_message.contains("panicked"));
    assert_eq!(failed(4).retries, 0);
    assert!(failed(4).error_message.contains("not a JSON object"));
    assert_eq!(state.thrown[0].job_key, 2);
    assert_eq!(state.thrown[0].error_code, "NO_STOCK");
    assert!(
        state.completed.is_empty(),
        "a job that is left is not reported"
    );
}

#[tokio::test]
async fn a_lost_connection_comes_back() {
    let mut gateway = Gateway::start();
    let worker = Running::start(&gateway, config(), complete);
    gateway
        .until("the stream is open", |state| state.is_streaming("ship"))
        .await;
    gateway.stop();
    gateway.restart();
    gateway
        .until("the stream is open again", |state| {
            state.is_streaming("ship")
        })
        .await;
    gateway.make_job(job(1));
    gateway.queue_job(job(2));
    gateway
        .until("both ways work again", |state| state.completed.len() == 2)
        .await;
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn a_worker_may_start_before_its_gateway() {
    let mut gateway = Gateway::stopped();
    let worker = Running::start(&gateway, config(), complete);
    gateway.restart();
    gateway.make_job(job(1));
    gateway
        .until("the job is done", |state| state.completed.len() == 1)
        .await;
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn an_outcome_is_reported_again_when_the_gateway_was_away() {
    let mut gateway = Gateway::start();
    let (go, gate) = watch::channel(false);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let worker = {
        let seen = seen.clone();
        Running::start(&gateway, config(), move |job: Job| {
            let mut gate = gate.clone();
            seen.lock().unwrap().push(job.key);
            async move {
                drop(gate.wait_for(|open| *open).await);
                Outcome::Complete(Map::new())
            }
        })
    };
    gateway
        .until("the stream is open", |state| state.is_streaming("ship"))
        .await;
    gateway.make_job(job(1));
    while seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    gateway.stop();
    go.send(true).unwrap();
    gateway.restart();
    gateway
        .until("the outcome came after all", |state| {
            state.completed.len() == 1
        })
        .await;
    worker.stop().await.unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [1],
        "the work itself was not done again"
    );
}

#[tokio::test]
async fn an_outcome_is_reported_again_though_the_job_began_with_less_time() {
    let gateway = Arc::new(Gateway::start());
    let busy = gateway.clone();
    // As a handler that had the deadline moved: it ends after the one that the job came with.
    let worker = Running::start(&gateway, config(), move |_: Job| {
        let busy = busy.clone();
        async move {
            busy.configure(|state| {
                let away = || Status::unavailable("restarting");
                state.refuse.extend([away(), away(), away()]);
            });
            Outcome::Complete(Map::new())
        }
    });
    gateway
        .until("the stream is open", |state| state.is_streaming("ship"))
        .await;
    let mut job = job(5);
    job.deadline = 1;
    gateway.make_job(job);
    gateway
        .until("the job is done", |state| state.completed.len() == 1)
        .await;
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_waits_for_running_jobs() {
    let gateway = Gateway::start();
    let (go, gate) = watch::channel(false);
    let started = Arc::new(Notify::new());
    let worker = {
        let started = started.clone();
        Running::start(&gateway, config(), move |_| {
            let (mut gate, started) = (gate.clone(), started.clone());
            async move {
                started.notify_one();
                drop(gate.wait_for(|open| *open).await);
                Outcome::Complete(Map::new())
            }
        })
    };
    gateway
        .until("the stream is open", |state| state.is_streaming("ship"))
        .await;
    gateway.make_job(job(1));
    started.notified().await;
    let stopped = tokio::spawn(worker.stop());
    tokio::task::yield_now().await;
    go.send(true).unwrap();
    stopped.await.unwrap().unwrap();
    assert_eq!(gateway.state().completed.len(), 1);
}

#[tokio::test]
async fn a_request_that_can_never_go_well_ends_the_worker() {
    let gateway = Gateway::start();
    let refusal = || Status::invalid_argument("type is empty");
    gateway.configure(|state| state.refuse.extend([refusal(), refusal()]));
    let worker = Running::start(&gateway, config(), complete);
    let error = worker.task.await.unwrap().unwrap_err();
    let Error::Refused { code, job_type, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((*code, job_type.as_str()), (Code::InvalidArgument, "ship"));
    assert!(error.to_string().contains(&gateway.address()), "{error}");
}

#[tokio::test]
async fn back_pressure_is_waited_for() {
    let gateway = Gateway::start();
    let busy = || Status::resource_exhausted("busy");
    gateway.configure(|state| state.refuse.extend([busy(), busy(), busy()]));
    gateway.queue_job(job(1));
    let worker = Running::start(&gateway, config(), complete);
    gateway
        .until("the job is done", |state| state.completed.len() == 1)
        .await;
    worker.stop().await.unwrap();
}
