//! What the network's edge holds of the engine's thread: a cheap, cloneable handle.
//!
//! Bounds what is in flight: beyond that a call is refused at once instead of piling up.

use crate::push::{Lease, PollId, StreamId, StreamSender};
use crate::worker::{Input, Reply};
use engine::command::ActivateJobs;
use engine::{Command, Position, Rejection, Response};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use tokio::sync::{Semaphore, oneshot};

/// What may be in flight at once, in units of [`UNIT_BYTES`]: some 8,000 small commands, or
/// 64 MiB of large ones. More would only wait longer.
const UNITS_IN_FLIGHT_MAX: usize = 64 * 1024;

/// What a unit of the budget stands for.
const UNIT_BYTES: usize = 1024;

/// What a command takes of the budget beside its bytes: its records, its place in the queues.
const UNITS_PER_COMMAND: u32 = 8;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Too much is in flight.
    #[error("too many requests are in flight: try again later")]
    Busy,
    /// The broker stops, or its disk failed.
    #[error("the broker is stopping")]
    Stopped,
}

/// Sends inputs to the engine's thread.
#[derive(Clone)]
pub struct Handle {
    inputs: mpsc::Sender<Input>,
    budget: Arc<Semaphore>,
    ids: Arc<AtomicU64>,
}

impl Handle {
    pub(crate) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self {
            inputs,
            budget: Arc::new(Semaphore::new(UNITS_IN_FLIGHT_MAX)),
            ids: Arc::default(),
        }
    }

    /// Has a command processed; the answer comes once it is on disk. `bytes` is about what the
    /// command holds in memory.
    ///
    /// # Errors
    ///
    /// If there will be no answer; the command may or may not have been processed if the broker
    /// stopped.
    pub async fn execute(&self, command: Command, bytes: usize) -> Result<Response, NoAnswer> {
        let (reply, answer) = self.reply(bytes)?;
        self.send(Input::Command { command, reply })?;
        answer.await.map_err(|_| NoAnswer::Stopped)
    }

    /// Has an instance created; the receiver gets its root variables as JSON when it completes.
    /// It never gets anything if the instance is cancelled, or the broker restarts meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Handle::execute`].
    pub async fn execute_with_result(
        &self,
        command: Command,
        bytes: usize,
    ) -> Result<(Response, oneshot::Receiver<String>), NoAnswer> {
        let (reply, answer) = self.reply(bytes)?;
        let (result, receiver) = oneshot::channel();
        self.send(Input::CreateWithResult {
            command,
            reply,
            result,
        })?;
        let response = answer.await.map_err(|_| NoAnswer::Stopped)?;
        Ok((response, receiver))
    }

    /// Asks for jobs. With `wait` the answer comes when there are some; otherwise at once, even
    /// if there are none. Dropping the poll ends the wait.
    ///
    /// # Errors
    ///
    /// As [`Handle::execute`].
    pub fn poll(&self, request: ActivateJobs, wait: bool) -> Result<Poll, NoAnswer> {
        let permit = Arc::clone(&self.budget)
            .try_acquire_many_owned(UNITS_PER_COMMAND)
            .map_err(|_| NoAnswer::Busy)?;
        let (answer, receiver) = oneshot::channel();
        let id = PollId(self.ids.fetch_add(1, Ordering::Relaxed));
        let job_type = Arc::clone(&request.job_type);
        self.send(Input::Poll {
            id,
            request,
            wait,
            answer,
        })?;
        // A poll that waits does nothing, so it takes nothing of the budget.
        drop(permit);
        Ok(Poll {
            receiver,
            _closes: Closes {
                inputs: self.inputs.clone(),
                input: Some(Input::PollClosed { job_type, id }),
            },
        })
    }

    /// Registers a stream that jobs of a type are pushed to from now on; the guard ends it.
    ///
    /// # Errors
    ///
    /// As [`Handle::execute`].
    pub(crate) async fn open_stream(
        &self,
        request: ActivateJobs,
        sender: StreamSender,
    ) -> Result<Closes, NoAnswer> {
        let id = StreamId(self.ids.fetch_add(1, Ordering::Relaxed));
        let job_type = Arc::clone(&request.job_type);
        let (opened, receiver) = oneshot::channel();
        self.send(Input::StreamOpened {
            id,
            request,
            sender,
            opened,
        })?;
        let closes = Closes {
            inputs: self.inputs.clone(),
            input: Some(Input::StreamClosed { job_type, id }),
        };
        receiver.await.map_err(|_| NoAnswer::Stopped)?;
        Ok(closes)
    }

    /// A hash of the engine's whole state, and the position it belongs to; both on disk.
    ///
    /// # Errors
    ///
    /// As [`Handle::execute`].
    pub async fn state_hash(&self) -> Result<(Position, String), NoAnswer> {
        let (answer, receiver) = oneshot::channel();
        self.send(Input::StateHash(answer))?;
        receiver.await.map_err(|_| NoAnswer::Stopped)
    }

    /// Has the clock looked at again, since it was moved; returns once all that became due by it
    /// is processed and on disk.
    ///
    /// # Errors
    ///
    /// As [`Handle::execute`].
    pub async fn clock_moved(&self) -> Result<(), NoAnswer> {
        let (answer, receiver) = oneshot::channel();
        self.send(Input::ClockMoved(answer))?;
        receiver.await.map_err(|_| NoAnswer::Stopped)
    }

    /// Tells the thread to finish what it has and end.
    pub(crate) fn shut_down(&self) {
        // If it has ended already, that is what was wanted.
        let _ended = self.inputs.send(Input::Shutdown);
    }

    fn reply(&self, bytes: usize) -> Result<(Reply, oneshot::Receiver<Response>), NoAnswer> {
        let units = UNITS_PER_COMMAND + u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX / 2);
        let permit = Arc::clone(&self.budget)
            .try_acquire_many_owned(units)
            .map_err(|_| NoAnswer::Busy)?;
        let (sender, receiver) = oneshot::channel();
        Ok((Reply::new(sender, permit), receiver))
    }

    fn send(&self, input: Input) -> Result<(), NoAnswer> {
        self.inputs.send(input).map_err(|_| NoAnswer::Stopped)
    }
}

