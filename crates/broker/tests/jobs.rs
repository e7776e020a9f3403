//! Who gets a job, and when: polls and streams that start in the very moment a job is made, and
//! clients that are gone before their jobs reach them.

use crate::support::{
    Client, Local, PATIENCE, activate, connect, create, deploy, one_task, poll, start, take_job,
};
use protocol::{
    ActivatedJob, CompleteJobRequest, FailJobRequest, StreamActivatedJobsRequest,
    UpdateJobTimeoutRequest,
};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tonic::Streaming;

fn streaming(job_type: &str) -> StreamActivatedJobsRequest {
    StreamActivatedJobsRequest {
        r#type: job_type.to_owned(),
        worker: "stream".to_owned(),
        timeout: 60_000,
        ..Default::default()
    }
}

async fn open_stream(client: &mut Client, job_type: &str) -> Streaming<ActivatedJob> {
    let stream = client.stream_activated_jobs(streaming(job_type)).await;
    stream.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<ActivatedJob>) -> ActivatedJob {
    let job = timeout(PATIENCE, stream.message()).await;
    job.expect("a job is pushed").unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_made_in_the_moment_a_poll_starts_reaches_it_at_once() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "race")).await;
    let mut other = connect(broker.gateway).await;
    for round in 0..300 {
        let started = Instant::now();
        // Neither is awaited before the other: they race through two connections.
        let (jobs, _) = tokio::join!(
            activate(&mut other, poll("race", 1, 60_000)),
            create(&mut client, "a", "{}"),
        );
        assert_eq!(jobs.unwrap().len(), 1, "round {round}");
        assert!(
            started.elapsed() < PATIENCE,
            "round {round} waited for the poll's end"
        );
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_made_in_the_moment_a_stream_starts_is_pushed_or_left_for_a_poll() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "=job_type")).await;
    let mut other = connect(broker.gateway).await;
    let mut ways = [0, 0];
    for round in 0..200 {
        // A type of its own, since a stream of the round before may still be open.
        let job_type = format!("race-{round}");
        let variables = format!("{{\"job_type\":\"{job_type}\"}}");
        let (mut stream, instance) = tokio::join!(
            open_stream(&mut other, &job_type),
            create(&mut client, "a", &variables),
        );
        // Made before the stream: a poll finds it. Made after: it is pushed. Never neither.
        let polled = activate(&mut client, poll(&job_type, 1, -1))
            .await
            .unwrap()
            .pop();
        ways[usize::from(polled.is_some())] += 1;
        let job = match polled {
            Some(job) => job,
            None => next(&mut stream).await,
        };
        assert_eq!(job.process_instance_key, instance, "round {round}");
    }
    println!("{} pushed, {} polled", ways[0], ways[1]);
    broker.stop().await;
}

