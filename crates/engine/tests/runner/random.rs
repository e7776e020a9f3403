//! Random courses of events: replaying the log gives the same state as processing did, a snapshot
//! at any place goes on like the engine it was taken from, and nothing panics.

use super::{NOW, create, model};
use engine::command::{
    ActivateJobs, Command, FailJob, PublishMessage, Resource, Response, Variables,
};
use engine::event::{Event, Incident};
use engine::{Batch, Body, Engine, Key, Timestamp};
use std::sync::Arc;

const MODELS: [&str; 12] = [
    "service_task/one_task.bpmn",
    "service_task/caught_error.bpmn",
    "exclusive_gateway/in_stock.bpmn",
    "parallel_gateway/fork_join.bpmn",
    "end_event/terminate.bpmn",
    "subprocess/alarm.bpmn",
    "subprocess/interrupting.bpmn",
    "subprocess/cycle.bpmn",
    "multi_instance/sequential.bpmn",
    "multi_instance/parallel.bpmn",
    "message/boundary.bpmn",
    "message/start.bpmn",
];

const PROCESSES: [&str; 11] = [
    "one-task",
    "caught-error",
    "in-stock",
    "fork-join",
    "terminate",
    "alarm",
    "interrupting",
    "cycle",
    "sequential",
    "parallel",
    "boundary",
];

#[test]
fn replay_equals_processing() {
    for seed in 0..40 {
        run(seed);
    }
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut engine = Engine::new();
    let mut replayed = Engine::new();
    let mut now = NOW;
    let mut incidents = Vec::new();
    let resources: Vec<Resource> = MODELS.iter().map(|path| model(path)).collect();
    let mut next = vec![Command::Deploy(resources)];
    for round in 0..300 {
        for command in std::mem::take(&mut next) {
            let mut out = Batch::default();
            engine.process(command, now, &mut out);
            for record in &out.records {
                if let Body::Event(Event::Incident(Incident::Created(_))) = &record.body {
                    incidents.push(record.key);
                }
                replayed.replay(record);
            }
        }
        if round % 60 == 0 {
            assert_eq!(
                engine.snapshot(),
                replayed.snapshot(),
                "seed {seed}, round {round}"
            );
            replayed = Engine::from_snapshot(&engine.snapshot()).expect("it was just taken");
        }
        now = now.plus_ms(random.i64(0..3_000));
        next = engine.due(now, 20);
        next.push(command(&mut random, &engine, &incidents));
    }
    assert_eq!(engine.snapshot(), replayed.snapshot(), "seed {seed}");
    end_all(&mut engine, now, seed);
}

/// After canceling everything, nothing is left behind but buffered messages.
fn end_all(engine: &mut Engine, now: Timestamp, seed: u64) {
    let roots: Vec<Key> = engine
        .state()
        .element_instances()
        .iter()
        .filter(|instance| instance.key == instance.element.process_instance_key)
        .map(|instance| instance.key)
        .collect();
    for root in roots {
        let mut out = Batch::default();
        engine.process(Command::CancelInstance(root), now, &mut out);
    }
    // A message that waited for its turn may have started another instance.
    let any_root = |engine: &Engine| {
        let any = engine.state().element_instances().iter().next();
        any.map(|instance| instance.element.process_instance_key)
    };
    while let Some(root) = any_root(engine) {
        let response = engine.process(Command::CancelInstance(root), now, &mut Batch::default());
        assert_eq!(response, Response::Done, "seed {seed}");
    }
    let counts = engine.state().counts();
    assert_eq!(
        (counts.jobs, counts.timers, counts.incidents),
        (0, 0, 0),
        "seed {seed}"
    );
    assert!(engine.state().subscriptions().is_empty(), "seed {seed}");
}

fn command(random: &mut fastrand::Rng, engine: &Engine, incidents: &[Key]) -> Command {
    let id = format!("\"k{}\"", random.u8(0..3));
    let key: Arc<str> = Arc::from(id.trim_matches('"'));
    let variables: Variables = vec![(Arc::from("result"), Arc::from(random.u8(0..9).to_string()))];
    match random.u8(0..12) {
        0..=2 => {
            let process = random.choice(PROCESSES).expect("there are some");
            let stock = random.u8(0..20).to_string();
            let items = format!("[{}]", vec!["1"; random.usize(0..4)].join(","));
            let known = [
                ("_id", id.as_str()),
                ("stock", stock.as_str()),
                ("items", items.as_str()),
            ];
            create(process, &known[..random.usize(0..=known.len())])
        }
        3 | 4 => Command::ActivateJobs(ActivateJobs {
            job_type: Arc::from(
                *random
                    .choice(["work", "a", "b", "fast"].iter())
                    .expect("some"),
            ),
            worker: Arc::from("w"),
            timeout_ms: random.i64(1..5_000),
            max_jobs: random.i32(1..4),
            fetch_variables: Vec::new(),
            only: Vec::new(),
            bytes_max: usize::MAX,
        }),
        5 | 6 => Command::CompleteJob {
            key: any_job(random, engine),
            variables,
        },
        7 => Command::FailJob(FailJob {
            key: any_job(random, engine),
            retries: random.i32(0..2),
            error_message: Arc::from("failed"),
            back_off_ms: random.i64(0..2_000),
            variables,
        }),
        8 => Command::ThrowError {
            key: any_job(random, engine),
            error_code: Arc::from(if random.bool() { "E1" } else { "E9" }),
            error_message: Arc::from(""),
            variables,
        },
        9 => Command::PublishMessage(PublishMessage {
            name: Arc::from(
                *random
                    .choice(["GOT", "STOP", "NUDGE", "ORDER_PLACED"].iter())
                    .expect("some"),
            ),
            correlation_key: key,
            message_id: Arc::from(""),
            time_to_live_ms: random.i64(0..10_000),
            variables,
        }),
        10 => match random.choice(incidents.iter()) {
            Some(incident) if random.bool() => Command::ResolveIncident(*incident),
            _ => Command::UpdateJobRetries {
                key: any_job(random, engine),
                retries: 1,
            },
        },
        _ => {
            let instances = engine.state().element_instances();
            let any = random.choice(instances.iter()).map(|instance| instance.key);
            match any {
                Some(scope_key) if random.bool() => Command::SetVariables {
                    scope_key,
                    variables,
                    local: random.bool(),
                },
                _ => Command::CancelInstance(any.unwrap_or_default()),
            }
        }
    }
}

fn any_job(random: &mut fastrand::Rng, engine: &Engine) -> Key {
    let instances = engine.state().element_instances();
    let jobs = instances.iter().filter_map(|instance| instance.job_key);
    random.choice(jobs.collect::<Vec<_>>()).unwrap_or_default()
}
