//! CancelProcessInstance: ends an instance and all that runs in it.

use super::{Gateway, key};
use engine::Command;
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn cancel_process_instance(
        &self,
        request: proto::CancelProcessInstanceRequest,
    ) -> Result<proto::CancelProcessInstanceResponse, Status> {
        let command = Command::CancelInstance(key(request.process_instance_key)?);
        self.carry_out(command, 0).await?;
        Ok(proto::CancelProcessInstanceResponse {})
    }
}
