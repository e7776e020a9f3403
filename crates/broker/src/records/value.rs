//! The `value` of an event's line, with the fields that Zeebe's has.

use super::context::Context;
use bpmn::process::ElementKind;
use bpmn::{ElementType, FlowIdx};
use engine::event::{
    ElementRef, Event, FlowTaken, Incident, IncidentCreated, Job, Message, ProcessEvent,
    StartSubscription, Subscription, SubscriptionCreated, Timer, TimerCreated, Variable,
};
use engine::{Key, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The tenant of all there is.
const TENANT: &str = "<default>";

/// What Zeebe writes for a time that there is not.
const NO_TIME: i64 = -1;

type Variables<'a> = &'a [(Arc<str>, Arc<str>)];

pub(super) fn of(ctx: &Context, key: Key, event: &Event) -> Value {
    match event {
        Event::DeploymentCreated | Event::StepsDeferred(_) | Event::StepsResumed => {
            json!({ "tenantId": TENANT })
        }
        Event::ProcessCreated(definition) => json!({
            "bpmnProcessId": definition.bpmn_process_id,
            "version": definition.version,
            "processDefinitionKey": key.0,
            "resourceName": definition.resource_name,
            "deploymentKey": definition.deployment_key.0,
            "tenantId": TENANT,
        }),
        Event::InstanceCreated(creation) => {
            let definition = ctx.definition(creation.process_key);
            json!({
                "bpmnProcessId": definition.map(|definition| &definition.bpmn_process_id),
                "version": definition.map(|definition| definition.version),
                "processDefinitionKey": creation.process_key.0,
                "processInstanceKey": creation.process_instance_key.0,
                "tenantId": TENANT,
            })
        }
        Event::Element(_, element) => element_value(ctx, element),
        Event::SequenceFlowTaken(flow) => flow_value(ctx, flow),
        Event::ProcessEventTriggering(event) | Event::ProcessEventTriggered(event) => {
            process_event(ctx, event)
        }
        Event::VariableCreated(variable) | Event::VariableUpdated(variable) => {
            variable_value(ctx, variable)
        }
        Event::VariableDocumentUpdated { scope_key } => {
            json!({ "scopeKey": scope_key.0, "tenantId": TENANT })
        }
        Event::Job(job) => job_value(ctx, key, job),
        Event::JobBatchActivated(batch) => json!({
            "type": batch.job_type,
            "worker": batch.worker,
            "deadline": batch.deadline.0,
            "jobKeys": batch.jobs.iter().map(|key| key.0).collect::<Vec<_>>(),
            "tenantIds": [TENANT],
        }),
        Event::Message(message) => message_value(ctx, key, message),
        Event::Subscription(subscription) => subscription_value(ctx, key, subscription),
        Event::StartSubscription(subscription) => start_subscription(ctx, key, subscription),
        Event::Timer(timer) => timer_value(ctx, key, timer),
        Event::Incident(Incident::Created(incident)) => incident_value(ctx, incident),
        Event::Incident(Incident::Resolved) => ctx.incident(key).map_or_else(
            || json!({ "tenantId": TENANT }),
            |it| incident_value(ctx, it),
        ),
    }
}

/// Where an element stands: what most values begin with.
fn place(ctx: &Context, element: &ElementRef) -> Map<String, Value> {
    let mut place = Map::new();
    let mut put = |name: &str, value: Value| place.insert(name.to_owned(), value);
    if let Some(definition) = ctx.definition(element.process_key) {
        put("bpmnProcessId", json!(definition.bpmn_process_id));
        put("version", json!(definition.version));
    }
    put("processDefinitionKey", json!(element.process_key.0));
    put("processInstanceKey", json!(element.process_instance_key.0));
    if let Some(model) = ctx.model_element(element.process_key, element.element) {
        put("elementId", json!(model.id));
    }
    put("tenantId", json!(TENANT));
    place
}

fn extend(mut map: Map<String, Value>, more: Value) -> Value {
    if let Value::Object(more) = more {
        map.extend(more);
    }
    map.into()
}

fn element_value(ctx: &Context, element: &ElementRef) -> Value {
    let model = ctx.model_element(element.process_key, element.element);
    extend(
        place(ctx, element),
        json!({
            "bpmnElementType": model.map(|model| model.element_type().as_str()),
            "bpmnEventType": model.map_or("UNSPECIFIED", |model| event_type(&model.kind)),
            "flowScopeKey": element.scope_key.0,
            "parentProcessInstanceKey": Key::NONE.0,
            "parentElementInstanceKey": Key::NONE.0,
        }),
    )
}

/// Zeebe's name for what an event waits for or does.
fn event_type(kind: &ElementKind) -> &'static str {
    use bpmn::process::{BoundaryTrigger, Catch, EndBehavior, StartTrigger};
    match kind {
        ElementKind::StartEvent(StartTrigger::None)
        | ElementKind::EndEvent(EndBehavior::None)
        | ElementKind::IntermediateThrowEvent => "NONE",
        ElementKind::StartEvent(StartTrigger::Message(_))
        | ElementKind::IntermediateCatchEvent(Catch::Message(_))
        | ElementKind::ReceiveTask(_) => "MESSAGE",
        ElementKind::IntermediateCatchEvent(Catch::Timer(_)) => "TIMER",
        ElementKind::EndEvent(EndBehavior::Terminate) => "TERMINATE",
        ElementKind::EndEvent(EndBehavior::Error(_)) => "ERROR",
        ElementKind::BoundaryEvent(boundary) => match boundary.trigger {
            BoundaryTrigger::Message(_) => "MESSAGE",
            BoundaryTrigger::Timer(_) => "TIMER",
            BoundaryTrigger::Error(_) => "ERROR",
        },
        _ => "UNSPECIFIED",
    }
}

