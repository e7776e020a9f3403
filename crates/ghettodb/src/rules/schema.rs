//! JSON Schema: what a record may look like. Draft 2020-12 unless `$schema` names an older one.
//!
//! A schema stands for itself: nothing is fetched, neither from the network nor from files. Patterns
//! run in time linear in the text, so no record can make a writer hang; look-around and
//! back-references, which need more, are refused with the schema. `format` is checked, not a note.

use super::shorten;
use crate::Record;
use crate::error::RuleFault;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// How many faults of one record are told.
pub(super) const FAULTS_MAX: usize = 5;
/// Compiled schemas that are kept: a process writes to a handful of tables.
const KEPT_MAX: usize = 64;

pub(crate) struct Compiled {
    validator: Validator,
}

/// By the schema's text, since each commit reads the settings anew.
static KEPT: LazyLock<Mutex<HashMap<String, Arc<Compiled>>>> = LazyLock::new(Mutex::default);

/// Compiles a schema, or takes it from those compiled before; the error says what is wrong with it.
pub(super) fn compile(schema: &Value) -> Result<Arc<Compiled>, String> {
    let text = schema.to_string();
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = kept().get(&text) {
        return Ok(Arc::clone(compiled));
    }
    let validator = jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| {
            let at = error.instance_path().as_str();
            format!("`schema` at {at:?}: {}", shorten(&error.to_string()))
        })?;
    let compiled = Arc::new(Compiled { validator });
    let mut kept = kept();
    if kept.len() == KEPT_MAX {
        kept.clear();
    }
    kept.insert(text, Arc::clone(&compiled));
    Ok(compiled)
}

impl Compiled {
    pub(super) fn faults(&self, record: &Record) -> Vec<RuleFault> {
        let record = Value::Object(record.clone());
        // Most records are good, and asking for yes or no is the quickest.
        if self.validator.is_valid(&record) {
            return Vec::new();
        }
        let faults = self.validator.iter_errors(&record).map(|error| RuleFault {
            field: error.instance_path().as_str().to_owned(),
            expected: shorten(&error.to_string()),
            other: None,
        });
        faults.take(FAULTS_MAX).collect()
    }
}
