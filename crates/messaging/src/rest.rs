//! The engine's read side: a small client of Camunda's REST API v2, for what is shown.
//!
//! Only searches, in the shapes of Camunda 8.8; whatever changes the engine goes over
//! [`crate::client`]. Keys are texts here, as in the API.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::causes;
use crate::settings::{Gateway, Settings};
use crate::token::{self, Tokens};

/// Items that one page asks for.
const PAGE_SIZE: usize = 100;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address is set.
    #[error("no REST API is set")]
    NotSet,
    /// Nothing answers there.
    #[error("REST API {address} cannot be reached: {cause}")]
    Unreachable {
        /// Base URL.
        address: String,
        /// The transport's words.
        cause: String,
    },
    /// The API answered with an error.
    #[error("REST API {address} answered {path} with status {status}: {message}")]
    Status {
        /// Base URL.
        address: String,
        /// Path that was asked.
        path: String,
        /// HTTP status.
        status: u16,
        /// The answer's words, shortened.
        message: String,
    },
    /// The answer has another shape than the API's.
    #[error(
        "REST API {address} answered {path} in a shape that this client does not know: {cause}"
    )]
    Shape {
        /// Base URL.
        address: String,
        /// Path that was asked.
        path: String,
        /// What does not fit.
        cause: String,
    },
    /// There is no token to be had.
    #[error(transparent)]
    Token(#[from] token::Error),
}

impl Error {
    /// What to do about it, in one line.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::NotSet => Some("set ZEEBE_REST_ADDRESS; a Camunda cluster needs 8.8 for it"),
            Error::Unreachable { .. } => Some("check ZEEBE_REST_ADDRESS and that the broker runs"),
            Error::Status { status: 404, .. } => {
                Some("a Camunda cluster has this API from 8.8 on; check ZEEBE_REST_ADDRESS")
            }
            Error::Status { .. } | Error::Shape { .. } | Error::Token(_) => None,
        }
    }
}

/// A process instance as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessInstance {
    /// Key of the instance.
    pub process_instance_key: String,
    /// The process's id in its model.
    pub process_definition_id: String,
    /// Key of the definition.
    pub process_definition_key: String,
    /// Version of the definition.
    pub process_definition_version: i32,
    /// `ACTIVE`, `COMPLETED` or `TERMINATED`.
    pub state: String,
    /// RFC 3339.
    pub start_date: String,
    /// RFC 3339, once it has ended.
    #[serde(default)]
    pub end_date: Option<String>,
    /// Whether an incident stands in it.
    #[serde(default)]
    pub has_incident: bool,
}

/// An element instance as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElementInstance {
    /// Key of the element instance.
    pub element_instance_key: String,
    /// Key of its process instance.
    pub process_instance_key: String,
    /// Id of the element in the model.
    pub element_id: String,
    /// Name of the element, where it has one.
    #[serde(default)]
    pub element_name: Option<String>,
    /// Kind of element, such as `SERVICE_TASK`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `ACTIVE`, `COMPLETED` or `TERMINATED`.
    pub state: String,
    /// RFC 3339.
    pub start_date: String,
    /// RFC 3339, once it has ended.
    #[serde(default)]
    pub end_date: Option<String>,
    /// Whether an incident stands at it.
    #[serde(default)]
    pub has_incident: bool,
    /// Key of that incident.
    #[serde(default)]
    pub incident_key: Option<String>,
}

/// An incident as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Key of the incident.
    pub incident_key: String,
    /// Key of its process instance.
    pub process_instance_key: String,
    /// The process's id in its model.
    pub process_definition_id: String,
    /// Id of the element in the model.
    pub element_id: String,
    /// Key of the element instance.
    pub element_instance_key: String,
    /// Such as `JOB_NO_RETRIES`.
    pub error_type: String,
    /// The engine's words.
    pub error_message: String,
    /// `ACTIVE`, `RESOLVED`, ...
    pub state: String,
    /// RFC 3339.
    pub creation_time: String,
    /// Key of the job, where the incident is one's.
    #[serde(default)]
    pub job_key: Option<String>,
}

