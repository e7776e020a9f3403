//! A dispatcher in a folder of its own, with scripts for services, and a client for it.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dispatcher::{BackendConfig, Config, Dispatcher, Token, Watchdog};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "canary-dispatch-token";
pub(crate) const DISPATCHES: &str = "/repos/shop/data/dispatches";

/// The folders that a dispatcher works with.
pub(crate) struct Folders {
    pub(crate) root: TempDir,
}

impl Folders {
    /// Folders with one service: `script` is its body, `event` what starts it.
    pub(crate) fn new(script: &str) -> Folders {
        let folders = Folders {
            root: tempfile::tempdir().unwrap(),
        };
        for folder in ["workflows", "bin", "seen"] {
            std::fs::create_dir(folders.path(folder)).unwrap();
        }
        folders.service("inventory", "[restock_item]", 10.0, script);
        folders
    }

    pub(crate) fn service(&self, name: &str, types: &str, minutes: f64, script: &str) {
        let workflow = format!(
            "name: The {name}\non: {{repository_dispatch: {{types: {types}}}}}\njobs:\n  run:\n    \
             timeout-minutes: {minutes}\n    steps:\n      - uses: ./.github/actions/setup-service\n        \
             with: {{service: {name}}}\n"
        );
        self.workflow(&format!("{name}.yml"), &workflow);
        self.program(name, script);
    }

    /// A service whose workflow also has these lines at its top level.
    pub(crate) fn service_with(&self, name: &str, on: &str, lines: &str, script: &str) {
        let workflow = format!(
            "name: The {name}\non: {on}\n{lines}\njobs:\n  run:\n    name: Run it\n    steps:\n      \
             - uses: ./.github/actions/setup-service\n        with: {{service: {name}}}\n"
        );
        self.workflow(&format!("{name}.yml"), &workflow);
        self.program(name, script);
    }

    pub(crate) fn workflow(&self, file: &str, text: &str) {
        std::fs::write(self.path("workflows").join(file), text).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        let program = self.path("bin").join(name);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// What scripts left in the folder `$SEEN`.
    pub(crate) fn seen(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path("seen").join(name)).ok()
    }

    pub(crate) fn count(&self, prefix: &str) -> usize {
        let entries = std::fs::read_dir(self.path("seen")).unwrap();
        entries
            .filter(|e| {
                let name = e.as_ref().unwrap().file_name();
                name.to_string_lossy().starts_with(prefix)
            })
            .count()
    }

    /// Lets go of the scripts that wait with [`WAIT`].
    pub(crate) fn open_gate(&self) {
        std::fs::write(self.path("seen").join("gate"), "").unwrap();
    }

    pub(crate) fn config(&self, parallel_max: usize) -> Config {
        let mut environment: Vec<(OsString, OsString)> = std::env::vars_os()
            .filter(|(name, _)| name == "PATH")
            .collect();
        for (name, value) in [
            ("BACKROOM_DISPATCH_TOKEN", TOKEN),
            ("BACKROOM_SECRET_GitHubToken", "canary-worker-secret"),
            ("BACKROOM_TEST_ANSWERS", "double"),
            ("ZEEBE_ADDRESS", "127.0.0.1:26500"),
            ("ZEEBE_CLIENT_SECRET", "canary-client-secret"),
            ("UNLISTED", "1"),
        ] {
            environment.push((name.into(), value.into()));
        }
        environment.push(("SEEN".into(), self.path("seen").into()));
        Config {
            data: self.path("data"),
            workflows: self.path("workflows"),
            bin_dir: self.path("bin"),
            backend: BackendConfig::Direct,
            rates: None,
            watchdog: Watchdog {
                redispatches_max: 0,
                start_limit: Duration::from_secs(3600),
            },
            repositories: vec!["shop/data".to_owned()],
            default_branch: "main".to_owned(),
            token: Token::new(TOKEN, "a test").unwrap(),
            parallel_max,
            deliveries_max: 1000,
            retry_delay: Duration::from_millis(1),
            stop_grace: Duration::from_secs(60),
            api_url: "http://127.0.0.1:1".to_owned(),
            environment,
            pass_env: vec!["SEEN".to_owned()],
        }
    }

    /// Nothing is left of the runs' own folders, and the canary of a secret is nowhere.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let left = std::fs::read_dir(self.path("data/work")).unwrap();
        assert_eq!(left.count(), 0);
        let found = files_with(&self.path("data"), "canary");
        assert_eq!(found, Vec::<PathBuf>::new());
    }
}

/// A script's line that waits until the test opens the gate.
pub(crate) const WAIT: &str = r#"while [ ! -e "$SEEN/gate" ]; do sleep 0.01; done"#;

