//! The engine as operators see it: what is shown comes over its REST API, what is done goes over
//! its gateway. Knows no broker of ours: a Camunda 8 cluster can stand here.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use messaging::client::{Client, Code};
use messaging::rest::{
    ElementInstance, ElementInstanceFilter, IncidentFilter, ProcessDefinition,
    ProcessDefinitionFilter, ProcessInstance, ProcessInstanceFilter, Rest, Variable,
    VariableFilter,
};
use messaging::{Settings, client, rest};
use serde_json::{Map, Value, json};

use crate::failure::{Exit, Failure};
use crate::outcome::{self, Element, Incident, Instance, State};

/// The processes that are orders.
pub const ORDER_PROCESSES: [&str; 2] = ["order-fulfilment", "order-fulfilment-grpc"];
const MANAGEMENT_TIMEOUT: Duration = Duration::from_secs(20);
/// Retries that a job gets when its incident is resolved.
const RETRIES_AFTER_RESOLVE: i32 = 3;

/// The variables that a list of orders needs.
const LISTED_VARIABLES: [&str; 7] = [
    "_id",
    "product",
    "quantity",
    "shipment_id",
    "customer_charged",
    "decline_reason",
    outcome::ACKNOWLEDGED,
];

/// Which instances to look at.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// All of these processes.
    Processes(&'a [&'a str]),
    /// The one with this key, whatever its process.
    Key(&'a str),
}

/// What was done about an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Its job got new retries.
    Job,
    /// It was an order's alarm, now acknowledged.
    Alarm,
    /// The engine tried again.
    Other,
}

/// The read side.
pub struct View {
    rest: Rest,
}

