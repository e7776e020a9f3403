//! The local dispatcher as operators see it: deliveries, runs, rules. On GitHub there is none of it.

use std::time::Duration;

use anyhow::{Context, Result};
use messaging::Secret;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A client of one dispatcher.
pub struct Dispatches {
    url: String,
    token: Secret,
    http: reqwest::Client,
}

/// An event that the dispatcher took.
#[derive(Clone, Debug, Deserialize)]
pub struct Delivery {
    /// Its id, which sorts by time.
    pub id: String,
    /// What was dispatched.
    pub event_type: String,
    /// The payload's `_id`.
    #[serde(rename = "_id")]
    pub order_id: Option<String>,
    /// When it was taken, RFC 3339.
    pub received_at: String,
    /// `unheard`, `dropped`, `queued`, `running`, `succeeded`, `failed`, `cancelled`.
    pub state: String,
    /// What it started, oldest first.
    pub runs: Vec<Run>,
}

/// One start of a service, with its attempts.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    /// As `GITHUB_RUN_ID`.
    pub id: u64,
    /// The binary.
    pub service: String,
    /// `pending`, `queued`, `in_progress`, `completed`.
    pub status: String,
    /// `success`, `failure`, `timed_out`, `cancelled`, `startup_failure`.
    pub conclusion: Option<String>,
    /// Each start of the binary.
    pub attempts: Vec<Attempt>,
}

/// One start of the binary.
#[derive(Clone, Debug, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339, once it has ended.
    pub finished_at: Option<String>,
    /// Its exit code, if it exited.
    pub exit_code: Option<i32>,
}

/// Something to go wrong on purpose.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Rule {
    /// Fits only this event type; `None` = any.
    pub event_type: Option<String>,
    /// Fits only a payload with this `_id`; `None` = any.
    #[serde(rename = "_id")]
    pub order_id: Option<String>,
    /// What happens: `drop`, `duplicate`, `delay`, .. as in docs/dispatcher.md.
    pub action: String,
    /// How often it acts; `None` = until it is removed.
    pub times: Option<u32>,
    /// For `delay`, `reorder` and `cancel`, in milliseconds.
    pub delay_ms: Option<u64>,
}

/// A rule that stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StandingRule {
    /// Its number.
    pub id: u64,
    /// What it does; `times` is how often it will still act.
    #[serde(flatten)]
    pub rule: Rule,
    /// How often it has acted.
    pub used: u64,
}

impl Dispatches {
    /// The dispatcher at this URL.
    pub fn at(url: &str, token: Secret) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            token,
            http: reqwest::Client::new(),
        }
    }

    /// Deliveries, oldest first: all, or those of an order. A restock's rounds are their own `_id`s.
    pub async fn deliveries(&self, order_id: Option<&str>) -> Result<Vec<Delivery>> {
        let mut request = self.request(Method::GET, "/_backroom/deliveries");
        if let Some(id) = order_id {
            request = request.query(&[("_id", id)]);
        }
        self.read(request).await
    }

    /// Starts a delivery's workflows again.
    pub async fn redeliver(&self, id: &str) -> Result<Delivery> {
        let id = encoded(id);
        self.read(self.request(
            Method::POST,
            &format!("/_backroom/deliveries/{id}/redeliver"),
        ))
        .await
    }

    /// Adds a rule that lasts for `times` events.
    pub async fn add_rule(
        &self,
        event_type: Option<&str>,
        order_id: Option<&str>,
        action: &str,
        times: Option<u32>,
    ) -> Result<()> {
        self.add(&Rule {
            event_type: event_type.map(str::to_owned),
            order_id: order_id.map(str::to_owned),
            action: action.to_owned(),
            times,
            delay_ms: None,
        })
        .await
    }

    /// Adds a rule.
    pub async fn add(&self, rule: &Rule) -> Result<()> {
        let request = self.request(Method::POST, "/_backroom/rules").json(rule);
        self.read::<Value>(request).await.map(drop)
    }

    /// The rules that stand, oldest first.
    pub async fn rules(&self) -> Result<Vec<StandingRule>> {
        self.read(self.request(Method::GET, "/_backroom/rules"))
            .await
    }

    /// Takes all rules away.
    pub async fn remove_rules(&self) -> Result<()> {
        self.send(self.request(Method::DELETE, "/_backroom/rules"))
            .await
            .map(drop)
    }

    /// Dispatches an event as the HTTP worker would.
    pub async fn dispatch(
        &self,
        repository: &str,
        event_type: &str,
        payload: &Value,
    ) -> Result<()> {
        let body = json!({ "event_type": event_type, "client_payload": payload });
        let path = format!("/repos/{repository}/dispatches");
        self.send(self.request(Method::POST, &path).json(&body))
            .await
            .map(drop)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(self.token.expose())
            .header("user-agent", "backroom-shop")
            .timeout(REQUEST_TIMEOUT)
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T> {
        let answer = self.send(request).await?;
        let body = answer.bytes().await.context("the dispatcher broke off")?;
        serde_json::from_slice(&body).context("the dispatcher answered in an unknown shape")
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        let answer = request.send().await.map_err(|error| {
            let cause = format!("{:#}", anyhow::Error::from(error.without_url()));
            Failure::new(
                Exit::Unreachable,
                format!("dispatcher {} cannot be reached: {cause}", self.url),
            )
            .hint("check that the store is up: shop up")
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let words = answer.json::<Value>().await.unwrap_or_default();
        let words = words["message"].as_str().unwrap_or("no words").to_owned();
        let exit = match status {
            StatusCode::UNAUTHORIZED => Exit::Fault,
            status if status.is_client_error() => Exit::Refused,
            _ => Exit::Fault,
        };
        Err(Failure::new(exit, format!("dispatcher {}: {words} ({status})", self.url)).into())
    }
}

/// A text as one segment of a path.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment_of_the_path() {
        assert_eq!(encoded("0193-a.b_c"), "0193-a.b_c");
        assert_eq!(encoded("../rules?x"), "..%2Frules%3Fx");
    }
}
