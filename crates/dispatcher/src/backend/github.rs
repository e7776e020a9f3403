//! The back end `github`: hands events on to GitHub's API, which starts the workflows itself.
//!
//! A success means that GitHub took the event, no more. What GitHub refuses for now (429, 403 with
//! a rate limit, 5xx) is tried again when it says so; everything else fails with what to do.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Backend, Control, End, Job};
use crate::log::Log;
use crate::records::Event;
use crate::token::Token;

/// How long GitHub may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The version of the API whose shapes are written here.
const API_VERSION: &str = "2022-11-28";
/// Most characters of GitHub's own words that are passed on.
const WORDS_MAX: usize = 500;

/// Forwards events.
pub(crate) struct GitHub {
    http: reqwest::Client,
    api_url: String,
    token: Token,
}

impl std::fmt::Debug for GitHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GitHub({})", self.api_url)
    }
}

impl GitHub {
    /// A client of the API at this address.
    ///
    /// # Errors
    /// The system's certificates cannot be used.
    pub(crate) fn new(api_url: &str, token: Token) -> reqwest::Result<GitHub> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // A token is never carried to where a redirect leads.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("backroom-dispatcher/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(GitHub {
            http,
            api_url: api_url.trim_end_matches('/').to_owned(),
            token,
        })
    }

    async fn forward(&self, job: &Job, log: &Log) -> End {
        let event = &job.event_file;
        let repository = event["repository"]["full_name"]
            .as_str()
            .unwrap_or_default();
        let (path, body) = match job.event {
            Event::RepositoryDispatch => (
                "dispatches".to_owned(),
                json!({"event_type": event["action"], "client_payload": event["client_payload"]}),
            ),
            Event::WorkflowDispatch => (
                format!("actions/workflows/{}/dispatches", job.workflow.file),
                json!({"ref": event["ref"], "inputs": event["inputs"], "return_run_details": true}),
            ),
        };
        let request = self
            .http
            .post(format!("{}/repos/{repository}/{path}", self.api_url))
            .bearer_auth(self.token.reveal())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", API_VERSION)
            .header("content-type", "application/json")
            .body(body.to_string());
        match request.send().await {
            Ok(answer) => judge(job, repository, answer, log).await,
            Err(error) => End::Later {
                problem: format!(
                    "GitHub at {} cannot be reached: {}",
                    self.api_url,
                    causes(&error.without_url())
                ),
                after: None,
            },
        }
    }
}

impl Backend for GitHub {
    fn execute<'a>(
        &'a self,
        job: &'a Job,
        log: &'a Log,
        mut control: Control,
    ) -> BoxFuture<'a, End> {
        async move {
            tokio::select! {
                end = self.forward(job, log) => end,
                cause = control.cancelled() => End::Cancelled(cause),
            }
        }
        .boxed()
    }

    fn forwards(&self) -> bool {
        true
    }
}

async fn judge(job: &Job, repository: &str, answer: Response, log: &Log) -> End {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body: Value = match answer.bytes().await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Value::Null,
    };
    if status.is_success() {
        let run = body["html_url"].as_str().unwrap_or("its run has no id yet");
        super::note(log, &format!("GitHub took the event ({status}): {run}")).await;
        return End::Exited(0);
    }
    let words: String = body["message"]
        .as_str()
        .unwrap_or("no reason given")
        .chars()
        .take(WORDS_MAX)
        .collect();
    let said = format!("GitHub answered {} ('{words}')", status.as_u16());
    let right = match job.event {
        Event::RepositoryDispatch => "Contents: read and write",
        Event::WorkflowDispatch => "Actions: read and write",
    };
    let limited = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN && is_limited(&headers, &words));
    if limited {
        return End::Later {
            problem: format!(
                "{said}: the rate limit is reached; it is tried again when GitHub allows it"
            ),
            after: Some(retry_after(&headers)),
        };
    }
    match status.as_u16() {
        401 => End::NotStarted(format!(
            "{said}: the token is wrong, expired or revoked; make a new one and start the \
             dispatcher with it (--github-token-file, or GITHUB_TOKEN)"
        )),
        403 => End::NotStarted(format!(
            "{said}: the token may not do this; give it '{right}' for '{repository}', and if an \
             organisation owns it, have the token approved there"
        )),
        404 => End::NotStarted(format!(
            "{said}: there is no repository '{repository}' that this token can see{}; check \
             --repository, and that the token's repository access includes it with '{right}'",
            match job.event {
                Event::RepositoryDispatch => String::new(),
                Event::WorkflowDispatch =>
                    format!(", or no '{}' on its default branch", job.workflow.file),
            }
        )),
        422 => End::NotStarted(format!(
            "{said}: the event is not valid there; for a form compare the workflow file on the \
             default branch with the local one"
        )),
        500..=599 => End::Later {
            problem: format!(
                "{said}: a fault on GitHub's side (see githubstatus.com); the event may have been taken"
            ),
            after: headers
                .contains_key(RETRY_AFTER)
                .then(|| retry_after(&headers)),
        },
        _ => End::NotStarted(format!(
            "{said}: an answer that the API does not have; check --github-api-url"
        )),
    }
}

/// A 403 that is a limit and no missing right.
fn is_limited(headers: &HeaderMap, words: &str) -> bool {
    let nothing_left = headers
        .get("x-ratelimit-remaining")
        .is_some_and(|left| left == "0");
    headers.contains_key(RETRY_AFTER) || nothing_left || words.contains("rate limit")
}

/// When GitHub wants to be asked again: as it says, or in a minute, as its documentation asks.
fn retry_after(headers: &HeaderMap) -> Duration {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let until_reset = || {
        let now = u64::try_from(jiff::Timestamp::now().as_second()).ok()?;
        Some(number("x-ratelimit-reset")?.saturating_sub(now))
    };
    let seconds = number("retry-after").or_else(until_reset).unwrap_or(60);
    // No more than an hour, which is GitHub's longest window.
    Duration::from_secs(seconds.min(3600))
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
