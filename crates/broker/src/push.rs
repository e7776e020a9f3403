//! Who waits for jobs: long polls and streams, by job type.
//!
//! Owned by the engine's thread, so that registering and handing out never overlap: a job made
//! in the very moment a poll or stream starts is either found by it or offered to it. Decides
//! whom a job is offered to; activating it is the worker's, carrying it out is the gateway's.

use crate::worker::Input;
use engine::command::{ActivateJobs, ActivatedJob};
use engine::{Key, Rejection};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use tokio::sync::{mpsc as channel, oneshot};

/// How many jobs may wait in a stream for its client to take them: enough to keep a fast client
/// busy, few enough that a slow one does not keep jobs from others.
const STREAM_QUEUE_MAX: usize = 256;

/// Names a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PollId(pub(crate) u64);

/// Names a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamId(pub(crate) u64);

/// Activated jobs on their way to a client. If they are dropped before the client took them,
/// they are given back, and may be handed to another at once.
pub struct Lease {
    jobs: Vec<ActivatedJob>,
    /// Whether there were more that did not fit.
    pub truncated: bool,
    inputs: mpsc::Sender<Input>,
}

impl Lease {
    pub(crate) fn new(
        jobs: Vec<ActivatedJob>,
        truncated: bool,
        inputs: &mpsc::Sender<Input>,
    ) -> Self {
        Self {
            jobs,
            truncated,
            inputs: inputs.clone(),
        }
    }

    /// The client takes them.
    #[must_use]
    pub fn take(mut self) -> Vec<ActivatedJob> {
        std::mem::take(&mut self.jobs)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.jobs.is_empty() {
            let jobs = self
                .jobs
                .iter()
                .map(|job| (job.key, job.deadline))
                .collect();
            // If the thread has ended, the jobs' deadline gives them back after a restart.
            let _ended = self.inputs.send(Input::Yield(jobs));
        }
    }
}

/// The engine's end of a stream.
#[derive(Clone)]
pub(crate) struct StreamSender {
    jobs: channel::UnboundedSender<Lease>,
    load: Arc<Load>,
}

/// The client's end of a stream.
pub(crate) struct StreamReceiver {
    jobs: channel::UnboundedReceiver<Lease>,
    load: Arc<Load>,
    job_type: Arc<str>,
}

#[derive(Default)]
struct Load {
    queued: AtomicUsize,
    /// Jobs are held back until the client took some.
    held_back: AtomicBool,
}

/// A new stream for jobs of a type.
pub(crate) fn stream(job_type: Arc<str>) -> (StreamSender, StreamReceiver) {
    let (sender, receiver) = channel::unbounded_channel();
    let load = Arc::<Load>::default();
    let stream_sender = StreamSender {
        jobs: sender,
        load: Arc::clone(&load),
    };
    let stream_receiver = StreamReceiver {
        jobs: receiver,
        load,
        job_type,
    };
    (stream_sender, stream_receiver)
}

impl StreamSender {
    /// Whether a client is there and takes jobs as fast as they come.
    fn has_room(&self) -> bool {
        !self.jobs.is_closed() && self.load.queued.load(Ordering::Acquire) < STREAM_QUEUE_MAX
    }

    /// Counts jobs that will be sent.
    pub(crate) fn reserve(&self, jobs: usize) {
        self.load.queued.fetch_add(jobs, Ordering::AcqRel);
    }

    /// Sends one job that was counted. If the client is gone it gives itself back.
    pub(crate) fn send(&self, lease: Lease) {
        let _given_back = self.jobs.send(lease);
    }
}

impl StreamReceiver {
    /// The next job.
    pub(crate) fn poll_next(
        &mut self,
        ctx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<ActivatedJob>> {
        let lease = std::task::ready!(self.jobs.poll_recv(ctx));
        let Some(lease) = lease else {
            return std::task::Poll::Ready(None);
        };
        let queued = self.load.queued.fetch_sub(1, Ordering::AcqRel) - 1;
        if queued <= STREAM_QUEUE_MAX / 2 && self.load.held_back.swap(false, Ordering::AcqRel) {
            let job_type = Arc::clone(&self.job_type);
            let _ended = lease.inputs.send(Input::StreamReady { job_type });
        }
        std::task::Poll::Ready(lease.take().pop())
    }
}

/// What a waiting poll gets.
pub(crate) type PollAnswer = oneshot::Sender<Result<Lease, Rejection>>;

/// A poll that waits.
pub(crate) struct WaitingPoll {
    pub(crate) id: PollId,
    pub(crate) request: ActivateJobs,
    pub(crate) answer: PollAnswer,
}

/// An open stream.
struct OpenStream {
    id: StreamId,
    request: ActivateJobs,
    sender: StreamSender,
}

#[derive(Default)]
struct OfType {
    polls: VecDeque<WaitingPoll>,
    streams: Vec<OpenStream>,
    /// Whose turn it is.
    turn: usize,
    /// Jobs that came while all streams were full.
    held_back: VecDeque<Key>,
}

impl OfType {
    /// The poll that waits longest and whose client is still there.
    fn next_poll(&mut self) -> Option<WaitingPoll> {
        std::iter::from_fn(|| self.polls.pop_front()).find(|poll| !poll.answer.is_closed())
    }
}

/// Everyone who waits.
#[derive(Default)]
pub(crate) struct Push {
    by_type: BTreeMap<Arc<str>, OfType>,
}

/// Whom jobs are to be activated for.
pub(crate) enum Taker {
    /// A stream: just these jobs.
    Stream(ActivateJobs, StreamSender),
    /// A poll: the oldest jobs there are.
    Poll(WaitingPoll),
}

impl Push {
    pub(crate) fn add_poll(&mut self, poll: WaitingPoll) {
        let job_type = Arc::clone(&poll.request.job_type);
        self.by_type
            .entry(job_type)
            .or_default()
            .polls
            .push_back(poll);
    }

