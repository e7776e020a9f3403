//! UpdateJobRetries: the first half of resolving a job's incident.

use super::{Gateway, key};
use engine::Command;
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn update_job_retries(
        &self,
        request: proto::UpdateJobRetriesRequest,
    ) -> Result<proto::UpdateJobRetriesResponse, Status> {
        let command = Command::UpdateJobRetries {
            key: key(request.job_key)?,
            retries: request.retries,
        };
        self.carry_out(command, 0).await?;
        Ok(proto::UpdateJobRetriesResponse {})
    }
}
