//! git over http on this machine: a real `git http-backend` behind a loopback server that sees what
//! each request brings, can ask for a token, and can lose a reply after the work is done.
//!
//! It knows git only as a CGI program: which repository, who asks, what for. The tests and the
//! benchmark share it.

#![allow(
    dead_code,
    reason = "the tests and the benchmark each use a part of it"
)]

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Larger requests are refused: nothing here pushes as much.
const BODY_MAX: usize = 1 << 30;

const PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// What the server does beside serving.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// The one `Authorization` header to ask for; without it, 401; with two, 400, as on GitHub.
    pub(crate) authorization: Option<String>,
    /// Replies to lose.
    pub(crate) loss: Option<Loss>,
}

/// Replies lost by chance: the request is done to its end, then the connection is closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loss {
    /// From 0 to 1.
    pub(crate) probability: f64,
    /// Of the dice.
    pub(crate) seed: u64,
    /// Which requests.
    pub(crate) of: Requests,
}

/// Some of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requests {
    /// Those that bring a pack, so that the branch has moved when the reply is lost.
    Pushes,
    /// All of them.
    All,
}

/// One request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// The values of all its `Authorization` headers.
    pub(crate) authorization: Vec<String>,
    /// The `Git-Protocol` header.
    pub(crate) protocol: String,
    /// `gzip` or `chunked`, where the body came so.
    pub(crate) coding: String,
    /// Of the reply, also where that was lost.
    pub(crate) status: u16,
    /// Whether the reply was lost.
    pub(crate) is_lost: bool,
}

/// A server on a port of its own; it ends when it is dropped, after what it has begun.
pub(crate) struct HttpServer {
    shared: Arc<Shared>,
    authority: String,
    _runtime: Runtime,
}

struct Shared {
    /// The folder of the repositories.
    root: PathBuf,
    program: PathBuf,
    settings: Settings,
    dice: Mutex<fastrand::Rng>,
    seen: Mutex<Vec<Seen>>,
}

impl HttpServer {
    /// Serves the bare repositories in `root`; each is served for pushes that says
    /// `http.receivepack=true`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where the installed git has no `http-backend`.
    pub(crate) fn start(root: &Path, settings: Settings) -> Result<Self, Error> {
        let seed = settings.loss.map_or(0, |loss| loss.seed);
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            program: http_backend()?,
            settings,
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            seen: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_io()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let authority = listener.local_addr()?.to_string();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        runtime.spawn(axum::serve(listener, router).into_future());
        Ok(HttpServer {
            shared,
            authority,
            _runtime: runtime,
        })
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The address of a repository in the folder.
    pub(crate) fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.authority)
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }
}

/// Where git keeps the program that does the work.
fn http_backend() -> Result<PathBuf, Error> {
    let output = Command::new("git").arg("--exec-path").output()?;
    let folder = String::from_utf8_lossy(&output.stdout);
    let program = Path::new(folder.trim_end()).join("git-http-backend");
    match program.is_file() {
        true => Ok(program),
        false => Err(Error::new(
            ErrorKind::NotFound,
            "the installed git has no http-backend; it comes with git's full package",
        )),
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let authorization: Vec<String> = head
        .headers
        .get_all(header::AUTHORIZATION)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    let is_push = head.uri.path().ends_with("/git-receive-pack");
    let response = match shared.refusal(&authorization) {
        Some(refusal) => refusal,
        None => match to_bytes(body, BODY_MAX).await {
            Ok(body) => {
                let command = shared.command(&head);
                let reply = tokio::task::spawn_blocking(move || run(command, &body)).await;
                match reply.map_err(Error::other).flatten() {
                    Ok(reply) => reply,
                    Err(error) => failure(&error),
                }
            }
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        },
    };
    let is_lost = shared.loses(is_push);
    lock(&shared.seen).push(Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        authorization,
        protocol: text(&head, PROTOCOL).to_owned(),
        coding: [header::CONTENT_ENCODING, header::TRANSFER_ENCODING]
            .map(|name| text(&head, name))
            .concat(),
        status: response.status().as_u16(),
        is_lost,
    });
    match is_lost {
        true => lost(),
        false => response,
    }
}

/// A reply whose body fails before anything was sent: the connection is closed without a byte.
fn lost() -> Response {
    let broken = Err::<Bytes, Error>(ErrorKind::ConnectionReset.into());
    Response::new(Body::from_stream(futures::stream::iter([broken])))
}

impl Shared {
    fn refusal(&self, authorization: &[String]) -> Option<Response> {
        let expected = self.settings.authorization.as_ref()?;
        match authorization {
            [one] if one == expected => None,
            [] | [_] => {
                let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
                Some((StatusCode::UNAUTHORIZED, ask).into_response())
            }
            _ => {
                let text = "Duplicate header: \"Authorization\"\n";
                Some((StatusCode::BAD_REQUEST, text).into_response())
            }
        }
    }

    fn loses(&self, is_push: bool) -> bool {
        let Some(loss) = self.settings.loss else {
            return false;
        };
        (is_push || loss.of == Requests::All) && lock(&self.dice).f64() < loss.probability
    }

    /// The CGI program with the request in its environment.
    fn command(&self, head: &Parts) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", head.method.as_str())
            .env("PATH_INFO", head.uri.path())
            .env("QUERY_STRING", head.uri.query().unwrap_or(""))
            .env("CONTENT_TYPE", text(head, header::CONTENT_TYPE))
            .env(
                "HTTP_CONTENT_ENCODING",
                text(head, header::CONTENT_ENCODING),
            )
            .env("GIT_PROTOCOL", text(head, PROTOCOL))
            .env("REMOTE_ADDR", "127.0.0.1");
        command
    }
}

/// The value of a header, empty where there is none.
fn text(head: &Parts, name: HeaderName) -> &str {
    let value = head.headers.get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// Runs the program on the body, whose length is known only now: it may have come in chunks.
fn run(mut command: Command, body: &[u8]) -> Result<Response, Error> {
    let mut child = command
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A program that does not read to the end has said why in its reply.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(body)));
        child.wait_with_output()
    })?;
    reply(&output.stdout).ok_or_else(|| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Error::other(format!("git http-backend gave no reply: {stderr}"))
    })
}

/// A CGI program's output as a reply: header lines, an empty line, the body.
fn reply(output: &[u8]) -> Option<Response> {
    let at = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut response = Response::new(Body::from(output[at + 4..].to_vec()));
    for line in std::str::from_utf8(&output[..at]).ok()?.lines() {
        let (name, value) = line.split_once(": ")?;
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = value.split(' ').next()?.parse().ok()?;
        } else {
            let name = HeaderName::try_from(name).ok()?;
            response
                .headers_mut()
                .append(name, HeaderValue::try_from(value).ok()?);
        }
    }
    Some(response)
}

fn failure(error: &Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}

/// What one request panicked over is still good for the others.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
