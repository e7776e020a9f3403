//! What of BPMN this engine runs: one table, which `docs/coverage.md` repeats for readers.
//!
//! A model that Zeebe would run and this engine would not is refused, never half run.

use crate::model::Model;
use crate::refusal::Problem;
use crate::xml::Node;

/// A kind of element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// What people call it.
    pub element: &'static str,
    /// What a refusal calls it.
    pub type_name: &'static str,
    /// Whether this engine runs it.
    pub runs: bool,
    /// What Zeebe 8.6 does with it.
    pub zeebe: Zeebe,
}

/// What Zeebe 8.6 does with a kind of element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zeebe {
    /// Runs it.
    Runs,
    /// Goes on as if it were not there.
    Ignores,
    /// Refuses it at deployment.
    Refuses,
}

const fn runs(element: &'static str, type_name: &'static str) -> Row {
    Row {
        element,
        type_name,
        runs: true,
        zeebe: Zeebe::Runs,
    }
}

const fn not_yet(element: &'static str, type_name: &'static str) -> Row {
    Row {
        element,
        type_name,
        runs: false,
        zeebe: Zeebe::Runs,
    }
}

const fn never(element: &'static str, type_name: &'static str, zeebe: Zeebe) -> Row {
    Row {
        element,
        type_name,
        runs: false,
        zeebe,
    }
}

/// All kinds.
pub const ROWS: &[Row] = &[
    runs("None start event", "StartEvent"),
    runs("Message start event", "MessageStartEvent"),
    not_yet("Timer start event", "TimerStartEvent"),
    not_yet("Signal start event", "SignalStartEvent"),
    never(
        "Conditional start event",
        "ConditionalStartEvent",
        Zeebe::Refuses,
    ),
    never("Start event of another kind", "StartEvent", Zeebe::Ignores),
    runs("Message catch event", "MessageIntermediateCatchEvent"),
    runs("Timer catch event", "TimerIntermediateCatchEvent"),
    not_yet("Signal catch event", "SignalIntermediateCatchEvent"),
    not_yet("Link catch event", "LinkIntermediateCatchEvent"),
    never(
        "Conditional catch event",
        "ConditionalIntermediateCatchEvent",
        Zeebe::Refuses,
    ),
    runs("None throw event", "IntermediateThrowEvent"),
    not_yet("Message throw event", "MessageIntermediateThrowEvent"),
    not_yet("Signal throw event", "SignalIntermediateThrowEvent"),
    not_yet("Escalation throw event", "EscalationIntermediateThrowEvent"),
    not_yet("Link throw event", "LinkIntermediateThrowEvent"),
    not_yet(
        "Compensation throw event",
        "CompensationIntermediateThrowEvent",
    ),
    never(
        "Throw event of another kind",
        "IntermediateThrowEvent",
        Zeebe::Ignores,
    ),
    runs("Message boundary event", "MessageBoundaryEvent"),
    runs("Timer boundary event", "TimerBoundaryEvent"),
    runs("Error boundary event", "ErrorBoundaryEvent"),
    not_yet("Signal boundary event", "SignalBoundaryEvent"),
    not_yet("Escalation boundary event", "EscalationBoundaryEvent"),
    not_yet("Compensation boundary event", "CompensationBoundaryEvent"),
    never(
        "Cancel boundary event",
        "CancelBoundaryEvent",
        Zeebe::Refuses,
    ),
    never(
        "Conditional boundary event",
        "ConditionalBoundaryEvent",
        Zeebe::Refuses,
    ),
    runs("None end event", "EndEvent"),
    runs("Terminate end event", "TerminateEndEvent"),
    runs("Error end event", "ErrorEndEvent"),
    not_yet("Message end event", "MessageEndEvent"),
    not_yet("Signal end event", "SignalEndEvent"),
    not_yet("Escalation end event", "EscalationEndEvent"),
    not_yet("Compensation end event", "CompensationEndEvent"),
    never("Cancel end event", "CancelEndEvent", Zeebe::Refuses),
    runs("Service task", "ServiceTask"),
    runs("Send task with a job", "SendTask"),
    not_yet("Send task with a message", "MessageSendTask"),
    runs("Receive task", "ReceiveTask"),
    runs("Script task with a job", "ScriptTask"),
    runs("Script task with a FEEL script", "ScriptTask"),
    runs("Business rule task with a job", "BusinessRuleTask"),
    not_yet(
        "Business rule task with a decision",
        "DecisionBusinessRuleTask",
    ),
    not_yet("User task", "UserTask"),
    runs("Manual task", "ManualTask"),
    runs("Undefined task", "Task"),
    not_yet("Call activity", "CallActivity"),
    runs("Embedded sub-process", "SubProcess"),
    not_yet("Event sub-process", "EventSubProcess"),
    never("Transaction", "Transaction", Zeebe::Refuses),
    never("Ad-hoc sub-process", "AdHocSubProcess", Zeebe::Refuses),
    runs("Exclusive gateway", "ExclusiveGateway"),
    runs("Parallel gateway", "ParallelGateway"),
    not_yet("Inclusive gateway", "InclusiveGateway"),
    not_yet("Event-based gateway", "EventBasedGateway"),
    never("Complex gateway", "ComplexGateway", Zeebe::Refuses),
    runs(
        "Sequential multi-instance",
        "MultiInstanceLoopCharacteristics",
    ),
    runs(
        "Parallel multi-instance",
        "MultiInstanceLoopCharacteristics",
    ),
    never(
        "Standard loop",
        "StandardLoopCharacteristics",
        Zeebe::Ignores,
    ),
    not_yet("Compensation handler", "CompensationHandler"),
    not_yet("Execution listener", "ExecutionListener"),
    not_yet("Timer with a cron cycle", "CronTimer"),
];

