//! How long a job is the worker's, and asking the engine for longer.
//!
//! A call must end before the job's deadline: after it another worker gets the job and makes the
//! call again. So a model that allows its call more time than is left gets it from the engine
//! (`UpdateJobTimeout`), before anything is sent.

use std::time::Duration;

use jiff::Timestamp;
use messaging::Gateway;
use messaging::client::{self, Client, Code};
use messaging::worker::Job;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// Kept from a job's time for reporting its outcome.
const REPORT_TIME: Duration = Duration::from_secs(2);
/// How long the gateway is tried when a deadline is to be moved.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(5);

/// How long a job should be the worker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Whatever is left.
    WhatIsLeft,
    /// At least so long, for the call alone.
    AtLeast(Duration),
    /// So long from now, whatever is left: the header `jobTimeout`.
    Exactly(Duration),
}

/// The deadlines of jobs.
pub(crate) struct Deadlines {
    /// How long a job is the worker's where the engine's deadline cannot be believed.
    job_timeout: Duration,
    /// Where deadlines can be moved.
    gateway: Option<Gateway>,
    client: OnceCell<Client>,
}

impl Deadlines {
    pub(crate) fn new(job_timeout: Duration, gateway: Option<Gateway>) -> Deadlines {
        Deadlines {
            job_timeout,
            gateway,
            client: OnceCell::new(),
        }
    }

    /// When the call has to be over; `None` if the engine says that the job is gone.
    ///
    /// A deadline that cannot be moved stays: the call is then bounded by it.
    pub(crate) async fn provide(&self, job: &Job, wanted: Wanted) -> Option<Instant> {
        let left = self.left(job);
        let stays = self.of(job);
        let timeout = match wanted {
            Wanted::AtLeast(call) if call > for_the_call(left) => call + REPORT_TIME,
            Wanted::Exactly(timeout) => timeout,
            Wanted::WhatIsLeft | Wanted::AtLeast(_) => return Some(stays),
        };
        let Some(gateway) = &self.gateway else {
            return Some(stays);
        };
        let asked = Instant::now();
        match self.move_deadline(gateway, job.key, timeout).await {
            Ok(()) => Some(asked + for_the_call(timeout)),
            Err(error) if error.code() == Some(Code::NotFound) => None,
            Err(error) => {
                tracing::warn!(
                    job_key = job.key,
                    "the job's deadline was not moved, so its call may end early: {error}"
                );
                Some(stays)
            }
        }
    }

    /// When what is done for the job has to be over, as its deadline stands.
    pub(crate) fn of(&self, job: &Job) -> Instant {
        Instant::now() + for_the_call(self.left(job))
    }

    async fn move_deadline(
        &self,
        gateway: &Gateway,
        job_key: i64,
        timeout: Duration,
    ) -> Result<(), client::Error> {
        let connect = || Client::connect(gateway, GATEWAY_PATIENCE);
        let client = self.client.get_or_try_init(connect).await?;
        client.update_job_timeout(job_key, timeout).await
    }

    /// How long the job is ours.
    ///
    /// The deadline is by the engine's clock, which need not be this machine's; it is believed
    /// where it makes sense.
    fn left(&self, job: &Job) -> Duration {
        let by_engine = job.deadline_ms - Timestamp::now().as_millisecond();
        let by_engine = u64::try_from(by_engine).ok().map(Duration::from_millis);
        by_engine
            .filter(|left| !left.is_zero())
            .map_or(self.job_timeout, |left| left.min(self.job_timeout))
    }
}

/// What a job's time leaves for its call.
fn for_the_call(left: Duration) -> Duration {
    left.saturating_sub(REPORT_TIME.min(left / 2))
}
