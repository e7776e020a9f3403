//! Access tokens by OAuth client credentials, kept in memory until shortly before they expire.
//!
//! For the channels that this crate opens itself (worker, REST); single calls get theirs from the
//! client library. No token or secret is ever part of an error.

use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Mutex;

use crate::settings::{OAuth, Secret};

/// A token is renewed this long before it expires, so that none expires on its way.
const RENEW_BEFORE: Duration = Duration::from_secs(30);
/// An authorization server that takes longer is taken for unreachable.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot be reached: trying again may help.
    #[error("authorization server {url} cannot be reached: {cause}")]
    Unreachable {
        /// The token endpoint.
        url: String,
        /// The transport's words.
        cause: String,
    },
    /// The server said no.
    #[error(
        "authorization server {url} refused the credentials with status {status}; check ZEEBE_CLIENT_ID, ZEEBE_CLIENT_SECRET and ZEEBE_TOKEN_AUDIENCE"
    )]
    Refused {
        /// The token endpoint.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The server's answer holds no token that can be sent.
    #[error("authorization server {url} answered without a usable access_token")]
    Answer {
        /// The token endpoint.
        url: String,
    },
}

impl Error {
    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { .. } => true,
            Error::Refused { status, .. } => *status == 429 || *status >= 500,
            Error::Answer { .. } => false,
        }
    }
}

/// A source of tokens; without credentials it gives none.
pub struct Tokens {
    oauth: Option<OAuth>,
    http: reqwest::Client,
    cached: Mutex<Option<Cached>>,
}

struct Cached {
    token: Secret,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

impl Tokens {
    /// A source for these credentials.
    pub fn new(oauth: Option<OAuth>) -> Tokens {
        Tokens {
            oauth,
            http: reqwest::Client::new(),
            cached: Mutex::new(None),
        }
    }

    /// A valid token, or none where no credentials are set.
    ///
    /// # Errors
    /// When the authorization server gives none.
    pub async fn bearer(&self) -> Result<Option<Secret>, Error> {
        let Some(oauth) = &self.oauth else {
            return Ok(None);
        };
        // Held over the request on purpose: callers that come meanwhile share its answer.
        let mut cached = self.cached.lock().await;
        if let Some(entry) = cached.as_ref()
            && Instant::now() < entry.renew_at
        {
            return Ok(Some(entry.token.clone()));
        }
        let entry = self.fetch(oauth).await?;
        let token = entry.token.clone();
        *cached = Some(entry);
        Ok(Some(token))
    }

    /// Forgets the token, after a server refused it.
    pub async fn forget(&self) {
        *self.cached.lock().await = None;
    }

    async fn fetch(&self, oauth: &OAuth) -> Result<Cached, Error> {
        let url = || oauth.token_url.clone();
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", oauth.client_id.expose()),
            ("client_secret", oauth.client_secret.expose()),
            ("audience", oauth.audience.as_str()),
        ];
        if let Some(scope) = &oauth.scope {
            form.push(("scope", scope));
        }
        let response = self
            .http
            .post(&oauth.token_url)
            .timeout(REQUEST_TIMEOUT)
            .form(&form)
            .send()
            .await
            .map_err(|error| Error::Unreachable {
                url: url(),
                cause: crate::client::causes(&error.without_url()),
            })?;
        if !response.status().is_success() {
            return Err(Error::Refused {
                url: url(),
                status: response.status().as_u16(),
            });
        }
        // The body holds the token, so no error may quote it.
        let answer: Answer = response
            .json()
            .await
            .map_err(|_| Error::Answer { url: url() })?;
        let sendable = !answer.access_token.is_empty()
            && answer
                .access_token
                .bytes()
                .all(|byte| byte.is_ascii_graphic());
        if !sendable {
            return Err(Error::Answer { url: url() });
        }
        let lifetime = Duration::from_secs(answer.expires_in);
        Ok(Cached {
            token: Secret::new(answer.access_token),
            renew_at: Instant::now() + lifetime.saturating_sub(RENEW_BEFORE),
        })
    }
}