/// Speaks to a dispatcher.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) url: String,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn new(url: String) -> Client {
        Client {
            url,
            http: reqwest::Client::new(),
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&str>,
        body: &str,
    ) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        request.body(body.to_owned()).send().await.unwrap()
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> Response {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let authorization = format!("Bearer {TOKEN}");
        self.send(method, path, Some(&authorization), &body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.call(Method::GET, path, &Value::Null).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Posts to a path that answers with this status; gives the body, if there is one.
    pub(crate) async fn post(&self, path: &str, body: &Value, status: u16) -> Value {
        let response = self.call(Method::POST, path, body).await;
        let got = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert_eq!(got, status, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Waits until a run in GitHub's shape has this status or conclusion.
    pub(crate) async fn run_until(&self, run: u64, state: &str) -> Value {
        let path = format!("/repos/shop/data/actions/runs/{run}");
        let mut last = Value::Null;
        for _ in LOOKS {
            last = self.get(&path).await;
            if last["status"] == state || last["conclusion"] == state {
                return last;
            }
            tick().await;
        }
        panic!("run {run} never became {state}: {last}")
    }

    pub(crate) async fn dispatch(&self, event_type: &str, id: &str) {
        let body = json!({"event_type": event_type, "client_payload": {"_id": id}});
        let response = self.call(Method::POST, DISPATCHES, &body).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }

    pub(crate) async fn rule(&self, rule: &Value) -> Value {
        let response = self.call(Method::POST, "/_backroom/rules", rule).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json().await.unwrap()
    }

    /// Waits until a list is not empty.
    pub(crate) async fn until_some(&self, path: &str) -> Value {
        for _ in LOOKS {
            let list = self.get(path).await;
            if list != json!([]) {
                return list;
            }
            tick().await;
        }
        panic!("nothing ever at {path}")
    }

    /// Waits until the watchdog tells why an order's delivery came to nothing.
    pub(crate) async fn failure(&self, id: &str) -> String {
        for _ in LOOKS {
            if let Some(why) = self.delivery(id).await["failure"].as_str() {
                return why.to_owned();
            }
            tick().await;
        }
        panic!("'{id}' never came to nothing")
    }

    /// Waits until an attempt of a run has ended; gives the run.
    pub(crate) async fn attempted(&self, run: u64) -> Value {
        for _ in LOOKS {
            let shown = self.get(&format!("/_backroom/runs/{run}")).await;
            if shown["attempts"][0]["finished_at"].is_string() {
                return shown;
            }
            tick().await;
        }
        panic!("run {run} never ended an attempt")
    }

    /// The one delivery of an order.
    pub(crate) async fn delivery(&self, id: &str) -> Value {
        let list = self.get(&format!("/_backroom/deliveries?_id={id}")).await;
        assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
        list[0].clone()
    }

    /// Waits until an order's delivery stands where it should.
    pub(crate) async fn until(&self, id: &str, state: &str) -> Value {
        let mut last = Value::Null;
        for _ in LOOKS {
            last = self.delivery(id).await;
            if last["state"] == state {
                return last;
            }
            tick().await;
        }
        panic!("'{id}' never became {state}: {last}")
    }
}

/// A dispatcher within the test's own process.
pub(crate) struct Store {
    pub(crate) folders: Folders,
    pub(crate) client: Client,
    end: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Store {
    pub(crate) async fn start(folders: Folders, change: impl FnOnce(&mut Config)) -> Store {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = folders.config(4);
        config.api_url = format!("http://{}", listener.local_addr().unwrap());
        change(&mut config);
        let client = Client::new(config.api_url.clone());
        let dispatcher: Arc<Dispatcher> = Dispatcher::open(config).unwrap();
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(dispatcher::serve(listener, dispatcher, async {
            ended.await.ok();
        }));
        Store {
            folders,
            client,
            end,
            served,
        }
    }

    /// Ends it as SIGTERM would; gives the folders back.
    pub(crate) async fn stop(self) -> Folders {
        self.end.send(()).unwrap();
        self.served.await.unwrap().unwrap();
        self.folders
    }
}

/// Waits until a condition of the file system holds.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in LOOKS {
        if holds() {
            return;
        }
        tick().await;
    }
    panic!("never: {what}")
}

/// Enough looks for 30 seconds.
const LOOKS: std::ops::Range<u32> = 0..6_000;

async fn tick() {
    let start = tokio::time::Instant::now() + Duration::from_millis(5);
    tokio::time::interval_at(start, Duration::from_millis(5))
        .tick()
        .await;
}

/// Every file below a folder that holds a text.
pub(crate) fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text) {
            found.push(path);
        }
    }
    found
}
