//! One HTTP call: what is sent, by which client, within which limits.
//!
//! Knows nothing of jobs and models. Never tries again by itself; it says whether the other
//! side may have seen the call. No error holds more of a URL than scheme, host and path.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url, redirect};
use tokio::time::{Instant, timeout_at};

use crate::egress::{Egress, Refused};

/// Most bytes of an answer's body: what fits into a process variable.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Most redirects that are followed for one call.
const REDIRECTS_MAX: usize = 5;
/// GitHub refuses calls that don't say who they are.
const USER_AGENT: &str = concat!("backroom-http-worker/", env!("CARGO_PKG_VERSION"));

/// What is to be sent.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) connect_timeout: Duration,
    /// Between two signs of life of the other side; `None` = as long as the job may take.
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) follow_redirects: bool,
}

/// What proves who calls; it stays with the origin that the call was made for.
#[derive(Clone)]
pub(crate) enum Credential {
    /// Replaces a header of the same name.
    Header(HeaderName, HeaderValue),
    /// One more pair of the query.
    Query(String, String),
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The call is not allowed; trying again changes nothing.
    #[error("{target}: {reason}")]
    Refused { target: String, reason: String },
    /// The connection could not be made, so the other side saw nothing.
    #[error("{target} cannot be reached: {reason}")]
    NotSent { target: String, reason: String },
    /// The other side may have seen the call.
    #[error("{target}: {reason}")]
    Broken { target: String, reason: String },
}

/// Sends calls. Cheap to share, costly to make: its clients hold TLS roots and connections.
pub(crate) struct Sender {
    egress: Egress,
    body_bytes_max: usize,
    clients: Mutex<HashMap<ClientKind, Client>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ClientKind {
    guarded: bool,
    connect_timeout: Duration,
}

impl Sender {
    pub(crate) fn new(egress: Egress) -> Sender {
        Sender {
            egress,
            body_bytes_max: BODY_BYTES_MAX,
            clients: Mutex::default(),
        }
    }

    /// Sends a call, and follows redirects if it asks for that; ends at the deadline.
    pub(crate) async fn send(&self, call: &Call, deadline: Instant) -> Result<Answer, Failure> {
        let mut call = call.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.send_once(&call, deadline).await?;
            match redirected(&call, &answer)? {
                Some(next) => call = next,
                None => return Ok(answer),
            }
        }
        Err(Failure::Refused {
            target: target(&call.url),
            reason: format!("redirected more than {REDIRECTS_MAX} times"),
        })
    }

