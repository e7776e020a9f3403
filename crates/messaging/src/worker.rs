//! A long-lived job worker on the gateway's own protocol.
//!
//! Two ways bring jobs, both at once: a stream, on which the gateway pushes a job the moment it
//! exists, and a long poll, which finds what waited before the stream stood or came back. The
//! loop knows nothing of what a job means; it bounds how many run, reports their outcomes, and
//! comes back after a lost connection.

mod job;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::gateway_client::GatewayClient;
use serde_json::Map;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tracing::{debug, info, warn};

use crate::client::{BackOff, causes, causes_after};
use crate::settings::Gateway;
use crate::token::{self, Tokens};

use job::text;
pub use job::{Job, Outcome};

/// A gateway refuses pings that come more often than every 30 seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(45);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A stream that stood longer than this was a good one: its loss is a new one.
const STEADY: Duration = Duration::from_secs(5);
/// An empty answer that comes sooner than this did not wait for a job.
const SHORT_POLL: Duration = Duration::from_millis(100);
/// How long an outcome is reported at least to a gateway that is away.
const REPORT_PATIENCE: Duration = Duration::from_secs(10);
/// How much longer than the long poll the client waits for its end.
const POLL_GRACE: Duration = Duration::from_secs(10);

/// What to work on, and how much at once.
#[derive(Debug, Clone)]
pub struct Config {
    /// Job types.
    pub types: Vec<String>,
    /// Name that the gateway shows.
    pub worker_name: String,
    /// How long a job is ours before another worker may get it.
    pub timeout: Duration,
    /// How many jobs of one type run at once.
    pub max_jobs: usize,
    /// The variables to get; empty = all.
    pub fetch_variables: Vec<String>,
    /// How long one poll waits at the gateway for a job.
    pub poll_timeout: Duration,
    /// How long a shutdown waits for running jobs.
    pub shutdown_grace: Duration,
}

impl Config {
    /// A worker of this name for these types, with the usual limits.
    pub fn new(worker_name: impl Into<String>, types: Vec<String>) -> Config {
        Config {
            types,
            worker_name: worker_name.into(),
            timeout: Duration::from_secs(60),
            max_jobs: 16,
            fetch_variables: Vec::new(),
            poll_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

/// Why a worker cannot work at all. What may pass by itself is waited for instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection cannot be set up.
    #[error("cannot set up a connection to gateway {address}: {cause}")]
    Setup {
        /// `HOST:PORT`.
        address: String,
        /// What is wrong.
        cause: String,
    },
    /// There is no token to be had.
    #[error(transparent)]
    Token(#[from] token::Error),
    /// The gateway refuses to give jobs of this type.
    #[error(
        "gateway {address} refuses to activate jobs of type '{job_type}': {message} ({code:?})"
    )]
    Refused {
        /// `HOST:PORT`.
        address: String,
        /// The job type.
        job_type: String,
        /// gRPC status code.
        code: Code,
        /// The gateway's words.
        message: String,
    },
}

/// Works until `shutdown` is ready, then waits for running jobs and returns.
///
/// A lost connection is waited for and comes back by itself. A handler that panics fails its job
/// and nothing else.
///
/// # Errors
/// When no job can ever come: the settings are wrong, or the gateway refuses the request itself.
pub async fn run<H, F>(
    gateway: &Gateway,
    config: Config,
    handler: H,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error>
where
    H: Fn(Job) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let tokens = Tokens::new(gateway.oauth.clone());
    if let Err(error) = tokens.bearer().await
        && !error.is_transient()
    {
        return Err(error.into());
    }
    let (stop, stopped) = watch::channel(false);
    let shared = Arc::new(Shared {
        client: GatewayClient::new(channel(gateway)?),
        address: gateway.address(),
        tokens,
        config,
        handler,
        stopped,
    });

    let mut sources = JoinSet::new();
    let mut slots = Vec::new();
    for job_type in &shared.config.types {
        let slot = Arc::new(Semaphore::new(shared.config.max_jobs));
        sources.spawn(poll(shared.clone(), job_type.clone(), slot.clone()));
        sources.spawn(stream(shared.clone(), job_type.clone(), slot.clone()));
        slots.push(slot);
    }
    tokio::pin!(shutdown);
    let result = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            ended = sources.join_next() => match ended {
                None => break Ok(()),
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => break Err(error),
                Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            },
        }
    };
    // Whoever waits for a job stops; whoever holds one hands it over first.
    let _ = stop.send(true);
    let finish = async {
        while sources.join_next().await.is_some() {}
        let all = u32::try_from(shared.config.max_jobs).unwrap_or(u32::MAX);
        for slot in &slots {
            drop(slot.acquire_many(all).await);
        }
    };
    if tokio::time::timeout(shared.config.shutdown_grace, finish)
        .await
        .is_err()
    {
        warn!("jobs still ran at the end of the shutdown's grace time; they will time out");
    }
    result
}

