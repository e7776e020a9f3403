//! Tokens by client credentials: fetched once, sent with each call, never shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use messaging::client::{self, Client};
use messaging::settings::{Gateway as Settings, OAuth, Secret};
use messaging::token::{Error, Tokens};
use messaging::worker::{Config, Outcome, run};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::Gateway;

const SECRET: &str = "canary-secret";

#[derive(Clone)]
struct Server {
    asked: Arc<AtomicUsize>,
    lifetime: u64,
}

async fn token(State(server): State<Server>, body: String) -> Result<Json<Value>, StatusCode> {
    let granted = body.contains("grant_type=client_credentials") && body.contains(SECRET);
    if !granted {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let count = server.asked.fetch_add(1, Ordering::SeqCst) + 1;
    let answer = json!({
        "access_token": format!("token-{count}"), "token_type": "Bearer", "expires_in": server.lifetime,
    });
    Ok(Json(answer))
}

async fn serve(lifetime: u64) -> (OAuth, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server {
        asked: asked.clone(),
        lifetime,
    };
    let routes = Router::new()
        .route("/token", post(token))
        .with_state(server);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let token_url = format!("http://{}/token", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let oauth = OAuth {
        client_id: Secret::new("id"),
        client_secret: Secret::new(SECRET),
        token_url,
        audience: "zeebe.example".to_owned(),
        scope: None,
    };
    (oauth, asked)
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_it_expires() {
    let (oauth, asked) = serve(3600).await;
    let tokens = Tokens::new(Some(oauth));
    for _ in 0..3 {
        assert_eq!(tokens.bearer().await.unwrap().unwrap().expose(), "token-1");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    tokens.forget().await;
    assert_eq!(tokens.bearer().await.unwrap().unwrap().expose(), "token-2");

    let (oauth, asked) = serve(20).await;
    let tokens = Tokens::new(Some(oauth));
    tokens.bearer().await.unwrap();
    tokens.bearer().await.unwrap();
    assert_eq!(
        asked.load(Ordering::SeqCst),
        2,
        "20 s are within the margin"
    );
}

#[tokio::test]
async fn without_credentials_there_is_none() {
    assert!(Tokens::new(None).bearer().await.unwrap().is_none());
}

#[tokio::test]
async fn wrong_credentials_are_said_and_not_shown() {
    let (mut oauth, _) = serve(3600).await;
    oauth.client_secret = Secret::new("wrong-canary");
    let error = Tokens::new(Some(oauth)).bearer().await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 401, .. }));
    assert!(!error.is_transient());
    assert!(!format!("{error} {error:?}").contains("canary"));
    assert!(error.to_string().contains("ZEEBE_CLIENT_SECRET"));
}

#[tokio::test]
async fn both_channels_send_the_token() {
    let gateway = Gateway::start();
    let (oauth, _) = serve(3600).await;
    let mut settings = Settings::plain(&gateway.address()).unwrap();
    settings.oauth = Some(oauth);

    let client = Client::connect(&settings, Duration::from_secs(20))
        .await
        .unwrap();
    client.topology().await.unwrap();
    assert!(gateway.state().tokens.contains("Bearer token-1"));

    let (stop, stopped) = oneshot::channel::<()>();
    let config = Config::new("test", vec!["ship".to_owned()]);
    let worker = tokio::spawn(async move {
        let handler = |_| async { Outcome::Complete(Map::new()) };
        run(&settings, config, handler, async { drop(stopped.await) }).await
    });
    gateway
        .until("the worker's own token arrives", |state| {
            state.tokens.contains("Bearer token-2")
        })
        .await;
    drop(stop);
    worker.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_with_wrong_credentials_ends() {
    let gateway = Gateway::start();
    let (mut oauth, _) = serve(3600).await;
    oauth.client_secret = Secret::new("wrong");
    let mut settings = Settings::plain(&gateway.address()).unwrap();
    settings.oauth = Some(oauth);
    let config = Config::new("test", vec!["ship".to_owned()]);
    let handler = |_| async { Outcome::Leave };
    let result = run(&settings, config, handler, std::future::pending()).await;
    assert!(
        result
            .unwrap_err()
            .to_string()
            .contains("refused the credentials")
    );
    let Err(error) = Client::connect(&settings, Duration::from_secs(1)).await else {
        panic!("wrong credentials");
    };
    assert!(matches!(error, client::Error::Token(_)), "{error}");
}
