//! The compiled process: what the engine runs.
//!
//! Elements and flows are numbered densely, so that the engine's hot path compares numbers and
//! never looks up a name. Everything in here is decided at deployment: all expressions are parsed,
//! all references resolved, every rule of [`crate::validate`] holds.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Index of an element in [`Process::elements`]; [`ElementIdx::PROCESS`] is the process itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementIdx(pub u32);

impl ElementIdx {
    /// The process as an element: the root of all scopes.
    pub const PROCESS: Self = Self(0);

    /// The position in [`Process::elements`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of a sequence flow in [`Process::flows`], in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowIdx(pub u32);

impl FlowIdx {
    /// The position in [`Process::flows`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One executable process of a model file.
#[derive(Debug, Clone)]
pub struct Process {
    /// The BPMN process id.
    pub id: Arc<str>,
    /// The process's name, where the model gives one.
    pub name: Option<String>,
    /// All elements; the first is the process. Parents stand before their children.
    pub elements: Vec<Element>,
    /// All sequence flows, in the order of the file.
    pub flows: Vec<SequenceFlow>,
    /// Element by id. A multi-instance activity's id leads to its body.
    pub by_id: BTreeMap<Arc<str>, ElementIdx>,
    /// The start event without a trigger, if there is one.
    pub none_start: Option<ElementIdx>,
    /// The start events of the process that wait for a message.
    pub message_starts: Vec<ElementIdx>,
}

impl Process {
    /// The element at `idx`.
    #[must_use]
    pub fn element(&self, idx: ElementIdx) -> &Element {
        &self.elements[idx.index()]
    }

