//! Process definitions, all versions, and their files.

use super::{Api, Problem, TENANT, parse_key};
use crate::readmodel::{Field, Kind, QueryError, Resource};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rusqlite::OptionalExtension as _;

#[rustfmt::skip]
pub(super) const RESOURCE: Resource = Resource {
    from: "process_definition d",
    key: "processDefinitionKey",
    fields: &[
        Field { name: "processDefinitionKey", sql: "d.key", kind: Kind::Key },
        Field { name: "processDefinitionId", sql: "d.id", kind: Kind::Text },
        Field { name: "name", sql: "d.name", kind: Kind::Text },
        Field { name: "version", sql: "d.version", kind: Kind::Integer },
        Field { name: "versionTag", sql: "NULL", kind: Kind::Text },
        Field { name: "resourceName", sql: "d.resource_name", kind: Kind::Text },
        Field { name: "tenantId", sql: TENANT, kind: Kind::Text },
        Field { name: "hasStartForm", sql: "0", kind: Kind::Boolean },
    ],
    conditions: &[
        Field {
            name: "isLatestVersion",
            sql: "(d.version = (SELECT max(o.version) FROM process_definition o
                  WHERE o.id = d.id))",
            kind: Kind::Boolean,
        },
    ],
    variables: None,
};

/// The file that a definition came with, as it came.
pub(super) async fn xml(
    State(api): State<Api>,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    let number = parse_key(&key)?;
    let shown = api
        .query(move |db| {
            db.query_row(
                "SELECT resource FROM process_definition WHERE key = ?",
                [number],
                |row| row.get::<_, Vec<u8>>(0),
            )
            .optional()
            .map_err(QueryError::from)
        })
        .await?;
    match shown.value {
        Some(xml) => Ok(([(header::CONTENT_TYPE, "text/xml;charset=UTF-8")], xml).into_response()),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!("no process definition with key '{key}' was found"),
        )),
    }
}