fn flow_value(ctx: &Context, flow: &FlowTaken) -> Value {
    let definition = ctx.definition(flow.process_key);
    let id = definition
        .and_then(|definition| definition.process.as_ref())
        .and_then(|process| process.flows.get(FlowIdx(flow.flow).index()))
        .map(|flow| &flow.id);
    json!({
        "bpmnElementType": ElementType::SequenceFlow.as_str(),
        "bpmnEventType": "UNSPECIFIED",
        "elementId": id,
        "bpmnProcessId": definition.map(|definition| &definition.bpmn_process_id),
        "version": definition.map(|definition| definition.version),
        "processDefinitionKey": flow.process_key.0,
        "processInstanceKey": flow.process_instance_key.0,
        "flowScopeKey": flow.scope_key.0,
        "parentProcessInstanceKey": Key::NONE.0,
        "parentElementInstanceKey": Key::NONE.0,
        "tenantId": TENANT,
    })
}

fn process_event(ctx: &Context, event: &ProcessEvent) -> Value {
    let element = ctx.element(event.element_instance_key);
    let target = element.and_then(|at| ctx.model_element(at.process_key, event.target));
    json!({
        "scopeKey": event.element_instance_key.0,
        "targetElementId": target.map(|target| &target.id),
        "variables": variables(&event.variables),
        "processDefinitionKey": element.map(|element| element.process_key.0),
        "processInstanceKey": element.map(|element| element.process_instance_key.0),
        "tenantId": TENANT,
    })
}

fn variable_value(ctx: &Context, variable: &Variable) -> Value {
    let root = ctx.element(variable.process_instance_key);
    let definition = root.and_then(|root| ctx.definition(root.process_key));
    json!({
        "name": variable.name,
        "value": variable.value,
        "scopeKey": variable.scope_key.0,
        "processInstanceKey": variable.process_instance_key.0,
        "processDefinitionKey": root.map(|root| root.process_key.0),
        "bpmnProcessId": definition.map(|definition| &definition.bpmn_process_id),
        "tenantId": TENANT,
    })
}

fn job_value(ctx: &Context, key: Key, job: &Job) -> Value {
    let job_ref = job.job_ref();
    let Some(open) = ctx.job(key) else {
        return json!({
            "elementInstanceKey": job_ref.element_instance_key.0,
            "processInstanceKey": job_ref.process_instance_key.0,
            "tenantId": TENANT,
        });
    };
    let (element_instance_key, element) = &open.created.element;
    let mut value = place(ctx, element);
    if let Some(version) = value.remove("version") {
        value.insert("processDefinitionVersion".to_owned(), version);
    }
    let value = extend(
        value,
        json!({
            "type": open.created.job_type,
            "retries": open.retries,
            "worker": open.worker,
            "deadline": open.deadline.map_or(NO_TIME, |at| at.0),
            "elementInstanceKey": element_instance_key.0,
        }),
    );
    let more = match job {
        Job::Failed {
            error_message,
            back_off_until,
            ..
        } => json!({
            "errorMessage": error_message,
            "recurringTime": back_off_until.map_or(NO_TIME, |at| at.0),
        }),
        Job::ErrorThrown {
            error_code,
            error_message,
            ..
        } => json!({ "errorCode": error_code, "errorMessage": error_message }),
        _ => return value,
    };
    let Value::Object(value) = value else {
        unreachable!("an extended map is a map");
    };
    extend(value, more)
}

