//! What the tests share: a broker in this process or as its own, a client, models, REST calls.

use broker::{Broker, Config};
use protocol::gateway_client::GatewayClient;
use protocol::{
    ActivateJobsRequest, ActivatedJob, CreateProcessInstanceRequest, DeployResourceRequest,
    PublishMessageRequest, Resource,
};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};

pub(crate) type Client = GatewayClient<Channel>;

/// How long a test waits for what should come at once, before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A broker in this process and a client of it.
pub(crate) struct Local {
    pub(crate) broker: Broker,
    pub(crate) client: Client,
}

/// Starts a broker in memory.
pub(crate) async fn start() -> Local {
    start_with(Config::default()).await
}

pub(crate) async fn start_with(config: Config) -> Local {
    let broker = Broker::start(config).await.unwrap();
    let client = connect(broker.gateway).await;
    Local { broker, client }
}

pub(crate) async fn connect(gateway: SocketAddr) -> Client {
    GatewayClient::new(channel(gateway).await)
}

pub(crate) async fn channel(gateway: SocketAddr) -> Channel {
    let endpoint = Endpoint::new(format!("http://{gateway}")).unwrap();
    endpoint.connect().await.unwrap()
}

/// The binary, as a process of its own that can be killed.
pub(crate) struct Process {
    child: Child,
    pub(crate) gateway: SocketAddr,
    pub(crate) rest: SocketAddr,
    pub(crate) management: SocketAddr,
}

impl Process {
    /// Starts it on a data folder, and waits for its ready line.
    pub(crate) fn start(data: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_broker"))
            .args([
                "--port",
                "0",
                "--rest-port",
                "0",
                "--management-port",
                "0",
                "--data",
            ])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let (gateway, rest, management) = parse_ready(&line);
        Self {
            child,
            gateway,
            rest,
            management,
        }
    }