impl View {
    /// The REST API that the settings name.
    pub fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            rest: Rest::new(settings).map_err(from_rest)?,
        })
    }

    /// Instances with their state, variables, active elements and standing incidents, newest first.
    ///
    /// A handful of searches however many there are; for one instance all variables of its root
    /// scope are read, for many only those that an outcome needs.
    pub async fn instances(&self, which: Which<'_>) -> Result<Vec<Instance>> {
        let key = match which {
            Which::Key(key) => Some(key.to_owned()),
            Which::Processes(_) => None,
        };
        let found = self.process_instances(which).await?;
        let mut instances: Vec<Instance> = found.iter().map(instance).collect();
        if instances.is_empty() {
            return Ok(instances);
        }
        let places: BTreeMap<String, usize> = instances
            .iter()
            .enumerate()
            .map(|(place, instance)| (instance.key.clone(), place))
            .collect();
        for variable in self.root_variables(key.as_deref()).await? {
            if let Some(place) = places.get(&variable.process_instance_key) {
                let value = json_value(&variable)?;
                instances[*place].variables.insert(variable.name, value);
            }
        }
        let active = ElementInstanceFilter {
            process_instance_key: key.clone(),
            state: Some("ACTIVE".to_owned()),
            ..ElementInstanceFilter::default()
        };
        for element in self
            .rest
            .element_instances(&active)
            .await
            .map_err(from_rest)?
        {
            if let Some(place) = places.get(&element.process_instance_key) {
                instances[*place].active.push(self::element(element));
            }
        }
        for (instance_key, incident) in self.incidents(key.as_deref()).await? {
            if let Some(place) = places.get(&instance_key) {
                instances[*place].incidents.push(incident);
            }
        }
        Ok(instances)
    }

    /// The instance of an order, by its `_id`; the newest, where it was restarted.
    pub async fn order(&self, id: &str) -> Result<Option<Instance>> {
        let filter = VariableFilter {
            name: Some("_id".to_owned()),
            value: Some(Value::from(id).to_string()),
            ..VariableFilter::default()
        };
        let found = self.rest.variables(&filter).await.map_err(from_rest)?;
        let root = found
            .iter()
            .filter(|variable| variable.scope_key == variable.process_instance_key)
            // Keys count up.
            .max_by_key(|variable| variable.process_instance_key.parse::<i64>().unwrap_or(0));
        let Some(root) = root else {
            return Ok(None);
        };
        let which = Which::Key(&root.process_instance_key);
        Ok(self.instances(which).await?.into_iter().next())
    }

    /// Every element instance of an instance, oldest first.
    pub async fn history(&self, instance_key: &str) -> Result<Vec<ElementInstance>> {
        let filter = ElementInstanceFilter {
            process_instance_key: Some(instance_key.to_owned()),
            ..ElementInstanceFilter::default()
        };
        let mut elements = self
            .rest
            .element_instances(&filter)
            .await
            .map_err(from_rest)?;
        // Many begin in the same millisecond: keys count up.
        elements.sort_by_key(|element| element.element_instance_key.parse::<i64>().unwrap_or(0));
        Ok(elements)
    }

    /// Incidents that stand, each with the key of its process instance.
    pub async fn incidents(&self, instance_key: Option<&str>) -> Result<Vec<(String, Incident)>> {
        let filter = IncidentFilter {
            process_instance_key: instance_key.map(str::to_owned),
            state: Some("ACTIVE".to_owned()),
            ..IncidentFilter::default()
        };
        let found = self.rest.incidents(&filter).await.map_err(from_rest)?;
        Ok(found.into_iter().map(incident).collect())
    }

    /// All process definitions.
    pub async fn definitions(&self) -> Result<Vec<ProcessDefinition>> {
        let all = ProcessDefinitionFilter::default();
        self.rest.process_definitions(&all).await.map_err(from_rest)
    }

    /// Every variable of every scope of every instance, as JSON text.
    pub async fn all_variables(&self) -> Result<Vec<Variable>> {
        let all = VariableFilter::default();
        self.rest.variables(&all).await.map_err(from_rest)
    }

    async fn process_instances(&self, which: Which<'_>) -> Result<Vec<ProcessInstance>> {
        let mut found = Vec::new();
        let filters: Vec<ProcessInstanceFilter> = match which {
            Which::Key(key) => vec![ProcessInstanceFilter {
                process_instance_key: Some(key.to_owned()),
                ..ProcessInstanceFilter::default()
            }],
            Which::Processes(processes) => processes
                .iter()
                .map(|process| ProcessInstanceFilter {
                    process_definition_id: Some((*process).to_owned()),
                    ..ProcessInstanceFilter::default()
                })
                .collect(),
        };
        for filter in filters {
            found.extend(
                self.rest
                    .process_instances(&filter)
                    .await
                    .map_err(from_rest)?,
            );
        }
        Ok(found)
    }

    async fn root_variables(&self, instance_key: Option<&str>) -> Result<Vec<Variable>> {
        let mut filters = Vec::new();
        match instance_key {
            Some(key) => filters.push(VariableFilter {
                scope_key: Some(key.to_owned()),
                ..VariableFilter::default()
            }),
            None => filters.extend(LISTED_VARIABLES.map(|name| VariableFilter {
                name: Some(name.to_owned()),
                ..VariableFilter::default()
            })),
        }
        let mut found = Vec::new();
        for filter in filters {
            found.extend(self.rest.variables(&filter).await.map_err(from_rest)?);
        }
        found.retain(|variable| variable.scope_key == variable.process_instance_key);
        Ok(found)
    }
}

/// Resolves an incident in the way that its kind asks for.
///
/// A job gets new retries first, or resolving would do nothing; an alarm is acknowledged first, or
/// it would be raised again.
pub async fn resolve(client: &Client, instance_key: &str, incident: &Incident) -> Result<Resolved> {
    let resolved = if let Some(job) = &incident.job_key {
        client
            .update_job_retries(number(job)?, RETRIES_AFTER_RESOLVE)
            .await
            .map_err(from_client)?;
        Resolved::Job
    } else if incident.element_id == outcome::ALARM {
        let mut seen = Map::new();
        seen.insert(outcome::ACKNOWLEDGED.to_owned(), Value::Bool(true));
        client
            .set_variables(number(instance_key)?, &seen, false)
            .await
            .map_err(from_client)?;
        Resolved::Alarm
    } else {
        Resolved::Other
    };
    client
        .resolve_incident(number(&incident.key)?)
        .await
        .map_err(from_client)?;
    Ok(resolved)
}

/// Cancels an instance; says whether there was one to cancel.
pub async fn cancel(client: &Client, instance_key: &str) -> Result<bool> {
    match client.cancel_process_instance(number(instance_key)?).await {
        Ok(()) => Ok(true),
        Err(error) if error.code() == Some(Code::NotFound) => Ok(false),
        Err(error) => Err(from_client(error)),
    }
}

