//! Calls on the wire, those about jobs aside, against the record of what a Zeebe broker answered:
//! statuses and texts word for word.

use crate::support::{
    Local, create, creation, deploy, deployment, eventually, message, model, one_message, one_task,
    one_task_body, post, start, state_of, take_job,
};
use crate::wire::{UNKNOWN, check, complete, incident, own, resolve, variables};
use protocol::{
    BroadcastSignalRequest, CreateProcessInstanceRequest, CreateProcessInstanceWithResultRequest,
    DeleteResourceRequest, DeployProcessRequest, EvaluateDecisionRequest,
    MigrateProcessInstanceRequest, ModifyProcessInstanceRequest, SetVariablesRequest,
    TopologyRequest,
};
use tonic::{Code, Status};

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
