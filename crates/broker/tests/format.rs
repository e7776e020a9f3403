//! The log outlives the code: bytes that an older broker wrote are read as what they were.
//!
//! `log-v1.hex` is never written anew. A new kind of record gets a new line in it and in the list
//! here, at the end.

use broker::log::codec::{decode, encode};
use engine::event::{
    ElementRef, ErrorType, FlowTaken, Incident, IncidentCreated, InstanceCreation, Job, JobBatch,
    JobCreated, JobRef, Lifecycle, Message, MessagePublished, ProcessDefinition, ProcessEvent,
    StartSubscription, Subscription, SubscriptionCreated, Timer, TimerCreated, Variable,
};
use engine::name::{Intent, ValueType};
use engine::record::{Body, RejectionCode};
use engine::step::Step;
use engine::{Event, Key, Position, Record, Rejection, Timestamp};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn key(number: i64) -> Key {
    Key(Key::START.0 + number)
}

/// What each line of the file holds.
fn bodies() -> Vec<Body> {
    let element = ElementRef {
        process_instance_key: key(10),
        process_key: key(2),
        element: 3,
        scope_key: key(10),
        flows_used: 1,
        loop_counter: 2,
    };
    let job = JobRef {
        element_instance_key: key(12),
        process_instance_key: key(10),
    };
    let variables = vec![("a".into(), "1.5".into()), ("ü".into(), "\"x\"".into())];
    let variable = Variable {
        scope_key: key(10),
        process_instance_key: key(10),
        name: "a".into(),
        value: "[1]".into(),
    };
    let event = ProcessEvent {
        element_instance_key: key(12),
        target: 3,
        variables: variables.clone(),
    };
    let steps = vec![
        Step::Activate {
            element: 1,
            scope_key: key(10),
            flows_used: 0,
            loop_counter: 0,
        },
        Step::ResumeActivating(key(12)),
        Step::Complete(key(12)),
        Step::ResumeCompleting(key(12)),
        Step::Terminate(key(12)),
    ];
    let mut bodies = vec![
        Body::Command(ValueType::ProcessInstanceCreation, Intent::Create),
        Body::Rejection(Rejection {
            value_type: ValueType::Job,
            intent: Intent::Complete,
            code: RejectionCode::NotFound,
            reason: "no such job".to_owned(),
        }),
    ];
    let events = vec![
        Event::DeploymentCreated,
        Event::ProcessCreated(ProcessDefinition {
            bpmn_process_id: "p".into(),
            version: 2,
            resource_name: "p.bpmn".into(),
            deployment_key: key(1),
            resource: b"<xml/>".to_vec().into(),
        }),
        Event::InstanceCreated(InstanceCreation {
            process_key: key(2),
            process_instance_key: key(10),
            correlation_key: Some("k".into()),
        }),
        Event::Element(Lifecycle::Activating, element),
        Event::Element(Lifecycle::Terminated, element),
        Event::SequenceFlowTaken(FlowTaken {
            process_instance_key: key(10),
            process_key: key(2),
            scope_key: key(10),
            flow: 4,
        }),
        Event::ProcessEventTriggering(event.clone()),
        Event::ProcessEventTriggered(event),
        Event::StepsDeferred(steps),
        Event::StepsResumed,
        Event::VariableCreated(variable.clone()),
        Event::VariableUpdated(variable),
        Event::VariableDocumentUpdated { scope_key: key(10) },
        Event::Job(Job::Created(JobCreated {
            job_type: "t".into(),
            retries: 3,
            element: (key(12), element),
        })),
        Event::Job(Job::Completed(job)),
        Event::Job(Job::Failed {
            job,
            retries: 0,
            back_off_until: Some(NOW),
            error_message: "no".into(),
        }),
        Event::Job(Job::TimedOut(job)),
        Event::Job(Job::RecurredAfterBackoff(job)),
        Event::Job(Job::ErrorThrown {
            job,
            error_code: "E".into(),
            error_message: "no".into(),
            caught: true,
        }),
        Event::Job(Job::RetriesUpdated { job, retries: 2 }),
        Event::Job(Job::TimeoutUpdated { job, deadline: NOW }),
        Event::Job(Job::Canceled(job)),
        Event::Job(Job::Resolved(job)),
        Event::JobBatchActivated(JobBatch {
            job_type: "t".into(),
            worker: "w".into(),
            deadline: NOW,
            jobs: vec![key(13), key(14)],
        }),
        Event::Message(Message::Published(MessagePublished {
            name: "m".into(),
            correlation_key: "k".into(),
            message_id: "id".into(),
            deadline: NOW,
            variables: variables.into(),
        })),
        Event::Message(Message::Expired),
        Event::Subscription(Subscription::Created(SubscriptionCreated {
            element_instance_key: key(12),
            process_instance_key: key(10),
            process_key: key(2),
            bpmn_process_id: "p".into(),
            message_name: "m".into(),
            correlation_key: "k".into(),
            target: 3,
            interrupting: true,
        })),
        Event::Subscription(Subscription::Correlated {
            message_key: key(20),
            element_instance_key: key(12),
            closes: true,
        }),
        Event::Subscription(Subscription::Deleted {
            element_instance_key: key(12),
        }),
        Event::StartSubscription(StartSubscription::Created {
            process_key: key(2),
            bpmn_process_id: "p".into(),
            element: 1,
            message_name: "m".into(),
        }),
        Event::StartSubscription(StartSubscription::Correlated {
            message_key: key(20),
            bpmn_process_id: "p".into(),
            process_instance_key: key(10),
        }),
        Event::StartSubscription(StartSubscription::Deleted),
        Event::Timer(Timer::Created(TimerCreated {
            element_instance_key: key(12),
            process_instance_key: key(10),
            process_key: key(2),
            target: 3,
            due: NOW,
            repetitions: -1,
        })),
        Event::Timer(Timer::Triggered {
            element_instance_key: key(12),
        }),
        Event::Timer(Timer::Canceled {
            element_instance_key: key(12),
        }),
        Event::Incident(Incident::Created(IncidentCreated {
            error_type: ErrorType::ConditionError,
            message: "no condition".into(),
            element: (key(12), element),
            job_key: None,
            variable_scope_key: key(12),
        })),
        Event::Incident(Incident::Resolved),
    ];
    bodies.extend(events.into_iter().map(Body::Event));
    bodies
}