    /// SIGTERM, and waits until it has ended.
    pub(crate) fn stop(mut self) {
        let kill = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(kill.unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// SIGKILL: nothing gets a chance to be written.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that failed half way leaves no process behind.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The addresses in `broker ready: gRPC A, REST http://B, management http://C`.
pub(crate) fn parse_ready(line: &str) -> (SocketAddr, SocketAddr, SocketAddr) {
    let rest = line.strip_prefix("broker ready: gRPC ").expect(line);
    let parts: Vec<_> = rest.trim().split(", ").collect();
    let address = |text: &str| text.parse().unwrap();
    (
        address(parts[0]),
        address(parts[1].strip_prefix("REST http://").unwrap()),
        address(parts[2].strip_prefix("management http://").unwrap()),
    )
}

/// A model file around elements and flows.
pub(crate) fn model(process_id: &str, body: &str) -> String {
    model_with(process_id, body, "")
}

/// A model file with something beside its process, such as messages and errors.
pub(crate) fn model_with(process_id: &str, body: &str, beside: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  id="definitions" targetNamespace="urn:test">
  <bpmn:process id="{process_id}" name="Test" isExecutable="true">{body}</bpmn:process>
  {beside}
</bpmn:definitions>"#
    )
}

/// Start, one service task `t` of this job type, end.
pub(crate) fn one_task(process_id: &str, job_type: &str) -> String {
    model(process_id, &one_task_body(&format!(r#"type="{job_type}""#)))
}

pub(crate) fn one_task_body(task_definition: &str) -> String {
    format!(
        r#"<bpmn:startEvent id="s"><bpmn:outgoing>f1</bpmn:outgoing></bpmn:startEvent>
<bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="t"/>
<bpmn:serviceTask id="t" name="Do it"><bpmn:extensionElements>
  <zeebe:taskDefinition {task_definition}/>
  <zeebe:taskHeaders><zeebe:header key="url" value="http://x"/></zeebe:taskHeaders>
</bpmn:extensionElements>
<bpmn:incoming>f1</bpmn:incoming><bpmn:outgoing>f2</bpmn:outgoing></bpmn:serviceTask>
<bpmn:sequenceFlow id="f2" sourceRef="t" targetRef="e"/>
<bpmn:endEvent id="e"><bpmn:incoming>f2</bpmn:incoming></bpmn:endEvent>"#
    )
}

/// Start, a catch event `c` for this message with the correlation key `=_id`, end.
pub(crate) fn one_message(process_id: &str, message: &str) -> String {
    model_with(
        process_id,
        r#"<bpmn:startEvent id="s"><bpmn:outgoing>f1</bpmn:outgoing></bpmn:startEvent>
<bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="c"/>
<bpmn:intermediateCatchEvent id="c">
<bpmn:incoming>f1</bpmn:incoming><bpmn:outgoing>f2</bpmn:outgoing>
<bpmn:messageEventDefinition id="cd" messageRef="msg_def"/></bpmn:intermediateCatchEvent>
<bpmn:sequenceFlow id="f2" sourceRef="c" targetRef="e"/>
<bpmn:endEvent id="e"><bpmn:incoming>f2</bpmn:incoming></bpmn:endEvent>"#,
        &format!(
            r#"<bpmn:message id="msg_def" name="{message}"><bpmn:extensionElements>
<zeebe:subscription correlationKey="=_id"/></bpmn:extensionElements></bpmn:message>"#
        ),
    )
}

/// Start, a timer `c` of this duration, end.
pub(crate) fn one_timer(process_id: &str, duration: &str) -> String {
    model(
        process_id,
        &format!(
            r#"<bpmn:startEvent id="s"><bpmn:outgoing>f1</bpmn:outgoing></bpmn:startEvent>
<bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="c"/>
<bpmn:intermediateCatchEvent id="c">
<bpmn:incoming>f1</bpmn:incoming><bpmn:outgoing>f2</bpmn:outgoing>
<bpmn:timerEventDefinition id="cd">
<bpmn:timeDuration xsi:type="bpmn:tFormalExpression">{duration}</bpmn:timeDuration>
</bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>
<bpmn:sequenceFlow id="f2" sourceRef="c" targetRef="e"/>
<bpmn:endEvent id="e"><bpmn:incoming>f2</bpmn:incoming></bpmn:endEvent>"#
        ),
    )
}

pub(crate) async fn deploy(client: &mut Client, name: &str, model: &str) -> protocol::Deployment {
    let response = client
        .deploy_resource(deployment(&[(name, model)]))
        .await
        .unwrap();
    response.into_inner().deployments.remove(0)
}

pub(crate) fn deployment(files: &[(&str, &str)]) -> DeployResourceRequest {
    let resources = files.iter().map(|(name, content)| Resource {
        name: (*name).to_owned(),
        content: content.as_bytes().to_vec(),
    });
    DeployResourceRequest {
        resources: resources.collect(),
        ..Default::default()
    }
}

pub(crate) fn creation(process_id: &str, variables: &str) -> CreateProcessInstanceRequest {
    CreateProcessInstanceRequest {
        bpmn_process_id: process_id.to_owned(),
        version: -1,
        variables: variables.to_owned(),
        ..Default::default()
    }
}

/// Starts an instance; gives its key.
pub(crate) async fn create(client: &mut Client, process_id: &str, variables: &str) -> i64 {
    let request = creation(process_id, variables);
    let response = client.create_process_instance(request).await.unwrap();
    response.into_inner().process_instance_key
}

pub(crate) fn message(name: &str, key: &str, ttl: i64, variables: &str) -> PublishMessageRequest {
    PublishMessageRequest {
        name: name.to_owned(),
        correlation_key: key.to_owned(),
        time_to_live: ttl,
        variables: variables.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn poll(job_type: &str, max_jobs: i32, request_timeout: i64) -> ActivateJobsRequest {
    ActivateJobsRequest {
        r#type: job_type.to_owned(),
        worker: "test".to_owned(),
        timeout: 60_000,
        max_jobs_to_activate: max_jobs,
        request_timeout,
        ..Default::default()
    }
}

/// All jobs of one poll.
pub(crate) async fn activate(
    client: &mut Client,
    request: ActivateJobsRequest,
) -> Result<Vec<ActivatedJob>, tonic::Status> {
    let mut stream = client.activate_jobs(request).await?.into_inner();
    let mut jobs = Vec::new();
    while let Some(response) = stream.message().await? {
        jobs.extend(response.jobs);
    }
    Ok(jobs)
}

/// One job of a type, which is there already or comes soon.
pub(crate) async fn take_job(client: &mut Client, job_type: &str) -> ActivatedJob {
    let request = poll(job_type, 1, PATIENCE.as_millis() as i64);
    activate(client, request).await.unwrap().remove(0)
}

/// `POST /v2/...` with a JSON body: the status and the answer.
pub(crate) fn post(address: SocketAddr, path: &str, body: &str) -> (u16, Value) {
    let (status, _, body) = call(address, "POST", path, body);
    (
        status,
        serde_json::from_str(&body).unwrap_or(Value::String(body)),
    )
}

pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let (status, _, body) = call(address, "GET", path, "");
    (status, body)
}

/// One HTTP/1.1 call: the status, the head, the body.
pub(crate) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

/// Items of a search.
pub(crate) fn search(rest: SocketAddr, resource: &str, body: &str) -> Vec<Value> {
    let (status, answer) = post(rest, &format!("/v2/{resource}/search"), body);
    assert_eq!(status, 200, "{answer}");
    answer["items"].as_array().unwrap().clone()
}

/// The state of an instance, by REST.
pub(crate) fn state_of(rest: SocketAddr, process_instance_key: i64) -> String {
    let filter = format!(r#"{{"filter":{{"processInstanceKey":"{process_instance_key}"}}}}"#);
    let items = search(rest, "process-instances", &filter);
    items[0]["state"].as_str().unwrap().to_owned()
}

/// Asks again until the answer is there.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::yield_now();
    }
}

/// The hash of the engine's state, and its position.
pub(crate) fn state_hash(management: SocketAddr) -> (u64, String) {
    let (status, body) = get(management, "/_backroom/state-hash");
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let hash = answer["hash"].as_str().unwrap().to_owned();
    (answer["position"].as_u64().unwrap(), hash)
}
