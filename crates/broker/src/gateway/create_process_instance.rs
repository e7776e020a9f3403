//! CreateProcessInstance: answered when the instance waits for something, or has ended.

use super::{Gateway, TENANT, check_tenant, variables};
use engine::{Command, Response, command};
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn create_process_instance(
        &self,
        request: proto::CreateProcessInstanceRequest,
    ) -> Result<proto::CreateProcessInstanceResponse, Status> {
        let bytes = request.variables.len();
        let command = command_of("CreateProcessInstance", request, None)?;
        created(self.execute(command, bytes).await?)
    }
}

/// The command of a request; with `await_result` the variables that its caller wants.
pub(super) fn command_of(
    rpc: &str,
    request: proto::CreateProcessInstanceRequest,
    await_result: Option<Vec<String>>,
) -> Result<Command, Status> {
    check_tenant(rpc, &request.tenant_id)?;
    if !request.start_instructions.is_empty() {
        return Err(Status::unimplemented(
            "start instructions are not supported yet: an instance starts at its none start event",
        ));
    }
    Ok(Command::CreateInstance(command::CreateInstance {
        process_key: request.process_definition_key,
        bpmn_process_id: request.bpmn_process_id.into(),
        version: request.version,
        variables: variables(&request.variables)?,
        await_result: await_result.map(|names| names.into_iter().map(Into::into).collect()),
    }))
}

pub(super) fn created(response: Response) -> Result<proto::CreateProcessInstanceResponse, Status> {
    let Response::InstanceCreated {
        process_key,
        bpmn_process_id,
        version,
        process_instance_key,
    } = response
    else {
        return Err(Status::internal(
            "a creation was answered with something else",
        ));
    };
    Ok(proto::CreateProcessInstanceResponse {
        process_definition_key: process_key.0,
        bpmn_process_id: bpmn_process_id.to_string(),
        version,
        process_instance_key: process_instance_key.0,
        tenant_id: TENANT.to_owned(),
    })
}