/// A batch of two records around each body: one that is first, one that follows.
fn batch(first: u64, body: Body) -> [Record; 2] {
    let head = Record {
        position: Position(first),
        source: Position(first),
        timestamp: NOW,
        key: Key::NONE,
        body: Body::Command(ValueType::Job, Intent::Activate),
    };
    let record = Record {
        position: Position(first + 1),
        source: Position(first),
        timestamp: NOW.plus_ms(5),
        key: key(12),
        body,
    };
    [head, record]
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

#[test]
fn what_version_1_wrote_is_read_and_written_as_it_was() {
    let lines: Vec<_> = include_str!("log-v1.hex").lines().collect();
    let bodies = bodies();
    for (index, body) in bodies.iter().enumerate() {
        let records = batch(1000, body.clone());
        let mut bytes = Vec::new();
        encode(&records, &mut bytes);
        let hex = to_hex(&bytes);
        let Some(line) = lines.get(index) else {
            panic!("a new kind of record: add the line\n{hex}");
        };
        assert_eq!(&hex, line, "{body:?} is written otherwise");
        assert_eq!(decode(&from_hex(line), 1000, 2).unwrap(), records);
    }
    assert_eq!(lines.len(), bodies.len(), "each line is in the list");
}

#[test]
fn bytes_that_no_version_wrote_are_refused() {
    let mut bytes = Vec::new();
    encode(&batch(1, Body::Event(Event::DeploymentCreated)), &mut bytes);
    let refused = |bytes: &[u8], count| decode(bytes, 1, count).unwrap_err().to_string();
    assert!(refused(&bytes, 1).contains("length"), "bytes are left over");
    assert!(refused(&bytes, 3).contains("record 2"));
    assert!(refused(&bytes[..bytes.len() - 1], 2).contains("record 1"));
    assert!(refused(&[], 1).contains("length"));
    bytes[0] = 9;
    assert!(refused(&bytes, 2).contains("version 9"));
}
