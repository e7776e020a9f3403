//! What clients see on the wire, against the record of what a Zeebe broker answered: statuses and
//! texts word for word.

use crate::support::{
    Local, activate, create, creation, deploy, deployment, eventually, message, model, one_message,
    one_task, one_task_body, poll, post, search, start, state_of, take_job,
};
use protocol::{
    BroadcastSignalRequest, CancelProcessInstanceRequest, CompleteJobRequest,
    CreateProcessInstanceRequest, CreateProcessInstanceWithResultRequest, DeleteResourceRequest,
    DeployProcessRequest, EvaluateDecisionRequest, FailJobRequest, MigrateProcessInstanceRequest,
    ModifyProcessInstanceRequest, ResolveIncidentRequest, SetVariablesRequest,
    StreamActivatedJobsRequest, ThrowErrorRequest, TopologyRequest, UpdateJobRetriesRequest,
    UpdateJobTimeoutRequest,
};
use std::net::SocketAddr;
use tonic::{Code, Status};

/// A key of the broker's partition that names nothing.
const UNKNOWN: i64 = 2_251_803_813_685_248;

#[track_caller]
fn check<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, text: &str) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, text));
}

fn complete(job_key: i64, variables: &str) -> CompleteJobRequest {
    CompleteJobRequest {
        job_key,
        variables: variables.to_owned(),
    }
}

fn fail(job_key: i64, retries: i32, error_message: &str, variables: &str) -> FailJobRequest {
    FailJobRequest {
        job_key,
        retries,
        error_message: error_message.to_owned(),
        variables: variables.to_owned(),
        ..Default::default()
    }
}

fn throw(job_key: i64, error_code: &str) -> ThrowErrorRequest {
    ThrowErrorRequest {
        job_key,
        error_code: error_code.to_owned(),
        error_message: "boom".to_owned(),
        ..Default::default()
    }
}

fn retries(job_key: i64, retries: i32) -> UpdateJobRetriesRequest {
    UpdateJobRetriesRequest {
        job_key,
        retries,
        ..Default::default()
    }
}

fn cancel(process_instance_key: i64) -> CancelProcessInstanceRequest {
    CancelProcessInstanceRequest {
        process_instance_key,
        ..Default::default()
    }
}

fn resolve(incident_key: i64) -> ResolveIncidentRequest {
    ResolveIncidentRequest {
        incident_key,
        ..Default::default()
    }
}

/// The open incident of an instance: key, type, element, text.
fn incident(rest: SocketAddr, instance: i64) -> (i64, String, String, String) {
    let filter = format!(r#"{{"filter":{{"processInstanceKey":"{instance}","state":"ACTIVE"}}}}"#);
    let items = search(rest, "incidents", &filter);
    assert_eq!(items.len(), 1, "{items:?}");
    let text = |name: &str| items[0][name].as_str().unwrap().to_owned();
    (
        text("incidentKey").parse().unwrap(),
        text("errorType"),
        text("elementId"),
        text("errorMessage"),
    )
}

/// Variables of an instance: whether at its root, name, value.
fn variables(rest: SocketAddr, instance: i64) -> Vec<(bool, String, String)> {
    let filter = format!(r#"{{"filter":{{"processInstanceKey":"{instance}"}}}}"#);
    let mut all: Vec<_> = search(rest, "variables", &filter)
        .iter()
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            (
                text("scopeKey") == instance.to_string(),
                text("name"),
                text("value"),
            )
        })
        .collect();
    all.sort();
    all
}

