//! ThrowError: a BPMN error from a job, to the event that catches it.

use super::{Gateway, key, variables};
use engine::Command;
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn throw_error(
        &self,
        request: proto::ThrowErrorRequest,
    ) -> Result<proto::ThrowErrorResponse, Status> {
        let bytes = request.variables.len();
        let command = Command::ThrowError {
            key: key(request.job_key)?,
            error_code: request.error_code.into(),
            error_message: request.error_message.into(),
            variables: variables(&request.variables)?,
        };
        self.carry_out(command, bytes).await?;
        Ok(proto::ThrowErrorResponse {})
    }
}
