//! What can happen. An event holds all that its applier needs, and is never changed once released:
//! another behaviour is a new variant beside the old one, at the end of its enum, since the log
//! holds the variants' numbers.

use crate::key::{Key, Timestamp};
use crate::name::{Intent, ValueType};
use crate::step::Step;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Something that happened, by value type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Resources were deployed together; the record's key is the deployment's.
    DeploymentCreated,
    /// A process definition came in; the record's key is the definition's.
    ProcessCreated(ProcessDefinition),
    /// A process instance was asked for and exists; the record's key is the command's.
    InstanceCreated(InstanceCreation),
    /// A step of an element instance's life; the record's key is the element instance's.
    Element(Lifecycle, ElementRef),
    /// A token went along a sequence flow; the record's key is its own.
    SequenceFlowTaken(FlowTaken),
    /// An event reached an element instance, with variables for what comes next.
    ProcessEventTriggering(ProcessEvent),
    /// That event was used up.
    ProcessEventTriggered(ProcessEvent),
    /// Steps were put off to a later batch, since one command had caused very many.
    StepsDeferred(Vec<Step>),
    /// The steps put off were taken up again.
    StepsResumed,
    /// A variable came to be; the record's key is the variable's.
    VariableCreated(Variable),
    /// A variable got another value.
    VariableUpdated(Variable),
    /// A client set variables; the record's key is the command's.
    VariableDocumentUpdated {
        /// The element instance whose scope was named.
        scope_key: Key,
    },
    /// A job; the record's key is the job's.
    Job(Job),
    /// Jobs were handed to a worker.
    JobBatchActivated(JobBatch),
    /// A message; the record's key is the message's.
    Message(Message),
    /// A subscription of an element instance; the record's key is the subscription's.
    Subscription(Subscription),
    /// A process's subscription to a start message; the record's key is the subscription's.
    StartSubscription(StartSubscription),
    /// A timer; the record's key is the timer's.
    Timer(Timer),
    /// An incident; the record's key is the incident's.
    Incident(Incident),
}

/// Steps of an element instance's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lifecycle {
    /// Being entered.
    Activating,
    /// Entered.
    Activated,
    /// Being left.
    Completing,
    /// Left.
    Completed,
    /// Being ended from outside.
    Terminating,
    /// Ended from outside.
    Terminated,
}

/// Which element instance, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementRef {
    /// The process instance.
    pub process_instance_key: Key,
    /// The process definition.
    pub process_key: Key,
    /// The element's index in the compiled process.
    pub element: u32,
    /// The enclosing element instance; [`Key::NONE`] for the process instance itself.
    pub scope_key: Key,
    /// How many waiting sequence flows this activation uses up; 0 in all later steps.
    pub flows_used: u32,
    /// The round of a multi-instance, from 1; 0 outside of one.
    pub loop_counter: u32,
}

/// A deployed process definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessDefinition {
    /// The BPMN process id.
    pub bpmn_process_id: Arc<str>,
    /// From 1, counted by process id.
    pub version: i32,
    /// The name under which the file came.
    pub resource_name: Arc<str>,
    /// The deployment it came with.
    pub deployment_key: Key,
    /// The file.
    pub resource: Arc<[u8]>,
}

/// How an instance came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceCreation {
    /// The process definition.
    pub process_key: Key,
    /// The new instance.
    pub process_instance_key: Key,
    /// The start message's correlation key, which no other instance of this process may share
    /// while this one is active.
    pub correlation_key: Option<Arc<str>>,
}

/// A token's way along a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowTaken {
    /// The process instance.
    pub process_instance_key: Key,
    /// The process definition.
    pub process_key: Key,
    /// The scope in which the flow lies.
    pub scope_key: Key,
    /// The flow's index in the compiled process.
    pub flow: u32,
}

/// An event that reached an element instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEvent {
    /// The element instance it reached.
    pub element_instance_key: Key,
    /// The element that goes on: a boundary event, or the waiting element itself.
    pub target: u32,
    /// Variables it brings.
    pub variables: Vec<(Arc<str>, Arc<str>)>,
}

/// A variable of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// The element instance whose scope holds it.
    pub scope_key: Key,
    /// The process instance.
    pub process_instance_key: Key,
    /// Its name.
    pub name: Arc<str>,
    /// Its value as JSON text.
    pub value: Arc<str>,
}

/// What happened to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Job {
    /// It waits for a worker.
    Created(JobCreated),
    /// A worker finished it. Ends it.
    Completed(JobRef),
    /// A worker failed it.
    Failed {
        /// Which.
        job: JobRef,
        /// Retries left; with none left it waits for an incident to be resolved.
        retries: i32,
        /// When it may be handed out again; `None` = at once.
        back_off_until: Option<Timestamp>,
        /// What the worker said.
        error_message: Arc<str>,
    },
    /// Its worker took too long: it may be handed out again.
    TimedOut(JobRef),
    /// Its back-off is over.
    RecurredAfterBackoff(JobRef),
    /// A worker threw a BPMN error. Ends it, unless nothing catches the error.
    ErrorThrown {
        /// Which.
        job: JobRef,
        /// The error's code.
        error_code: Arc<str>,
        /// What the worker said.
        error_message: Arc<str>,
        /// Whether something catches it; if not, the job stays for its incident.
        caught: bool,
    },
    /// An operator set its retries.
    RetriesUpdated {
        /// Which.
        job: JobRef,
        /// The new number.
        retries: i32,
    },
    /// Its deadline was moved.
    TimeoutUpdated {
        /// Which.
        job: JobRef,
        /// The new deadline.
        deadline: Timestamp,
    },
    /// Its element was ended. Ends it.
    Canceled(JobRef),
    /// Its incident was resolved: it may be handed out again.
    Resolved(JobRef),
}

