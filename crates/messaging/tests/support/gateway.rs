//! A gateway that keeps what it is told and gives the jobs that a test hands it: no engine, but the
//! real protocol on a real port. It can be stopped without warning and started again.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary includes this file and uses the part of it that it needs"
)]

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use messaging::protocol::gateway_server::{Gateway as Service, GatewayServer};
use messaging::protocol::*;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::{Request, Response, Status};

/// A test that waits longer than this for something has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// All that the gateway was told, and what it is to answer.
#[derive(Default)]
pub struct State {
    pub published: Vec<PublishMessageRequest>,
    pub refused_twice: Vec<PublishMessageRequest>,
    pub deployed: Vec<Resource>,
    pub completed: Vec<CompleteJobRequest>,
    pub failed: Vec<FailJobRequest>,
    pub thrown: Vec<ThrowErrorRequest>,
    /// Deadlines that were moved.
    pub moved: Vec<UpdateJobTimeoutRequest>,
    pub polls: Vec<ActivateJobsRequest>,
    pub streamed: Vec<StreamActivatedJobsRequest>,
    /// `authorization` of each call that had one.
    pub tokens: HashSet<String>,
    /// Status to answer the next calls with, whatever they are.
    pub refuse: VecDeque<Status>,
    /// Whether job streams are unknown, as on an older gateway.
    pub no_streams: bool,
    queue: VecDeque<ActivatedJob>,
    streams: HashMap<String, mpsc::UnboundedSender<Result<ActivatedJob, Status>>>,
    message_ids: HashSet<(String, String, String)>,
    versions: HashMap<String, (i32, Vec<u8>)>,
}

impl State {
    /// Whether a job stream of this type is open.
    pub fn is_streaming(&self, job_type: &str) -> bool {
        self.streams
            .get(job_type)
            .is_some_and(|stream| !stream.is_closed())
    }
}

/// The gateway's handle; its state outlives a stop.
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let value = change(&mut self.state.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        value
    }
}

impl Gateway {
    /// A gateway on a free port.
    pub fn start() -> Gateway {
        let mut gateway = Gateway::stopped();
        gateway.restart();
        gateway
    }

    /// A free port on which nothing answers until [`Gateway::restart`].
    pub fn stopped() -> Gateway {
        let probe = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Gateway {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: watch::Sender::new(0),
            }),
            address: probe.local_addr().unwrap(),
            runtime: None,
        }
    }

    /// Starts it on its port.
    pub fn restart(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let service = GatewayServer::from_arc(self.shared.clone());
        let address = self.address;
        let (ready, is_ready) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.unwrap();
            ready.send(()).unwrap();
            let incoming = TcpListenerStream::new(listener);
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        is_ready.recv().unwrap();
        self.runtime = Some(runtime);
    }

    /// Stops it as a crash would: every connection is cut.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // On a thread of its own, since it blocks until all tasks and their sockets are gone.
            let end = std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE));
            end.join().unwrap();
        }
        self.shared.change(|state| state.streams.clear());
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What it was told so far.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    /// Changes what it answers.
    pub fn configure(&self, change: impl FnOnce(&mut State)) {
        self.shared.change(change);
    }

    /// Makes a job: it is pushed if a stream waits for its type, else kept for a poll.
    pub fn make_job(&self, job: ActivatedJob) {
        self.shared.change(|state| {
            let stream = state.streams.get(&job.r#type);
            let taken = stream.is_some_and(|stream| stream.send(Ok(job.clone())).is_ok());
            if !taken {
                state.queue.push_back(job);
            }
        });
    }

    /// Makes a job that only a poll finds.
    pub fn queue_job(&self, job: ActivatedJob) {
        self.shared.change(|state| state.queue.push_back(job));
    }

    /// Waits until the state is as the test expects, and fails when it does not become so.
    pub async fn until(&self, what: &str, reached: impl Fn(&State) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        let wait = changed.wait_for(|_| reached(&self.shared.state.lock().unwrap()));
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(result) => drop(result.unwrap()),
            Err(_) => panic!("waited in vain until {what}"),
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn enter<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let token = request.metadata().get("authorization");
        self.change(|state| {
            if let Some(token) = token {
                state.tokens.insert(token.to_str().unwrap().to_owned());
            }
            match state.refuse.pop_front() {
                Some(status) => Err(status),
                None => Ok(()),
            }
        })
    }

    fn take(&self, request: &ActivateJobsRequest) -> Vec<ActivatedJob> {
        self.change(|state| {
            let mut jobs = Vec::new();
            let mut rest = VecDeque::new();
            for job in state.queue.drain(..) {
                let wanted = job.r#type == request.r#type;
                if wanted && jobs.len() < usize::try_from(request.max_jobs_to_activate).unwrap() {
                    jobs.push(job);
                } else {
                    rest.push_back(job);
                }
            }
            state.queue = rest;
            jobs
        })
    }
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Calls that no test needs.
macro_rules! unknown {
    ($($name:ident: $request:ty => $response:ty),* $(,)?) => {
        $(
            // As the attribute writes async functions, which it does not see inside a macro.
            fn $name<'s, 'async_trait>(
                &'s self,
                _: Request<$request>,
            ) -> Pin<Box<dyn Future<Output = Result<Response<$response>, Status>> + Send + 'async_trait>>
            where
                's: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async { Err(Status::unimplemented(stringify!($name))) })
            }
        )*
    };
}

