//! ActivateJobs: a batch of jobs, waited for if there are none yet.

use super::{Gateway, MESSAGE_BYTES_MAX, check_tenants, status, to_proto};
use crate::handle::Poll;
use engine::command;
use futures::Stream;
use protocol as proto;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;
use tonic::Status;

/// How long a client waits for jobs who does not say.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// How much of a message jobs' variables may fill: the rest is for their other fields.
pub(super) const VARIABLES_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 8 * 7;

/// The answer: one message with jobs, or none when the wait ends.
pub(crate) struct Jobs {
    next: Pin<Box<dyn Future<Output = Result<Option<proto::ActivateJobsResponse>, Status>> + Send>>,
    ended: bool,
}

impl Gateway {
    pub(super) async fn activate_jobs(
        &self,
        request: proto::ActivateJobsRequest,
    ) -> Result<Jobs, Status> {
        check_tenants("ActivateJobs", &request.tenant_ids)?;
        // Below zero: no wait at all.
        let patience = match u64::try_from(request.request_timeout) {
            Err(_) => None,
            Ok(0) => Some(TIMEOUT_DEFAULT),
            Ok(ms) => Some(Duration::from_millis(ms)),
        };
        let command = command::ActivateJobs {
            job_type: request.r#type.into(),
            worker: request.worker.into(),
            timeout_ms: request.timeout,
            max_jobs: request.max_jobs_to_activate,
            fetch_variables: request.fetch_variable.into_iter().map(Into::into).collect(),
            only: Vec::new(),
            bytes_max: VARIABLES_BYTES_MAX,
        };
        let poll = self
            .engine
            .poll(command, patience.is_some())
            .map_err(status::of_no_answer)?;
        Ok(Jobs {
            next: Box::pin(answer(poll, patience)),
            ended: false,
        })
    }
}

async fn answer(
    mut poll: Poll,
    patience: Option<Duration>,
) -> Result<Option<proto::ActivateJobsResponse>, Status> {
    let answer = match patience {
        None => poll.answer().await,
        Some(patience) => match tokio::time::timeout(patience, poll.answer()).await {
            Ok(answer) => answer,
            // The engine's thread takes the poll back; jobs that are on their way return.
            Err(_) => return Ok(None),
        },
    };
    let lease = answer
        .map_err(status::of_no_answer)?
        .map_err(|rejection| status::of_rejection(&rejection))?;
    let jobs: Vec<_> = lease.take().into_iter().map(to_proto).collect();
    Ok((!jobs.is_empty()).then_some(proto::ActivateJobsResponse { jobs }))
}

impl Stream for Jobs {
    type Item = Result<proto::ActivateJobsResponse, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        if self.ended {
            return std::task::Poll::Ready(None);
        }
        let answer = std::task::ready!(self.next.as_mut().poll(ctx));
        self.ended = true;
        std::task::Poll::Ready(answer.transpose())
    }
}