impl Job {
    /// The element instance it belongs to, where the event says it: for those who read the log.
    #[must_use]
    pub fn job_ref(&self) -> JobRef {
        match self {
            Self::Created(job) => JobRef {
                element_instance_key: job.element.0,
                process_instance_key: job.element.1.process_instance_key,
            },
            Self::Completed(job)
            | Self::Failed { job, .. }
            | Self::TimedOut(job)
            | Self::RecurredAfterBackoff(job)
            | Self::ErrorThrown { job, .. }
            | Self::RetriesUpdated { job, .. }
            | Self::TimeoutUpdated { job, .. }
            | Self::Canceled(job)
            | Self::Resolved(job) => *job,
        }
    }
}

/// Where a job belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRef {
    /// The task's instance.
    pub element_instance_key: Key,
    /// The process instance.
    pub process_instance_key: Key,
}

/// A new job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCreated {
    /// The type that workers ask for.
    pub job_type: Arc<str>,
    /// How often it may be tried.
    pub retries: i32,
    /// The task's instance, and where it stands.
    pub element: (Key, ElementRef),
}

/// Jobs handed to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobBatch {
    /// Their type.
    pub job_type: Arc<str>,
    /// The worker's name.
    pub worker: Arc<str>,
    /// When they may be handed out again.
    pub deadline: Timestamp,
    /// Which.
    pub jobs: Vec<Key>,
}

/// What happened to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// It came in.
    Published(MessagePublished),
    /// Its time to live is over. Ends it.
    Expired,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagePublished {
    /// Its name.
    pub name: Arc<str>,
    /// Whom it is for.
    pub correlation_key: Arc<str>,
    /// A client's id for it, unique by name and correlation key while it lives; may be empty.
    pub message_id: Arc<str>,
    /// When it leaves the buffer.
    pub deadline: Timestamp,
    /// Its variables, each value as JSON text.
    pub variables: Arc<[(Arc<str>, Arc<str>)]>,
}

/// What happened to an element instance's subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subscription {
    /// The element instance waits.
    Created(SubscriptionCreated),
    /// A message reached it. An interrupting one ends with it.
    Correlated {
        /// The message.
        message_key: Key,
        /// Which element instance.
        element_instance_key: Key,
        /// Whether the subscription ends.
        closes: bool,
    },
    /// The element instance waits no more. Ends it.
    Deleted {
        /// Which element instance.
        element_instance_key: Key,
    },
}

/// A new subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionCreated {
    /// The element instance that waits.
    pub element_instance_key: Key,
    /// The process instance.
    pub process_instance_key: Key,
    /// The process definition.
    pub process_key: Key,
    /// The BPMN process id: a message reaches each but once.
    pub bpmn_process_id: Arc<str>,
    /// The message's name.
    pub message_name: Arc<str>,
    /// The correlation key.
    pub correlation_key: Arc<str>,
    /// The element that goes on: a boundary event, or the waiting element itself.
    pub target: u32,
    /// Whether the first message ends it.
    pub interrupting: bool,
}

/// What happened to a process's subscription to a start message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartSubscription {
    /// The newest version of a process waits.
    Created {
        /// The process definition.
        process_key: Key,
        /// The BPMN process id.
        bpmn_process_id: Arc<str>,
        /// The start event.
        element: u32,
        /// The message's name.
        message_name: Arc<str>,
    },
    /// A message started an instance.
    Correlated {
        /// The message.
        message_key: Key,
        /// The BPMN process id.
        bpmn_process_id: Arc<str>,
        /// The new instance.
        process_instance_key: Key,
    },
    /// A newer version took over. Ends it.
    Deleted,
}

/// What happened to a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {
    /// It runs.
    Created(TimerCreated),
    /// It is due. Ends it.
    Triggered {
        /// Which element instance.
        element_instance_key: Key,
    },
    /// Its element instance needs it no more. Ends it.
    Canceled {
        /// Which element instance.
        element_instance_key: Key,
    },
}

/// A new timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerCreated {
    /// The element instance that waits.
    pub element_instance_key: Key,
    /// The process instance.
    pub process_instance_key: Key,
    /// The process definition.
    pub process_key: Key,
    /// The element that goes on: a boundary event, or the waiting element itself.
    pub target: u32,
    /// When it is due.
    pub due: Timestamp,
    /// How often it still fires, this time included; -1 = for ever.
    pub repetitions: i32,
}