/// A poll for jobs.
pub struct Poll {
    receiver: oneshot::Receiver<Result<Lease, Rejection>>,
    _closes: Closes,
}

impl Poll {
    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// As [`Handle::execute`].
    pub async fn answer(&mut self) -> Result<Result<Lease, Rejection>, NoAnswer> {
        (&mut self.receiver).await.map_err(|_| NoAnswer::Stopped)
    }
}

/// Sends its input when it is dropped: the client is gone.
pub(crate) struct Closes {
    inputs: mpsc::Sender<Input>,
    input: Option<Input>,
}

impl Drop for Closes {
    fn drop(&mut self) {
        if let Some(input) = self.input.take() {
            // If the thread has ended, nobody waits any more.
            let _ended = self.inputs.send(input);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn beyond_what_may_be_in_flight_calls_are_refused_at_once() {
        let (inputs, inbox) = mpsc::channel();
        let handle = Handle::new(inputs);
        let mut waiting = Vec::new();
        let call = |bytes| Box::pin(handle.execute(Command::Continue, bytes));
        loop {
            let mut call = call(4 << 20);
            match (&mut call).now_or_never() {
                None => waiting.push(call),
                Some(answer) => {
                    assert_eq!(answer, Err(NoAnswer::Busy));
                    break;
                }
            }
        }
        assert_eq!(waiting.len(), 15, "of 4 MiB each, in 64 MiB");
        // An answer makes room.
        let Ok(Input::Command { reply, .. }) = inbox.recv() else {
            panic!("a command was sent");
        };
        reply.send(Response::Done);
        assert_eq!(waiting.remove(0).await, Ok(Response::Done));
        assert_eq!(call(4 << 20).now_or_never(), None);
        drop(inbox);
        assert_eq!(waiting.remove(0).await, Err(NoAnswer::Stopped));
    }
}
