//! What can be asked of the engine.

use crate::key::{Key, Timestamp};
use crate::name::{Intent, ValueType};
use std::sync::Arc;

/// Variables of a client: names in the order of the document, each value as JSON text.
pub type Variables = Vec<(Arc<str>, Arc<str>)>;

/// A command, by a client or by the passing of time.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Deploy resources, all or none.
    Deploy(Vec<Resource>),
    /// Start a process instance at its none start event.
    CreateInstance(CreateInstance),
    /// End a process instance.
    CancelInstance(Key),
    /// Hand out jobs to a worker.
    ActivateJobs(ActivateJobs),
    /// Finish a job.
    CompleteJob {
        /// The job.
        key: Key,
        /// Its results.
        variables: Variables,
    },
    /// Give a job back as failed.
    FailJob(FailJob),
    /// Throw a BPMN error from a job.
    ThrowError {
        /// The job.
        key: Key,
        /// The error's code.
        error_code: Arc<str>,
        /// Why, for a person.
        error_message: Arc<str>,
        /// Variables for the event that catches it.
        variables: Variables,
    },
    /// Set a job's retries.
    UpdateJobRetries {
        /// The job.
        key: Key,
        /// The new number, which must be positive.
        retries: i32,
    },
    /// Set a job's deadline to a time from now.
    UpdateJobTimeout {
        /// The job.
        key: Key,
        /// From now, in milliseconds.
        timeout_ms: i64,
    },
    /// Publish a message.
    PublishMessage(PublishMessage),
    /// Resolve an incident.
    ResolveIncident(Key),
    /// Set variables in the scope of an element instance.
    SetVariables {
        /// The element instance, or the process instance.
        scope_key: Key,
        /// The variables.
        variables: Variables,
        /// Whether they stay in just this scope, or go up to where they are known.
        local: bool,
    },
    /// A timer is due.
    TriggerTimer(Key),
    /// A job's deadline has passed.
    TimeOutJob(Key),
    /// A job's back-off is over.
    RecurJob(Key),
    /// A message's time to live is over.
    ExpireMessage(Key),
    /// Go on with steps that an earlier command had to put off.
    Continue,
}

impl Command {
    /// Zeebe's names of what it is about and what it wants, and the key it names.
    #[must_use]
    pub fn names(&self) -> (ValueType, Intent, Key) {
        use Intent as I;
        use ValueType as V;
        match self {
            Self::Deploy(_) => (V::Deployment, I::Create, Key::NONE),
            Self::CreateInstance(create) if create.await_result.is_some() => (
                V::ProcessInstanceCreation,
                I::CreateWithAwaitingResult,
                Key::NONE,
            ),
            Self::CreateInstance(_) => (V::ProcessInstanceCreation, I::Create, Key::NONE),
            Self::CancelInstance(key) => (V::ProcessInstance, I::Cancel, *key),
            Self::ActivateJobs(_) => (V::JobBatch, I::Activate, Key::NONE),
            Self::CompleteJob { key, .. } => (V::Job, I::Complete, *key),
            Self::FailJob(fail) => (V::Job, I::Fail, fail.key),
            Self::ThrowError { key, .. } => (V::Job, I::ThrowError, *key),
            Self::UpdateJobRetries { key, .. } => (V::Job, I::UpdateRetries, *key),
            Self::UpdateJobTimeout { key, .. } => (V::Job, I::UpdateTimeout, *key),
            Self::PublishMessage(_) => (V::Message, I::Publish, Key::NONE),
            Self::ResolveIncident(key) => (V::Incident, I::Resolve, *key),
            Self::SetVariables { scope_key, .. } => (V::VariableDocument, I::Update, *scope_key),
            Self::TriggerTimer(key) => (V::Timer, I::Trigger, *key),
            Self::TimeOutJob(key) => (V::Job, I::TimeOut, *key),
            Self::RecurJob(key) => (V::Job, I::RecurAfterBackoff, *key),
            Self::ExpireMessage(key) => (V::Message, I::Expire, *key),
            Self::Continue => (V::ProcessInstanceBatch, I::Activate, Key::NONE),
        }
    }
}

