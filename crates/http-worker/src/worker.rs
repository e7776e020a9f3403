//! The worker itself: a job in, an outcome out. What waits for jobs is `messaging`'s loop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant as Clock};

use jiff::Timestamp;
use messaging::worker::{Job, Outcome};
use reqwest::header;
use serde_json::Value;
use tokio::time::Instant;

use crate::host::HostRule;
use crate::mask::Mask;
use crate::outcome::{Reaction, for_good};
use crate::request::{Answer, Call, Failure, Sender};
use crate::response::Response;
use crate::secrets::Secrets;
use crate::{job, legacy, retry};

/// The job type of Camunda's REST connector.
pub const JOB_TYPE: &str = "io.camunda:http-json:1";
/// Kept from a job's time for reporting its outcome.
const REPORT_TIME: Duration = Duration::from_secs(2);

/// What the worker knows beside its jobs.
#[derive(Debug)]
pub struct Config {
    /// The secrets; their hosts may be at addresses that are not public.
    pub secrets: Secrets,
    /// Further hosts that may be at addresses which are not public.
    pub allowed_hosts: Vec<HostRule>,
    /// What placeholders of the older job type may name; no secrets.
    pub variables: BTreeMap<String, String>,
    /// How long a job is the worker's.
    pub job_timeout: Duration,
}

/// Turns jobs into HTTP calls, and their answers into outcomes.
#[derive(Debug)]
pub struct HttpWorker {
    secrets: Secrets,
    mask: Mask,
    variables: BTreeMap<String, String>,
    job_timeout: Duration,
    sender: Sender,
}

impl HttpWorker {
    /// A worker with these settings.
    pub fn new(config: Config) -> HttpWorker {
        let mut named = config.allowed_hosts;
        named.extend(config.secrets.hosts().cloned());
        HttpWorker {
            mask: config.secrets.mask(),
            secrets: config.secrets,
            variables: config.variables,
            job_timeout: config.job_timeout,
            sender: Sender::new(named),
        }
    }

    /// Does a job: of the older type if it is one, else by the contract of the REST connector.
    pub async fn handle(&self, job: Job) -> Outcome {
        let started = Clock::now();
        let deadline = Instant::now() + self.time_left(&job);
        let outcome = if job.job_type == legacy::JOB_TYPE {
            self.handle_older(&job, deadline).await
        } else {
            self.handle_connector(&job, deadline).await
        };
        let end = match &outcome {
            Outcome::Complete(_) => "completed",
            Outcome::Fail { .. } => "failed",
            Outcome::Error { .. } => "bpmn error",
            Outcome::Leave => "left open",
        };
        tracing::info!(
            job_key = job.key,
            job_type = job.job_type,
            process_instance_key = job.process_instance_key,
            element_id = job.element_id,
            took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "job {end}"
        );
        outcome
    }

    async fn handle_connector(&self, job: &Job, deadline: Instant) -> Outcome {
        let prepared = Reaction::read(job).and_then(|reaction| {
            let prepared = job::prepare(&job.variables, &self.secrets, self.mask.clone(), job.key)?;
            Ok((reaction, prepared))
        });
        let (reaction, mut prepared) = match prepared {
            Ok(both) => both,
            Err(error) => return for_good(self.mask.hide(&error.to_string())),
        };
        if let Some(request) = prepared.token.take() {
            let fetched = self
                .fetch_token(&request.call, deadline, &prepared.mask)
                .await;
            let set = match fetched {
                Ok(token) => prepared.set_token(&token),
                Err(NoToken::Refused(reason)) => return for_good(reason),
                Err(NoToken::Failed(reason)) => return reaction.unanswered(&reason),
            };
            if let Err(error) = set {
                return for_good(prepared.mask.hide(&error.to_string()));
            }
        }
        match self.call(&prepared.call, deadline, job).await {
            Ok(answer) => reaction.answered(&Response::new(&answer, &prepared.mask)),
            Err(error @ Failure::Refused { .. }) => {
                for_good(prepared.mask.hide(&error.to_string()))
            }
            Err(error) => reaction.unanswered(&prepared.mask.hide(&error.to_string())),
        }
    }

    async fn handle_older(&self, job: &Job, deadline: Instant) -> Outcome {
        let prepared = legacy::prepare(job, &self.variables, &self.secrets, self.mask.clone());
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return for_good(self.mask.hide(&error.to_string())),
        };
        let (mask, reading) = (&prepared.mask, &prepared.reading);
        match self.call(&prepared.call, deadline, job).await {
            Ok(answer) => reading.answered(&Response::new(&answer, mask)),
            Err(error @ Failure::Refused { .. }) => for_good(mask.hide(&error.to_string())),
            Err(error) => reading.unanswered(&mask.hide(&error.to_string())),
        }
    }

    /// Sends a call, again where the other side surely did nothing and time is left.
    async fn call(&self, call: &Call, deadline: Instant, job: &Job) -> Result<Answer, Failure> {
        let mut calls = 1;
        loop {
            let result = self.sender.send(call, deadline).await;
            let wait = match &result {
                Err(Failure::NotSent { .. }) => Some(retry::pause(calls)),
                Ok(answer) => asks_for_patience(answer),
                Err(Failure::Refused { .. } | Failure::Broken { .. }) => None,
            };
            match wait {
                Some(wait) if calls < retry::CALLS_MAX && Instant::now() + wait < deadline => {
                    tracing::debug!(job_key = job.key, calls, "calling again");
                    tokio::time::sleep(wait).await;
                    calls += 1;
                }
                _ => return result,
            }
        }
    }

    async fn fetch_token(
        &self,
        call: &Call,
        deadline: Instant,
        mask: &Mask,
    ) -> Result<String, NoToken> {
        let answer = self.sender.send(call, deadline).await.map_err(|error| {
            let text = mask.hide(&format!("no access token: {error}"));
            match error {
                Failure::Refused { .. } => NoToken::Refused(text),
                Failure::NotSent { .. } | Failure::Broken { .. } => NoToken::Failed(text),
            }
        })?;
        let target = crate::request::target(&call.url);
        if !answer.status.is_success() {
            let status = answer.status;
            return Err(NoToken::Failed(format!(
                "no access token: {target} answered {status}"
            )));
        }
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let token = body.as_ref().and_then(|body| body.get("access_token"));
        let token = token
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty());
        token.map(str::to_owned).ok_or_else(|| {
            NoToken::Failed(format!(
                "no access token: {target} answered without an access_token"
            ))
        })
    }

    /// How long the job is ours.
    ///
    /// The deadline is by the engine's clock, which need not be this machine's; it is believed
    /// where it makes sense.
    fn time_left(&self, job: &Job) -> Duration {
        let by_engine = job.deadline_ms - Timestamp::now().as_millisecond();
        let by_engine = u64::try_from(by_engine).ok().map(Duration::from_millis);
        let left = by_engine
            .filter(|left| !left.is_zero())
            .map_or(self.job_timeout, |left| left.min(self.job_timeout));
        left.saturating_sub(REPORT_TIME.min(left / 2))
    }
}

/// Why there is no token; the text holds no secret.
enum NoToken {
    Refused(String),
    Failed(String),
}

/// The pause that an answer asks for, if it says "later" and that is soon.
fn asks_for_patience(answer: &Answer) -> Option<Duration> {
    // GitHub's secondary limits come as 403.
    if !matches!(answer.status.as_u16(), 403 | 429 | 503) {
        return None;
    }
    let header = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    retry::retry_after(header, Timestamp::now()).filter(|wait| *wait <= retry::WAIT_MAX)
}
