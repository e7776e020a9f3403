//! Deployed process definitions, each with its compiled form.

use crate::event::ProcessDefinition;
use crate::key::Key;
use bpmn::Process;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All definitions.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Definitions {
    by_key: BTreeMap<Key, Definition>,
    /// Version to key, by BPMN process id.
    versions: BTreeMap<Arc<str>, BTreeMap<i32, Key>>,
}

/// One version of a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Definition {
    /// Its key.
    pub key: Key,
    /// What was deployed.
    pub data: ProcessDefinition,
    /// The compiled form.
    pub process: Arc<Process>,
}

/// A definition in a snapshot: the compiled form is made again from the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: Key,
    data: ProcessDefinition,
}

impl From<Definition> for Stored {
    fn from(definition: Definition) -> Self {
        Self {
            key: definition.key,
            data: definition.data,
        }
    }
}

impl TryFrom<Stored> for Definition {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        Ok(Self {
            process: compile_definition(&stored.data)?,
            key: stored.key,
            data: stored.data,
        })
    }
}

/// Compiles a deployed definition again, for those who read the log.
///
/// # Errors
/// When the model no longer compiles: an engine older than the one that took it reads the log.
pub fn compile_definition(definition: &ProcessDefinition) -> Result<Arc<Process>, String> {
    let processes = bpmn::compile(&definition.resource_name, &definition.resource)
        .map_err(|refusal| refusal.to_string())?;
    processes
        .into_iter()
        .find(|process| process.id == definition.bpmn_process_id)
        .ok_or_else(|| {
            format!(
                "'{}' holds no process '{}'",
                definition.resource_name, definition.bpmn_process_id
            )
        })
}

impl Definitions {
    /// By key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Definition> {
        self.by_key.get(&key)
    }

    /// The compiled form of a definition that is in use.
    pub(crate) fn process(&self, key: Key) -> Arc<Process> {
        let definition = self.by_key.get(&key);
        Arc::clone(&definition.expect("an instance's definition stays").process)
    }

    /// The newest version of a process.
    #[must_use]
    pub fn latest(&self, bpmn_process_id: &str) -> Option<&Definition> {
        let (_, key) = self.versions.get(bpmn_process_id)?.last_key_value()?;
        self.by_key.get(key)
    }

    /// A version of a process.
    #[must_use]
    pub fn version(&self, bpmn_process_id: &str, version: i32) -> Option<&Definition> {
        let key = self.versions.get(bpmn_process_id)?.get(&version)?;
        self.by_key.get(key)
    }

    /// All, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.by_key.values()
    }

    pub(in crate::state) fn insert(&mut self, key: Key, data: &ProcessDefinition) {
        let process = compile_definition(data)
            .expect("a model in the log has compiled at its deployment, before it was logged");
        self.versions
            .entry(Arc::clone(&data.bpmn_process_id))
            .or_default()
            .insert(data.version, key);
        self.by_key.insert(
            key,
            Definition {
                key,
                data: data.clone(),
                process,
            },
        );
    }
}