struct Shared<H> {
    client: GatewayClient<Channel>,
    address: String,
    tokens: Tokens,
    config: Config,
    handler: H,
    stopped: watch::Receiver<bool>,
}

impl<H> Shared<H> {
    /// A request with its token.
    async fn request<T>(&self, message: T) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        match self.tokens.bearer().await {
            Ok(None) => {}
            Ok(Some(token)) => {
                let value = format!("Bearer {}", token.expose())
                    .parse()
                    .map_err(|_| Status::unauthenticated("the access token cannot be sent"))?;
                request.metadata_mut().insert("authorization", value);
            }
            Err(error) => return Err(Status::unavailable(error.to_string())),
        }
        Ok(request)
    }

    /// Ready as soon as the worker is to stop.
    async fn stopped(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that the sender is gone, which is a stop too.
        drop(stopped.wait_for(|stop| *stop).await);
    }

    async fn pause(&self, back_off: &mut BackOff) {
        tokio::select! {
            () = self.stopped() => {}
            () = back_off.wait(Duration::MAX) => {}
        }
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Says what failed, the first time in a row, and whether it can ever go well.
    async fn judge(
        &self,
        what: &str,
        job_type: &str,
        status: &Status,
        back_off: &BackOff,
    ) -> Result<(), Error> {
        match status.code() {
            Code::InvalidArgument | Code::Unimplemented => {
                return Err(Error::Refused {
                    address: self.address.clone(),
                    job_type: job_type.to_owned(),
                    code: status.code(),
                    message: status.message().to_owned(),
                });
            }
            Code::Unauthenticated => self.tokens.forget().await,
            _ => {}
        }
        let (code, cause) = (status.code(), causes_after(status.message(), status));
        if back_off.is_reset() && !self.is_stopped() {
            warn!(job_type, ?code, "{what} failed, trying again: {cause}");
        } else {
            debug!(job_type, ?code, "{what} failed again: {cause}");
        }
        Ok(())
    }
}

/// Asks for jobs again and again, as many as there is room for.
async fn poll<H, F>(
    shared: Arc<Shared<H>>,
    job_type: String,
    slot: Arc<Semaphore>,
) -> Result<(), Error>
where
    H: Fn(Job) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let mut back_off = BackOff::new();
    while !shared.is_stopped() {
        // Wait for room, but don't hold it: the stream needs it too while this poll waits.
        tokio::select! {
            () = shared.stopped() => return Ok(()),
            room = slot.acquire() => drop(room),
        }
        let room = slot.available_permits().max(1);
        let asked = Instant::now();
        let answer = tokio::select! {
            () = shared.stopped() => return Ok(()),
            answer = activate(&shared, &job_type, room) => answer,
        };
        match answer {
            // A gateway that does not let a poll wait is not asked in a busy loop.
            Ok(jobs) if jobs.is_empty() && asked.elapsed() < SHORT_POLL => {
                shared.pause(&mut back_off).await;
            }
            Ok(jobs) => {
                if !back_off.is_reset() {
                    info!(job_type, "the gateway answers again");
                }
                back_off.reset();
                for job in jobs {
                    start(&shared, &slot, job).await;
                }
            }
            Err(status) => {
                shared
                    .judge("activating jobs", &job_type, &status, &back_off)
                    .await?;
                shared.pause(&mut back_off).await;
            }
        }
    }
    Ok(())
}

