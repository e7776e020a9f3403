//! A job as a handler sees it, and what may become of it; the protocol's texts end here.

use std::time::Duration;

use serde_json::{Map, Value};

/// One activated job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The job's key.
    pub key: i64,
    /// The type that it was activated for.
    pub job_type: String,
    /// The process instance that waits for it.
    pub process_instance_key: i64,
    /// The process's id in its model.
    pub bpmn_process_id: String,
    /// Key of the process definition.
    pub process_definition_key: i64,
    /// Version of the process definition.
    pub process_definition_version: i32,
    /// Id of the task in the model.
    pub element_id: String,
    /// Key of the task's instance.
    pub element_instance_key: i64,
    /// Headers that the model gives.
    pub custom_headers: Map<String, Value>,
    /// The variables that were asked for, as far as they exist.
    pub variables: Map<String, Value>,
    /// Retries left; a failure reports this number less one, or 0 to give up.
    pub retries: i32,
    /// When another worker may get the job, in milliseconds since 1970.
    pub deadline_ms: i64,
    /// Name of the worker that it was activated for.
    pub worker: String,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Done; the variables go to the process.
    Complete(Map<String, Value>),
    /// Failed: `retries` are left (0 = incident), the next try after `back_off`.
    Fail {
        /// Retries left.
        retries: i32,
        /// What went wrong, for an operator.
        message: String,
        /// Pause before the next try.
        back_off: Duration,
        /// Variables for the task's scope.
        variables: Map<String, Value>,
    },
    /// A BPMN error, which the model may catch.
    Error {
        /// Code that the model catches.
        code: String,
        /// For an operator.
        message: String,
        /// Variables for the scope that catches it.
        variables: Map<String, Value>,
    },
    /// Neither completed nor failed: someone else will, or it times out.
    Leave,
}

impl TryFrom<protocol::ActivatedJob> for Job {
    type Error = serde_json::Error;

    fn try_from(job: protocol::ActivatedJob) -> Result<Job, serde_json::Error> {
        Ok(Job {
            key: job.key,
            job_type: job.r#type,
            process_instance_key: job.process_instance_key,
            bpmn_process_id: job.bpmn_process_id,
            process_definition_key: job.process_definition_key,
            process_definition_version: job.process_definition_version,
            element_id: job.element_id,
            element_instance_key: job.element_instance_key,
            custom_headers: object(&job.custom_headers)?,
            variables: object(&job.variables)?,
            retries: job.retries,
            deadline_ms: job.deadline,
            worker: job.worker,
        })
    }
}

/// An empty text counts as an empty object.
fn object(json: &str) -> Result<Map<String, Value>, serde_json::Error> {
    if json.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(json)
}

/// Variables as the protocol carries them.
pub(super) fn text(variables: &Map<String, Value>) -> String {
    serde_json::to_string(variables).expect("a map of JSON values is always JSON")
}
