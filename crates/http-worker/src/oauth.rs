//! Access tokens by OAuth 2.0 client credentials (RFC 6749, section 4.4), kept in memory until
//! shortly before they expire.
//!
//! Two jobs that ask with the same credentials for the same thing share a token, and one that
//! comes while it is fetched waits for it. No error holds a token or what was sent for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header;
use serde_json::Value;
use tokio::time::Instant;

use crate::job;
use crate::request::{Call, Credential, Failure, Sender, target};

/// A token is renewed so long before it expires, so that none expires on its way; a short-lived
/// one a tenth of its life before.
const RENEW_BEFORE_MAX: Duration = Duration::from_secs(30);
/// The longest that a token is kept, whatever its server says.
const KEPT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Models name few servers; whoever varies the credentials must not fill the memory.
const TOKENS_MAX: usize = 1000;

/// A call that gives an access token.
#[derive(Clone)]
pub(crate) struct TokenRequest {
    pub(crate) call: Call,
}

/// An access token.
pub(crate) struct Token {
    pub(crate) text: String,
    /// It was used before, so it may have been revoked meanwhile.
    pub(crate) was_kept: bool,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The call for it failed.
    #[error("no access token: {0}")]
    Call(#[from] Failure),
    /// The server's answer holds none.
    #[error("no access token: {target} {problem}")]
    Answer { target: String, problem: String },
}

/// The tokens that are kept.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<Key, Slot>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Kept>>>;

/// What was sent for a token: whoever may send the same may have the same token.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    url: String,
    body: Option<Vec<u8>>,
    credentials: Vec<Vec<u8>>,
}

struct Kept {
    text: String,
    until: Instant,
}

impl Tokens {
    /// A token for this request: the one that is kept, or a new one.
    pub(crate) async fn get(
        &self,
        request: &TokenRequest,
        sender: &Sender,
        deadline: Instant,
    ) -> Result<Token, Error> {
        let slot = self.slot(key(&request.call));
        // Held over the call on purpose: jobs that come meanwhile share its answer.
        let mut kept = slot.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| Instant::now() < kept.until) {
            return Ok(Token {
                text: kept.text.clone(),
                was_kept: true,
            });
        }
        let asked = Instant::now();
        let answer = sender.send(&request.call, deadline).await?;
        let problem = |problem: String| Error::Answer {
            target: target(&request.call.url),
            problem,
        };
        if !answer.status.is_success() {
            let status = answer.status;
            return Err(problem(format!(
                "answered {status}; check the client's id and secret, its audience and scopes"
            )));
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = body.get("access_token").and_then(Value::as_str);
        let text = text.filter(|text| header::HeaderValue::from_str(text).is_ok());
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Err(problem("answered without a usable access_token".to_owned()));
        };
        let lifetime = body.get("expires_in").and_then(job::scalar);
        *kept = lifetime
            .and_then(|seconds| seconds.parse().ok())
            .map(|seconds| Kept {
                text: text.to_owned(),
                until: asked + usable_for(seconds),
            });
        Ok(Token {
            text: text.to_owned(),
            was_kept: false,
        })
    }

    /// Forgets a token that was refused, unless another one has taken its place.
    pub(crate) async fn forget(&self, request: &TokenRequest, token: &Token) {
        let slot = self.slot(key(&request.call));
        let mut kept = slot.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.text == token.text) {
            *kept = None;
        }
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= TOKENS_MAX && !slots.contains_key(&key) {
            slots.clear();
        }
        slots.entry(key).or_default().clone()
    }
}

/// How long a token is used that lives so many seconds.
fn usable_for(lifetime_seconds: u64) -> Duration {
    let lifetime = Duration::from_secs(lifetime_seconds).min(KEPT_MAX);
    lifetime - RENEW_BEFORE_MAX.min(lifetime / 10)
}

fn key(call: &Call) -> Key {
    let credentials = call.credentials.iter().map(|credential| match credential {
        Credential::Header(name, value) => [name.as_str().as_bytes(), value.as_bytes()].join(&0),
        Credential::Query(name, value) => [name.as_bytes(), value.as_bytes()].join(&0),
    });
    Key {
        url: call.url.to_string(),
        body: call.body.clone(),
        credentials: credentials.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_expires() {
        for (lifetime, usable) in [(0, 0), (10, 9), (60, 54), (300, 270), (3600, 3570)] {
            assert_eq!(
                usable_for(lifetime),
                Duration::from_secs(usable),
                "{lifetime}"
            );
        }
        assert_eq!(usable_for(u64::MAX), KEPT_MAX - RENEW_BEFORE_MAX);
    }
}