    async fn send_once(&self, call: &Call, deadline: Instant) -> Result<Answer, Failure> {
        let target = target(&call.url);
        let guarded = !self.egress.names(&call.url);
        if guarded {
            self.egress
                .check_literal(&call.url)
                .map_err(|refused| Failure::Refused {
                    target: target.clone(),
                    reason: refused.to_string(),
                })?;
        }
        let client = self.client(guarded, call.connect_timeout)?;
        let mut request = client.request(call.method.clone(), call.url_with_credentials());
        request = request.headers(call.headers_with_credentials());
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let until = |from: Instant, limit: Option<Duration>| {
            limit.map_or(deadline, |limit| deadline.min(from + limit))
        };
        let silence = |until: Instant| Failure::Broken {
            target: target.clone(),
            reason: if until < deadline {
                "no answer within the read time-out".to_owned()
            } else {
                "no whole answer before the job's deadline".to_owned()
            },
        };
        // Connecting has its own limit; only what comes after is the other side's thinking.
        let head_limit = call.read_timeout.map(|limit| limit + call.connect_timeout);
        let head_until = until(Instant::now(), head_limit);
        let mut response = timeout_at(head_until, request.send())
            .await
            .map_err(|_| silence(head_until))?
            .map_err(|error| failure(&target, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            let chunk_until = until(Instant::now(), call.read_timeout);
            let chunk = timeout_at(chunk_until, response.chunk())
                .await
                .map_err(|_| silence(chunk_until))?
                .map_err(|error| failure(&target, error))?;
            let Some(chunk) = chunk else { break };
            if body.len() + chunk.len() > self.body_bytes_max {
                return Err(Failure::Broken {
                    target,
                    reason: format!("the answer has more than {} bytes", self.body_bytes_max),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    fn client(&self, guarded: bool, connect_timeout: Duration) -> Result<Client, Failure> {
        let kind = ClientKind {
            guarded,
            connect_timeout,
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&kind) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            // A proxy would look names up itself, where the guard cannot see the address.
            .no_proxy()
            .connect_timeout(connect_timeout);
        if guarded {
            builder = builder.dns_resolver(Arc::new(self.egress.guard()));
        }
        let client = builder.build().map_err(|error| Failure::Refused {
            target: "the HTTP client".to_owned(),
            reason: causes(&error),
        })?;
        clients.insert(kind, client.clone());
        Ok(client)
    }
}

impl Call {
    /// The longest that it can take until an answer begins, where that has a limit.
    pub(crate) fn time_wanted(&self) -> Option<Duration> {
        Some(self.connect_timeout + self.read_timeout?)
    }

    fn url_with_credentials(&self) -> Url {
        let mut url = self.url.clone();
        for credential in &self.credentials {
            if let Credential::Query(name, value) = credential {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        url
    }

    fn headers_with_credentials(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        for credential in &self.credentials {
            if let Credential::Header(name, value) = credential {
                let mut value = value.clone();
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// The call that an answer redirects to, if it does and the call follows.
fn redirected(call: &Call, answer: &Answer) -> Result<Option<Call>, Failure> {
    let status = answer.status.as_u16();
    if !call.follow_redirects || !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let refused = |reason: &str| Failure::Refused {
        target: target(&call.url),
        reason: format!("redirected with status {status} {reason}"),
    };
    let location = answer.headers.get(header::LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let Some(location) = location else {
        return Ok(None);
    };
    let url = call.url.join(location);
    let url = url.map_err(|_| refused("to what is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("to another protocol"));
    }
    if call.url.scheme() == "https" && url.scheme() == "http" {
        return Err(refused("from https to http"));
    }
    let mut next = call.clone();
    if url.origin() != call.url.origin() {
        next.credentials.clear();
        for name in [
            header::AUTHORIZATION,
            header::COOKIE,
            header::PROXY_AUTHORIZATION,
        ] {
            next.headers.remove(name);
        }
    }
    let becomes_get = status == 303 || (status < 303 && call.method == Method::POST);
    if becomes_get && call.method != Method::HEAD {
        next.method = Method::GET;
        next.body = None;
        next.headers.remove(header::CONTENT_TYPE);
    }
    next.url = url;
    Ok(Some(next))
}

/// Scheme, host, port and path of a URL: what may be said of it. A query may hold a key.
pub(crate) fn target(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn failure(target: &str, error: reqwest::Error) -> Failure {
    let target = target.to_owned();
    let error = error.without_url();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Failure::Refused {
                target,
                reason: refused.to_string(),
            };
        }
        source = cause.source();
    }
    let reason = causes(&error);
    if error.is_connect() {
        Failure::NotSent { target, reason }
    } else if error.is_builder() {
        Failure::Refused { target, reason }
    } else {
        Failure::Broken { target, reason }
    }
}

/// An error with its causes, each said once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(url: &str) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("by hand"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Call {
            method: Method::POST,
            url: Url::parse(url).unwrap(),
            headers,
            body: Some(b"body".to_vec()),
            credentials: vec![Credential::Query("key".to_owned(), "k".to_owned())],
            connect_timeout: Duration::from_secs(1),
            read_timeout: None,
            follow_redirects: true,
        }
    }

    fn answer(status: u16, location: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, location.parse().unwrap());
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Vec::new(),
        }
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let call = call("https://a.example/x");
        let same = redirected(&call, &answer(307, "/y")).unwrap().unwrap();
        assert_eq!(
            (same.url.as_str(), same.credentials.len()),
            ("https://a.example/y", 1)
        );
        assert_eq!(
            (same.method, same.body),
            (Method::POST, Some(b"body".to_vec()))
        );
        for other in [
            "https://b.example/",
            "https://a.example:444/",
            "//evil.example/x",
        ] {
            let next = redirected(&call, &answer(308, other)).unwrap().unwrap();
            assert!(next.credentials.is_empty(), "{other}");
            assert_eq!(next.headers.get(header::AUTHORIZATION), None, "{other}");
        }
    }

    #[test]
    fn methods_after_a_redirect() {
        for (status, method) in [
            (301, "GET"),
            (302, "GET"),
            (303, "GET"),
            (307, "POST"),
            (308, "POST"),
        ] {
            let next = redirected(&call("http://a.example/"), &answer(status, "/y"));
            let next = next.unwrap().unwrap();
            assert_eq!(next.method.as_str(), method, "{status}");
            assert_eq!(next.body.is_some(), method == "POST", "{status}");
        }
        assert!(
            redirected(&call("http://a.example/"), &answer(304, "/y"))
                .unwrap()
                .is_none()
        );
        for bad in ["http://a.example/", "file:///etc/passwd", "http://["] {
            assert!(
                redirected(&call("https://a.example/"), &answer(302, bad)).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn nothing_of_a_query_is_told() {
        let url = Url::parse("https://user:pw@h.example:8443/p?key=canary#f").unwrap();
        assert_eq!(target(&url), "https://h.example:8443/p");
    }
}