    /// Puts a poll back that got nothing, at its old place.
    pub(crate) fn return_poll(&mut self, poll: WaitingPoll) {
        let job_type = Arc::clone(&poll.request.job_type);
        self.by_type
            .entry(job_type)
            .or_default()
            .polls
            .push_front(poll);
    }

    pub(crate) fn remove_poll(&mut self, job_type: &str, id: PollId) {
        if let Some(of_type) = self.by_type.get_mut(job_type) {
            of_type.polls.retain(|poll| poll.id != id);
            self.forget_if_unused(job_type);
        }
    }

    pub(crate) fn add_stream(&mut self, id: StreamId, request: ActivateJobs, sender: StreamSender) {
        let job_type = Arc::clone(&request.job_type);
        self.by_type
            .entry(job_type)
            .or_default()
            .streams
            .push(OpenStream {
                id,
                request,
                sender,
            });
    }

    pub(crate) fn remove_stream(&mut self, job_type: &str, id: StreamId) {
        if let Some(of_type) = self.by_type.get_mut(job_type) {
            of_type.streams.retain(|stream| stream.id != id);
            if of_type.streams.is_empty() {
                of_type.held_back.clear();
            }
            self.forget_if_unused(job_type);
        }
    }

    fn forget_if_unused(&mut self, job_type: &str) {
        let unused = |of_type: &OfType| of_type.polls.is_empty() && of_type.streams.is_empty();
        if self.by_type.get(job_type).is_some_and(unused) {
            self.by_type.remove(job_type);
        }
    }

    /// Whom to offer jobs of a type to that may be handed out since just now. Streams come first,
    /// as on Zeebe, in turn; then the poll that waits longest. Takes no more of `jobs` than the
    /// taker is to get; with no taker they are left, for whoever asks later.
    pub(crate) fn taker(&mut self, job_type: &str, jobs: &mut Vec<Key>) -> Option<Taker> {
        let of_type = self.by_type.get_mut(job_type)?;
        let count = of_type.streams.len();
        for i in 0..count {
            let at = (of_type.turn + i) % count;
            let stream = &of_type.streams[at];
            if !stream.sender.has_room() {
                continue;
            }
            // An even share each, so that many jobs made at once go to all workers.
            let share = jobs.len().div_ceil(count);
            let mut request = stream.request.clone();
            request.only = jobs.drain(..share).collect();
            request.max_jobs = i32::try_from(share).unwrap_or(i32::MAX);
            of_type.turn = at + 1;
            return Some(Taker::Stream(request, stream.sender.clone()));
        }
        if let Some(poll) = of_type.next_poll() {
            jobs.clear();
            return Some(Taker::Poll(poll));
        }
        if count > 0 {
            of_type.held_back.extend(jobs.drain(..));
            for stream in &of_type.streams {
                stream.sender.load.held_back.store(true, Ordering::Release);
            }
            // A client that took its last jobs just now saw no flag and will not tell.
            if of_type
                .streams
                .iter()
                .any(|stream| stream.sender.has_room())
            {
                jobs.extend(of_type.held_back.drain(..));
                return self.taker(job_type, jobs);
            }
        }
        None
    }

    /// The poll of a type that waits longest.
    pub(crate) fn next_poll(&mut self, job_type: &str) -> Option<WaitingPoll> {
        self.by_type.get_mut(job_type)?.next_poll()
    }

    /// Jobs that were held back, now that a stream of their type has room again.
    pub(crate) fn held_back(&mut self, job_type: &str) -> Vec<Key> {
        let of_type = self.by_type.get_mut(job_type);
        of_type.map_or_else(Vec::new, |of_type| of_type.held_back.drain(..).collect())
    }
}