/// A variable as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Key of the variable.
    pub variable_key: String,
    /// Its name.
    pub name: String,
    /// Its value as JSON text.
    pub value: String,
    /// Key of the scope that it is in; the process instance's key for the outermost one.
    pub scope_key: String,
    /// Key of its process instance.
    pub process_instance_key: String,
    /// Whether `value` is only the start of a long one.
    #[serde(default)]
    pub is_truncated: bool,
}

/// A process definition as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessDefinition {
    /// Key of the definition.
    pub process_definition_key: String,
    /// The process's id in its model.
    pub process_definition_id: String,
    /// Name of the process, where it has one.
    #[serde(default)]
    pub name: Option<String>,
    /// Name that the file was deployed under.
    pub resource_name: String,
    /// Version.
    pub version: i32,
}

/// Which process instances; what is not set is not filtered by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessInstanceFilter {
    /// Key of the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_instance_key: Option<String>,
    /// The process's id in its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_definition_id: Option<String>,
    /// `ACTIVE`, `COMPLETED` or `TERMINATED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Which element instances.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ElementInstanceFilter {
    /// Key of the process instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_instance_key: Option<String>,
    /// Key of the element instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element_instance_key: Option<String>,
    /// Id of the element in the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element_id: Option<String>,
    /// `ACTIVE`, `COMPLETED` or `TERMINATED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Which incidents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentFilter {
    /// Key of the incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident_key: Option<String>,
    /// Key of the process instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_instance_key: Option<String>,
    /// `ACTIVE`, `RESOLVED`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Which variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VariableFilter {
    /// Name of the variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Value as JSON text: a text has its quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Key of the process instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_instance_key: Option<String>,
    /// Key of the scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_key: Option<String>,
}

/// Which process definitions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessDefinitionFilter {
    /// Key of the definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_definition_key: Option<String>,
    /// The process's id in its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_definition_id: Option<String>,
}

/// A client of one REST API. Cloning it shares its connections and token.
#[derive(Clone)]
pub struct Rest {
    address: String,
    http: reqwest::Client,
    tokens: Arc<Tokens>,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    page: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    total_items: usize,
    #[serde(default)]
    end_cursor: Option<String>,
}

impl Rest {
    /// A client of the API that the settings name.
    ///
    /// # Errors
    /// [`Error::NotSet`] when they name none.
    pub fn new(settings: &Settings) -> Result<Rest, Error> {
        let address = settings.rest_address.as_deref().ok_or(Error::NotSet)?;
        Ok(Rest::at(address, &settings.gateway))
    }

    /// A client of the API at this base URL, with the credentials of `gateway`.
    pub fn at(address: &str, gateway: &Gateway) -> Rest {
        // A base URL may be given with or without the version.
        let address = address.trim_end_matches('/');
        let address = address.strip_suffix("/v2").unwrap_or(address);
        Rest {
            address: address.to_owned(),
            http: reqwest::Client::new(),
            tokens: Arc::new(Tokens::new(gateway.oauth.clone())),
        }
    }

    /// All process instances that fit, newest first.
    ///
    /// # Errors
    /// As every search: not reachable, refused, or another shape.
    pub async fn process_instances(
        &self,
        filter: &ProcessInstanceFilter,
    ) -> Result<Vec<ProcessInstance>, Error> {
        let newest_first = json!([{"field": "startDate", "order": "DESC"}]);
        self.search("/v2/process-instances/search", filter, newest_first)
            .await
    }

    /// All element instances that fit, oldest first.
    ///
    /// # Errors
    /// As every search.
    pub async fn element_instances(
        &self,
        filter: &ElementInstanceFilter,
    ) -> Result<Vec<ElementInstance>, Error> {
        let oldest_first = json!([{"field": "startDate", "order": "ASC"}]);
        self.search("/v2/element-instances/search", filter, oldest_first)
            .await
    }