fn own(variables: &[(bool, &str, &str)]) -> Vec<(bool, String, String)> {
    let own =
        |(root, name, value): &(bool, &str, &str)| (*root, (*name).to_owned(), (*value).to_owned());
    variables.iter().map(own).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn topology_is_one_broker_with_one_partition() {
    let Local { broker, mut client } = start().await;
    let topology = client
        .topology(TopologyRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (
            topology.cluster_size,
            topology.partitions_count,
            topology.replication_factor
        ),
        (1, 1, 1)
    );
    assert_eq!(topology.gateway_version, broker::VERSION);
    assert_eq!(topology.brokers.len(), 1);
    let node = &topology.brokers[0];
    assert_eq!(
        (node.host.as_str(), node.port),
        ("127.0.0.1", broker.gateway.port().into())
    );
    assert_eq!(node.partitions.len(), 1);
    assert_eq!(node.partitions[0].partition_id, 1);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_counts_versions_as_zeebe_does() {
    let Local { broker, mut client } = start().await;
    let first = one_task("dep", "a");
    let answer = client
        .deploy_resource(deployment(&[("dep.bpmn", &first)]))
        .await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.key, 2_251_799_813_685_249);
    assert_eq!(answer.tenant_id, "<default>");
    let process = |deployment: &protocol::Deployment| match deployment.metadata.clone() {
        Some(protocol::deployment::Metadata::Process(process)) => process,
        other => panic!("{other:?}"),
    };
    let deployed = process(&answer.deployments[0]);
    assert_eq!(
        (
            deployed.bpmn_process_id.as_str(),
            deployed.version,
            deployed.resource_name.as_str()
        ),
        ("dep", 1, "dep.bpmn")
    );
    assert_eq!(deployed.process_definition_key, 2_251_799_813_685_250);
    assert_eq!(deployed.tenant_id, "<default>");
    let unchanged = process(&deploy(&mut client, "dep.bpmn", &first).await);
    assert_eq!(unchanged, deployed);
    let renamed = process(&deploy(&mut client, "other.bpmn", &first).await);
    assert_eq!(renamed.version, 2);
    let changed = process(&deploy(&mut client, "dep.bpmn", &one_task("dep", "b")).await);
    assert_eq!(changed.version, 3);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_zeebe_refuses_is_refused_in_its_words() {
    let Local { broker, mut client } = start().await;
    let head = "Command 'CREATE' rejected with code 'INVALID_ARGUMENT': Expected to deploy ";
    let several = "new resources, but encountered the following errors:\n";
    let mut refused = async |files: &[(&str, &str)], text: &str| {
        let answer = client.deploy_resource(deployment(files)).await;
        check(answer, Code::InvalidArgument, &format!("{head}{text}"));
    };
    refused(&[], "at least one resource, but none given").await;
    refused(
        &[("x.txt", "hello")],
        &format!("{several}\n'x.txt': unknown resource type"),
    )
    .await;
    let untyped = model(
        "p",
        &one_task_body("").replace("<zeebe:taskDefinition />", ""),
    );
    refused(
        &[("a.bpmn", &untyped)],
        &format!(
            "{several}'a.bpmn': - Element: t\n    - ERROR: Must have exactly one \
             'zeebe:taskDefinition' extension element\n"
        ),
    )
    .await;
    let one = one_task("same", "a");
    refused(
        &[("x1.bpmn", &one), ("x2.bpmn", &one)],
        &format!("{several}Duplicated process id in resources 'x1.bpmn' and 'x2.bpmn'"),
    )
    .await;
    let mut tenant = deployment(&[("a.bpmn", &one)]);
    tenant.tenant_id = "acme".to_owned();
    check(
        client.deploy_resource(tenant).await,
        Code::InvalidArgument,
        "Expected to handle gRPC request DeployResource with tenant identifier 'acme', but \
         multi-tenancy is disabled",
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_created_or_refused_in_zeebes_words() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "cr.bpmn", &one_task("cr", "cr")).await;
    let answer = client
        .create_process_instance(creation("cr", ""))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((answer.bpmn_process_id.as_str(), answer.version), ("cr", 1));
    assert_eq!(answer.tenant_id, "<default>");
    let by_key = CreateProcessInstanceRequest {
        process_definition_key: answer.process_definition_key,
        ..Default::default()
    };
    assert!(client.create_process_instance(by_key).await.is_ok());

    let mut refused =
        async |change: &dyn Fn(&mut CreateProcessInstanceRequest), code: Code, text: &str| {
            let mut request = creation("cr", "");
            change(&mut request);
            check(client.create_process_instance(request).await, code, text);
        };
    let rejected = "Command 'CREATE' rejected with code 'NOT_FOUND': Expected to find process \
                    definition with ";
    let not_found = |text: &str| format!("{rejected}{text}");
    refused(
        &|it| it.bpmn_process_id = "no-such".into(),
        Code::NotFound,
        &not_found("process ID 'no-such', but none found"),
    )
    .await;
    refused(
        &|it| it.version = 9,
        Code::NotFound,
        &not_found("process ID 'cr' and version '9', but none found"),
    )
    .await;
    refused(
        &|it| it.version = 0,
        Code::NotFound,
        &not_found("process ID 'cr' and version '0', but none found"),
    )
    .await;
    refused(
        &|it| {
            it.bpmn_process_id.clear();
            it.process_definition_key = UNKNOWN;
        },
        Code::NotFound,
        &not_found("key '2251803813685248', but none found"),
    )
    .await;
    refused(
        &|it| *it = CreateProcessInstanceRequest::default(),
        Code::NotFound,
        &not_found("key '0', but none found"),
    )
    .await;
    refused(
        &|it| it.variables = "{oops".into(),
        Code::InvalidArgument,
        "Invalid JSON value: {oops\n at [Source: REDACTED \
         (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
    )
    .await;
    refused(
        &|it| it.variables = "[1]".into(),
        Code::InvalidArgument,
        "Property 'variables' is invalid: Expected document to be a root level object, but was \
         'ARRAY'",
    )
    .await;
    refused(
        &|it| it.tenant_id = "acme".into(),
        Code::InvalidArgument,
        "Expected to handle gRPC request CreateProcessInstance with tenant identifier 'acme', \
         but multi-tenancy is disabled",
    )
    .await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_four_mebibytes_is_refused_by_its_size() {
    let Local { broker, mut client } = start().await;
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(5_000_000));
    let request = creation("cr", &large);
    let size = prost_size(&request);
    check(
        client.create_process_instance(request).await,
        Code::ResourceExhausted,
        &format!("gRPC message exceeds maximum size 4194304: {size}"),
    );
    broker.stop().await;
}

fn prost_size(request: &CreateProcessInstanceRequest) -> usize {
    // Two texts with their tags and lengths, and the version, which as -1 takes ten bytes.
    let length_bytes = |n: usize| if n < 128 { 1 } else { 4 };
    let text = |text: &str| 1 + length_bytes(text.len()) + text.len();
    text(&request.bpmn_process_id) + text(&request.variables) + 11
}

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

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_buffered_and_known_by_their_ids() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "m.bpmn", &one_message("m", "GOT")).await;
    let early = message("GOT", "lost", 0, "{}");
    assert!(
        client
            .publish_message(early)
            .await
            .unwrap()
            .into_inner()
            .key
            > 0
    );
    let lost = create(&mut client, "m", r#"{"_id":"lost"}"#).await;
    let mut kept = message("GOT", "k1", 60_000, r#"{"stock_level":3}"#);
    kept.message_id = "id-1".to_owned();
    client.publish_message(kept.clone()).await.unwrap();
    check(
        client.publish_message(kept.clone()).await,
        Code::AlreadyExists,
        "Command 'PUBLISH' rejected with code 'ALREADY_EXISTS': Expected to publish a new message \
         with id 'id-1', but a message with that id was already published",
    );
    kept.correlation_key = "k2".to_owned();
    client.publish_message(kept).await.unwrap();
    let first = create(&mut client, "m", r#"{"_id":"k1"}"#).await;
    let second = create(&mut client, "m", r#"{"_id":"k1"}"#).await;
    assert_eq!(state_of(broker.rest, first), "COMPLETED");
    assert_eq!(
        variables(broker.rest, first),
        own(&[(true, "_id", "\"k1\""), (true, "stock_level", "3")])
    );
    for waiting in [lost, second] {
        assert_eq!(state_of(broker.rest, waiting), "ACTIVE");
    }
    check(
        client.publish_message(message("GOT", "k", 0, "x")).await,
        Code::InvalidArgument,
        "Invalid JSON value: x\n at [Source: REDACTED \
         (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
    );
    for unchecked in [message("", "k", 0, ""), message("GOT", "k", -5, "null")] {
        client.publish_message(unchecked).await.unwrap();
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_of_a_missing_variable_goes_when_it_is_set() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "m.bpmn", &one_message("m", "GOT")).await;
    let instance = create(&mut client, "m", "").await;
    let (key, error_type, element, text) = incident(broker.rest, instance);
    assert_eq!(
        (error_type.as_str(), element.as_str()),
        ("EXTRACT_VALUE_ERROR", "c")
    );
    assert_eq!(
        text,
        "Failed to extract the correlation key for '_id': The value must be either a string or a \
         number, but was 'NULL'. The evaluation reported the following warnings:\n\
         [NO_VARIABLE_FOUND] No variable found with name '_id'"
    );
    let set = SetVariablesRequest {
        element_instance_key: instance,
        variables: r#"{"_id":"now"}"#.to_owned(),
        ..Default::default()
    };
    assert!(client.set_variables(set).await.unwrap().into_inner().key > 0);
    client.resolve_incident(resolve(key)).await.unwrap();
    client
        .publish_message(message("GOT", "now", 0, ""))
        .await
        .unwrap();
    assert_eq!(state_of(broker.rest, instance), "COMPLETED");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_set_in_their_scope_or_where_they_are_known() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "set")).await;
    let instance = create(&mut client, "a", r#"{"a":1}"#).await;
    let task = take_job(&mut client, "set").await.element_instance_key;
    let set = |element_instance_key, variables: &str, local| SetVariablesRequest {
        element_instance_key,
        variables: variables.to_owned(),
        local,
        ..Default::default()
    };
    client
        .set_variables(set(task, r#"{"l":1,"a":2}"#, true))
        .await
        .unwrap();
    assert_eq!(
        variables(broker.rest, instance),
        own(&[(false, "a", "2"), (false, "l", "1"), (true, "a", "1")])
    );
    client
        .set_variables(set(task, r#"{"a":3,"n":1}"#, false))
        .await
        .unwrap();
    assert_eq!(
        variables(broker.rest, instance),
        own(&[
            (false, "a", "3"),
            (false, "l", "1"),
            (true, "a", "1"),
            (true, "n", "1")
        ])
    );
    check(
        client.set_variables(set(UNKNOWN, "{}", true)).await,
        Code::NotFound,
        "Command 'UPDATE' rejected with code 'NOT_FOUND': Expected to update variables for \
         element with key '2251803813685248', but no such element was found",
    );
    check(
        client.set_variables(set(UNKNOWN, "nope", true)).await,
        Code::InvalidArgument,
        "Invalid JSON value: nope\n at [Source: REDACTED \
         (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 5]",
    );
    broker.stop().await;
}

fn awaiting(process_id: &str, variables: &str) -> CreateProcessInstanceWithResultRequest {
    CreateProcessInstanceWithResultRequest {
        request: Some(creation(process_id, variables)),
        ..Default::default()
    }
}

/// Start, end: nothing to wait for.
fn straight(process_id: &str) -> String {
    model(
        process_id,
        r#"<bpmn:startEvent id="s"><bpmn:outgoing>f</bpmn:outgoing></bpmn:startEvent>
<bpmn:sequenceFlow id="f" sourceRef="s" targetRef="e"/>
<bpmn:endEvent id="e"><bpmn:incoming>f</bpmn:incoming></bpmn:endEvent>"#,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_waited_for() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "wr.bpmn", &straight("wr")).await;
    deploy(&mut client, "a.bpmn", &one_task("a", "wr-job")).await;
    let request = awaiting("wr", r#"{"a":1,"b":2}"#);
    let answer = client
        .create_process_instance_with_result(request.clone())
        .await
        .unwrap();
    assert_eq!(answer.into_inner().variables, r#"{"a":1,"b":2}"#);
    let mut some = request;
    some.fetch_variables = vec!["b".to_owned()];
    let answer = client
        .create_process_instance_with_result(some)
        .await
        .unwrap();
    assert_eq!(answer.into_inner().variables, r#"{"b":2}"#);

    let mut other = client.clone();
    let waiting = tokio::spawn(async move {
        other
            .create_process_instance_with_result(awaiting("a", "{}"))
            .await
    });
    let job = take_job(&mut client, "wr-job").await;
    client
        .complete_job(complete(job.key, r#"{"r":"done"}"#))
        .await
        .unwrap();
    let answer = waiting.await.unwrap().unwrap().into_inner();
    assert_eq!(answer.variables, r#"{"r":"done"}"#);
    assert_eq!(answer.process_instance_key, job.process_instance_key);

    let mut short = awaiting("a", "{}");
    short.request_timeout = 500;
    check(
        client.create_process_instance_with_result(short).await,
        Code::DeadlineExceeded,
        &format!(
            "Time out between gateway and broker: Request command-api-1 to {} timed out in PT0.5S",
            broker.gateway
        ),
    );
    check(
        client
            .create_process_instance_with_result(awaiting("nope", ""))
            .await,
        Code::NotFound,
        "Command 'CREATE_WITH_AWAITING_RESULT' rejected with code 'NOT_FOUND': Expected to find \
         process definition with process ID 'nope', but none found",
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_text_come_back_as_zeebe_gives_them() {
    let Local { broker, mut client } = start().await;
    deploy(&mut client, "a.bpmn", &one_task("a", "n")).await;
    let given = "{\"u\":\"\\u00e9\\u2603\", \"big\":12345678901234567890, \"dec\":1.10, \
                 \"neg\":-0.0, \"date\":\"2026-01-01\"}";
    create(&mut client, "a", given).await;
    let job = take_job(&mut client, "n").await;
    assert_eq!(
        job.variables,
        r#"{"u":"é☃","big":12345678901234567890,"dec":1.1,"neg":-0.0,"date":"2026-01-01"}"#
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_supported_says_so() {
    let Local { broker, mut client } = start().await;
    #[track_caller]
    fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, rpc: &str) {
        let status = answer.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(
            status
                .message()
                .starts_with(&format!("{rpc} is not supported by this broker")),
            "{status}"
        );
    }
    let request = EvaluateDecisionRequest::default();
    refused(client.evaluate_decision(request).await, "EvaluateDecision");
    refused(
        client.deploy_process(DeployProcessRequest::default()).await,
        "DeployProcess",
    );
    let request = ModifyProcessInstanceRequest::default();
    refused(
        client.modify_process_instance(request).await,
        "ModifyProcessInstance",
    );
    let request = MigrateProcessInstanceRequest::default();
    refused(
        client.migrate_process_instance(request).await,
        "MigrateProcessInstance",
    );
    refused(
        client
            .delete_resource(DeleteResourceRequest::default())
            .await,
        "DeleteResource",
    );
    refused(
        client
            .broadcast_signal(BroadcastSignalRequest::default())
            .await,
        "BroadcastSignal",
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_rpc_is_named() {
    let Local { broker, .. } = start().await;
    let channel = crate::support::channel(broker.gateway).await;
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path =
        tonic::codegen::http::uri::PathAndQuery::from_static("/gateway_protocol.Gateway/Nope");
    let codec: tonic_prost::ProstCodec<TopologyRequest, TopologyRequest> =
        tonic_prost::ProstCodec::default();
    let answer = grpc
        .unary(tonic::Request::new(TopologyRequest {}), path, codec)
        .await;
    check(
        answer,
        Code::Unimplemented,
        "Method not found: gateway_protocol.Gateway/Nope",
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_service_says_serving() {
    let Local { broker, .. } = start().await;
    let channel = crate::support::channel(broker.gateway).await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    for service in ["", "gateway_protocol.Gateway"] {
        let request = tonic_health::pb::HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(
            answer.status(),
            tonic_health::pb::health_check_response::ServingStatus::Serving
        );
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_when_the_clock_is_moved() {
    let config = broker::Config {
        controlled_clock: true,
        ..Default::default()
    };
    let Local { broker, mut client } = crate::support::start_with(config).await;
    deploy(
        &mut client,
        "t.bpmn",
        &crate::support::one_timer("t", "PT1H"),
    )
    .await;
    let instance = create(&mut client, "t", "").await;
    let (status, answer) = post(
        broker.management,
        "/actuator/clock/add",
        r#"{"offsetMilli":3599000}"#,
    );
    assert_eq!(status, 200, "{answer}");
    assert_eq!(state_of(broker.rest, instance), "ACTIVE");
    post(
        broker.management,
        "/actuator/clock/add",
        r#"{"offsetMilli":2000}"#,
    );
    // The answer comes once what became due is done, so nobody needs to wait.
    assert_eq!(state_of(broker.rest, instance), "COMPLETED");
    let (status, _) = post(
        broker.management,
        "/actuator/clock/add",
        r#"{"offsetMilli":-1}"#,
    );
    assert_eq!(status, 400);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_by_itself() {
    let Local { broker, mut client } = start().await;
    deploy(
        &mut client,
        "t.bpmn",
        &crate::support::one_timer("t", "PT0.3S"),
    )
    .await;
    let started = std::time::Instant::now();
    let instance = create(&mut client, "t", "").await;
    eventually("the timer", || {
        (state_of(broker.rest, instance) == "COMPLETED").then_some(())
    });
    assert!(started.elapsed().as_millis() >= 299);
    broker.stop().await;
}