/// Moves the clock of an engine of ours forward, by its management port.
pub async fn move_clock(management: &str, by: Duration) -> Result<()> {
    let offset = u64::try_from(by.as_millis()).context("too far for a clock")?;
    let request = reqwest::Client::new()
        .post(format!("{management}/actuator/clock/add"))
        .json(&json!({ "offsetMilli": offset }))
        .timeout(MANAGEMENT_TIMEOUT);
    let answer = request.send().await.map_err(|error| {
        let cause = anyhow::Error::from(error.without_url());
        let message = format!("the engine's management {management} cannot be reached: {cause:#}");
        Failure::new(Exit::Unreachable, message).hint("check that the store is up: shop up")
    })?;
    let status = answer.status();
    if !status.is_success() {
        let words = answer.text().await.unwrap_or_default();
        let message = format!("the engine did not move its clock: {words} ({status})");
        return Err(Failure::new(Exit::Refused, message).into());
    }
    Ok(())
}

/// The engine's own time: an engine of ours may be ahead of this machine.
///
/// This machine's time where the engine's cannot be learnt.
pub async fn now(management: Option<&str>) -> jiff::Timestamp {
    match management {
        Some(management) => own_time(management).await,
        None => None,
    }
    .unwrap_or_else(jiff::Timestamp::now)
}

async fn own_time(management: &str) -> Option<jiff::Timestamp> {
    let request = reqwest::Client::new()
        .get(format!("{management}/actuator/clock"))
        .timeout(MANAGEMENT_TIMEOUT);
    let answer: Value = request.send().await.ok()?.json().await.ok()?;
    jiff::Timestamp::from_millisecond(answer["epochMilli"].as_i64()?).ok()
}

/// An error of the gateway with its hint and exit code.
pub fn from_client(error: client::Error) -> anyhow::Error {
    let exit = match &error {
        client::Error::Unreachable { .. } => Exit::Unreachable,
        client::Error::Rejected { .. } => Exit::Refused,
        client::Error::Token(_) | client::Error::NoToken { .. } | client::Error::Setup { .. } => {
            Exit::Fault
        }
    };
    failure(exit, &error, error.hint())
}

fn from_rest(error: rest::Error) -> anyhow::Error {
    let exit = match &error {
        rest::Error::NotSet | rest::Error::Unreachable { .. } => Exit::Unreachable,
        rest::Error::Status { .. } | rest::Error::Shape { .. } | rest::Error::Token(_) => {
            Exit::Fault
        }
    };
    failure(exit, &error, error.hint())
}

fn failure(exit: Exit, error: &dyn std::fmt::Display, hint: Option<&str>) -> anyhow::Error {
    let failure = Failure::new(exit, error.to_string());
    match hint {
        Some(hint) => failure.hint(hint).into(),
        None => failure.into(),
    }
}

fn instance(found: &ProcessInstance) -> Instance {
    Instance {
        key: found.process_instance_key.clone(),
        process_id: found.process_definition_id.clone(),
        started: found.start_date.clone(),
        ended: found.end_date.clone(),
        state: match found.state.as_str() {
            "COMPLETED" => State::Completed,
            "TERMINATED" | "CANCELED" => State::Terminated,
            _ => State::Active,
        },
        ..Instance::default()
    }
}

fn element(found: ElementInstance) -> Element {
    Element {
        name: found
            .element_name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| found.element_id.clone()),
        id: found.element_id,
        kind: found.kind,
        since: found.start_date,
    }
}

fn incident(found: rest::Incident) -> (String, Incident) {
    let incident = Incident {
        key: found.incident_key,
        element_id: found.element_id,
        kind: found.error_type,
        message: found.error_message,
        since: found.creation_time,
        job_key: found.job_key.filter(|key| !key.is_empty() && key != "-1"),
    };
    (found.process_instance_key, incident)
}

fn json_value(variable: &Variable) -> Result<Value> {
    serde_json::from_str(&variable.value).with_context(|| {
        format!(
            "variable '{}' of instance {} is no JSON",
            variable.name, variable.process_instance_key
        )
    })
}

fn number(key: &str) -> Result<i64> {
    key.parse()
        .with_context(|| format!("'{key}' is no key of the engine"))
}
