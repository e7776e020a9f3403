//! The worker itself: a job in, an outcome out. What waits for jobs is `messaging`'s loop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant as Clock};

use jiff::Timestamp;
use messaging::Gateway;
use messaging::worker::{Job, Outcome};
use reqwest::{StatusCode, header};
use tokio::time::Instant;

use crate::deadline::{Deadlines, Wanted};
use crate::egress::Egress;
use crate::job::Prepared;
use crate::mask::Mask;
use crate::models::{Models, Named};
use crate::oauth::Tokens;
use crate::outcome::{Reaction, for_good};
use crate::request::{Answer, Call, Failure, Sender};
use crate::response::Response;
use crate::secrets::Secrets;
use crate::{job, legacy, models, oauth, retry};

/// The job type of Camunda's REST connector.
pub const JOB_TYPE: &str = "io.camunda:http-json:1";

/// What the worker knows beside its jobs.
pub struct Config {
    /// The secrets of the models.
    pub secrets: Secrets,
    /// Where it stands which secrets an element names.
    pub models: Models,
    /// What may be called although it is not public.
    pub egress: Egress,
    /// What placeholders of the older job type may name; no secrets.
    pub variables: BTreeMap<String, String>,
    /// How long a job is the worker's.
    pub job_timeout: Duration,
    /// Where a job gets more time; without it, a call ends before the job's own deadline.
    pub gateway: Option<Gateway>,
}

/// Turns jobs into HTTP calls, and their answers into outcomes.
pub struct HttpWorker {
    secrets: Secrets,
    models: Models,
    mask: Mask,
    variables: BTreeMap<String, String>,
    deadlines: Deadlines,
    sender: Sender,
    tokens: Tokens,
}

impl HttpWorker {
    /// A worker with these settings.
    pub fn new(config: Config) -> HttpWorker {
        HttpWorker {
            mask: config.secrets.mask(),
            secrets: config.secrets,
            variables: config.variables,
            deadlines: Deadlines::new(config.job_timeout, config.gateway),
            sender: Sender::new(config.egress),
            models: config.models,
            tokens: Tokens::default(),
        }
    }

    /// Does a job: of the older type if it is one, else by the contract of the REST connector.
    pub async fn handle(&self, job: Job) -> Outcome {
        let started = Clock::now();
        let outcome = if job.job_type == legacy::JOB_TYPE {
            self.handle_older(&job).await
        } else {
            self.handle_connector(&job).await
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

    async fn handle_connector(&self, job: &Job) -> Outcome {
        let reaction = match Reaction::read(job) {
            Ok(reaction) => reaction,
            Err(error) => return for_good(self.mask.hide(&error.to_string())),
        };
        let named = match self.named(job).await {
            Ok(named) => named,
            Err(error) if error.is_transient() => {
                return reaction.not_called(&self.mask.hide(&error.to_string()));
            }
            Err(error) => return for_good(self.mask.hide(&error.to_string())),
        };
        let mask = self.mask.clone();
        let prepared = job::prepare(&job.variables, &self.secrets, &named, mask, job.key);
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return for_good(self.mask.hide(&error.to_string())),
        };
        if let Some(name) = prepared.proof.left.first() {
            tracing::warn!(
                job_key = job.key,
                element_id = job.element_id,
                placeholder = name,
                "a placeholder that the deployed model does not name there is sent as text"
            );
        }
        let wanted = match (reaction.job_timeout, prepared.time_wanted()) {
            (Some(timeout), _) => Wanted::Exactly(timeout),
            (None, Some(time)) => Wanted::AtLeast(time),
            (None, None) => Wanted::WhatIsLeft,
        };
        let Some(deadline) = self.deadlines.provide(job, wanted).await else {
            return Outcome::Leave;
        };
        let called = self.call_with_token(&mut prepared, deadline, job).await;
        let mask = &prepared.mask;
        match called {
            Ok(answer) => reaction.answered(&Response::new(&answer, mask, &prepared.proof)),
            Err(Trouble::ForGood(reason)) => for_good(mask.hide(&reason)),
            Err(Trouble::ForNow(reason)) => reaction.unanswered(&mask.hide(&reason)),
        }
    }

    async fn handle_older(&self, job: &Job) -> Outcome {
        let prepared = legacy::prepare(job, &self.variables, &self.secrets, self.mask.clone());
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return for_good(self.mask.hide(&error.to_string())),
        };
        let wanted = prepared.call.time_wanted();
        let wanted = wanted.map_or(Wanted::WhatIsLeft, Wanted::AtLeast);
        let Some(deadline) = self.deadlines.provide(job, wanted).await else {
            return Outcome::Leave;
        };
        let (mask, reading) = (&prepared.mask, &prepared.reading);
        match self.call(&prepared.call, deadline, job).await {
            Ok(answer) => reading.answered(&Response::new(&answer, mask, &prepared.proof)),
            Err(error) => match Trouble::from(error) {
                Trouble::ForGood(reason) => for_good(mask.hide(&reason)),
                Trouble::ForNow(reason) => reading.unanswered(&mask.hide(&reason)),
            },
        }
    }

    /// Which placeholders may be filled in; the model is looked at only if there is one.
    async fn named(&self, job: &Job) -> Result<Named, models::Error> {
        if !job::asks_for_a_secret(&job.variables) {
            return Ok(Named::AnyByAnyone);
        }
        self.models.named(job, self.deadlines.of(job)).await
    }

    /// Makes the call, with an access token if it needs one: a kept one that is refused is
    /// fetched anew, once.
    async fn call_with_token(
        &self,
        prepared: &mut Prepared,
        deadline: Instant,
        job: &Job,
    ) -> Result<Answer, Trouble> {
        let Some(request) = prepared.token.clone() else {
            return Ok(self.call(&prepared.call, deadline, job).await?);
        };
        let mut may_renew = true;
        loop {
            let token = self.tokens.get(&request, &self.sender, deadline).await?;
            let call = prepared.with_token(&token.text)?;
            let answer = self.call(&call, deadline, job).await?;
            if answer.status != StatusCode::UNAUTHORIZED || !token.was_kept || !may_renew {
                return Ok(answer);
            }
            tracing::debug!(job_key = job.key, "the access token was refused; a new one");
            self.tokens.forget(&request, &token).await;
            may_renew = false;
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
}

/// Why a job has no answer; the text may still hold secrets.
enum Trouble {
    /// Trying again would change nothing.
    ForGood(String),
    /// Trying again may help.
    ForNow(String),
}

impl From<Failure> for Trouble {
    fn from(error: Failure) -> Trouble {
        let text = error.to_string();
        match error {
            Failure::Refused { .. } => Trouble::ForGood(text),
            Failure::NotSent { .. } | Failure::Broken { .. } => Trouble::ForNow(text),
        }
    }
}

impl From<oauth::Error> for Trouble {
    fn from(error: oauth::Error) -> Trouble {
        let text = error.to_string();
        match error {
            oauth::Error::Call(Failure::Refused { .. }) => Trouble::ForGood(text),
            oauth::Error::Call(_) | oauth::Error::Answer { .. } => Trouble::ForNow(text),
        }
    }
}

impl From<job::Error> for Trouble {
    fn from(error: job::Error) -> Trouble {
        Trouble::ForGood(error.to_string())
    }
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
