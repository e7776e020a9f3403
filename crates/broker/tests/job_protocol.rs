//! Calls about jobs and their incidents on the wire, against the record of what a Zeebe broker
//! answered: statuses and texts word for word.

use crate::support::{
    Local, activate, create, deploy, model, one_task, one_task_body, poll, start, state_of,
    take_job,
};
use crate::wire::{
    UNKNOWN, cancel, check, complete, fail, incident, own, resolve, retries, throw, variables,
};
use protocol::{StreamActivatedJobsRequest, UpdateJobTimeoutRequest};
use tonic::Code;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_all_its_fields() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "jb.bpmn", &one_task("jb", "jb-job")).await;
    let given = r#"{"a":1,"b":"two","c":{"d":[1,2.5,null,true]}}"#;
    let instance = create(&mut client, "jb", given).await;
    let job = take_job(&mut client, "jb-job").await;
    assert_eq!(job.r#type, "jb-job");
    assert_eq!(job.process_instance_key, instance);
    assert_eq!(
        (job.bpmn_process_id.as_str(), job.process_definition_version),
        ("jb", 1)
    );
    assert_eq!(job.element_id, "t");
    assert_eq!(job.custom_headers, r#"{"url":"http://x"}"#);
    assert_eq!((job.worker.as_str(), job.retries), ("test", 3));
    assert_eq!(job.tenant_id, "<default>");
    assert_eq!(job.variables, given);
    client
        .complete_job(complete(job.key, r#"{"r":1}"#))
        .await
        .unwrap();
    check(
        client.complete_job(complete(job.key, "")).await,
        Code::NotFound,
        &format!(
            "Command 'COMPLETE' rejected with code 'NOT_FOUND': Expected to complete job with \
             key '{}', but no such job was found",
            job.key
        ),
    );
    assert_eq!(state_of(broker.rest, instance), "COMPLETED");
    assert_eq!(
        variables(broker.rest, instance),
        own(&[
            (true, "a", "1"),
            (true, "b", "\"two\""),
            (true, "c", r#"{"d":[1,2.5,null,true]}"#),
            (true, "r", "1"),
        ])
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn job_commands_are_refused_in_zeebes_words() {
    let Local { broker, mut client } = start().await;
    let rejected =
        |intent: &str, text: &str| format!("Command '{intent}' rejected with code {text}");
    let not_found = |intent: &str, what: &str| {
        rejected(
            intent,
            &format!(
                "'NOT_FOUND': Expected to {what} job with key '{UNKNOWN}', but no such job was \
                 found"
            ),
        )
    };
    check(
        client.complete_job(complete(UNKNOWN, "")).await,
        Code::NotFound,
        &not_found("COMPLETE", "complete"),
    );
    check(
        client.complete_job(complete(99, "")).await,
        Code::Unavailable,
        "Expected to execute command on partition 0, but either it does not exist, or the \
         gateway is not yet aware of it",
    );
    check(
        client.complete_job(complete(UNKNOWN, "nope")).await,
        Code::InvalidArgument,
        "Invalid JSON value: nope\n at [Source: REDACTED \
         (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 5]",
    );
    check(
        client.fail_job(fail(UNKNOWN, 1, "", "")).await,
        Code::NotFound,
        &not_found("FAIL", "fail"),
    );
    check(
        client.throw_error(throw(UNKNOWN, "E")).await,
        Code::NotFound,
        &not_found("THROW_ERROR", "throw an error for"),
    );
    check(
        client.update_job_retries(retries(UNKNOWN, 1)).await,
        Code::NotFound,
        &not_found("UPDATE_RETRIES", "update"),
    );
    let update = UpdateJobTimeoutRequest {
        job_key: UNKNOWN,
        timeout: 1000,
        ..Default::default()
    };
    check(
        client.update_job_timeout(update).await,
        Code::NotFound,
        &not_found("UPDATE_TIMEOUT", "update"),
    );
    let activating = "'INVALID_ARGUMENT': Expected to activate job batch with ";
    let mut polls = async |change: &dyn Fn(&mut protocol::ActivateJobsRequest), text: &str| {
        let mut request = poll("t", 1, -1);
        change(&mut request);
        let text = rejected("ACTIVATE", &format!("{activating}{text}"));
        check(
            activate(&mut client, request).await,
            Code::InvalidArgument,
            &text,
        );
    };
    polls(
        &|it| it.r#type = " ".into(),
        "type to be present, but it was blank",
    )
    .await;
    polls(
        &|it| it.timeout = 0,
        "timeout to be greater than zero, but it was '0'",
    )
    .await;
    polls(
        &|it| it.max_jobs_to_activate = 0,
        "max jobs to activate to be greater than zero, but it was '0'",
    )
    .await;
    let mut anonymous = poll("t", 1, -1);
    anonymous.worker = String::new();
    assert_eq!(activate(&mut client, anonymous).await.unwrap(), []);
    let mut stream = async |r#type: &str, timeout, text: &str| {
        let request = StreamActivatedJobsRequest {
            r#type: r#type.to_owned(),
            timeout,
            ..Default::default()
        };
        let answer = client.stream_activated_jobs(request).await;
        check(answer.map(drop), Code::InvalidArgument, text);
    };
    stream(
        "",
        1000,
        "Expected to stream activated jobs with type to be present, but it was blank",
    )
    .await;
    stream(
        "t",
        0,
        "Expected to stream activated jobs with timeout to be greater than zero, but it was 0",
    )
    .await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_variables_asked_for_are_fetched() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "f")).await;
    create(&mut client, "a", r#"{"a":1,"b":2}"#).await;
    let mut request = poll("f", 1, -1);
    request.fetch_variable = vec!["b".to_owned()];
    let jobs = activate(&mut client, request).await.unwrap();
    assert_eq!(jobs[0].variables, r#"{"b":2}"#);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_retries_is_an_incident_until_an_operator_resolves_it() {
    let Local { broker, mut client } = start().await;
    let body = one_task_body(r#"type="inc" retries="2""#);
    deploy(&mut client, "a.bpmn", &model("a", &body)).await;
    let instance = create(&mut client, "a", "").await;
    let job = take_job(&mut client, "inc").await;
    assert_eq!(job.retries, 2);
    client
        .fail_job(fail(job.key, 0, "no stock", r#"{"why":"x"}"#))
        .await
        .unwrap();
    let (key, error_type, element, text) = incident(broker.rest, instance);
    assert_eq!(
        (error_type.as_str(), element.as_str(), text.as_str()),
        ("JOB_NO_RETRIES", "t", "no stock")
    );
    assert_eq!(
        variables(broker.rest, instance),
        own(&[(false, "why", "\"x\"")])
    );

    let in_state = |intent: &str, what: &str| {
        format!(
            "Command '{intent}' rejected with code 'INVALID_STATE': Expected to {what} job with \
             key '{}', but it is in state 'FAILED'",
            job.key
        )
    };
    check(
        client.complete_job(complete(job.key, "")).await,
        Code::FailedPrecondition,
        &in_state("COMPLETE", "complete"),
    );
    check(
        client.fail_job(fail(job.key, 1, "", "")).await,
        Code::FailedPrecondition,
        &in_state("FAIL", "fail"),
    );
    check(
        client.throw_error(throw(job.key, "E")).await,
        Code::FailedPrecondition,
        &in_state("THROW_ERROR", "throw an error for"),
    );
    check(
        client.resolve_incident(resolve(key)).await,
        Code::NotFound,
        &format!(
            "Command 'RESOLVE' rejected with code 'NOT_FOUND': Expected to resolve incident with \
             key '{key}', but job with key '{}' has no retries left. Please update the job \
             retries and retry resolving the incident",
            job.key
        ),
    );
    for amount in [0, -1] {
        check(
            client.update_job_retries(retries(job.key, amount)).await,
            Code::InvalidArgument,
            &format!(
                "Command 'UPDATE_RETRIES' rejected with code 'INVALID_ARGUMENT': Expected to \
                 update retries for job with key '{}' with a positive amount of retries, but the \
                 amount given was '{amount}'",
                job.key
            ),
        );
    }
    client
        .update_job_retries(retries(job.key, 2))
        .await
        .unwrap();
    assert_eq!(activate(&mut client, poll("inc", 1, -1)).await.unwrap(), []);
    client.resolve_incident(resolve(key)).await.unwrap();
    check(
        client.resolve_incident(resolve(key)).await,
        Code::NotFound,
        &format!(
            "Command 'RESOLVE' rejected with code 'NOT_FOUND': Expected to resolve incident with \
             key '{key}', but no such incident was found"
        ),
    );
    let again = take_job(&mut client, "inc").await;
    assert_eq!((again.key, again.retries), (job.key, 2));
    client.complete_job(complete(job.key, "")).await.unwrap();
    assert_eq!(state_of(broker.rest, instance), "COMPLETED");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_comes_again_after_its_back_off() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "back")).await;
    create(&mut client, "a", "").await;
    let job = take_job(&mut client, "back").await;
    let started = std::time::Instant::now();
    let mut request = fail(job.key, 1, "", "");
    request.retry_back_off = 400;
    client.fail_job(request).await.unwrap();
    let again = take_job(&mut client, "back").await;
    assert_eq!((again.key, again.retries), (job.key, 1));
    // Times are whole milliseconds, so the first one may be a part of one.
    assert!(started.elapsed().as_millis() >= 399);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_nothing_catches_is_an_incident() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "err")).await;
    let instance = create(&mut client, "a", "").await;
    let job = take_job(&mut client, "err").await;
    client.throw_error(throw(job.key, "E9")).await.unwrap();
    let (_, error_type, element, text) = incident(broker.rest, instance);
    assert_eq!(
        (error_type.as_str(), element.as_str()),
        ("UNHANDLED_ERROR_EVENT", "t")
    );
    assert_eq!(
        text,
        "Expected to throw an error event with the code 'E9' with message 'boom', but it was not \
         caught. No error events are available in the scope."
    );
    client
        .cancel_process_instance(cancel(instance))
        .await
        .unwrap();
    check(
        client.cancel_process_instance(cancel(instance)).await,
        Code::NotFound,
        &format!(
            "Command 'CANCEL' rejected with code 'NOT_FOUND': Expected to cancel a process \
             instance with key '{instance}', but no such process was found"
        ),
    );
    assert_eq!(state_of(broker.rest, instance), "TERMINATED");
    broker.stop().await;
}
