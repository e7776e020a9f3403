//! Records to rows. What happens to one thing within a batch becomes one row: most element
//! instances begin and end in the same batch.

use engine::event::{ElementRef, Incident, IncidentCreated, Lifecycle, ProcessDefinition};
use engine::{Body, Event, Key, Record, Timestamp};
use rusqlite::{Transaction, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// States as the tables hold them.
const ACTIVE: i64 = 0;
const COMPLETED: i64 = 1;
const TERMINATED: i64 = 2;
const RESOLVED: i64 = 1;

/// Rows that are to be written.
#[derive(Default)]
pub(crate) struct Pending {
    definitions: Vec<(Key, ProcessDefinition)>,
    process_instances: BTreeMap<Key, Life>,
    element_instances: BTreeMap<(Key, Key), Life>,
    incidents: BTreeMap<Key, IncidentRow>,
    variables: BTreeMap<(Key, Key), VariableRow>,
}

struct Life {
    element: ElementRef,
    state: i64,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
}

#[derive(Default)]
struct IncidentRow {
    created: Option<(IncidentCreated, Timestamp)>,
    resolved: bool,
}

struct VariableRow {
    scope_key: Key,
    name: Arc<str>,
    value: Arc<str>,
}

impl Pending {
    /// Takes in what a record says, if the read model shows it.
    pub(crate) fn take(&mut self, record: &Record) {
        let Body::Event(event) = &record.body else {
            return;
        };
        match event {
            Event::ProcessCreated(definition) => {
                self.definitions.push((record.key, definition.clone()));
            }
            Event::Element(step, element) => self.step(record, *step, *element),
            Event::Incident(incident) => {
                let row = self.incidents.entry(record.key).or_default();
                match incident {
                    Incident::Created(created) => {
                        row.created = Some((created.clone(), record.timestamp));
                    }
                    Incident::Resolved => row.resolved = true,
                }
            }
            Event::VariableCreated(variable) | Event::VariableUpdated(variable) => {
                self.variables.insert(
                    (variable.process_instance_key, record.key),
                    VariableRow {
                        scope_key: variable.scope_key,
                        name: Arc::clone(&variable.name),
                        value: Arc::clone(&variable.value),
                    },
                );
            }
            Event::DeploymentCreated
            | Event::InstanceCreated(_)
            | Event::SequenceFlowTaken(_)
            | Event::ProcessEventTriggering(_)
            | Event::ProcessEventTriggered(_)
            | Event::StepsDeferred(_)
            | Event::StepsResumed
            | Event::VariableDocumentUpdated { .. }
            | Event::Job(_)
            | Event::JobBatchActivated(_)
            | Event::Message(_)
            | Event::Subscription(_)
            | Event::StartSubscription(_)
            | Event::Timer(_) => {}
        }
    }

    fn step(&mut self, record: &Record, step: Lifecycle, element: ElementRef) {
        let row = || Life {
            element,
            state: ACTIVE,
            started: None,
            ended: None,
        };
        let life = if record.key == element.process_instance_key {
            self.process_instances.entry(record.key).or_insert_with(row)
        } else {
            self.element_instances
                .entry((element.process_instance_key, record.key))
                .or_insert_with(row)
        };
        match step {
            Lifecycle::Activating => life.started = Some(record.timestamp),
            Lifecycle::Activated | Lifecycle::Completing | Lifecycle::Terminating => {}
            Lifecycle::Completed => {
                life.state = COMPLETED;
                life.ended = Some(record.timestamp);
            }
            Lifecycle::Terminated => {
                life.state = TERMINATED;
                life.ended = Some(record.timestamp);
            }
        }
    }

    /// Writes all rows, and forgets them.
    pub(super) fn write(&mut self, db: &Transaction<'_>) -> rusqlite::Result<()> {
        for (key, definition) in self.definitions.drain(..) {
            write_definition(db, key, &definition)?;
        }
        // What came before the first record that the log still had is unknown: such rows have
        // no start.
        let mut statement = db.prepare_cached(
            "INSERT INTO process_instance (key, definition_key, state, started, ended)
             VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
             state = excluded.state, ended = excluded.ended",
        )?;
        for (key, life) in std::mem::take(&mut self.process_instances) {
            statement.execute(params![
                key.0,
                life.element.process_key.0,
                life.state,
                life.started.map(|at| at.0),
                life.ended.map(|at| at.0),
            ])?;
        }
        let mut statement = db.prepare_cached(
            "INSERT INTO element_instance (process_instance_key, key, definition_key, element,
             scope_key, state, started, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (process_instance_key, key) DO UPDATE SET
             state = excluded.state, ended = excluded.ended",
        )?;
        for ((process_instance_key, key), life) in std::mem::take(&mut self.element_instances) {
            statement.execute(params![
                process_instance_key.0,
                key.0,
                life.element.process_key.0,
                life.element.element,
                life.element.scope_key.0,
                life.state,
                life.started.map(|at| at.0),
                life.ended.map(|at| at.0),
            ])?;
        }
        self.write_incidents(db)?;
        let mut statement = db.prepare_cached(
            "INSERT INTO variable (process_instance_key, key, scope_key, name, value)
             VALUES (?, ?, ?, ?, ?) ON CONFLICT (process_instance_key, key) DO UPDATE SET
             value = excluded.value",
        )?;
        for ((process_instance_key, key), row) in std::mem::take(&mut self.variables) {
            statement.execute(params![
                process_instance_key.0,
                key.0,
                row.scope_key.0,
                &*row.name,
                &*row.value,
            ])?;
        }
        Ok(())
    }

    fn write_incidents(&mut self, db: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut insert = db.prepare_cached(
            "INSERT OR REPLACE INTO incident (key, process_instance_key, definition_key,
             element_instance_key, element, job_key, error_type, error_message, state, created)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        let mut resolve = db.prepare_cached("UPDATE incident SET state = ? WHERE key = ?")?;
        for (key, row) in std::mem::take(&mut self.incidents) {
            if let Some((incident, created)) = row.created {
                let (element_instance_key, element) = incident.element;
                insert.execute(params![
                    key.0,
                    element.process_instance_key.0,
                    element.process_key.0,
                    element_instance_key.0,
                    element.element,
                    incident.job_key.map(|key| key.0),
                    incident.error_type.as_str(),
                    &*incident.message,
                    ACTIVE,
                    created.0,
                ])?;
            }
            if row.resolved {
                resolve.execute([RESOLVED, key.0])?;
            }
        }
        Ok(())
    }
}

fn write_definition(
    db: &Transaction<'_>,
    key: Key,
    definition: &ProcessDefinition,
) -> rusqlite::Result<()> {
    let process = match engine::compile_definition(definition) {
        Ok(process) => Some(process),
        Err(reason) => {
            tracing::warn!(bpmn_process_id = %definition.bpmn_process_id, %reason,
                "a deployed model does not compile any more: its elements have no names");
            None
        }
    };
    let name = process.as_ref().and_then(|process| process.name.clone());
    db.execute(
        "INSERT OR REPLACE INTO process_definition (key, id, name, version, resource_name, resource)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            key.0,
            &*definition.bpmn_process_id,
            name,
            definition.version,
            &*definition.resource_name,
            &*definition.resource,
        ],
    )?;
    let mut statement = db.prepare_cached(
        "INSERT OR REPLACE INTO element (definition_key, element, id, name, type)
         VALUES (?, ?, ?, ?, ?)",
    )?;
    let elements = process.iter().flat_map(|process| process.elements.iter());
    for (index, element) in elements.enumerate() {
        let index = i64::try_from(index).expect("a process has fewer elements than that");
        let element_type = element.element_type().as_str();
        statement.execute(params![
            key.0,
            index,
            &*element.id,
            element.name,
            element_type,
        ])?;
    }
    Ok(())
}