async fn complete(client: &mut Client, job_key: i64) {
    let request = CompleteJobRequest {
        job_key,
        variables: String::new(),
    };
    client.complete_job(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_get_what_comes_after_they_opened_in_turn() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "push")).await;
    let before = create(&mut client, "a", "{}").await;
    let mut first = open_stream(&mut client, "push").await;
    let mut second = open_stream(&mut client, "push").await;
    let mut instances = BTreeSet::new();
    for _ in 0..4 {
        instances.insert(create(&mut client, "a", "{}").await);
    }
    let mut pushed = BTreeSet::new();
    for _ in 0..2 {
        pushed.insert(next(&mut first).await.process_instance_key);
        pushed.insert(next(&mut second).await.process_instance_key);
    }
    assert_eq!(pushed, instances);
    // The one from before is left for whoever polls.
    let polled = activate(&mut client, poll("push", 10, -1)).await.unwrap();
    assert_eq!(polled.len(), 1);
    assert_eq!(polled[0].process_instance_key, before);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_comes_again_on_the_stream() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "push")).await;
    let mut stream = open_stream(&mut client, "push").await;
    create(&mut client, "a", "{}").await;
    let job = next(&mut stream).await;
    let fail = FailJobRequest {
        job_key: job.key,
        retries: 2,
        ..Default::default()
    };
    client.fail_job(fail).await.unwrap();
    let again = next(&mut stream).await;
    assert_eq!((again.key, again.retries), (job.key, 2));
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_gone_gives_back_the_jobs_it_did_not_take() {
    const JOBS: usize = 500;
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "gone")).await;
    // One that does not read: its connection's window fills, then its queue here.
    let mut leaving = connect(broker.gateway).await;
    let stream = open_stream(&mut leaving, "gone").await;
    let variables = format!("{{\"text\":\"{}\"}}", "x".repeat(12_000));
    for _ in 0..JOBS {
        create(&mut client, "a", &variables).await;
    }
    drop(stream);
    drop(leaving);
    let mut given_back = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    // What was on its way already stays the worker's until its deadline: about a window full.
    while given_back.len() < JOBS / 2 {
        assert!(
            Instant::now() < deadline,
            "only {} came back",
            given_back.len()
        );
        let jobs = activate(&mut client, poll("gone", 1000, 1000))
            .await
            .unwrap();
        given_back.extend(jobs.into_iter().map(|job| job.key));
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_whose_client_is_gone_takes_no_job() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "=job_type")).await;
    for round in 0..50 {
        let job_type = format!("gone-{round}");
        let mut request = poll(&job_type, 1, 60_000);
        request.timeout = 2000;
        let mut leaving = client.clone();
        let waiting = tokio::spawn(async move { activate(&mut leaving, request).await });
        tokio::task::yield_now().await;
        waiting.abort();
        let variables = format!("{{\"job_type\":\"{job_type}\"}}");
        let instance = create(&mut client, "a", &variables).await;
        let job = timeout(PATIENCE, take_job(&mut client, &job_type)).await;
        let job = job.unwrap_or_else(|_| panic!("round {round}: the job is lost"));
        assert_eq!(job.process_instance_key, instance);
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_that_wait_get_one_job_each_in_the_order_they_came() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "wait")).await;
    let mut polls = Vec::new();
    for _ in 0..3 {
        let mut other = client.clone();
        polls.push(tokio::spawn(async move {
            activate(&mut other, poll("wait", 1, PATIENCE.as_millis() as i64)).await
        }));
    }
    let mut instances = BTreeSet::new();
    for _ in 0..3 {
        instances.insert(create(&mut client, "a", "{}").await);
    }
    let mut got = BTreeSet::new();
    for poll in polls {
        let jobs = poll.await.unwrap().unwrap();
        assert_eq!(jobs.len(), 1);
        got.insert(jobs[0].process_instance_key);
    }
    assert_eq!(got, instances);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_stream_holds_back_what_it_cannot_take_and_gets_it_later() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "slow")).await;
    // Large jobs and a client that does not read: the connection's window fills, then the queue.
    let mut slow = connect(broker.gateway).await;
    let mut stream = open_stream(&mut slow, "slow").await;
    let variables = format!("{{\"text\":\"{}\"}}", "x".repeat(1000));
    let mut instances = BTreeSet::new();
    for _ in 0..1000 {
        instances.insert(create(&mut client, "a", &variables).await);
    }
    let mut got = BTreeSet::new();
    while got.len() < instances.len() {
        got.insert(next(&mut stream).await.process_instance_key);
    }
    assert_eq!(got, instances);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_jobs_come_in_answers_that_a_client_can_take() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "large")).await;
    let variables = format!("{{\"text\":\"{}\"}}", "x".repeat(1_000_000));
    for _ in 0..6 {
        create(&mut client, "a", &variables).await;
    }
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 6 {
        sizes.push(
            activate(&mut client, poll("large", 10, -1))
                .await
                .unwrap()
                .len(),
        );
    }
    assert_eq!(sizes, [3, 3]);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_time_is_over_is_handed_out_again() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "late")).await;
    create(&mut client, "a", "{}").await;
    let mut request = poll("late", 1, 60_000);
    request.timeout = 300;
    let started = Instant::now();
    let first = activate(&mut client, request.clone())
        .await
        .unwrap()
        .remove(0);
    let again = activate(&mut client, request.clone())
        .await
        .unwrap()
        .remove(0);
    assert_eq!((again.key, again.retries), (first.key, 3));
    // Times are whole milliseconds, so the first one may be a part of one.
    assert!(started.elapsed() >= Duration::from_millis(299));
    // With a later deadline it stays with its worker; the first one may still complete it.
    let update = UpdateJobTimeoutRequest {
        job_key: first.key,
        timeout: 60_000,
        ..Default::default()
    };
    client.update_job_timeout(update).await.unwrap();
    request.request_timeout = 600;
    assert_eq!(activate(&mut client, request).await.unwrap(), []);
    complete(&mut client, first.key).await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_without_jobs_ends_when_it_said() {
    let Local { broker, mut client } = start().await;
    let started = Instant::now();
    assert_eq!(
        activate(&mut client, poll("none", 1, -1)).await.unwrap(),
        []
    );
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "it does not wait at all"
    );
    let started = Instant::now();
    assert_eq!(
        activate(&mut client, poll("none", 1, 400)).await.unwrap(),
        []
    );
    assert!(started.elapsed() >= Duration::from_millis(400));
    broker.stop().await;
}
