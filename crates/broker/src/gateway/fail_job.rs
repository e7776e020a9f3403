//! FailJob: the job is handed out again after its back-off, or makes an incident without retries.

use super::{Gateway, key, variables};
use engine::{Command, command};
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn fail_job(
        &self,
        request: proto::FailJobRequest,
    ) -> Result<proto::FailJobResponse, Status> {
        let bytes = request.variables.len();
        let command = Command::FailJob(command::FailJob {
            key: key(request.job_key)?,
            retries: request.retries,
            error_message: request.error_message.into(),
            back_off_ms: request.retry_back_off,
            variables: variables(&request.variables)?,
        });
        self.carry_out(command, bytes).await?;
        Ok(proto::FailJobResponse {})
    }
}