    /// The sequence flow at `idx`.
    #[must_use]
    pub fn flow(&self, idx: FlowIdx) -> &SequenceFlow {
        &self.flows[idx.index()]
    }
}

/// One element: what it is, where it stands, what surrounds it.
#[derive(Debug, Clone)]
pub struct Element {
    /// The id in the model; the inner activity of a multi-instance has its body's id.
    pub id: Arc<str>,
    /// The name in the model.
    pub name: Option<String>,
    /// What it does.
    pub kind: ElementKind,
    /// The scope it belongs to: the process, a sub-process or a multi-instance body.
    /// The process itself has none.
    pub parent: Option<ElementIdx>,
    /// Flows that lead here. Those of a multi-instance activity are its body's.
    pub incoming: Vec<FlowIdx>,
    /// Flows that lead on, in the order of the file.
    pub outgoing: Vec<FlowIdx>,
    /// Boundary events attached here. Those of a multi-instance activity are its body's.
    pub boundary_events: Vec<ElementIdx>,
    /// All input mappings as one expression that gives a context, as Zeebe joins them:
    /// `{target:source,..}` with nested contexts for dotted targets.
    pub inputs: Option<feel::Expression>,
    /// All output mappings as one expression that gives a context. A dotted target keeps what
    /// else the variable holds.
    pub outputs: Option<feel::Expression>,
}

impl Element {
    /// The element's type in Zeebe's records.
    #[must_use]
    pub fn element_type(&self) -> ElementType {
        match &self.kind {
            ElementKind::Process => ElementType::Process,
            ElementKind::SubProcess { .. } => ElementType::SubProcess,
            ElementKind::MultiInstanceBody(_) => ElementType::MultiInstanceBody,
            ElementKind::StartEvent(_) => ElementType::StartEvent,
            ElementKind::EndEvent(_) => ElementType::EndEvent,
            ElementKind::IntermediateCatchEvent(_) => ElementType::IntermediateCatchEvent,
            ElementKind::IntermediateThrowEvent => ElementType::IntermediateThrowEvent,
            ElementKind::BoundaryEvent(_) => ElementType::BoundaryEvent,
            ElementKind::JobTask { element_type, .. } => *element_type,
            ElementKind::ScriptTask(_) => ElementType::ScriptTask,
            ElementKind::ReceiveTask(_) => ElementType::ReceiveTask,
            ElementKind::PassThroughTask { element_type } => *element_type,
            ElementKind::ExclusiveGateway { .. } => ElementType::ExclusiveGateway,
            ElementKind::ParallelGateway => ElementType::ParallelGateway,
        }
    }
}

/// What an element does, with all it needs to do it.
#[derive(Debug, Clone)]
pub enum ElementKind {
    /// The process itself.
    Process,
    /// An embedded sub-process, entered by its none start event.
    SubProcess {
        /// Where it starts.
        start: ElementIdx,
    },
    /// The body around an activity that runs once for each item of a collection.
    MultiInstanceBody(MultiInstance),
    /// A start event of the process or of a sub-process.
    StartEvent(StartTrigger),
    /// An end event.
    EndEvent(EndBehavior),
    /// An intermediate event that waits.
    IntermediateCatchEvent(Catch),
    /// An intermediate none event: passes at once.
    IntermediateThrowEvent,
    /// An event on the border of an activity.
    BoundaryEvent(Boundary),
    /// A task that a job worker does: service, send, business rule or script task with a
    /// `zeebe:taskDefinition`.
    JobTask {
        /// Which of these it is, for the records.
        element_type: ElementType,
        /// The job it makes.
        job: JobDefinition,
    },
    /// A script task with a FEEL script.
    ScriptTask(Script),
    /// A task that waits for a message.
    ReceiveTask(Message),
    /// An undefined or manual task: passes at once.
    PassThroughTask {
        /// `Task` or `ManualTask`.
        element_type: ElementType,
    },
    /// Takes one flow: of those whose condition is true the last in the file, else the default.
    ExclusiveGateway {
        /// The flow taken when no condition is true.
        default: Option<FlowIdx>,
    },
    /// Waits for all incoming flows, then takes all outgoing ones.
    ParallelGateway,
}

/// A text of the model that may be an expression: with a leading `=` it is one.
#[derive(Debug, Clone)]
pub enum Text {
    /// As it stands.
    Static(Arc<str>),
    /// Evaluated when it is needed.
    Expression(feel::Expression),
}

/// How often and over what an activity repeats.
#[derive(Debug, Clone)]
pub struct MultiInstance {
    /// The activity that repeats.
    pub inner: ElementIdx,
    /// One after another, or all at once.
    pub sequential: bool,
    /// Gives the list of items.
    pub input_collection: feel::Expression,
    /// The variable that holds the item in each round.
    pub input_element: Option<Arc<str>>,
    /// The variable that collects the results, with the expression that gives each.
    pub output: Option<OutputCollection>,
    /// Ends the repetition early when true.
    pub completion_condition: Option<feel::Expression>,
}

/// Where the results of the rounds go.
#[derive(Debug, Clone)]
pub struct OutputCollection {
    /// The list variable.
    pub collection: Arc<str>,
    /// Evaluated at the end of each round, in its scope.
    pub element: feel::Expression,
    /// The variable that `element` names, where it is a plain name: made with null in each
    /// round's scope before the round starts, as Zeebe does.
    pub element_variable: Option<Arc<str>>,
}

/// What a start event waits for.
#[derive(Debug, Clone)]
pub enum StartTrigger {
    /// Nothing: it starts with its scope.
    None,
    /// A message; only at the process's level.
    Message(Message),
}

/// What an end event does.
#[derive(Debug, Clone)]
pub enum EndBehavior {
    /// Nothing more.
    None,
    /// Ends all else in its scope.
    Terminate,
    /// Throws an error with this code to the scopes around it.
    Error(Text),
}

/// What a catching event waits for.
#[derive(Debug, Clone)]
pub enum Catch {
    /// A message.
    Message(Message),
    /// A point in time.
    Timer(Timer),
}

/// An event on the border of an activity.
#[derive(Debug, Clone)]
pub struct Boundary {
    /// The activity (the body of a multi-instance).
    pub attached_to: ElementIdx,
    /// Whether it ends the activity.
    pub interrupting: bool,
    /// What sets it off.
    pub trigger: BoundaryTrigger,
}

/// What sets off a boundary event.
#[derive(Debug, Clone)]
pub enum BoundaryTrigger {
    /// A message.
    Message(Message),
    /// A point in time.
    Timer(Timer),
    /// An error with this code; `None` catches every code.
    Error(Option<Arc<str>>),
}

/// A message that is waited for.
#[derive(Debug, Clone)]
pub struct Message {
    /// The message's name; of a start event always static or free of variables.
    pub name: Text,
    /// Gives the correlation key; a start event of a process has none.
    pub correlation_key: Option<feel::Expression>,
}

/// A point in time.
#[derive(Debug, Clone)]
pub enum Timer {
    /// An ISO 8601 duration from now.
    Duration(Text),
    /// An ISO 8601 date and time.
    Date(Text),
    /// A repeating interval (`R3/PT10S`).
    Cycle(Text),
}

/// The job a task makes.
#[derive(Debug, Clone)]
pub struct JobDefinition {
    /// The type that workers ask for.
    pub job_type: Text,
    /// How often it may be tried: a number, or an expression that gives one.
    pub retries: Text,
    /// The task's headers as a JSON object of strings.
    pub headers: Arc<str>,
}

/// A FEEL script.
#[derive(Debug, Clone)]
pub struct Script {
    /// The script.
    pub expression: feel::Expression,
    /// The variable that its value goes to.
    pub result_variable: Arc<str>,
}

/// A sequence flow.
#[derive(Debug, Clone)]
pub struct SequenceFlow {
    /// The id in the model.
    pub id: Arc<str>,
    /// Where it starts.
    pub source: ElementIdx,
    /// Where it leads.
    pub target: ElementIdx,
    /// Of an exclusive gateway's flow: when it is taken.
    pub condition: Option<feel::Expression>,
}

/// The type of an element, with Zeebe's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum ElementType {
    Process,
    SubProcess,
    MultiInstanceBody,
    StartEvent,
    EndEvent,
    IntermediateCatchEvent,
    IntermediateThrowEvent,
    BoundaryEvent,
    ServiceTask,
    SendTask,
    BusinessRuleTask,
    ScriptTask,
    ReceiveTask,
    Task,
    ManualTask,
    ExclusiveGateway,
    ParallelGateway,
    SequenceFlow,
}

impl ElementType {
    /// The name in Zeebe's records and in the REST API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "PROCESS",
            Self::SubProcess => "SUB_PROCESS",
            Self::MultiInstanceBody => "MULTI_INSTANCE_BODY",
            Self::StartEvent => "START_EVENT",
            Self::EndEvent => "END_EVENT",
            Self::IntermediateCatchEvent => "INTERMEDIATE_CATCH_EVENT",
            Self::IntermediateThrowEvent => "INTERMEDIATE_THROW_EVENT",
            Self::BoundaryEvent => "BOUNDARY_EVENT",
            Self::ServiceTask => "SERVICE_TASK",
            Self::SendTask => "SEND_TASK",
            Self::BusinessRuleTask => "BUSINESS_RULE_TASK",
            Self::ScriptTask => "SCRIPT_TASK",
            Self::ReceiveTask => "RECEIVE_TASK",
            Self::Task => "TASK",
            Self::ManualTask => "MANUAL_TASK",
            Self::ExclusiveGateway => "EXCLUSIVE_GATEWAY",
            Self::ParallelGateway => "PARALLEL_GATEWAY",
            Self::SequenceFlow => "SEQUENCE_FLOW",
        }
    }
}