/// One long poll: all jobs that it gave.
async fn activate<H>(
    shared: &Shared<H>,
    job_type: &str,
    room: usize,
) -> Result<Vec<protocol::ActivatedJob>, Status> {
    let config = &shared.config;
    let mut request = shared
        .request(protocol::ActivateJobsRequest {
            r#type: job_type.to_owned(),
            worker: config.worker_name.clone(),
            timeout: millis(config.timeout),
            max_jobs_to_activate: i32::try_from(room).unwrap_or(i32::MAX),
            fetch_variable: config.fetch_variables.clone(),
            request_timeout: millis(config.poll_timeout),
            tenant_ids: Vec::new(),
        })
        .await?;
    request.set_timeout(config.poll_timeout + POLL_GRACE);
    let mut client = shared.client.clone();
    let mut answers = client.activate_jobs(request).await?.into_inner();
    let mut jobs = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => jobs.extend(answer.jobs),
            Ok(None) => return Ok(jobs),
            // Jobs that came are ours, whatever happened after them.
            Err(_) if !jobs.is_empty() => return Ok(jobs),
            Err(status) => return Err(status),
        }
    }
}

/// Holds a stream open on which the gateway pushes jobs.
async fn stream<H, F>(
    shared: Arc<Shared<H>>,
    job_type: String,
    slot: Arc<Semaphore>,
) -> Result<(), Error>
where
    H: Fn(Job) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let mut back_off = BackOff::new();
    while !shared.is_stopped() {
        let opened = Instant::now();
        let result = stream_once(&shared, &job_type, &slot, &mut back_off).await;
        if opened.elapsed() > STEADY {
            back_off.reset();
        }
        let status = match result {
            Ok(()) if shared.is_stopped() => return Ok(()),
            // A gateway that goes away in good order ends its streams.
            Ok(()) => Status::unavailable("the gateway ended the stream"),
            Err(status) => status,
        };
        if status.code() == Code::Unimplemented {
            info!(job_type, "this gateway pushes no jobs; polling alone");
            return Ok(());
        }
        shared
            .judge("the job stream", &job_type, &status, &back_off)
            .await?;
        shared.pause(&mut back_off).await;
    }
    Ok(())
}

async fn stream_once<H, F>(
    shared: &Arc<Shared<H>>,
    job_type: &str,
    slot: &Arc<Semaphore>,
    back_off: &mut BackOff,
) -> Result<(), Status>
where
    H: Fn(Job) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let config = &shared.config;
    let request = shared
        .request(protocol::StreamActivatedJobsRequest {
            r#type: job_type.to_owned(),
            worker: config.worker_name.clone(),
            timeout: millis(config.timeout),
            fetch_variable: config.fetch_variables.clone(),
            tenant_ids: Vec::new(),
        })
        .await?;
    let mut client = shared.client.clone();
    let mut jobs = tokio::select! {
        () = shared.stopped() => return Ok(()),
        answer = client.stream_activated_jobs(request) => answer?.into_inner(),
    };
    loop {
        let next = tokio::select! {
            () = shared.stopped() => return Ok(()),
            next = jobs.message() => next?,
        };
        let Some(job) = next else {
            return Ok(());
        };
        back_off.reset();
        // No further job is read until this one has room: the gateway then sees a slow reader.
        start(shared, slot, job).await;
    }
}

/// Waits for room and starts the job.
async fn start<H, F>(shared: &Arc<Shared<H>>, slot: &Arc<Semaphore>, job: protocol::ActivatedJob)
where
    H: Fn(Job) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let permit = slot
        .clone()
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    tokio::spawn(work(shared.clone(), job, permit));
}

