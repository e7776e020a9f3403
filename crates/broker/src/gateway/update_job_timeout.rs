//! UpdateJobTimeout: a new deadline, counted from now.

use super::{Gateway, key};
use engine::Command;
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn update_job_timeout(
        &self,
        request: proto::UpdateJobTimeoutRequest,
    ) -> Result<proto::UpdateJobTimeoutResponse, Status> {
        let command = Command::UpdateJobTimeout {
            key: key(request.job_key)?,
            timeout_ms: request.timeout,
        };
        self.carry_out(command, 0).await?;
        Ok(proto::UpdateJobTimeoutResponse {})
    }
}
