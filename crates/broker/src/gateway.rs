//! The gateway: Zeebe's gRPC service, one file an rpc.
//!
//! Each turns the request into a command, hands it to the engine's thread, and turns the answer
//! back. What the engine must not see is checked here: JSON, tenants, keys of other partitions.
//! Texts and statuses are Zeebe's, word for word.

mod activate_jobs;
mod cancel_process_instance;
mod complete_job;
mod create_process_instance;
mod create_process_instance_with_result;
mod deploy_resource;
mod fail_job;
mod publish_message;
mod resolve_incident;
mod set_variables;
mod status;
mod stream_activated_jobs;
mod throw_error;
mod topology;
mod unsupported;
mod update_job_retries;
mod update_job_timeout;
mod wording;

pub(crate) use wording::Wording;

use crate::handle::Handle;
use engine::{Command, Key, Response};
use protocol as proto;
use std::net::SocketAddr;
use tonic::Status;

/// The one tenant there is while multi-tenancy is off, which it always is.
const TENANT: &str = "<default>";

/// How large a message may be, in both directions, as on Zeebe.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// The service.
#[derive(Clone)]
pub(crate) struct Gateway {
    engine: Handle,
    address: SocketAddr,
}

impl Gateway {
    /// A gateway to an engine; `address` is where it listens, for the topology.
    #[must_use]
    pub(crate) fn new(engine: Handle, address: SocketAddr) -> Self {
        Self { engine, address }
    }

    /// Has a command processed. A rejection becomes a status.
    async fn execute(&self, command: Command, bytes: usize) -> Result<Response, Status> {
        match self.engine.execute(command, bytes).await {
            Ok(Response::Rejected(rejection)) => Err(status::of_rejection(&rejection)),
            Ok(response) => Ok(response),
            Err(no_answer) => Err(status::of_no_answer(no_answer)),
        }
    }

    /// The same, where the answer says nothing more.
    async fn carry_out(&self, command: Command, bytes: usize) -> Result<(), Status> {
        self.execute(command, bytes).await.map(drop)
    }
}

/// The key in a request. One of another partition cannot be answered by the one there is.
fn key(key: i64) -> Result<Key, Status> {
    let key = Key(key);
    if key.partition() == engine::key::PARTITION {
        return Ok(key);
    }
    Err(Status::unavailable(format!(
        "Expected to execute command on partition {}, but either it does not exist, or the \
         gateway is not yet aware of it",
        key.partition()
    )))
}

/// The variables in a request.
fn variables(text: &str) -> Result<engine::command::Variables, Status> {
    crate::variables::parse(text).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn check_tenant(request: &str, tenant: &str) -> Result<(), Status> {
    if tenant.is_empty() || tenant == TENANT {
        return Ok(());
    }
    Err(Status::invalid_argument(format!(
        "Expected to handle gRPC request {request} with tenant identifier '{tenant}', but \
         multi-tenancy is disabled"
    )))
}

fn check_tenants(request: &str, tenants: &[String]) -> Result<(), Status> {
    let named = tenants.iter().filter(|tenant| !tenant.is_empty());
    if named.clone().all(|tenant| tenant == TENANT) {
        return Ok(());
    }
    let list: Vec<_> = named.map(String::as_str).collect();
    Err(Status::invalid_argument(format!(
        "Expected to handle gRPC request {request} with tenant identifiers '[{}]', but \
         multi-tenancy is disabled",
        list.join(", ")
    )))
}

fn to_proto(job: engine::command::ActivatedJob) -> proto::ActivatedJob {
    proto::ActivatedJob {
        key: job.key.0,
        r#type: job.job_type.to_string(),
        process_instance_key: job.process_instance_key.0,
        bpmn_process_id: job.bpmn_process_id.to_string(),
        process_definition_version: job.process_definition_version,
        process_definition_key: job.process_key.0,
        element_id: job.element_id.to_string(),
        element_instance_key: job.element_instance_key.0,
        custom_headers: job.custom_headers.to_string(),
        worker: job.worker.to_string(),
        retries: job.retries,
        deadline: job.deadline.0,
        variables: job.variables,
        tenant_id: TENANT.to_owned(),
    }
}

/// Declares the rpcs: each is a method of [`Gateway`] of the same name, in its own file.
macro_rules! rpcs {
    ($($rpc:ident($request:ident) -> $response:ty;)*) => {
        #[tonic::async_trait]
        impl proto::gateway_server::Gateway for Gateway {
            type ActivateJobsStream = activate_jobs::Jobs;
            type StreamActivatedJobsStream = stream_activated_jobs::Jobs;

            $(
                async fn $rpc(
                    &self,
                    request: tonic::Request<proto::$request>,
                ) -> Result<tonic::Response<$response>, Status> {
                    Gateway::$rpc(self, request.into_inner())
                        .await
                        .map(tonic::Response::new)
                }
            )*
        }
    };
}

rpcs! {
    topology(TopologyRequest) -> proto::TopologyResponse;
    deploy_resource(DeployResourceRequest) -> proto::DeployResourceResponse;
    create_process_instance(CreateProcessInstanceRequest)
        -> proto::CreateProcessInstanceResponse;
    create_process_instance_with_result(CreateProcessInstanceWithResultRequest)
        -> proto::CreateProcessInstanceWithResultResponse;
    cancel_process_instance(CancelProcessInstanceRequest)
        -> proto::CancelProcessInstanceResponse;
    publish_message(PublishMessageRequest) -> proto::PublishMessageResponse;
    activate_jobs(ActivateJobsRequest) -> activate_jobs::Jobs;
    stream_activated_jobs(StreamActivatedJobsRequest) -> stream_activated_jobs::Jobs;
    complete_job(CompleteJobRequest) -> proto::CompleteJobResponse;
    fail_job(FailJobRequest) -> proto::FailJobResponse;
    throw_error(ThrowErrorRequest) -> proto::ThrowErrorResponse;
    update_job_retries(UpdateJobRetriesRequest) -> proto::UpdateJobRetriesResponse;
    update_job_timeout(UpdateJobTimeoutRequest) -> proto::UpdateJobTimeoutResponse;
    resolve_incident(ResolveIncidentRequest) -> proto::ResolveIncidentResponse;
    set_variables(SetVariablesRequest) -> proto::SetVariablesResponse;
    evaluate_decision(EvaluateDecisionRequest) -> proto::EvaluateDecisionResponse;
    deploy_process(DeployProcessRequest) -> proto::DeployProcessResponse;
    modify_process_instance(ModifyProcessInstanceRequest)
        -> proto::ModifyProcessInstanceResponse;
    migrate_process_instance(MigrateProcessInstanceRequest)
        -> proto::MigrateProcessInstanceResponse;
    delete_resource(DeleteResourceRequest) -> proto::DeleteResourceResponse;
    broadcast_signal(BroadcastSignalRequest) -> proto::BroadcastSignalResponse;
}
