//! StreamActivatedJobs: jobs as they come to be, until the client hangs up.

use super::activate_jobs::VARIABLES_BYTES_MAX;
use super::{Gateway, check_tenants, status, to_proto};
use crate::handle::Closes;
use crate::push::{self, StreamReceiver};
use engine::command;
use futures::Stream;
use protocol as proto;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;

/// The answer: one message a job, without end.
pub(crate) struct Jobs {
    jobs: StreamReceiver,
    /// Tells the engine's thread when the client is gone.
    _closes: Closes,
}

impl Gateway {
    pub(super) async fn stream_activated_jobs(
        &self,
        request: proto::StreamActivatedJobsRequest,
    ) -> Result<Jobs, Status> {
        check_tenants("StreamActivatedJobs", &request.tenant_ids)?;
        if request.r#type.trim().is_empty() {
            return Err(Status::invalid_argument(
                "Expected to stream activated jobs with type to be present, but it was blank",
            ));
        }
        if request.timeout < 1 {
            return Err(Status::invalid_argument(format!(
                "Expected to stream activated jobs with timeout to be greater than zero, but it \
                 was {}",
                request.timeout
            )));
        }
        let request = command::ActivateJobs {
            job_type: request.r#type.into(),
            worker: request.worker.into(),
            timeout_ms: request.timeout,
            max_jobs: 1,
            fetch_variables: request.fetch_variable.into_iter().map(Into::into).collect(),
            only: Vec::new(),
            bytes_max: VARIABLES_BYTES_MAX,
        };
        let (sender, jobs) = push::stream(request.job_type.clone());
        let closes = self
            .engine
            .open_stream(request, sender)
            .await
            .map_err(status::of_no_answer)?;
        Ok(Jobs {
            jobs,
            _closes: closes,
        })
    }
}

impl Stream for Jobs {
    type Item = Result<proto::ActivatedJob, Status>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.jobs
            .poll_next(ctx)
            .map(|job| job.map(|job| Ok(to_proto(job))))
    }
}