#[tonic::async_trait]
impl Service for Shared {
    type ActivateJobsStream = Streamed<ActivateJobsResponse>;
    type StreamActivatedJobsStream = Streamed<ActivatedJob>;

    async fn activate_jobs(
        &self,
        request: Request<ActivateJobsRequest>,
    ) -> Result<Response<Self::ActivateJobsStream>, Status> {
        self.enter(&request)?;
        let request = request.into_inner();
        self.change(|state| state.polls.push(request.clone()));
        let mut changed = self.changed.subscribe();
        let patience = Duration::from_millis(request.request_timeout.unsigned_abs());
        let found = tokio::time::timeout(patience, async {
            loop {
                let waiting =
                    |state: &State| state.queue.iter().any(|job| job.r#type == request.r#type);
                changed
                    .wait_for(|_| waiting(&self.state.lock().unwrap()))
                    .await
                    .unwrap();
                let jobs = self.take(&request);
                if !jobs.is_empty() {
                    return jobs;
                }
            }
        })
        .await;
        let answers = found
            .into_iter()
            .map(|jobs| Ok(ActivateJobsResponse { jobs }));
        Ok(Response::new(Box::pin(tokio_stream::iter(
            answers.collect::<Vec<_>>(),
        ))))
    }

    async fn stream_activated_jobs(
        &self,
        request: Request<StreamActivatedJobsRequest>,
    ) -> Result<Response<Self::StreamActivatedJobsStream>, Status> {
        self.enter(&request)?;
        let request = request.into_inner();
        let (jobs, stream) = mpsc::unbounded_channel();
        self.change(|state| {
            if state.no_streams {
                return Err(Status::unimplemented("StreamActivatedJobs"));
            }
            state.streams.insert(request.r#type.clone(), jobs);
            state.streamed.push(request);
            Ok(())
        })?;
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(
            stream,
        ))))
    }

    async fn complete_job(
        &self,
        request: Request<CompleteJobRequest>,
    ) -> Result<Response<CompleteJobResponse>, Status> {
        self.enter(&request)?;
        self.change(|state| state.completed.push(request.into_inner()));
        Ok(Response::new(CompleteJobResponse {}))
    }

    async fn fail_job(
        &self,
        request: Request<FailJobRequest>,
    ) -> Result<Response<FailJobResponse>, Status> {
        self.enter(&request)?;
        self.change(|state| state.failed.push(request.into_inner()));
        Ok(Response::new(FailJobResponse {}))
    }

    async fn throw_error(
        &self,
        request: Request<ThrowErrorRequest>,
    ) -> Result<Response<ThrowErrorResponse>, Status> {
        self.enter(&request)?;
        self.change(|state| state.thrown.push(request.into_inner()));
        Ok(Response::new(ThrowErrorResponse {}))
    }

    async fn update_job_timeout(
        &self,
        request: Request<UpdateJobTimeoutRequest>,
    ) -> Result<Response<UpdateJobTimeoutResponse>, Status> {
        self.enter(&request)?;
        self.change(|state| state.moved.push(request.into_inner()));
        Ok(Response::new(UpdateJobTimeoutResponse {}))
    }

    async fn publish_message(
        &self,
        request: Request<PublishMessageRequest>,
    ) -> Result<Response<PublishMessageResponse>, Status> {
        self.enter(&request)?;
        let message = request.into_inner();
        self.change(|state| {
            let id = (
                message.name.clone(),
                message.correlation_key.clone(),
                message.message_id.clone(),
            );
            if !message.message_id.is_empty() && !state.message_ids.insert(id) {
                state.refused_twice.push(message);
                return Err(Status::already_exists("that message was published before"));
            }
            state.published.push(message);
            let key = i64::try_from(state.published.len()).unwrap();
            Ok(Response::new(PublishMessageResponse {
                key,
                ..Default::default()
            }))
        })
    }

    async fn deploy_resource(
        &self,
        request: Request<DeployResourceRequest>,
    ) -> Result<Response<DeployResourceResponse>, Status> {
        self.enter(&request)?;
        let resources = request.into_inner().resources;
        self.change(|state| {
            let mut deployments = Vec::new();
            for resource in resources {
                if !resource.content.starts_with(b"<") {
                    return Err(Status::invalid_argument(
                        "Expected to deploy new resources, but ..",
                    ));
                }
                let (version, content) = state.versions.entry(resource.name.clone()).or_default();
                if *content != resource.content {
                    *version += 1;
                    content.clone_from(&resource.content);
                }
                let stem = resource.name.split('.').next().unwrap().to_owned();
                let process = ProcessMetadata {
                    bpmn_process_id: stem,
                    version: *version,
                    process_definition_key: i64::from(*version),
                    resource_name: resource.name.clone(),
                    ..Default::default()
                };
                deployments.push(Deployment {
                    metadata: Some(deployment::Metadata::Process(process)),
                });
                state.deployed.push(resource);
            }
            Ok(Response::new(DeployResourceResponse {
                key: 1,
                deployments,
                ..Default::default()
            }))
        })
    }

    async fn topology(
        &self,
        request: Request<TopologyRequest>,
    ) -> Result<Response<TopologyResponse>, Status> {
        self.enter(&request)?;
        Ok(Response::new(TopologyResponse {
            cluster_size: 1,
            partitions_count: 1,
            gateway_version: "8.6.0".to_owned(),
            ..Default::default()
        }))
    }

    unknown! {
        cancel_process_instance: CancelProcessInstanceRequest => CancelProcessInstanceResponse,
        create_process_instance: CreateProcessInstanceRequest => CreateProcessInstanceResponse,
        create_process_instance_with_result: CreateProcessInstanceWithResultRequest => CreateProcessInstanceWithResultResponse,
        evaluate_decision: EvaluateDecisionRequest => EvaluateDecisionResponse,
        deploy_process: DeployProcessRequest => DeployProcessResponse,
        resolve_incident: ResolveIncidentRequest => ResolveIncidentResponse,
        set_variables: SetVariablesRequest => SetVariablesResponse,
        update_job_retries: UpdateJobRetriesRequest => UpdateJobRetriesResponse,
        modify_process_instance: ModifyProcessInstanceRequest => ModifyProcessInstanceResponse,
        migrate_process_instance: MigrateProcessInstanceRequest => MigrateProcessInstanceResponse,
        delete_resource: DeleteResourceRequest => DeleteResourceResponse,
        broadcast_signal: BroadcastSignalRequest => BroadcastSignalResponse,
    }
}
