//! CompleteJob: its variables go to the task's scope.

use super::{Gateway, key, variables};
use engine::Command;
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn complete_job(
        &self,
        request: proto::CompleteJobRequest,
    ) -> Result<proto::CompleteJobResponse, Status> {
        let command = Command::CompleteJob {
            key: key(request.job_key)?,
            variables: variables(&request.variables)?,
        };
        self.carry_out(command, request.variables.len()).await?;
        Ok(proto::CompleteJobResponse {})
    }
}