fn message_value(ctx: &Context, key: Key, message: &Message) -> Value {
    let published = match message {
        Message::Published(published) => Some(published),
        Message::Expired => ctx.message(key),
    };
    let Some(message) = published else {
        return json!({ "tenantId": TENANT });
    };
    json!({
        "name": message.name,
        "correlationKey": message.correlation_key,
        "messageId": message.message_id,
        "deadline": message.deadline.0,
        "variables": variables(&message.variables),
        "tenantId": TENANT,
    })
}

fn subscription_value(ctx: &Context, key: Key, subscription: &Subscription) -> Value {
    let (created, message_key) = match subscription {
        Subscription::Created(created) => (Some(created), Key::NONE),
        Subscription::Correlated { message_key, .. } => (ctx.subscription(key), *message_key),
        Subscription::Deleted { .. } => (ctx.subscription(key), Key::NONE),
    };
    let Some(created) = created else {
        return json!({ "messageKey": message_key.0, "tenantId": TENANT });
    };
    let SubscriptionCreated {
        element_instance_key,
        process_instance_key,
        process_key,
        bpmn_process_id,
        message_name,
        correlation_key,
        target,
        interrupting,
    } = created;
    let message = ctx.message(message_key);
    json!({
        "messageName": message_name,
        "correlationKey": correlation_key,
        "messageKey": message_key.0,
        "variables": message.map_or_else(|| json!({}), |message| variables(&message.variables)),
        "interrupting": interrupting,
        "bpmnProcessId": bpmn_process_id,
        "elementId": ctx.model_element(*process_key, *target).map(|element| &element.id),
        "elementInstanceKey": element_instance_key.0,
        "processInstanceKey": process_instance_key.0,
        "tenantId": TENANT,
    })
}

fn start_subscription(ctx: &Context, key: Key, subscription: &StartSubscription) -> Value {
    let created = match subscription {
        StartSubscription::Created { .. } => Some(subscription),
        _ => ctx.start_subscription(key),
    };
    let mut value = json!({ "tenantId": TENANT });
    if let Some(StartSubscription::Created {
        process_key,
        bpmn_process_id,
        element,
        message_name,
    }) = created
    {
        let start = ctx.model_element(*process_key, *element);
        value = json!({
            "messageName": message_name,
            "bpmnProcessId": bpmn_process_id,
            "processDefinitionKey": process_key.0,
            "startEventId": start.map(|start| &start.id),
            "tenantId": TENANT,
        });
    }
    if let StartSubscription::Correlated {
        message_key,
        process_instance_key,
        ..
    } = subscription
    {
        value["messageKey"] = json!(message_key.0);
        value["processInstanceKey"] = json!(process_instance_key.0);
        if let Some(message) = ctx.message(*message_key) {
            value["correlationKey"] = json!(message.correlation_key);
        }
    }
    value
}

fn timer_value(ctx: &Context, key: Key, timer: &Timer) -> Value {
    let created = match timer {
        Timer::Created(created) => Some(created),
        Timer::Triggered { .. } | Timer::Canceled { .. } => ctx.timer(key),
    };
    let Some(created) = created else {
        return json!({ "tenantId": TENANT });
    };
    let TimerCreated {
        element_instance_key,
        process_instance_key,
        process_key,
        target,
        due: Timestamp(due),
        repetitions,
    } = created;
    json!({
        "targetElementId": ctx.model_element(*process_key, *target).map(|element| &element.id),
        "dueDate": due,
        "repetitions": repetitions,
        "elementInstanceKey": element_instance_key.0,
        "processInstanceKey": process_instance_key.0,
        "processDefinitionKey": process_key.0,
        "tenantId": TENANT,
    })
}

fn incident_value(ctx: &Context, incident: &IncidentCreated) -> Value {
    let (element_instance_key, element) = &incident.element;
    let mut value = place(ctx, element);
    value.remove("version");
    extend(
        value,
        json!({
            "errorType": incident.error_type.as_str(),
            "errorMessage": incident.message,
            "elementInstanceKey": element_instance_key.0,
            "jobKey": incident.job_key.unwrap_or(Key::NONE).0,
            "variableScopeKey": incident.variable_scope_key.0,
        }),
    )
}

/// Variables as a JSON object; each value is JSON text already.
fn variables(variables: Variables<'_>) -> Value {
    let map: Map<String, Value> = variables
        .iter()
        .map(|(name, value)| {
            let value = serde_json::from_str(value).unwrap_or(Value::Null);
            (name.to_string(), value)
        })
        .collect();
    map.into()
}