/// What happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Incident {
    /// Something cannot go on by itself.
    Created(IncidentCreated),
    /// It was resolved, or what it stood for is gone. Ends it.
    Resolved,
}

/// A new incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentCreated {
    /// What kind.
    pub error_type: ErrorType,
    /// What is wrong, in Zeebe's words.
    pub message: Arc<str>,
    /// Where.
    pub element: (Key, ElementRef),
    /// The job that has no retries left or threw an error that nothing catches.
    pub job_key: Option<Key>,
    /// Whose variables count: the scope in which the failed expression was evaluated.
    pub variable_scope_key: Key,
}

/// Kinds of incidents, with Zeebe's names. New ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Zeebe's own")]
pub enum ErrorType {
    JobNoRetries,
    UnhandledErrorEvent,
    ExtractValueError,
    ConditionError,
    IoMappingError,
    CalledElementError,
    CalledDecisionError,
    MessageSizeExceeded,
    Unknown,
}

impl ErrorType {
    /// The name in records and in the REST API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobNoRetries => "JOB_NO_RETRIES",
            Self::UnhandledErrorEvent => "UNHANDLED_ERROR_EVENT",
            Self::ExtractValueError => "EXTRACT_VALUE_ERROR",
            Self::ConditionError => "CONDITION_ERROR",
            Self::IoMappingError => "IO_MAPPING_ERROR",
            Self::CalledElementError => "CALLED_ELEMENT_ERROR",
            Self::CalledDecisionError => "CALLED_DECISION_ERROR",
            Self::MessageSizeExceeded => "MESSAGE_SIZE_EXCEEDED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Event {
    /// Zeebe's names of what it is about and what it says.
    #[must_use]
    pub fn names(&self) -> (ValueType, Intent) {
        use Intent as I;
        use ValueType as V;
        match self {
            Self::DeploymentCreated => (V::Deployment, I::Created),
            Self::ProcessCreated(_) => (V::Process, I::Created),
            Self::InstanceCreated(_) => (V::ProcessInstanceCreation, I::Created),
            Self::Element(step, _) => (
                V::ProcessInstance,
                match step {
                    Lifecycle::Activating => I::ElementActivating,
                    Lifecycle::Activated => I::ElementActivated,
                    Lifecycle::Completing => I::ElementCompleting,
                    Lifecycle::Completed => I::ElementCompleted,
                    Lifecycle::Terminating => I::ElementTerminating,
                    Lifecycle::Terminated => I::ElementTerminated,
                },
            ),
            Self::SequenceFlowTaken(_) => (V::ProcessInstance, I::SequenceFlowTaken),
            Self::ProcessEventTriggering(_) => (V::ProcessEvent, I::Triggering),
            Self::ProcessEventTriggered(_) => (V::ProcessEvent, I::Triggered),
            Self::StepsDeferred(_) => (V::ProcessInstanceBatch, I::Activate),
            Self::StepsResumed => (V::ProcessInstanceBatch, I::Activated),
            Self::VariableCreated(_) => (V::Variable, I::Created),
            Self::VariableUpdated(_) => (V::Variable, I::Updated),
            Self::VariableDocumentUpdated { .. } => (V::VariableDocument, I::Updated),
            Self::Job(job) => (
                V::Job,
                match job {
                    Job::Created(_) => I::Created,
                    Job::Completed(_) => I::Completed,
                    Job::Failed { .. } => I::Failed,
                    Job::TimedOut(_) => I::TimedOut,
                    Job::RecurredAfterBackoff(_) => I::RecurredAfterBackoff,
                    Job::ErrorThrown { .. } => I::ErrorThrown,
                    Job::RetriesUpdated { .. } => I::RetriesUpdated,
                    Job::TimeoutUpdated { .. } => I::TimeoutUpdated,
                    Job::Canceled(_) => I::Canceled,
                    Job::Resolved(_) => I::Resolved,
                },
            ),
            Self::JobBatchActivated(_) => (V::JobBatch, I::Activated),
            Self::Message(message) => (
                V::Message,
                match message {
                    Message::Published(_) => I::Published,
                    Message::Expired => I::Expired,
                },
            ),
            Self::Subscription(subscription) => (
                V::ProcessMessageSubscription,
                match subscription {
                    Subscription::Created(_) => I::Created,
                    Subscription::Correlated { .. } => I::Correlated,
                    Subscription::Deleted { .. } => I::Deleted,
                },
            ),
            Self::StartSubscription(subscription) => (
                V::MessageStartEventSubscription,
                match subscription {
                    StartSubscription::Created { .. } => I::Created,
                    StartSubscription::Correlated { .. } => I::Correlated,
                    StartSubscription::Deleted => I::Deleted,
                },
            ),
            Self::Timer(timer) => (
                V::Timer,
                match timer {
                    Timer::Created(_) => I::Created,
                    Timer::Triggered { .. } => I::Triggered,
                    Timer::Canceled { .. } => I::Canceled,
                },
            ),
            Self::Incident(incident) => (
                V::Incident,
                match incident {
                    Incident::Created(_) => I::Created,
                    Incident::Resolved => I::Resolved,
                },
            ),
        }
    }
}