async fn work<H, F>(
    shared: Arc<Shared<H>>,
    activated: protocol::ActivatedJob,
    _room: OwnedSemaphorePermit,
) where
    H: Fn(Job) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let (key, retries, deadline_ms) = (activated.key, activated.retries, activated.deadline);
    let outcome = match Job::try_from(activated) {
        // Its own task, so that a panic ends there.
        Ok(job) => tokio::spawn((shared.handler)(job))
            .await
            .unwrap_or_else(|_| Outcome::Fail {
                retries: retries - 1,
                message: "the worker's handler panicked".to_owned(),
                back_off: Duration::ZERO,
                variables: Map::new(),
            }),
        Err(error) => Outcome::Fail {
            retries: 0,
            message: format!("the job's variables or headers are not a JSON object: {error}"),
            back_off: Duration::ZERO,
            variables: Map::new(),
        },
    };
    // The handler may have moved the deadline; a job that is gone is said to be gone.
    let until_ms = deadline_ms.max(now_ms().saturating_add(millis(REPORT_PATIENCE)));
    let mut back_off = BackOff::new();
    loop {
        let Err(status) = report(&shared, key, &outcome).await else {
            return;
        };
        let lost_until = until_ms.saturating_sub(now_ms());
        match status.code() {
            Code::Unavailable | Code::ResourceExhausted | Code::Unauthenticated | Code::Unknown
                if lost_until > 0 =>
            {
                if status.code() == Code::Unauthenticated {
                    shared.tokens.forget().await;
                }
                let left = Duration::from_millis(lost_until.unsigned_abs());
                back_off.wait(left).await;
            }
            // Gone: it was cancelled, or timed out and someone else finished it.
            Code::NotFound => {
                debug!(job_key = key, "the job is gone: {}", status.message());
                return;
            }
            code => {
                warn!(
                    job_key = key,
                    ?code,
                    "the job's outcome was not taken: {}",
                    causes_after(status.message(), &status)
                );
                return;
            }
        }
    }
}

async fn report<H>(shared: &Shared<H>, job_key: i64, outcome: &Outcome) -> Result<(), Status> {
    let mut client = shared.client.clone();
    match outcome {
        Outcome::Complete(variables) => {
            let request = protocol::CompleteJobRequest {
                job_key,
                variables: text(variables),
            };
            client
                .complete_job(shared.request(request).await?)
                .await
                .map(drop)
        }
        Outcome::Fail {
            retries,
            message,
            back_off,
            variables,
        } => {
            let request = protocol::FailJobRequest {
                job_key,
                retries: (*retries).max(0),
                error_message: message.clone(),
                retry_back_off: millis(*back_off),
                variables: text(variables),
            };
            client
                .fail_job(shared.request(request).await?)
                .await
                .map(drop)
        }
        Outcome::Error {
            code,
            message,
            variables,
        } => {
            let request = protocol::ThrowErrorRequest {
                job_key,
                error_code: code.clone(),
                error_message: message.clone(),
                variables: text(variables),
            };
            client
                .throw_error(shared.request(request).await?)
                .await
                .map(drop)
        }
        Outcome::Leave => Ok(()),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}

/// A channel that connects when first used, and again after each loss.
fn channel(gateway: &Gateway) -> Result<Channel, Error> {
    let setup = |cause: String| Error::Setup {
        address: gateway.address(),
        cause,
    };
    let mut endpoint = Endpoint::from_shared(gateway.uri())
        .map_err(|error| setup(causes(&error)))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_while_idle(true);
    if gateway.tls {
        let mut tls = ClientTlsConfig::new().with_enabled_roots();
        if let Some(path) = &gateway.ca_certificate {
            let pem = std::fs::read(path)
                .map_err(|error| setup(format!("certificate file {}: {error}", path.display())))?;
            tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
        }
        endpoint = endpoint
            .tls_config(tls)
            .map_err(|error| setup(causes(&error)))?;
    }
    Ok(endpoint.connect_lazy())
}