/// A file to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name; the ending says what it is.
    pub name: Arc<str>,
    /// Its bytes.
    pub content: Arc<[u8]>,
}

/// Which process to start, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateInstance {
    /// The definition's key; 0 or less = by id.
    pub process_key: i64,
    /// The BPMN process id.
    pub bpmn_process_id: Arc<str>,
    /// The version; -1 = the newest.
    pub version: i32,
    /// Its variables.
    pub variables: Variables,
    /// Whether the caller waits for the end: then the names of the variables it wants,
    /// all if none are named.
    pub await_result: Option<Vec<Arc<str>>>,
}

/// What a worker asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivateJobs {
    /// The job type.
    pub job_type: Arc<str>,
    /// The worker's name.
    pub worker: Arc<str>,
    /// How long the worker may take, in milliseconds.
    pub timeout_ms: i64,
    /// How many at most.
    pub max_jobs: i32,
    /// The variables it wants; all if none are named.
    pub fetch_variables: Vec<Arc<str>>,
    /// Just these jobs, of those that may be handed out (for a stream); empty = the oldest.
    pub only: Vec<Key>,
    /// How many bytes of variables one answer may hold; the rest stays for the next call.
    pub bytes_max: usize,
}

/// How a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailJob {
    /// The job.
    pub key: Key,
    /// Retries left.
    pub retries: i32,
    /// Why, for a person.
    pub error_message: Arc<str>,
    /// How long to wait before it is handed out again, in milliseconds.
    pub back_off_ms: i64,
    /// Variables, which stay local to the task.
    pub variables: Variables,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishMessage {
    /// Its name.
    pub name: Arc<str>,
    /// Whom it is for; may be empty for a start message.
    pub correlation_key: Arc<str>,
    /// The client's id for it; may be empty.
    pub message_id: Arc<str>,
    /// How long it stays in the buffer, in milliseconds; 0 or less = not at all.
    pub time_to_live_ms: i64,
    /// Its variables.
    pub variables: Variables,
}

/// What the engine answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// It is done.
    Done,
    /// It is done, and made this.
    Key(Key),
    /// Resources were deployed.
    Deployed {
        /// The deployment.
        key: Key,
        /// The processes in it, unchanged ones with the key and version they had.
        processes: Vec<DeployedProcess>,
    },
    /// An instance was started.
    InstanceCreated {
        /// The process definition.
        process_key: Key,
        /// The BPMN process id.
        bpmn_process_id: Arc<str>,
        /// The definition's version.
        version: i32,
        /// The instance.
        process_instance_key: Key,
    },
    /// Jobs for a worker.
    Jobs {
        /// The jobs.
        jobs: Vec<ActivatedJob>,
        /// Whether there were more that did not fit in one answer.
        truncated: bool,
    },
    /// It was refused.
    Rejected(crate::record::Rejection),
}

/// A process of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployedProcess {
    /// The definition's key.
    pub process_key: Key,
    /// The BPMN process id.
    pub bpmn_process_id: Arc<str>,
    /// Its version.
    pub version: i32,
    /// The name of its file.
    pub resource_name: Arc<str>,
}

/// A job as its worker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's")]
pub struct ActivatedJob {
    pub key: Key,
    pub job_type: Arc<str>,
    pub process_instance_key: Key,
    pub bpmn_process_id: Arc<str>,
    pub process_definition_version: i32,
    pub process_key: Key,
    pub element_id: Arc<str>,
    pub element_instance_key: Key,
    /// A JSON object of strings.
    pub custom_headers: Arc<str>,
    pub worker: Arc<str>,
    pub retries: i32,
    pub deadline: Timestamp,
    /// A JSON object.
    pub variables: String,
}
