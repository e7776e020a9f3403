//! The rpcs that this broker does not have yet: each says so, so that nobody takes a silence for
//! success.

use super::Gateway;
use protocol as proto;
use tonic::Status;

fn refuse<T>(rpc: &str, instead: &str) -> Result<T, Status> {
    Err(Status::unimplemented(format!(
        "{rpc} is not supported by this broker{instead}"
    )))
}

impl Gateway {
    pub(super) async fn evaluate_decision(
        &self,
        _: proto::EvaluateDecisionRequest,
    ) -> Result<proto::EvaluateDecisionResponse, Status> {
        refuse("EvaluateDecision", "")
    }

    pub(super) async fn deploy_process(
        &self,
        _: proto::DeployProcessRequest,
    ) -> Result<proto::DeployProcessResponse, Status> {
        refuse("DeployProcess", ": use DeployResource, which replaced it")
    }

    pub(super) async fn modify_process_instance(
        &self,
        _: proto::ModifyProcessInstanceRequest,
    ) -> Result<proto::ModifyProcessInstanceResponse, Status> {
        refuse("ModifyProcessInstance", "")
    }

    pub(super) async fn migrate_process_instance(
        &self,
        _: proto::MigrateProcessInstanceRequest,
    ) -> Result<proto::MigrateProcessInstanceResponse, Status> {
        refuse("MigrateProcessInstance", "")
    }

    pub(super) async fn delete_resource(
        &self,
        _: proto::DeleteResourceRequest,
    ) -> Result<proto::DeleteResourceResponse, Status> {
        refuse("DeleteResource", "")
    }

    pub(super) async fn broadcast_signal(
        &self,
        _: proto::BroadcastSignalRequest,
    ) -> Result<proto::BroadcastSignalResponse, Status> {
        refuse("BroadcastSignal", "")
    }
}
