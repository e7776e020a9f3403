//! Records as lines that a reader of BPMN understands.

use super::{START, World};
use bpmn::{ElementIdx, FlowIdx};
use engine::event::{
    ElementRef, Event, Incident, Job, Lifecycle, Message, StartSubscription, Subscription, Timer,
};
use engine::{Body, Key, Record, Timestamp};

/// The line of a record, and labels for what it made. Commands have none: the step says it.
pub(crate) fn record(world: &mut World<'_>, record: &Record) -> Option<String> {
    match &record.body {
        Body::Command(..) => None,
        Body::Rejection(rejection) => Some(format!(
            "rejected {}: {}",
            rejection.code,
            world.labels.in_text(&rejection.reason).replace('\n', " / ")
        )),
        Body::Event(event) => Some(self::event(world, record.key, event)),
    }
}

fn event(world: &mut World<'_>, key: Key, event: &Event) -> String {
    let (value_type, intent) = event.names();
    let plain = format!("{value_type} {intent}");
    match event {
        Event::DeploymentCreated | Event::StepsResumed => plain,
        Event::ProcessCreated(definition) => {
            world.labels.name("process", key);
            format!(
                "{} {intent} {} version {}",
                world.labels.of(key),
                definition.bpmn_process_id,
                definition.version
            )
        }
        Event::InstanceCreated(creation) => {
            world.labels.name("instance", creation.process_instance_key);
            let label = world.labels.of(creation.process_instance_key);
            match &creation.correlation_key {
                Some(correlation_key) => format!("{label} {intent} for {correlation_key:?}"),
                None => format!("{label} {intent}"),
            }
        }
        Event::Element(lifecycle, element) => step(world, key, *lifecycle, element),
        Event::SequenceFlowTaken(taken) => {
            let process = world.engine.state().definitions().get(taken.process_key);
            let flow = process.map(|d| d.process.flow(FlowIdx(taken.flow)).id.to_string());
            format!("flow {} taken", flow.unwrap_or_default())
        }
        Event::ProcessEventTriggering(event) | Event::ProcessEventTriggered(event) => {
            let label = world.labels.of(event.element_instance_key);
            let variables: Vec<_> = event
                .variables
                .iter()
                .map(|(name, value)| format!(" {name}={value}"))
                .collect();
            format!("event {intent} {label}{}", variables.concat())
        }
        Event::StepsDeferred(steps) => format!("{plain}: {} steps put off", steps.len()),
        Event::VariableCreated(v) => {
            format!("{}.{} = {}", world.labels.of(v.scope_key), v.name, v.value)
        }
        Event::VariableUpdated(v) => {
            format!("{}.{} -> {}", world.labels.of(v.scope_key), v.name, v.value)
        }
        Event::VariableDocumentUpdated { scope_key } => {
            format!("{plain} {}", world.labels.of(*scope_key))
        }
        Event::Job(event) => job(world, key, event),
        Event::JobBatchActivated(batch) => {
            let jobs: Vec<_> = batch.jobs.iter().map(|job| world.labels.of(*job)).collect();
            format!(
                "jobs ACTIVATED {} until {} for {:?}",
                jobs.join(" "),
                time(batch.deadline),
                batch.worker
            )
        }
        Event::Message(Message::Published(message)) => {
            world.labels.name("message", key);
            format!(
                "{} {intent} {} {:?} until {}",
                world.labels.of(key),
                message.name,
                message.correlation_key,
                time(message.deadline)
            )
        }
        Event::Message(Message::Expired) => format!("{} {intent}", world.labels.of(key)),
        Event::Subscription(Subscription::Created(created)) => {
            world.labels.name("subscription", key);
            format!(
                "{} {intent} {} {:?} for {}",
                world.labels.of(key),
                created.message_name,
                created.correlation_key,
                world.labels.of(created.element_instance_key)
            )
        }
        Event::Subscription(Subscription::Correlated { message_key, .. }) => format!(
            "{} {intent} {}",
            world.labels.of(key),
            world.labels.of(*message_key)
        ),
        Event::Subscription(Subscription::Deleted { .. })
        | Event::StartSubscription(StartSubscription::Deleted) => {
            format!("{} {intent}", world.labels.of(key))
        }
        Event::StartSubscription(StartSubscription::Created { message_name, .. }) => {
            world.labels.name("start", key);
            format!("{} {intent} {message_name}", world.labels.of(key))
        }
        Event::StartSubscription(StartSubscription::Correlated {
            message_key,
            process_instance_key,
            ..
        }) => format!(
            "{} {intent} {} to {}",
            world.labels.of(key),
            world.labels.of(*message_key),
            world.labels.of(*process_instance_key)
        ),
        Event::Timer(Timer::Created(created)) => {
            world.labels.name("timer", key);
            format!(
                "{} {intent} due {} times {} for {}",
                world.labels.of(key),
                time(created.due),
                created.repetitions,
                world.labels.of(created.element_instance_key)
            )
        }
        Event::Timer(Timer::Triggered { .. } | Timer::Canceled { .. }) => {
            format!("{} {intent}", world.labels.of(key))
        }
        Event::Incident(Incident::Created(incident)) => {
            world.labels.name("incident", key);
            format!(
                "{} {intent} {} at {}: {}",
                world.labels.of(key),
                incident.error_type.as_str(),
                world.labels.of(incident.element.0),
                world.labels.in_text(&incident.message).replace('\n', " / ")
            )
        }
        Event::Incident(Incident::Resolved) => format!("{} {intent}", world.labels.of(key)),
    }
}

