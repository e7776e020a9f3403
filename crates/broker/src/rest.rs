//! The searches of Camunda's REST API v2 that an operator needs, in the shapes of 8.8, and the
//! topology; one file a resource.
//!
//! A resource is a table of fields (see [`Resource`]); what is common to all is here. A search
//! sees whatever was acknowledged before it came: it waits for the read model to get there.

mod element_instances;
mod incidents;
mod process_definitions;
mod process_instances;
mod topology;
mod variables;

use crate::exporter::{CatchUp, NotCaughtUp};
use crate::readmodel::{self, QueryError, ReadModel, Resource, Search};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a search waits for what was acknowledged before it.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);

/// The position that the answer shows.
const POSITION: HeaderName = HeaderName::from_static("x-backroom-position");

/// The tenant of all there is.
const TENANT: &str = "'<default>'";

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    /// What is searched.
    pub read_model: Arc<ReadModel>,
    /// How far it is.
    pub catch_up: CatchUp,
    /// Where the gateway listens, for the topology.
    pub gateway: SocketAddr,
}

/// All routes.
pub(crate) fn routes(api: Api) -> Router {
    Router::new()
        .merge(resource("process-instances", &process_instances::RESOURCE))
        .merge(resource("element-instances", &element_instances::RESOURCE))
        .merge(resource("incidents", &incidents::RESOURCE))
        .merge(resource("variables", &variables::RESOURCE))
        .merge(resource(
            "process-definitions",
            &process_definitions::RESOURCE,
        ))
        .route(
            "/v2/process-definitions/{key}/xml",
            get(process_definitions::xml),
        )
        .route("/v2/topology", get(topology::topology))
        .fallback(async |uri: Uri| {
            Problem::new(
                StatusCode::NOT_FOUND,
                format!("there is no '{}'", uri.path()),
            )
        })
        .method_not_allowed_fallback(async |uri: Uri| {
            let detail = format!("'{}' has no such method", uri.path());
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        })
        .with_state(api)
}

/// `POST /v2/NAME/search` and `GET /v2/NAME/KEY`.
fn resource(name: &'static str, resource: &'static Resource) -> Router<Api> {
    Router::new()
        .route(
            &format!("/v2/{name}/search"),
            post(async move |State(api): State<Api>, uri: Uri, body: Bytes| {
                let mut search = Search::parse(&body)?;
                search.full_values = uri.query().is_some_and(|query| {
                    query.split('&').any(|pair| pair == "truncateValues=false")
                });
                api.query(move |db| readmodel::search(db, resource, &search))
                    .await
            }),
        )
        .route(
            &format!("/v2/{name}/{{key}}"),
            get(
                async move |State(api): State<Api>, Path(key): Path<String>| {
                    let number = parse_key(&key)?;
                    let found = api
                        .query(move |db| readmodel::get(db, resource, number))
                        .await?;
                    found.into_found(name, &key)
                },
            ),
        )
}

fn parse_key(key: &str) -> Result<i64, Problem> {
    key.parse().map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("'{key}' is not a key: a key is a number"),
        )
    })
}

impl Api {
    /// Runs a query on the read model, once that has all that was acknowledged before.
    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<Shown<T>, Problem> {
        let position = self.catch_up.wait(CATCH_UP_MAX).await?;
        let read_model = Arc::clone(&self.read_model);
        let answer = tokio::task::spawn_blocking(move || read_model.read(query)).await;
        let answer = answer.map_err(|_| {
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the query failed: see the broker's log".into(),
            )
        })?;
        Ok(Shown {
            value: answer?,
            position,
        })
    }
}

/// What a query gave, and the position that it shows.
struct Shown<T> {
    value: T,
    position: u64,
}

impl<T> Shown<Option<T>> {
    fn into_found(self, name: &str, key: &str) -> Result<Shown<T>, Problem> {
        let Some(value) = self.value else {
            let detail = format!(
                "no {} with key '{key}' was found",
                name.trim_end_matches('s')
            );
            return Err(Problem::new(StatusCode::NOT_FOUND, detail));
        };
        let position = self.position;
        Ok(Shown { value, position })
    }
}

impl IntoResponse for Shown<Value> {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(POSITION, self.position.into());
        (headers, axum::Json(self.value)).into_response()
    }
}

/// An error, as `application/problem+json`.
struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, detail: String) -> Self {
        Self { status, detail }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let status = match &error {
            QueryError::Request(_) => StatusCode::BAD_REQUEST,
            QueryError::Database(error) => {
                tracing::error!(%error, "a search failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, error.to_string())
    }
}

impl From<NotCaughtUp> for Problem {
    fn from(error: NotCaughtUp) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status, content_type, body.to_string()).into_response()
    }
}