/// What this engine does not run of a model that Zeebe accepts.
pub(crate) fn unsupported(model: &Model<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for node in model.relevant_nodes() {
        let missing = rows(node).filter(|row| !row.runs && row.zeebe != Zeebe::Refuses);
        problems.extend(missing.map(|row| Problem::at(node, not_supported(row))));
    }
    problems
}

/// Zeebe's words, and what they leave open: that Camunda's list is not this engine's.
fn not_supported(row: &Row) -> String {
    let reason = match row.zeebe {
        Zeebe::Runs => "Zeebe runs them, this engine does not yet",
        Zeebe::Ignores | Zeebe::Refuses => "Zeebe does not run them either",
    };
    let message = zeebe_not_supported(row.type_name);
    format!("{message} ({reason}; see docs/coverage.md)")
}

/// What Zeebe says of an element type that it doesn't know.
pub(crate) fn zeebe_not_supported(type_name: &str) -> String {
    format!(
        "Elements of type '{type_name}' are currently not supported. Please refer to the \
         documentation for a list of supported elements: \
         https://docs.camunda.io/docs/components/modeler/bpmn/bpmn-coverage/"
    )
}

/// The rows that an element of a model falls under.
fn rows(node: Node<'_>) -> impl Iterator<Item = &'static Row> {
    let compensates = node.flag("isForCompensation", false);
    let listens = node.extension("executionListeners").is_some();
    let names = [
        own_row(node),
        compensates.then_some("Compensation handler"),
        listens.then_some("Execution listener"),
    ];
    names.into_iter().flatten().filter_map(row)
}

/// The row of this name.
fn row(element: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.element == element)
}

fn own_row(node: Node<'_>) -> Option<&'static str> {
    let has = |extension| node.extension(extension).is_some();
    if *node.namespace() != crate::xml::Namespace::Bpmn {
        return None;
    }
    Some(match node.name() {
        "startEvent" => {
            let scope = node.parent()?;
            if scope.is("subProcess") && scope.flag("triggeredByEvent", false) {
                return None; // The sub-process itself has a row.
            }
            match event_definition(node) {
                "messageEventDefinition" => "Message start event",
                "timerEventDefinition" => "Timer start event",
                "signalEventDefinition" => "Signal start event",
                "conditionalEventDefinition" => "Conditional start event",
                "" => "None start event",
                _ => "Start event of another kind",
            }
        }
        "intermediateCatchEvent" => match event_definition(node) {
            "timerEventDefinition" => "Timer catch event",
            "signalEventDefinition" => "Signal catch event",
            "linkEventDefinition" => "Link catch event",
            "conditionalEventDefinition" => "Conditional catch event",
            _ => "Message catch event",
        },
        "intermediateThrowEvent" => match event_definition(node) {
            "messageEventDefinition" => "Message throw event",
            "signalEventDefinition" => "Signal throw event",
            "escalationEventDefinition" => "Escalation throw event",
            "linkEventDefinition" => "Link throw event",
            "compensateEventDefinition" => "Compensation throw event",
            "" => "None throw event",
            _ => "Throw event of another kind",
        },
        "boundaryEvent" => match event_definition(node) {
            "timerEventDefinition" => "Timer boundary event",
            "errorEventDefinition" => "Error boundary event",
            "signalEventDefinition" => "Signal boundary event",
            "escalationEventDefinition" => "Escalation boundary event",
            "compensateEventDefinition" => "Compensation boundary event",
            "cancelEventDefinition" => "Cancel boundary event",
            "conditionalEventDefinition" => "Conditional boundary event",
            _ => "Message boundary event",
        },
        "endEvent" => match event_definition(node) {
            "terminateEventDefinition" => "Terminate end event",
            "errorEventDefinition" => "Error end event",
            "messageEventDefinition" => "Message end event",
            "signalEventDefinition" => "Signal end event",
            "escalationEventDefinition" => "Escalation end event",
            "compensateEventDefinition" => "Compensation end event",
            "cancelEventDefinition" => "Cancel end event",
            _ => "None end event",
        },
        "serviceTask" => "Service task",
        "sendTask" if has("publishMessage") => "Send task with a message",
        "sendTask" => "Send task with a job",
        "receiveTask" => "Receive task",
        "scriptTask" if has("script") => "Script task with a FEEL script",
        "scriptTask" => "Script task with a job",
        "businessRuleTask" if has("calledDecision") => "Business rule task with a decision",
        "businessRuleTask" => "Business rule task with a job",
        "userTask" => "User task",
        "manualTask" => "Manual task",
        "task" => "Undefined task",
        "callActivity" => "Call activity",
        "subProcess" if node.flag("triggeredByEvent", false) => "Event sub-process",
        "subProcess" => "Embedded sub-process",
        "transaction" => "Transaction",
        "adHocSubProcess" => "Ad-hoc sub-process",
        "exclusiveGateway" => "Exclusive gateway",
        "parallelGateway" => "Parallel gateway",
        "inclusiveGateway" => "Inclusive gateway",
        "eventBasedGateway" => "Event-based gateway",
        "complexGateway" => "Complex gateway",
        "multiInstanceLoopCharacteristics" if node.flag("isSequential", false) => {
            "Sequential multi-instance"
        }
        "multiInstanceLoopCharacteristics" => "Parallel multi-instance",
        "standardLoopCharacteristics" => "Standard loop",
        "timeCycle" if crate::timer::is_cron(node.text()) => "Timer with a cron cycle",
        _ => return None,
    })
}

/// The name of an event's only definition, `""` for none.
fn event_definition(node: Node<'_>) -> &str {
    node.event_definitions().next().map_or("", Node::name)
}