fn step(world: &mut World<'_>, key: Key, lifecycle: Lifecycle, element: &ElementRef) -> String {
    let idx = ElementIdx(element.element);
    let definition = world.engine.state().definitions().get(element.process_key);
    let definition = definition.expect("an instance's definition is there");
    let model = definition.process.element(idx);
    let id = if matches!(model.kind, bpmn::process::ElementKind::MultiInstanceBody(_)) {
        format!("{}(body)", model.id)
    } else {
        model.id.to_string()
    };
    if idx != ElementIdx::PROCESS {
        world.labels.name(&id, key);
    }
    let phase = match lifecycle {
        Lifecycle::Activating => "ACTIVATING",
        Lifecycle::Activated => "ACTIVATED",
        Lifecycle::Completing => "COMPLETING",
        Lifecycle::Completed => "COMPLETED",
        Lifecycle::Terminating => "TERMINATING",
        Lifecycle::Terminated => "TERMINATED",
    };
    format!("{} {phase}", world.labels.of(key))
}

fn job(world: &mut World<'_>, key: Key, job: &Job) -> String {
    if matches!(job, Job::Created(_)) {
        world.labels.name("job", key);
    }
    let (_, intent) = Event::Job(job.clone()).names();
    let label = world.labels.of(key);
    match job {
        Job::Created(created) => format!(
            "{label} {intent} {} retries {} for {}",
            created.job_type,
            created.retries,
            world.labels.of(created.element.0)
        ),
        Job::Failed {
            retries,
            back_off_until,
            error_message,
            ..
        } => {
            let until = back_off_until.map(|until| format!(" back at {}", time(until)));
            format!(
                "{label} {intent} retries {retries}{} {error_message:?}",
                until.unwrap_or_default()
            )
        }
        Job::ErrorThrown {
            error_code, caught, ..
        } => format!("{label} {intent} {error_code} caught {caught}"),
        Job::RetriesUpdated { retries, .. } => format!("{label} {intent} {retries}"),
        Job::TimeoutUpdated { deadline, .. } => format!("{label} {intent} {}", time(*deadline)),
        Job::Completed(_)
        | Job::TimedOut(_)
        | Job::RecurredAfterBackoff(_)
        | Job::Canceled(_)
        | Job::Resolved(_) => format!("{label} {intent}"),
    }
}

/// A time, counted from the script's begin.
fn time(at: Timestamp) -> String {
    format!("+{}ms", at.0 - START.0)
}