    /// All incidents that fit, oldest first.
    ///
    /// # Errors
    /// As every search.
    pub async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, Error> {
        let oldest_first = json!([{"field": "creationTime", "order": "ASC"}]);
        self.search("/v2/incidents/search", filter, oldest_first)
            .await
    }

    /// All variables that fit, by name.
    ///
    /// # Errors
    /// As every search.
    pub async fn variables(&self, filter: &VariableFilter) -> Result<Vec<Variable>, Error> {
        let by_name = json!([{"field": "name", "order": "ASC"}]);
        self.search("/v2/variables/search?truncateValues=false", filter, by_name)
            .await
    }

    /// All process definitions that fit, by id and version.
    ///
    /// # Errors
    /// As every search.
    pub async fn process_definitions(
        &self,
        filter: &ProcessDefinitionFilter,
    ) -> Result<Vec<ProcessDefinition>, Error> {
        let by_id = json!([
            {"field": "processDefinitionId", "order": "ASC"},
            {"field": "version", "order": "ASC"}
        ]);
        self.search("/v2/process-definitions/search", filter, by_id)
            .await
    }

    /// The model of a process definition.
    ///
    /// # Errors
    /// As every search.
    pub async fn process_definition_xml(&self, key: &str) -> Result<String, Error> {
        let path = format!("/v2/process-definitions/{key}/xml");
        let request = self.http.get(format!("{}{path}", self.address));
        let response = self.send(&path, request).await?;
        response
            .text()
            .await
            .map_err(|error| self.unreachable(error))
    }

    async fn search<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &impl Serialize,
        sort: Value,
    ) -> Result<Vec<T>, Error> {
        let mut items: Vec<T> = Vec::new();
        let mut page = json!({"limit": PAGE_SIZE});
        loop {
            let body = json!({"filter": filter, "sort": sort, "page": page});
            let request = self
                .http
                .post(format!("{}{path}", self.address))
                .json(&body);
            let response = self.send(path, request).await?;
            let bytes = response
                .bytes()
                .await
                .map_err(|error| self.unreachable(error))?;
            let got: Page<T> = serde_json::from_slice(&bytes).map_err(|error| Error::Shape {
                address: self.address.clone(),
                path: path.to_owned(),
                cause: error.to_string(),
            })?;
            let last = got.items.len() < PAGE_SIZE;
            items.extend(got.items);
            if last || items.len() >= got.page.total_items {
                return Ok(items);
            }
            page = match got.page.end_cursor {
                Some(cursor) => json!({"limit": PAGE_SIZE, "after": cursor}),
                None => json!({"limit": PAGE_SIZE, "from": items.len()}),
            };
        }
    }

    async fn send(
        &self,
        path: &str,
        mut request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Error> {
        if let Some(token) = self.tokens.bearer().await? {
            request = request.bearer_auth(token.expose());
        }
        let response = request
            .timeout(REQUEST_TIMEOUT)
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        if status == 401 {
            self.tokens.forget().await;
        }
        let body = response.text().await.unwrap_or_default();
        Err(Error::Status {
            address: self.address.clone(),
            path: path.to_owned(),
            status,
            message: problem(&body),
        })
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        Error::Unreachable {
            address: self.address.clone(),
            cause: causes(&error.without_url()),
        }
    }
}

/// The words of an RFC 9457 problem, or the start of whatever came instead.
fn problem(body: &str) -> String {
    #[derive(Deserialize)]
    struct Problem {
        title: Option<String>,
        detail: Option<String>,
    }
    let words = match serde_json::from_str::<Problem>(body) {
        Ok(problem) => problem.detail.or(problem.title),
        Err(_) => None,
    };
    words.unwrap_or_else(|| body.chars().take(200).collect())
}
