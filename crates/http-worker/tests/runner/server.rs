//! A server that keeps what it was sent and answers by the path.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) uri: String,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    calls: Arc<AtomicUsize>,
    /// Access tokens that were given.
    tokens: Arc<AtomicUsize>,
    /// The number of the last token that is refused.
    revoked: Arc<AtomicUsize>,
    /// The model of every process definition, and after how many calls it is there.
    model: Arc<Mutex<(String, usize)>>,
}

impl Server {
    pub(crate) async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            port: listener.local_addr().unwrap().port(),
            ..Server::default()
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Everything that arrived.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The paths that were asked for, in their order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.uri).collect()
    }

    /// Refuses every access token that was given so far.
    pub(crate) fn revoke_tokens(&self) {
        let given = self.tokens.load(Ordering::SeqCst);
        self.revoked.store(given, Ordering::SeqCst);
    }

    /// Answers as the engine's REST API for a model, which is there after so many calls.
    pub(crate) fn deploy(&self, model: &str, after_calls: usize) {
        *self.model.lock().unwrap() = (model.to_owned(), after_calls);
    }

    fn takes(&self, authorization: Option<&str>) -> bool {
        let token = authorization.and_then(|text| text.strip_prefix("Bearer canary-access-token-"));
        let number = token.and_then(|number| number.parse().ok());
        number.is_some_and(|number: usize| number > self.revoked.load(Ordering::SeqCst))
    }

    /// The only request that arrived.
    #[track_caller]
    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let headers = parts.headers.iter();
    let seen = Seen {
        method: parts.method.to_string(),
        uri: parts.uri.to_string(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    server.seen.lock().unwrap().push(seen.clone());
    let call = server.calls.fetch_add(1, Ordering::SeqCst);
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts[..] {
        ["echo", ref status @ ..] => json_answer(
            status.first().map_or(200, |status| status.parse().unwrap()),
            &json!({"headers": seen.headers, "body": seen.body, "uri": seen.uri}),
        ),
        // Says its errors in words of its own, as an API does.
        ["status", status] => json_answer(
            status.parse().unwrap(),
            &json!({"message": "said by the server", "error": {"code": "E42", "text": "why"}}),
        ),
        // Answers with what it is sent.
        ["says", status] => plain(status.parse().unwrap(), &seen.body, "application/json"),
        ["code-only"] => json_answer(400, &json!({"error": {"code": "E42"}})),
        ["not-json"] => plain(400, "<html>no</html>", "text/html"),
        ["text"] => plain(200, "plain text", "text/plain"),
        ["empty"] => plain(204, "", "text/plain"),
        // Asks for patience on the first call.
        ["later", seconds] if call == 0 => {
            let mut response = json_answer(429, &json!({"message": "too many"}));
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.parse().unwrap());
            response
        }
        ["later", _] => json_answer(200, &json!({"calls": call + 1})),
        // Only its second answer ever comes.
        ["slow-once"] if call > 0 => json_answer(200, &json!({})),
        ["slow" | "slow-once"] => std::future::pending().await,
        ["stalls"] => {
            let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from("begin"))]);
            let never = futures::stream::pending();
            Response::new(Body::from_stream(futures::StreamExt::chain(first, never)))
        }
        ["endless"] => {
            let chunks = futures::stream::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65_536]))
            });
            Response::new(Body::from_stream(chunks))
        }
        ["big", bytes] => plain(200, &"x".repeat(bytes.parse().unwrap()), "text/plain"),
        ["redirect", status] => {
            let mut response = plain(status.parse().unwrap(), "", "text/plain");
            response
                .headers_mut()
                .insert(header::LOCATION, query.parse().unwrap());
            response
        }
        ["loop"] => {
            let mut response = plain(307, "", "text/plain");
            response
                .headers_mut()
                .insert(header::LOCATION, "/loop".parse().unwrap());
            response
        }
        // A new token each time, for so long as the path says.
        ["token", ref lifetime @ ..] => {
            let number = server.tokens.fetch_add(1, Ordering::SeqCst) + 1;
            let mut answer = json!({"access_token": format!("canary-access-token-{number}")});
            match lifetime {
                [lifetime] => answer["expires_in"] = lifetime.parse().unwrap(),
                [lifetime, "text"] => answer["expires_in"] = json!(lifetime),
                _ => {}
            }
            json_answer(200, &answer)
        }
        ["v2", "process-definitions", key, "xml"] => match &*server.model.lock().unwrap() {
            (model, after_calls) if call >= *after_calls => plain(200, model, "text/xml"),
            _ => json_answer(
                404,
                &json!({"title": "NOT_FOUND", "status": 404, "detail": format!("no definition {key}")}),
            ),
        },
        ["protected"] if !server.takes(seen.header("authorization")) => {
            json_answer(401, &json!({"message": "token expired"}))
        }
        _ => json_answer(200, &json!({"ok": true})),
    }
}

fn json_answer(status: u16, body: &Value) -> Response<Body> {
    plain(status, &body.to_string(), "application/json")
}

fn plain(status: u16, body: &str, content_type: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    response
}
